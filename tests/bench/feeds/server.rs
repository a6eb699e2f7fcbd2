//! The program under measurement, and what the system says of it.

#[path = "../processor.rs"]
mod processor;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use self::processor::processor_time;

type Error = Box<dyn std::error::Error>;

/// A running Rooftop.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    token: String,
    /// From the start of the process to the first answer of `/lineup.json`.
    pub first_lineup: Duration,
}

/// What some work cost the server.
pub struct Cost {
    pub time: Duration,
    pub processor: Duration,
    /// Most that was resident at a time, in bytes.
    pub peak: u64,
    /// What was resident before and after.
    pub resident: [u64; 2],
    /// Written to block devices, in bytes.
    pub written: u64,
}

impl Server {
    /// Starts one on a data directory, and waits until it has a lineup.
    pub fn start(data: &Path) -> Result<Self, Error> {
        Self::start_with(data, &[])
    }

    /// The same with settings as environment variables.
    pub fn start_with(data: &Path, settings: &[(&str, String)]) -> Result<Self, Error> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let began = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rooftop"));
        command.arg("serve").arg("--data-dir").arg(data).arg("--listen").arg(address.to_string());
        command
            .env("ROOFTOP_SESSION_IDLE_TIMEOUT_S", "0")
            .env("ROOFTOP_PROBER_INTERVAL_H", "0")
            .env("ROOFTOP_DISCOVERY", "off")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .args(["--log", "error"]);
        let child = command.stdout(Stdio::null()).spawn()?;
        let mut server = Self { child, address, token: String::new(), first_lineup: Duration::ZERO };
        while server.get("/lineup.json").is_err() {
            if began.elapsed() > Duration::from_secs(30) {
                return Err("rooftop has no lineup".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.first_lineup = began.elapsed();
        let made = Command::new(env!("CARGO_BIN_EXE_rooftop")).args(["--json", "token", "--data-dir"]).arg(data).output()?;
        let made: Value = serde_json::from_slice(&made.stdout)?;
        server.token = made["token"].as_str().ok_or("no token")?.to_owned();
        Ok(server)
    }

    /// Adds a playlist or a guide; gives its id and the job that reads it.
    pub fn add(&self, what: &str, body: &Value) -> Result<(i64, u64), Error> {
        let made = self.json("POST", &format!("/api/v1/{what}"), body)?;
        let (id, job) = (made["id"].as_i64().ok_or("no id")?, made["job"].as_u64().ok_or("no job")?);
        Ok((id, job))
    }

    /// Begins to read a playlist again; gives the job.
    pub fn refresh(&self, id: i64) -> Result<u64, Error> {
        let started = self.json("POST", &format!("/api/v1/playlists/{id}/refresh?anyway=true"), &Value::Null)?;
        started["job"].as_u64().ok_or_else(|| "no job".into())
    }

    /// Whether a job is done, and what came of it.
    pub fn done(&self, job: u64) -> Result<Option<Value>, Error> {
        let job = self.json("GET", &format!("/api/v1/jobs/{job}"), &Value::Null)?;
        match job["state"].as_str() {
            Some("done") => Ok(Some(job["result"].clone())),
            Some("waiting" | "running") => Ok(None),
            _ => Err(format!("the job ended with {}", job["error"]).into()),
        }
    }

    /// Waits for a job.
    pub fn wait(&self, job: u64) -> Result<Value, Error> {
        loop {
            if let Some(result) = self.done(job)? {
                return Ok(result);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What `work` costs the server.
    pub fn cost<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<(T, Cost), Error> {
        // Forgets the peak so far (proc_pid_clear_refs(5)).
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?;
        let (processor, before, written) = (self.processor_time()?, self.status("VmRSS:")?, self.written()?);
        let began = Instant::now();
        let done = work()?;
        let cost = Cost {
            time: began.elapsed(),
            processor: self.processor_time()? - processor,
            peak: self.status("VmHWM:")?,
            resident: [before, self.status("VmRSS:")?],
            written: self.written()? - written,
        };
        Ok((done, cost))
    }

    fn processor_time(&self) -> Result<Duration, Error> {
        processor_time(self.child.id())
    }

    fn status(&self, what: &str) -> Result<u64, Error> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(what)).ok_or("not in status")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
    }

    fn written(&self) -> Result<u64, Error> {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id()))?;
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:")).ok_or("not in io")?;
        Ok(line.trim().parse()?)
    }

    /// Gives the first device so many tuners.
    pub fn set_tuners(&self, tuners: u8) -> Result<(), Error> {
        let discover: Value = serde_json::from_str(&self.get("/discover.json")?)?;
        let id = discover["DeviceID"].as_str().ok_or("no id")?.to_owned();
        self.json("PATCH", &format!("/api/v1/devices/{id}"), &json!({ "tuner_count": tuners })).map(drop)
    }

    pub fn get(&self, path: &str) -> Result<String, Error> {
        self.request("GET", path, "")
    }

    pub fn json(&self, method: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.request(method, path, &body)?;
        Ok(if answer.is_empty() { Value::Null } else { serde_json::from_str(&answer)? })
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Result<String, Error> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(15)))?;
        stream.write_all(
            format!(
                "{method} {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                self.address,
                self.token,
                body.len()
            )
            .as_bytes(),
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        if !head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
            return Err(format!("{path} answered {}: {body}", head.lines().next().unwrap_or_default()).into());
        }
        Ok(body.to_owned())
    }

    /// Tunes, and gives the time to the first packet.
    pub fn tune(&self, number: &str) -> Result<Duration, Error> {
        let began = Instant::now();
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(15)))?;
        stream.write_all(format!("GET /auto/v{number} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).as_bytes())?;
        let mut bytes = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            let n = stream.read(&mut buffer)?;
            bytes.extend_from_slice(buffer.get(..n).unwrap_or_default());
            if n == 0 || (bytes.len() > 12 && bytes.get(9..12).is_none_or(|status| status != b"200")) {
                let said = String::from_utf8_lossy(&bytes);
                return Err(format!("a tune of {number} was answered: {}", said.lines().next().unwrap_or_default()).into());
            }
            let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            if head.is_some_and(|head| bytes.len() >= head + 4 + 188) {
                return Ok(began.elapsed());
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
