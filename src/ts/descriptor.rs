//! Descriptor loops (13818-1, 2.6; EN 300 468, 6.2): what an elementary stream is, and its language.

use crate::model::Codec;

/// The descriptors of a loop as `(tag, body)`; ends at one that is cut short.
pub fn descriptors(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
        let (body, after) = rest.split_at_checked(length as usize)?;
        bytes = after;
        Some((tag, body))
    })
}

/// Whether a loop holds a registration_descriptor (tag 0x05) of this format_identifier.
pub fn registered(bytes: &[u8], format: &[u8; 4]) -> bool {
    descriptors(bytes).any(|(tag, body)| tag == 0x05 && body.starts_with(format))
}

/// ISO 639-2 code from the language, subtitling or teletext descriptor.
pub fn language(bytes: &[u8]) -> Option<String> {
    descriptors(bytes).find_map(|(tag, body)| {
        let code = body.first_chunk::<3>().filter(|_| matches!(tag, 0x0A | 0x46 | 0x56 | 0x59))?;
        code.iter().all(u8::is_ascii_alphabetic).then(|| String::from_utf8_lossy(code).to_ascii_lowercase())
    })
}

/// What a stream is, by its stream_type (13818-1, table 2-34), its own descriptors and those of its programme.
pub fn codec(stream_type: u8, stream: &[u8], programme: &[u8]) -> Codec {
    let blu_ray = registered(programme, b"HDMV");
    match stream_type {
        0x01 => Codec::Mpeg1,
        0x02 => Codec::Mpeg2,
        // DigiCipher II of North American cable; on Blu-ray it is PCM.
        0x80 if !blu_ray => Codec::Mpeg2,
        0x03 | 0x04 => Codec::Mp2,
        0x0F => Codec::Aac,
        0x10 => Codec::Mpeg4,
        0x11 => Codec::AacLatm,
        0x15 => Codec::Id3,
        0x1B => Codec::H264,
        0x24 => Codec::Hevc,
        0x32 => Codec::JpegXs,
        0x33 => Codec::Vvc,
        0x81 => Codec::Ac3,
        0x84 if blu_ray => Codec::Eac3,
        0x87 => Codec::Eac3,
        0x85 | 0x86 | 0xA2 if blu_ray => Codec::Dts,
        0x86 => Codec::Scte35,
        // 0x82 is what ffmpeg writes for DTS, on Blu-ray or not.
        0x82 | 0x88 | 0x8A => Codec::Dts,
        0xA1 if blu_ray => Codec::Eac3,
        0xEA => Codec::Vc1,
        0x06 | 0x80..=0xFF => private(stream).unwrap_or(Codec::Other(stream_type)),
        other => Codec::Other(other),
    }
}

/// PES private data: what its descriptors say, if they do.
fn private(stream: &[u8]) -> Option<Codec> {
    descriptors(stream).find_map(|(tag, body)| match (tag, body) {
        (0x05, [a, b, c, d, ..]) => registration(&[*a, *b, *c, *d]),
        (0x46 | 0x56, _) => Some(Codec::Teletext),
        (0x59, _) => Some(Codec::DvbSubtitle),
        (0x6A | 0x81, _) => Some(Codec::Ac3),
        (0x7A | 0xCC, _) => Some(Codec::Eac3),
        (0x7B, _) => Some(Codec::Dts),
        (0x7C, _) => Some(Codec::Aac),
        // extension_descriptor: DTS-HD, DTS Neural, AC-4
        (0x7F, [0x0E | 0x0F, ..]) => Some(Codec::Dts),
        (0x7F, [0x15, ..]) => Some(Codec::Ac4),
        (0x7F, [0x80, ..]) => Some(Codec::Opus),
        _ => None,
    })
}

/// By format_identifier, as registered with SMPTE.
fn registration(format: &[u8; 4]) -> Option<Codec> {
    Some(match format {
        b"AC-3" => Codec::Ac3,
        b"EAC3" => Codec::Eac3,
        b"AC-4" => Codec::Ac4,
        b"DTS1" | b"DTS2" | b"DTS3" | b"DTSH" => Codec::Dts,
        b"Opus" => Codec::Opus,
        b"BSSD" => Codec::Pcm302,
        b"HEVC" => Codec::Hevc,
        b"VVC " => Codec::Vvc,
        b"AV01" => Codec::Av1,
        b"VC-1" => Codec::Vc1,
        b"ID3 " => Codec::Id3,
        b"CUEI" => Codec::Scte35,
        _ => return None,
    })
}

/// Channels of an Opus stream by its extension descriptor (ETSI TS 103 420's predecessor: channel_config_code).
pub fn opus_channels(bytes: &[u8]) -> Option<u8> {
    descriptors(bytes).find_map(|(tag, body)| match (tag, body) {
        (0x7F, [0x80, code @ 1..=8, ..]) => Some(*code),
        (0x7F, [0x80, 0, ..]) => Some(2),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0x1B, &[], &[], Codec::H264)]
    #[case(0x06, &[0x6A, 1, 0], &[], Codec::Ac3)]
    #[case(0x06, &[0x0A, 4, b'd', b'e', b'u', 0, 0x7A, 1, 0], &[], Codec::Eac3)]
    #[case(0x06, &[0x05, 4, b'O', b'p', b'u', b's', 0x7F, 2, 0x80, 2], &[], Codec::Opus)]
    #[case(0x06, &[0x05, 4, b'H', b'E', b'V', b'C'], &[], Codec::Hevc)]
    #[case(0x06, &[0x56, 5, b'f', b'r', b'a', 9, 0], &[], Codec::Teletext)]
    #[case(0x06, &[0x59, 8, b'n', b'o', b'r', 16, 0, 1, 0, 1], &[], Codec::DvbSubtitle)]
    #[case(0x06, &[], &[], Codec::Other(6))]
    #[case(0x06, &[0x59, 200, b'n'], &[], Codec::Other(6))]
    #[case(0x86, &[], &[], Codec::Scte35)]
    #[case(0x86, &[], b"\x05\x04HDMV", Codec::Dts)]
    #[case(0x80, &[], b"\x05\x04HDMV", Codec::Other(0x80))]
    #[case(0x80, &[], &[], Codec::Mpeg2)]
    #[case(0x32, &[], &[], Codec::JpegXs)]
    #[case(0x05, &[0x6F, 3, 0, 0, 0], &[], Codec::Other(5))]
    fn by_type_and_descriptors(#[case] stream_type: u8, #[case] stream: &[u8], #[case] programme: &[u8], #[case] is: Codec) {
        assert_eq!(codec(stream_type, stream, programme), is);
    }

    #[test]
    fn languages() {
        assert_eq!(language(&[0x0A, 4, b'F', b'r', b'a', 0]).as_deref(), Some("fra"));
        assert_eq!(language(&[0x56, 5, b'd', b'e', b'u', 9, 0]).as_deref(), Some("deu"));
        assert_eq!(language(&[0x0A, 3, 0, 0, 0]), None);
        assert_eq!(language(&[0x0A, 2, b'd', b'e']), None);
    }
}
