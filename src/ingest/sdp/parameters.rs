//! Parameters of a payload type (RFC 8866, 6.15): `name=value; name`, with parameter sets in base64 (RFC 4648, 4). Pure.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// So many are kept; what is beyond them is left out.
pub(super) const MOST: usize = 64;
/// Senders end it with padding or without, and do not always clear the bits behind the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Parameters of a payload type. Names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads what stands behind the payload type in a=fmtp.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split(';').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let pairs = pairs.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Self(pairs.filter(|(name, _)| !name.is_empty()).take(MOST).collect())
    }

    /// The value of a parameter, whose name is given in lower case; empty for one that has none. The first one counts.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Byte strings in base64, divided by commas. Those that are none are left out.
    pub fn sets(&self, name: &str) -> impl Iterator<Item = Vec<u8>> {
        self.get(name).unwrap_or_default().split(',').filter_map(base64).filter(|set| !set.is_empty())
    }

    /// All, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// With line breaks in it, too.
fn base64(text: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text.bytes().filter(|letter| !letter.is_ascii_whitespace()).collect();
    BASE64.decode(letters).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const LINE: &str = "profile-level-id=42e01f; Packetization-Mode=1;sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==,!,; x";

    #[test]
    fn numbers_and_sets() {
        let parameters = Parameters::parse(LINE);
        let numbers = ["packetization-mode", "sprop-max-don-diff", "x"].map(|name| parameters.number(name));
        assert_eq!(numbers, [Some(1), None, None]);
        let sets: Vec<Vec<u8>> = parameters.sets("sprop-parameter-sets").collect();
        assert_eq!(sets, [vec![0x67, 0x42, 0x00, 0x0A, 0x96, 0x53, 0x05, 0x89, 0x88], vec![0x68, 0xC9, 0x63, 0x88]]);
        assert_eq!(parameters.sets("sprop-vps").count(), 0);
    }

    #[rstest]
    #[case("", Some(""))]
    #[case("Zg==", Some("f"))]
    #[case("Zg", Some("f"))]
    #[case("Zh==", Some("f"))]
    #[case("Zm9v\r\n YmFy", Some("foobar"))]
    #[case("Zm9-", None)]
    fn base64_of_rfc_4648(#[case] text: &str, #[case] bytes: Option<&str>) {
        assert_eq!(base64(text).as_deref(), bytes.map(str::as_bytes));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,80}", name in "[a-z-]{1,5}") {
            let parameters = Parameters::parse(&text);
            let bytes: usize = parameters.sets(&name).map(|set| set.len()).sum();
            prop_assert!(bytes <= text.len());
            parameters.number(&name);
        }
    }
}
