//! Identities. Every one is a type of its own, so that none is taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A channel, for ever: it survives renames, renumbering, refreshes and restores.
    ChannelId(i64), "channel-"
);
id!(
    /// One address that carries a channel.
    SourceId(i64), "source-"
);
id!(
    /// A playlist, which is an account with a connection limit.
    ProviderId(i64), "provider-"
);
id!(
    /// A guide: a document of programmes.
    GuideId(i64), "guide-"
);
id!(
    /// One run of a channel, counted from 1 since the process began.
    SessionId(u64), "session-"
);
id!(
    /// One viewer, counted from 1 since the process began.
    SubscriberId(u64), "subscriber-"
);

/// The number under which clients know a channel: `5` or `5.1`.
///
/// Never with an underscore (Jellyfin splits its channel id there) and at most 5 + 4 digits. Ordered by number, so
/// `5.2` comes before `5.10`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct GuideNumber {
    major: u32,
    minor: Option<u32>,
}

impl GuideNumber {
    /// A whole number, as given to channels that bring none.
    pub fn whole(major: u32) -> Self {
        Self { major, minor: None }
    }

    /// The part before the point.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The part after the point.
    pub fn minor(&self) -> Option<u32> {
        self.minor
    }
}

/// A guide number that is not `n` or `n.n`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("guide number {0:?} is not of the form 5 or 5.1")]
pub struct BadGuideNumber(pub String);

impl FromStr for GuideNumber {
    type Err = BadGuideNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        fn digits(text: &str, most: usize) -> Option<u32> {
            let fits = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
            fits.then(|| text.parse().ok()).flatten()
        }
        let bad = || BadGuideNumber(text.chars().take(32).collect());
        match text.split_once('.') {
            None => Ok(Self::whole(digits(text, 5).ok_or_else(bad)?)),
            Some((major, minor)) => {
                Ok(Self { major: digits(major, 5).ok_or_else(bad)?, minor: Some(digits(minor, 4).ok_or_else(bad)?) })
            }
        }
    }
}

impl TryFrom<String> for GuideNumber {
    type Error = BadGuideNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<GuideNumber> for String {
    fn from(number: GuideNumber) -> Self {
        number.to_string()
    }
}

impl fmt::Display for GuideNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            None => write!(f, "{}", self.major),
            Some(minor) => write!(f, "{}.{minor}", self.major),
        }
    }
}

impl PartialOrd for GuideNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GuideNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.major, self.minor).cmp(&(other.major, other.minor))
    }
}

/// An HDHomeRun device id: 32 bits whose nibbles carry a checksum (libhdhomerun, `hdhomerun_discover_validate_device_id`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceId(u32);

/// Why a device id cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDeviceId {
    /// Not eight hexadecimal digits.
    #[error("device id {0:?} is not eight hexadecimal digits")]
    Syntax(String),
    /// The checksum does not hold; clients would refuse it.
    #[error("device id {given:08X} has a wrong checksum; {valid:08X} would be valid")]
    Checksum {
        /// What was given.
        given: u32,
        /// The same id with its last digit put right.
        valid: u32,
    },
    /// In the range of devices without HTTP: Channels DVR and others would treat it as outdated hardware.
    #[error("device id {0:08X} is in a range of legacy devices; use one that starts with 104, 105, 108 or 109")]
    Legacy(u32),
    /// 00000000 and FFFFFFFF mean "unset" and "any".
    #[error("device id {0:08X} is reserved")]
    Reserved(u32),
}

impl DeviceId {
    const TABLE: [u8; 16] = [0xA, 0x5, 0xF, 0x6, 0x7, 0xC, 0x1, 0xB, 0x9, 0x2, 0x8, 0xD, 0x4, 0x3, 0xE, 0x0];

    /// Takes an id that clients will accept.
    ///
    /// # Errors
    /// When its checksum is wrong, or it is reserved or in a legacy range.
    pub fn new(id: u32) -> Result<Self, BadDeviceId> {
        if id == 0 || id == u32::MAX {
            return Err(BadDeviceId::Reserved(id));
        }
        let sum = Self::checksum(id);
        if sum != 0 {
            return Err(BadDeviceId::Checksum { given: id, valid: id ^ u32::from(sum) });
        }
        let legacy = matches!(id >> 20, 0x101 | 0x102 | 0x103 | 0x111 | 0x121 | 0x122)
            || (id >> 20 == 0x100 && id < 0x1004_0000)
            || (id >> 20 == 0x120 && id < 0x1203_0000);
        if legacy {
            return Err(BadDeviceId::Legacy(id));
        }
        Ok(Self(id))
    }

    /// Makes an id of the 108 range out of random bits.
    pub fn from_random(bits: u32) -> Self {
        let id = 0x1080_0000 | (bits & 0x000F_FFF0);
        Self(id | u32::from(Self::checksum(id)))
    }

    /// The number itself.
    pub fn get(self) -> u32 {
        self.0
    }

    fn checksum(id: u32) -> u8 {
        id.to_be_bytes()
            .iter()
            .fold(0, |sum, byte| sum ^ Self::TABLE.get(usize::from(byte >> 4)).copied().unwrap_or(0) ^ (byte & 0x0F))
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

impl FromStr for DeviceId {
    type Err = BadDeviceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadDeviceId::Syntax(text.chars().take(32).collect());
        if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        Self::new(u32::from_str_radix(text, 16).map_err(|_| bad())?)
    }
}

impl TryFrom<String> for DeviceId {
    type Error = BadDeviceId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DeviceId> for String {
    fn from(id: DeviceId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rstest::rstest]
    #[case("5", "5")]
    #[case("5.1", "5.1")]
    #[case("005.10", "5.10")]
    fn guide_numbers_read_back(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(text.parse::<GuideNumber>().unwrap().to_string(), shown);
    }

    #[rstest::rstest]
    #[case("")]
    #[case("5_1")]
    #[case("5.")]
    #[case(".1")]
    #[case("-1")]
    #[case("5.1.1")]
    #[case("999999")]
    #[case("٥")]
    fn bad_guide_numbers_are_refused(#[case] text: &str) {
        assert!(text.parse::<GuideNumber>().is_err());
    }

    #[test]
    fn minor_numbers_sort_as_numbers() {
        let number = |text: &str| text.parse::<GuideNumber>().unwrap();
        assert!(number("5.2") < number("5.10"));
        assert!(number("5") < number("5.1"));
        assert!(number("9") < number("10"));
    }

    /// Ids of real devices, and the widely copied default that is not valid (reference, hdhr-protocol section 2).
    #[test]
    fn device_ids_follow_the_checksum() {
        assert_eq!("10439EFD".parse::<DeviceId>().unwrap().get(), 0x1043_9EFD);
        assert_eq!("1080f19f".parse::<DeviceId>().unwrap().to_string(), "1080F19F");
        assert_eq!("12345678".parse::<DeviceId>(), Err(BadDeviceId::Checksum { given: 0x1234_5678, valid: 0x1234_5674 }));
        assert_eq!("10397A70".parse::<DeviceId>(), Err(BadDeviceId::Legacy(0x1039_7A70)));
        assert_eq!("FFFFFFFF".parse::<DeviceId>(), Err(BadDeviceId::Reserved(u32::MAX)));
        assert!("xyz".parse::<DeviceId>().is_err());
    }

    proptest! {
        #[test]
        fn random_device_ids_are_always_acceptable(bits: u32) {
            let id = DeviceId::from_random(bits);
            prop_assert_eq!(DeviceId::new(id.get()), Ok(id));
        }

        #[test]
        fn guide_numbers_round_trip(major in 0u32..99_999, minor in proptest::option::of(0u32..9_999)) {
            let number = GuideNumber { major, minor };
            prop_assert_eq!(number.to_string().parse::<GuideNumber>(), Ok(number));
        }
    }
}
