//! The discovery protocol as a client speaks it (hdhr-protocol section 1), written apart from the code under test.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// A frame: type, length, payload, and the CRC with its least significant byte first.
pub fn frame(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [&kind.to_be_bytes()[..], &(payload.len() as u16).to_be_bytes(), payload].concat();
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// One tag, length and value.
pub fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match value.len() {
        length @ 0..=127 => bytes.push(length as u8),
        length => bytes.extend([(length & 0x7F) as u8 | 0x80, (length >> 7) as u8]),
    }
    bytes.extend(value);
    bytes
}

/// Type and values of a frame, whose CRC and lengths are checked.
pub fn parse(bytes: &[u8]) -> (u16, Vec<(u8, Vec<u8>)>) {
    assert!(bytes.len() >= 8, "short frame {bytes:02x?}");
    let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    assert_eq!(bytes.len(), length + 8, "length of {bytes:02x?}");
    let (body, crc) = bytes.split_at(length + 4);
    assert_eq!(crc, crc32fast::hash(body).to_le_bytes(), "CRC of {bytes:02x?}");
    let mut rest = &body[4..];
    let mut values = Vec::new();
    while let [tag, first, tail @ ..] = rest {
        let (length, tail) = match first {
            0..=127 => (usize::from(*first), tail),
            _ => (usize::from(*first & 0x7F) | usize::from(tail[0]) << 7, &tail[1..]),
        };
        values.push((*tag, tail[..length].to_vec()));
        rest = &tail[length..];
    }
    assert!(rest.is_empty(), "stray bytes in {bytes:02x?}");
    (u16::from_be_bytes([bytes[0], bytes[1]]), values)
}

/// The value of a tag.
pub fn value(values: &[(u8, Vec<u8>)], tag: u8) -> Option<&[u8]> {
    values.iter().find(|(found, _)| *found == tag).map(|(_, value)| value.as_slice())
}

/// The value of a tag as text.
pub fn text(values: &[(u8, Vec<u8>)], tag: u8) -> String {
    String::from_utf8(value(values, tag).unwrap_or_else(|| panic!("no tag {tag:#x}")).to_vec()).unwrap()
}

/// Bytes written as hexadecimal digits, blanks between them ignored.
pub fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// Sends a datagram and collects all that comes back until nothing has come for `quiet`.
pub fn ask(socket: &UdpSocket, to: SocketAddr, datagram: &[u8], quiet: Duration) -> Vec<(Vec<u8>, SocketAddr)> {
    socket.send_to(datagram, to).unwrap();
    collect(socket, quiet)
}

/// Sends a datagram and takes the first answer.
pub fn ask_once(socket: &UdpSocket, to: SocketAddr, datagram: &[u8], limit: Duration) -> Option<(Vec<u8>, SocketAddr)> {
    socket.send_to(datagram, to).ok()?;
    receive(socket, limit)
}

/// Takes one datagram.
pub fn receive(socket: &UdpSocket, limit: Duration) -> Option<(Vec<u8>, SocketAddr)> {
    socket.set_read_timeout(Some(limit.max(Duration::from_millis(1)))).unwrap();
    let mut buffer = [0; 65536];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    Some((buffer[..length].to_vec(), from))
}

fn collect(socket: &UdpSocket, quiet: Duration) -> Vec<(Vec<u8>, SocketAddr)> {
    let mut answers = Vec::new();
    let mut deadline = Instant::now() + quiet;
    while let Some(answer) = receive(socket, deadline.saturating_duration_since(Instant::now())) {
        answers.push(answer);
        deadline = Instant::now() + quiet;
    }
    answers
}
