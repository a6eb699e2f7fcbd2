//! A small HTTP/1 client that sends exactly what a test wrote and shows exactly what came back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::netns::Netns;

/// An answer's head, and the connection it came on.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header fields as they came.
    pub headers: Vec<(String, String)>,
    reader: BufReader<TcpStream>,
}

impl Response {
    /// A header field's value; names are compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body by its Content-Length, its chunks, or to the end of the connection.
    pub fn body(mut self) -> Vec<u8> {
        let mut body = Vec::new();
        if self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            while let Some(chunk) = self.chunk() {
                body.extend_from_slice(&chunk);
            }
        } else if let Some(length) = self.header("content-length") {
            body.resize(length.parse().unwrap(), 0);
            self.reader.read_exact(&mut body).unwrap();
        } else {
            self.reader.read_to_end(&mut body).unwrap();
        }
        body
    }

    /// The body as JSON.
    pub fn json(self) -> serde_json::Value {
        let body = self.body();
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&body)))
    }

    /// The connection, what was read of it beyond the head first.
    pub fn into_stream(self) -> BufReader<TcpStream> {
        self.reader
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        let size = usize::from_str_radix(line.trim().split(';').next().unwrap(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).unwrap();
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }
}

/// A request to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    version: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Duration,
    from: Option<String>,
}

impl Request {
    /// A GET of a path and query.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// Any method.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            version: "HTTP/1.1".into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(15),
            from: None,
        }
    }

    /// Adds a header field; `Host` is sent by itself unless given.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends it as HTTP/1.0, without Host.
    pub fn http10(mut self) -> Self {
        self.version = "HTTP/1.0".into();
        self
    }

    /// The client's address.
    pub fn from(mut self, address: &str) -> Self {
        self.from = Some(address.into());
        self
    }

    /// The body, with its length.
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// The longest wait for any byte.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects, sends, and reads the answer's head.
    pub fn send(&self, netns: &Netns, to: &str) -> std::io::Result<Response> {
        let to: SocketAddr = to.parse().unwrap();
        let stream = match &self.from {
            Some(from) => netns.tcp_from(from, to)?,
            None => netns.tcp(to)?,
        };
        self.send_on(stream, to)
    }

    /// Sends it on an open connection, and reads the answer's head.
    pub fn send_on(&self, mut stream: TcpStream, to: SocketAddr) -> std::io::Result<Response> {
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_nodelay(true)?;
        let mut head = format!("{} {} {}\r\n", self.method, self.target, self.version);
        if self.version != "HTTP/1.0" && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {to}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        stream.write_all(&[head.as_bytes(), &self.body].concat())?;
        read_head(BufReader::with_capacity(64 * 1024, stream))
    }
}

/// Reads an answer's head.
pub fn read_head(mut reader: BufReader<TcpStream>) -> std::io::Result<Response> {
    let bad = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let mut words = line.split_whitespace();
    if words.next().is_none_or(|version| !version.starts_with("HTTP/1.")) {
        return Err(bad(&line));
    }
    let status = words.next().and_then(|word| word.parse().ok()).ok_or_else(|| bad(&line))?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            field => {
                let (name, value) = field.split_once(':').ok_or_else(|| bad(field))?;
                headers.push((name.to_owned(), value.trim().to_owned()));
            }
        }
    }
    Ok(Response { status, headers, reader })
}
