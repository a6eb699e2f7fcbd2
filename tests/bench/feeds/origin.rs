//! A server of one recording, again and again, at the pace of a stream.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/ts/androidx/bbb_2500ms.ts");
/// So fast it is sent: about as it is played.
const BYTES_PER_S: f64 = 750_000.0;

pub struct Origin(SocketAddr);

impl Origin {
    pub fn start() -> Result<Self, Error> {
        let bytes = Arc::new(std::fs::read(RECORDING).map_err(|error| format!("{RECORDING}: {error}"))?);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let bytes = Arc::clone(&bytes);
                std::thread::spawn(move || send(client, &bytes));
            }
        });
        Ok(Self(address))
    }

    /// A playlist of so many channels, numbered from 1.
    pub fn playlist(&self, path: PathBuf, channels: u32) -> Result<PathBuf, Error> {
        let entry = |n| format!("#EXTINF:-1 tvg-id=\"own-{n}\" tvg-chno=\"{n}\",Own {n}\nhttp://{}/{n}.ts\n", self.0);
        std::fs::write(&path, format!("#EXTM3U\n{}", (1..=channels).map(entry).collect::<String>()))?;
        Ok(path)
    }
}

fn send(mut client: TcpStream, bytes: &[u8]) {
    let mut request = [0; 2048];
    let head = "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n";
    if client.read(&mut request).is_err() || client.set_nodelay(true).is_err() || client.write_all(head.as_bytes()).is_err() {
        return;
    }
    let began = Instant::now();
    let mut sent = 0;
    for piece in bytes.chunks(188 * 70).cycle() {
        if client.write_all(piece).is_err() {
            return;
        }
        sent += piece.len();
        std::thread::sleep(Duration::from_secs_f64(sent as f64 / BYTES_PER_S).saturating_sub(began.elapsed()));
    }
}
