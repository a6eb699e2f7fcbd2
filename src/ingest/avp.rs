//! The RTP/AVP profile (RFC 3551, 6, tables 4 and 5): what the static payload types carry.

/// A static payload type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Static {
    /// Encoding name.
    pub encoding: &'static str,
    /// Hertz.
    pub clock_rate: u32,
    /// Channels of sound.
    pub channels: Option<u8>,
}

/// What a payload type carries wherever it is used; `None` for those that are agreed upon (96 to 127) or given to nothing.
pub fn static_type(payload_type: u8) -> Option<Static> {
    let (encoding, clock_rate, channels) = match payload_type {
        0 => ("PCMU", 8_000, Some(1)),
        3 => ("GSM", 8_000, Some(1)),
        4 => ("G723", 8_000, Some(1)),
        5 => ("DVI4", 8_000, Some(1)),
        6 => ("DVI4", 16_000, Some(1)),
        7 => ("LPC", 8_000, Some(1)),
        8 => ("PCMA", 8_000, Some(1)),
        9 => ("G722", 8_000, Some(1)),
        10 => ("L16", 44_100, Some(2)),
        11 => ("L16", 44_100, Some(1)),
        12 => ("QCELP", 8_000, Some(1)),
        13 => ("CN", 8_000, Some(1)),
        14 => ("MPA", 90_000, Some(1)),
        15 => ("G728", 8_000, Some(1)),
        16 => ("DVI4", 11_025, Some(1)),
        17 => ("DVI4", 22_050, Some(1)),
        18 => ("G729", 8_000, Some(1)),
        25 => ("CelB", 90_000, None),
        26 => ("JPEG", 90_000, None),
        28 => ("nv", 90_000, None),
        31 => ("H261", 90_000, None),
        32 => ("MPV", 90_000, None),
        33 => ("MP2T", 90_000, None),
        34 => ("H263", 90_000, None),
        _ => return None,
    };
    Some(Static { encoding, clock_rate, channels })
}

/// Whether a payload type may be agreed upon: those that are meant for it, and those that are given to nothing (RFC 3551, 3).
/// 72 to 76 are not: they would look like RTCP.
pub fn is_dynamic(payload_type: u8) -> bool {
    matches!(payload_type, 20..=24 | 27 | 29 | 30 | 35..=71 | 77..=127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_both() {
        for payload_type in 0..=255 {
            assert!(!(is_dynamic(payload_type) && static_type(payload_type).is_some()), "{payload_type}");
        }
        assert_eq!(static_type(33).map(|it| it.encoding), Some("MP2T"));
        assert!(is_dynamic(96) && !is_dynamic(72) && !is_dynamic(200 & 0x7F));
    }
}
