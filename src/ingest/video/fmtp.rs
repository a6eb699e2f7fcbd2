//! Format parameters of a session description (RFC 8866, 6.15) as video formats have them: `name=value; name=value`, with
//! parameter sets in Base64 (RFC 4648, 4).

/// Longest time that a sender can ask to be waited for: 5 s, in units of 90 kHz.
pub(super) const LONGEST_WAIT_90K: u64 = 5 * 90_000;

/// The parameters, what comes behind `a=fmtp:96 `.
#[derive(Debug, Clone, Copy)]
pub struct Fmtp<'a>(&'a str);

impl<'a> Fmtp<'a> {
    /// Of a description.
    pub fn new(parameters: &'a str) -> Self {
        Self(parameters)
    }

    /// The value of a parameter. Names are the same in capitals (RFC 6184, 8.1).
    pub fn value(self, name: &str) -> Option<&'a str> {
        let pairs = self.0.split(';').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(found, _)| found.trim().eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.trim())
    }

    /// A number.
    pub fn number(self, name: &str) -> Option<u64> {
        self.value(name)?.parse().ok()
    }

    /// Byte strings in Base64, divided by commas. Those that are none are left out.
    pub fn sets(self, name: &str) -> impl Iterator<Item = Vec<u8>> + use<'a> {
        self.value(name).unwrap_or_default().split(',').filter_map(base64).filter(|set| !set.is_empty())
    }
}

/// Without padding, too, and with line breaks in it.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for letter in text.bytes().filter(|letter| !letter.is_ascii_whitespace() && *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const LINE: &str = "profile-level-id=42e01f; Packetization-Mode=1;sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==,!,; x";

    #[test]
    fn parameters() {
        let fmtp = Fmtp::new(LINE);
        assert_eq!(
            (fmtp.number("packetization-mode"), fmtp.number("sprop-max-don-diff"), fmtp.value("x")),
            (Some(1), None, None)
        );
        let sets: Vec<Vec<u8>> = fmtp.sets("sprop-parameter-sets").collect();
        assert_eq!(sets, [vec![0x67, 0x42, 0x00, 0x0A, 0x96, 0x53, 0x05, 0x89, 0x88], vec![0x68, 0xC9, 0x63, 0x88]]);
        assert_eq!(fmtp.sets("sprop-vps").count(), 0);
    }

    #[rstest]
    #[case("", Some(""))]
    #[case("Zg==", Some("f"))]
    #[case("Zg", Some("f"))]
    #[case("Zm9v\r\n YmFy", Some("foobar"))]
    #[case("Zm9-", None)]
    fn base64_of_rfc_4648(#[case] text: &str, #[case] bytes: Option<&str>) {
        assert_eq!(base64(text).as_deref(), bytes.map(str::as_bytes));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,80}", name in "[a-z-]{1,5}") {
            let fmtp = Fmtp::new(&text);
            let bytes: usize = fmtp.sets(&name).map(|set| set.len()).sum();
            prop_assert!(bytes <= text.len());
            fmtp.number(&name);
        }
    }
}
