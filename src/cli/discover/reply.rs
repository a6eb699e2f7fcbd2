//! The request that finds devices, and what they answer. Pure.

use crate::hdhr::tlv::{Builder, Frame, Kind, Tag, TooLong};

/// `HDHOMERUN_DEVICE_TYPE_TUNER`.
const TUNER: u32 = 0x0000_0001;
/// `HDHOMERUN_DEVICE_ID_WILDCARD`.
const ANY: u32 = 0xFFFF_FFFF;

/// Any tuner, please: as libhdhomerun asks.
///
/// # Errors
/// Never: it is 16 bytes long.
pub(super) fn request() -> Result<Vec<u8>, TooLong> {
    Builder::new(Kind::DISCOVER_REQUEST).number(Tag::DEVICE_TYPE, TUNER).number(Tag::DEVICE_ID, ANY).finish()
}

/// What a device says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub device_id: u32,
    pub tuner_count: u8,
    pub base_url: Option<String>,
    pub lineup_url: Option<String>,
}

impl Found {
    /// Reads a reply; `None` if it is none, or not of a tuner.
    pub(super) fn read(datagram: &[u8]) -> Option<Self> {
        let frame = Frame::of_datagram(datagram).ok().filter(|frame| frame.kind == Kind::DISCOVER_REPLY)?;
        let number = |value: &[u8]| value.try_into().ok().map(u32::from_be_bytes);
        let text = |value: &[u8]| Some(String::from_utf8_lossy(value).chars().filter(|char| !char.is_control()).collect());
        let (mut found, mut kind) = (Self::default(), None);
        for value in frame.values() {
            let (tag, value) = value.ok()?;
            match tag {
                Tag::DEVICE_TYPE => kind = number(value),
                Tag::DEVICE_ID => found.device_id = number(value)?,
                Tag::TUNER_COUNT => found.tuner_count = value.first().copied().unwrap_or(0),
                Tag::BASE_URL => found.base_url = text(value),
                Tag::LINEUP_URL => found.lineup_url = text(value),
                _ => {}
            }
        }
        (kind == Some(TUNER) && found.device_id != 0).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// The request of libhdhomerun (hdhr-protocol 1.1).
    #[test]
    fn it_asks_as_the_library_does() {
        assert_eq!(request().unwrap(), hex("0002000c 010400000001 0204ffffffff 4e507f35"));
    }

    /// The replies of hdhr-protocol 1.2.
    #[test]
    fn replies_are_read() {
        let old = Found::read(&hex("0003000f 010400000001 02041080f19f 100102 92996759")).unwrap();
        assert_eq!(old, Found { device_id: 0x1080_F19F, tuner_count: 2, base_url: None, lineup_url: None });
        let full = hex("0003005f 010400000001 02041080f19f 100102 2b18 6162636465666768696a6b6c6d6e6f707172737475767778 \
             2a13 687474703a2f2f3132372e302e302e313a3830 \
             271f 687474703a2f2f3132372e302e302e313a38302f6c696e6575702e6a736f6e f5887bd3");
        let full = Found::read(&full).unwrap();
        assert_eq!(full.base_url.as_deref(), Some("http://127.0.0.1:80"));
        assert_eq!(full.lineup_url.as_deref(), Some("http://127.0.0.1:80/lineup.json"));
        assert_eq!(Found::read(&request().unwrap()), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            Found::read(&bytes);
        }
    }
}
