//! The control protocol on TCP 65001 as a client speaks it (hdhr-protocol section 3).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::netns::Netns;
use super::udp::{frame, parse, tlv, value};

/// A control connection.
pub struct Control {
    /// The socket.
    pub stream: TcpStream,
}

/// A GET frame.
pub fn get_frame(name: &str) -> Vec<u8> {
    frame(4, &tlv(3, &zero_ended(name)))
}

/// A SET frame, with a lock key if the client holds one.
pub fn set_frame(name: &str, to: &str, key: Option<u32>) -> Vec<u8> {
    let mut payload = [tlv(3, &zero_ended(name)), tlv(4, &zero_ended(to))].concat();
    if let Some(key) = key {
        payload.extend(tlv(0x15, &key.to_be_bytes()));
    }
    frame(4, &payload)
}

fn zero_ended(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

impl Control {
    /// Connects.
    pub fn connect(netns: &Netns, ip: &str) -> Self {
        let stream = netns.tcp(std::net::SocketAddr::new(ip.parse().unwrap(), 65001)).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(2500))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// One `recv`, which is to hold one whole reply, as Jellyfin expects.
    pub fn one_read(&mut self) -> Vec<u8> {
        let mut buffer = [0; 4096];
        let length = self.stream.read(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    /// One reply frame, however it arrives.
    pub fn reply(&mut self) -> Vec<u8> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).unwrap();
        let length = usize::from(u16::from_be_bytes([head[2], head[3]])) + 4;
        let mut rest = vec![0; length];
        self.stream.read_exact(&mut rest).unwrap();
        [&head[..], &rest].concat()
    }

    /// Asks for a variable: its value, or the error text.
    pub fn get(&mut self, name: &str) -> Result<String, String> {
        self.send(&get_frame(name));
        let reply = self.reply();
        answer(&reply)
    }

    /// Sets a variable: the resulting value, or the error text.
    pub fn set(&mut self, name: &str, to: &str, key: Option<u32>) -> Result<String, String> {
        self.send(&set_frame(name, to, key));
        let reply = self.reply();
        answer(&reply)
    }
}

/// Value or error text of a reply.
pub fn answer(reply: &[u8]) -> Result<String, String> {
    let (kind, values) = parse(reply);
    assert_eq!(kind, 5, "a reply to get and set is of type 5");
    let text = |bytes: &[u8]| String::from_utf8(bytes.strip_suffix(&[0]).expect("strings end with NUL").to_vec()).unwrap();
    match (value(&values, 4), value(&values, 5)) {
        (Some(found), None) => Ok(text(found)),
        (None, Some(error)) => Err(text(error)),
        _ => panic!("neither value nor error: {values:02x?}"),
    }
}
