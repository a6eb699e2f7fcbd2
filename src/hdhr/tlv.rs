//! Frames and tagged values of port 65001, UDP and TCP. Pure.
//!
//! A frame is `u16 type, u16 length` in network order, the payload, and the CRC-32 of all that in little-endian order
//! (libhdhomerun, `hdhomerun_pkt.h`). Payloads are lists of tagged values; a tag that is not known is skipped, here as there. Knows
//! nothing of what the values mean.

/// Longest payload (`HDHOMERUN_MAX_PAYLOAD_SIZE`).
pub const MAX_PAYLOAD: usize = 1452;
/// Longest frame (`HDHOMERUN_MAX_PACKET_SIZE`).
pub const MAX_FRAME: usize = HEADER + MAX_PAYLOAD + CRC;

const HEADER: usize = 4;
const CRC: usize = 4;
/// The two bytes of a length carry 15 bits.
const MAX_VALUE: usize = 0x7FFF;

/// The type of a frame. A reply's is its request's plus one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub u16);

impl Kind {
    /// `HDHOMERUN_TYPE_DISCOVER_REQ`.
    pub const DISCOVER_REQUEST: Self = Self(0x0002);
    /// `HDHOMERUN_TYPE_DISCOVER_RPY`.
    pub const DISCOVER_REPLY: Self = Self(0x0003);
    /// `HDHOMERUN_TYPE_GETSET_REQ`.
    pub const GETSET_REQUEST: Self = Self(0x0004);
    /// `HDHOMERUN_TYPE_GETSET_RPY`.
    pub const GETSET_REPLY: Self = Self(0x0005);
    /// `HDHOMERUN_TYPE_UPGRADE_REQ`.
    pub const UPGRADE_REQUEST: Self = Self(0x0006);
    /// `HDHOMERUN_TYPE_UPGRADE_RPY`.
    pub const UPGRADE_REPLY: Self = Self(0x0007);
}

/// The tag of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag(pub u8);

impl Tag {
    /// u32: what kind of device.
    pub const DEVICE_TYPE: Self = Self(0x01);
    /// u32.
    pub const DEVICE_ID: Self = Self(0x02);
    /// Text with a trailing NUL.
    pub const GETSET_NAME: Self = Self(0x03);
    /// Text with a trailing NUL.
    pub const GETSET_VALUE: Self = Self(0x04);
    /// Text with a trailing NUL.
    pub const ERROR_MESSAGE: Self = Self(0x05);
    /// u8.
    pub const TUNER_COUNT: Self = Self(0x10);
    /// u32.
    pub const GETSET_LOCKKEY: Self = Self(0x15);
    /// Text without NUL.
    pub const LINEUP_URL: Self = Self(0x27);
    /// Text without NUL.
    pub const BASE_URL: Self = Self(0x2A);
    /// Text without NUL.
    pub const DEVICE_AUTH_STR: Self = Self(0x2B);
    /// Any number of u32: any of these kinds of devices.
    pub const MULTI_TYPE: Self = Self(0x2D);
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It says that its payload is longer than any may be.
    #[error("payload of {0} bytes is longer than {MAX_PAYLOAD}")]
    TooLong(usize),
    /// The checksum is another.
    #[error("wrong checksum")]
    Checksum,
    /// A datagram has fewer or more bytes than its frame.
    #[error("datagram is not one whole frame")]
    Length,
}

/// A frame, its checksum already seen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its type.
    pub kind: Kind,
    /// Its tagged values.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the beginning of `bytes` and its length there; `None` while bytes are missing.
    ///
    /// # Errors
    /// When no more bytes could make it a frame.
    pub fn split(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, FrameError> {
        let Some((&[t1, t0, l1, l0], rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([l1, l0]));
        if length > MAX_PAYLOAD {
            return Err(FrameError::TooLong(length));
        }
        let Some((payload, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        let Some(crc) = rest.first_chunk::<CRC>() else { return Ok(None) };
        let covered = bytes.get(..HEADER + length).unwrap_or_default();
        if crc32fast::hash(covered) != u32::from_le_bytes(*crc) {
            return Err(FrameError::Checksum);
        }
        Ok(Some((Self { kind: Kind(u16::from_be_bytes([t1, t0])), payload }, HEADER + length + CRC)))
    }

    /// The frame that a datagram is.
    ///
    /// # Errors
    /// When it is not exactly one.
    pub fn of_datagram(bytes: &'a [u8]) -> Result<Self, FrameError> {
        match Self::split(bytes)? {
            Some((frame, length)) if length == bytes.len() => Ok(frame),
            _ => Err(FrameError::Length),
        }
    }

    /// Its values.
    pub fn values(&self) -> Values<'a> {
        Values { rest: self.payload }
    }
}

/// A value that is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("value is cut off")]
pub struct CutOff;

/// Walks the tagged values of a payload. After [`CutOff`] there is no more.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    rest: &'a [u8],
}

impl<'a> Values<'a> {
    fn split(&mut self) -> Option<(Tag, &'a [u8])> {
        let (&tag, rest) = self.rest.split_first()?;
        let (&low, rest) = rest.split_first()?;
        let (length, rest) = if low & 0x80 == 0 {
            (usize::from(low), rest)
        } else {
            let (&high, rest) = rest.split_first()?;
            (usize::from(low & 0x7F) | usize::from(high) << 7, rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((Tag(tag), value))
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<(Tag, &'a [u8]), CutOff>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let value = self.split();
        if value.is_none() {
            self.rest = &[];
        }
        Some(value.ok_or(CutOff))
    }
}

/// A value or payload that no frame can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("does not fit into a frame")]
pub struct TooLong;

/// Writes a frame.
#[derive(Debug, Clone)]
pub struct Builder {
    bytes: Vec<u8>,
    fits: bool,
}

impl Builder {
    /// A frame of this type without values.
    pub fn new(Kind(kind): Kind) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        Self { bytes, fits: true }
    }

    /// Adds a value as it is.
    #[must_use]
    pub fn value(mut self, Tag(tag): Tag, value: &[u8]) -> Self {
        self.bytes.push(tag);
        match u8::try_from(value.len()) {
            Ok(short @ ..=0x7F) => self.bytes.push(short),
            _ if value.len() <= MAX_VALUE => {
                let length = value.len() as u16;
                self.bytes.extend_from_slice(&[(length & 0x7F) as u8 | 0x80, (length >> 7) as u8]);
            }
            _ => self.fits = false,
        }
        self.bytes.extend_from_slice(value);
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, tag: Tag, value: u32) -> Self {
        self.value(tag, &value.to_be_bytes())
    }

    /// Adds text as get and set have it: with a NUL that counts.
    #[must_use]
    pub fn text_nul(self, tag: Tag, text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        self.value(tag, &bytes)
    }

    /// The frame's bytes, checksum included.
    ///
    /// # Errors
    /// When its values are too many.
    pub fn finish(mut self) -> Result<Vec<u8>, TooLong> {
        let length = self.bytes.len() - HEADER;
        if !self.fits || length > MAX_PAYLOAD {
            return Err(TooLong);
        }
        if let Some(field) = self.bytes.get_mut(2..HEADER) {
            field.copy_from_slice(&(length as u16).to_be_bytes());
        }
        let crc = crc32fast::hash(&self.bytes);
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        Ok(self.bytes)
    }
}

/// Finds the frames in a stream of bytes, however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    taken: usize,
}

impl Decoder {
    /// Adds what was received. Take all frames before adding more, and no more than a frame is kept.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// The stream cannot be followed any further.
    pub fn frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        Ok(Frame::split(rest)?.map(|(frame, length)| {
            self.taken += length;
            frame
        }))
    }
}

#[cfg(test)]
mod tests;
