//! How a message lies on the pipe: twelve bytes, a JSON header, a binary payload. Pure.
//!
//! ```text
//! 0        4            8             12
//! | "RTW1" | header_len | payload_len | header (JSON) | payload |
//! ```
//!
//! Both lengths are big-endian and bounded, so neither side ever allocates what the other merely claims. The mark in front
//! shows at once when something else (a library that prints) got into the pipe.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Begins every frame.
pub const MARK: [u8; 4] = *b"RTW1";

/// Bytes before the header.
pub const HEAD_BYTES: usize = 12;

/// Longest header in bytes.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Longest payload in bytes. Longer things are sent in parts.
pub const MAX_PAYLOAD_BYTES: usize = 16 * 1024 * 1024;

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It does not begin like a frame.
    #[error("no frame begins with bytes {0:02x?}")]
    Mark([u8; 4]),
    /// The header is longer than allowed.
    #[error("header of {0} bytes, more than {MAX_HEADER_BYTES}")]
    HeaderLength(usize),
    /// The payload is longer than allowed.
    #[error("payload of {0} bytes, more than {MAX_PAYLOAD_BYTES}")]
    PayloadLength(usize),
    /// The header is no message of this version.
    #[error("header cannot be understood: {0}")]
    Header(String),
}

/// The lengths of what follows the first [`HEAD_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Bytes of JSON.
    pub header_len: usize,
    /// Bytes of payload.
    pub payload_len: usize,
}

impl Head {
    /// Reads the first bytes of a frame.
    ///
    /// # Errors
    /// When it is no frame, or too long.
    pub fn parse(bytes: &[u8; HEAD_BYTES]) -> Result<Self, FrameError> {
        let [m0, m1, m2, m3, h0, h1, h2, h3, p0, p1, p2, p3] = *bytes;
        let mark = [m0, m1, m2, m3];
        if mark != MARK {
            return Err(FrameError::Mark(mark));
        }
        let length = |bytes| usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX);
        let (header_len, payload_len) = (length([h0, h1, h2, h3]), length([p0, p1, p2, p3]));
        Self::check(header_len, payload_len)
    }

    /// The first bytes of a frame.
    pub fn bytes(self) -> [u8; HEAD_BYTES] {
        let length = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes();
        let ([m0, m1, m2, m3], [h0, h1, h2, h3], [p0, p1, p2, p3]) = (MARK, length(self.header_len), length(self.payload_len));
        [m0, m1, m2, m3, h0, h1, h2, h3, p0, p1, p2, p3]
    }

    fn check(header_len: usize, payload_len: usize) -> Result<Self, FrameError> {
        if header_len > MAX_HEADER_BYTES {
            Err(FrameError::HeaderLength(header_len))
        } else if payload_len > MAX_PAYLOAD_BYTES {
            Err(FrameError::PayloadLength(payload_len))
        } else {
            Ok(Self { header_len, payload_len })
        }
    }
}

/// Everything of a frame but its payload: the head and the header, to be followed by `payload_len` bytes.
///
/// # Errors
/// When the message or the payload is too long.
pub fn encode<T: Serialize>(message: &T, payload_len: usize) -> Result<Vec<u8>, FrameError> {
    let header = serde_json::to_vec(message).map_err(|error| FrameError::Header(error.to_string()))?;
    let head = Head::check(header.len(), payload_len)?;
    let mut bytes = Vec::with_capacity(HEAD_BYTES + header.len());
    bytes.extend_from_slice(&head.bytes());
    bytes.extend_from_slice(&header);
    Ok(bytes)
}

/// The message in a header.
///
/// # Errors
/// When it is not of type `T`.
pub fn decode<T: DeserializeOwned>(header: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(header).map_err(|error| FrameError::Header(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::worker::job::{ClipSpec, Job};
    use crate::media::worker::protocol::Request;

    #[test]
    fn a_request_survives_the_pipe() {
        let request = Request { id: 7, job: Job::MakeClip(ClipSpec::default()) };
        let bytes = encode(&request, 5).unwrap();
        let head = Head::parse(bytes[..HEAD_BYTES].try_into().unwrap()).unwrap();
        assert_eq!(head, Head { header_len: bytes.len() - HEAD_BYTES, payload_len: 5 });
        assert_eq!(decode::<Request>(&bytes[HEAD_BYTES..]).unwrap(), request);
    }

    #[test]
    fn what_is_too_long_or_foreign_is_refused() {
        assert_eq!(Head::parse(b"HTTP/1.1 200"), Err(FrameError::Mark(*b"HTTP")));
        let long = Head { header_len: MAX_HEADER_BYTES + 1, payload_len: 0 };
        assert_eq!(Head::parse(&long.bytes()), Err(FrameError::HeaderLength(MAX_HEADER_BYTES + 1)));
        let long = Head { header_len: 0, payload_len: MAX_PAYLOAD_BYTES + 1 };
        assert_eq!(Head::parse(&long.bytes()), Err(FrameError::PayloadLength(MAX_PAYLOAD_BYTES + 1)));
        assert!(encode(&"x".repeat(MAX_HEADER_BYTES), 0).is_err());
        assert!(matches!(decode::<Request>(b"{\"id\":1}"), Err(FrameError::Header(_))));
    }

    proptest! {
        #[test]
        fn heads_round_trip(header_len in 0..=MAX_HEADER_BYTES, payload_len in 0..=MAX_PAYLOAD_BYTES) {
            let head = Head { header_len, payload_len };
            prop_assert_eq!(Head::parse(&head.bytes()), Ok(head));
        }

        #[test]
        fn no_bytes_make_it_panic_or_exceed_the_bounds(bytes in any::<[u8; HEAD_BYTES]>(), marked in any::<bool>(), header in any::<Vec<u8>>()) {
            let mut bytes = bytes;
            if marked {
                bytes[..4].copy_from_slice(&MARK);
            }
            if let Ok(head) = Head::parse(&bytes) {
                prop_assert!(head.header_len <= MAX_HEADER_BYTES && head.payload_len <= MAX_PAYLOAD_BYTES);
                prop_assert_eq!(head.bytes(), bytes);
            }
            let _ = decode::<Request>(&header);
        }
    }
}
