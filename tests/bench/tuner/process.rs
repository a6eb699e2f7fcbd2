//! The program under measurement.

#[path = "../processor.rs"]
mod processor;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub use self::processor::processor_time;

type Error = Box<dyn std::error::Error>;

/// A running Rooftop with a fresh data directory.
pub struct Rooftop {
    child: Child,
    address: SocketAddr,
    data: tempfile::TempDir,
}

impl Rooftop {
    pub fn start(playlists: &[PathBuf]) -> Result<Self, Error> {
        Self::start_with(playlists, &[])
    }

    /// With settings as environment variables.
    pub fn start_with(playlists: &[PathBuf], settings: &[(&str, &str)]) -> Result<Self, Error> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let data = tempfile::tempdir()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_rooftop"));
        command.arg("serve").arg("--data-dir").arg(data.path()).arg("--listen").arg(address.to_string());
        command.env("ROOFTOP_PROBER_INTERVAL_H", "0").envs(settings.iter().copied());
        command.args(["--discovery", "off", "--log", "warn"]).stdout(Stdio::null());
        for list in playlists {
            command.arg("--playlist").arg(list);
        }
        let rooftop = Self { child: command.spawn()?, address, data };
        let began = Instant::now();
        while rooftop.get("/readyz", None).is_err() {
            if began.elapsed() > Duration::from_secs(20) {
                return Err("rooftop did not become ready".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(rooftop)
    }

    /// Lets it finish what it does after its start.
    pub fn settle(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// The stream address of the n-th channel of its lineup.
    pub fn channel(&self, n: usize) -> Result<String, Error> {
        let lineup: serde_json::Value = serde_json::from_str(&self.get("/lineup.json", None)?)?;
        let number = lineup.get(n).and_then(|entry| entry["GuideNumber"].as_str()).ok_or("no such channel")?;
        Ok(format!("http://{}/auto/v{number}", self.address))
    }

    pub fn resident_bytes(&self) -> Result<u64, Error> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
    }

    pub fn processor_time(&self) -> Result<Duration, Error> {
        processor_time(self.child.id())
    }

    /// Bytes held by all rings.
    pub fn ring_bytes(&self) -> Result<u64, Error> {
        let metrics = self.get("/metrics", None)?;
        let lines = metrics.lines().filter(|line| line.starts_with("rooftop_session_ring_bytes"));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64)
    }

    /// Gives the first device so many tuners.
    pub fn set_tuners(&self, tuners: u8) -> Result<(), Error> {
        let made =
            Command::new(env!("CARGO_BIN_EXE_rooftop")).args(["--json", "token", "--data-dir"]).arg(self.data.path()).output()?;
        let made: serde_json::Value = serde_json::from_slice(&made.stdout)?;
        let token = made["token"].as_str().ok_or("no token")?.to_owned();
        let discover: serde_json::Value = serde_json::from_str(&self.get("/discover.json", None)?)?;
        let id = discover["DeviceID"].as_str().ok_or("no id")?;
        self.request("PATCH", &format!("/api/v1/devices/{id}"), Some(&token), &format!("{{\"tuner_count\":{tuners}}}"))?;
        Ok(())
    }

    fn get(&self, path: &str, token: Option<&str>) -> Result<String, Error> {
        self.request("GET", path, token, "")
    }

    fn request(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Result<String, Error> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let auth = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {}\r\n{auth}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        if !head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
            return Err(format!("{path} answered {}", head.lines().next().unwrap_or_default()).into());
        }
        Ok(body.to_owned())
    }
}

impl Drop for Rooftop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
