//! Copies of pages, with their assets, given out by Python's server of files.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Error;

/// The server. It ends when dropped.
pub struct Plain {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Plain {
    pub fn start(folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder.join("static"))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new("python3");
        command.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"]).arg(folder).arg(address.port().to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return Ok(Self { child, address, folder: folder.to_owned() });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("the plain server does not answer".into())
    }

    /// Keeps a page and what it names; gives its address.
    pub fn keep(&self, page: &str, html: &str, asset: impl Fn(&str) -> Result<String, Error>) -> Result<String, Error> {
        for part in html.split(['"', '#']).filter(|part| part.starts_with("/static/")) {
            let path = self.folder.join(part.trim_start_matches('/'));
            if !path.exists() {
                std::fs::write(path, asset(part)?)?;
            }
        }
        let name = format!("page{}.html", page.replace('/', "-"));
        std::fs::write(self.folder.join(&name), html)?;
        Ok(format!("http://{}/{name}", self.address))
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
