//! Which request a device answers, and with what. Pure.

use std::net::Ipv4Addr;

use super::super::device::{base_url, lineup_url};
use super::super::roster::Announced;
use super::super::tlv::{Builder, CutOff, Frame, Kind, Tag, TooLong};
use crate::model::DeviceId;

/// `HDHOMERUN_DEVICE_TYPE_TUNER`.
const TUNER: u32 = 0x0000_0001;
/// `HDHOMERUN_DEVICE_TYPE_WILDCARD` and `HDHOMERUN_DEVICE_ID_WILDCARD`.
const ANY: u32 = 0xFFFF_FFFF;
/// libhdhomerun has room for that many characters.
const MOST_AUTH: usize = 24;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// A tuner would do.
    tuner: bool,
    /// This one device, if not any.
    id: Option<u32>,
}

impl Wish {
    /// Reads a request. A frame that is none asks for nothing.
    pub fn of(datagram: &[u8]) -> Option<Self> {
        let frame = Frame::of_datagram(datagram).ok().filter(|frame| frame.kind == Kind::DISCOVER_REQUEST)?;
        let mut wish = Self { tuner: true, id: None };
        for value in frame.values() {
            let (tag, value): (Tag, &[u8]) = value.map_err(|CutOff| ()).ok()?;
            match tag {
                Tag::DEVICE_TYPE => wish.tuner = matches!(number(value)?, TUNER | ANY),
                Tag::MULTI_TYPE => {
                    let (types, []) = value.as_chunks::<4>() else { return None };
                    wish.tuner = types.iter().any(|kind| matches!(u32::from_be_bytes(*kind), TUNER | ANY));
                }
                Tag::DEVICE_ID => wish.id = Some(number(value)?).filter(|id| *id != ANY),
                _ => {}
            }
        }
        Some(wish)
    }

    /// Whether this device is meant.
    pub fn means(&self, id: DeviceId) -> bool {
        self.tuner && self.id.is_none_or(|wanted| wanted == id.get())
    }
}

fn number(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_be_bytes)
}

/// The reply of a device that is reached at `local`.
///
/// # Errors
/// Never in practice: it is about 120 bytes long.
pub fn reply(one: &Announced, local: Ipv4Addr) -> Result<Vec<u8>, TooLong> {
    let auth = one.device.auth.as_bytes();
    Builder::new(Kind::DISCOVER_REPLY)
        .number(Tag::DEVICE_TYPE, TUNER)
        .number(Tag::DEVICE_ID, one.device.id.get())
        .value(Tag::TUNER_COUNT, &[one.device.tuner_count])
        .value(Tag::DEVICE_AUTH_STR, auth.get(..MOST_AUTH).unwrap_or(auth))
        .value(Tag::BASE_URL, base_url(local, one.ports).as_bytes())
        .value(Tag::LINEUP_URL, lineup_url(local, one.ports).as_bytes())
        .finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hdhr::roster::tests::device;

    fn request(payload: &[u8]) -> Vec<u8> {
        let head = [0, 2, 0, payload.len() as u8];
        let bytes = [&head[..], payload].concat();
        let crc = crc32fast::hash(&bytes).to_le_bytes();
        [&bytes[..], &crc].concat()
    }

    /// The match rule of hdhr-protocol 1.1; the bytes of real clients are `tlv`'s tests.
    #[rstest::rstest]
    #[case::nothing_said(&[], true)]
    #[case::any_type(&[1, 4, 0xFF, 0xFF, 0xFF, 0xFF], true)]
    #[case::tuner(&[1, 4, 0, 0, 0, 1, 2, 4, 0xFF, 0xFF, 0xFF, 0xFF], true)]
    #[case::storage(&[1, 4, 0, 0, 0, 5, 2, 4, 0xFF, 0xFF, 0xFF, 0xFF], false)]
    #[case::several_types(&[0x2D, 8, 0, 0, 0, 5, 0, 0, 0, 1], true)]
    #[case::other_types(&[0x2D, 8, 0, 0, 0, 5, 0, 0, 0, 6], false)]
    #[case::no_types(&[0x2D, 0], false)]
    #[case::own_id(&[1, 4, 0xFF, 0xFF, 0xFF, 0xFF, 2, 4, 0x10, 0x80, 0xF1, 0x9F], true)]
    #[case::other_id(&[2, 4, 0x10, 0x80, 0, 0], false)]
    #[case::unknown_tag(&[0x7E, 1, 0, 1, 4, 0xFF, 0xFF, 0xFF, 0xFF], true)]
    #[case::short_type(&[1, 2, 0, 1], false)]
    #[case::short_id(&[2, 0], false)]
    #[case::odd_types(&[0x2D, 5, 0, 0, 0, 1, 0], false)]
    #[case::cut_off(&[1, 200, 0], false)]
    fn requests_are_matched(#[case] payload: &[u8], #[case] answered: bool) {
        let id = DeviceId::new(0x1080_F19F).unwrap();
        assert_eq!(Wish::of(&request(payload)).is_some_and(|wish| wish.means(id)), answered);
    }

    #[test]
    fn other_frames_ask_for_nothing() {
        let get = Builder::new(Kind::GETSET_REQUEST).number(Tag::DEVICE_TYPE, ANY).finish().unwrap();
        assert_eq!(Wish::of(&get), None);
        assert_eq!(Wish::of(&[]), None);
    }

    /// The example of hdhr-protocol 1.2, its values in the same order.
    #[test]
    fn the_reply_names_the_address_that_was_asked() {
        let reply = reply(&device(1, None), Ipv4Addr::LOCALHOST).unwrap();
        let frame = Frame::of_datagram(&reply).unwrap();
        assert_eq!((frame.kind, reply.len()), (Kind::DISCOVER_REPLY, 103));
        let values: Vec<_> = frame.values().map(Result::unwrap).collect();
        assert_eq!(values[4], (Tag::BASE_URL, &b"http://127.0.0.1:80"[..]));
        assert_eq!(values[5], (Tag::LINEUP_URL, &b"http://127.0.0.1:80/lineup.json"[..]));
    }

    proptest! {
        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..1500)) {
            let _ = Wish::of(&noise);
            let _ = Wish::of(&request(&noise[..noise.len().min(255)]));
        }
    }
}
