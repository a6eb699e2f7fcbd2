//! Chromium without a screen, by WebDriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::Error;

/// One page. It ends when dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub fn start() -> Result<Self, Error> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let profile = tempfile::tempdir()?;
        let mut command = Command::new("chromedriver");
        let driver = command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        for _ in 0..100 {
            if browser.call("GET", "/status", &Value::Null).is_ok_and(|answer| answer["ready"] == true) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let data = format!("--user-data-dir={}", browser._profile.path().display());
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &data];
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": arguments } } } });
        let session = browser.call("POST", "/session", &wanted)?;
        browser.session = session["sessionId"].as_str().ok_or("no session")?.to_owned();
        Ok(browser)
    }

    /// Gives it the cookie of a login.
    pub fn cookie(&self, url: &str, secret: &str) -> Result<(), Error> {
        self.tell("Network.setCookie", json!({ "name": "rooftop_session", "value": secret, "url": url }))
    }

    fn tell(&self, command: &str, parameters: Value) -> Result<(), Error> {
        let body = json!({ "cmd": command, "params": parameters });
        self.call("POST", &format!("/session/{}/goog/cdp/execute", self.session), &body).map(drop)
    }

    /// Milliseconds from the beginning of a navigation to the first paint, with nothing in the cache.
    pub fn first_paint(&self, url: &str) -> Result<f64, Error> {
        self.tell("Network.clearBrowserCache", json!({}))?;
        self.call("POST", &format!("/session/{}/url", self.session), &json!({ "url": url }))?;
        let script = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";
        for _ in 0..100 {
            let body = json!({ "script": script, "args": [] });
            if let Some(time) = self.call("POST", &format!("/session/{}/execute/sync", self.session), &body)?.as_f64() {
                return Ok(time);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("{url} is never painted").into())
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let port = self.port;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        // The driver keeps its connections, whatever it is asked.
        let mut reader = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
            head += &line;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut value: Value = serde_json::from_slice(&body)?;
        if !head.starts_with("HTTP/1.1 200") {
            return Err(value["value"]["message"].to_string().into());
        }
        Ok(value["value"].take())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.call("DELETE", &format!("/session/{}", self.session), &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
