//! What the sound of a stream is, from its first bytes. Every rate and channel number is read from bytes that pass anyway.

use crate::codec::{AudioFormat, aac, ac3, dts, mpa};
use crate::model::Codec;

/// So many packets of a stream are looked at before it is given up.
const MOST_PACKETS: u16 = 400;
/// Headers in the midst of other bytes that must agree.
const ENOUGH: u8 = 4;

/// The search for one audio stream's format.
#[derive(Debug, Clone, Copy, Default)]
pub struct AudioProbe {
    format: Option<AudioFormat>,
    /// What the bytes turned out to be, where that is not what the PMT says.
    really: Option<Codec>,
    /// Seen in the midst of other bytes, where it may be chance, and how often in a row.
    likely: Option<(AudioFormat, u8)>,
    looked_at: u16,
}

impl AudioProbe {
    /// For a stream whose descriptors say it already, or whose bytes cannot say it.
    pub fn new(codec: Codec, channels: Option<u8>) -> Self {
        let format = match (codec, channels) {
            (Codec::Opus, Some(channels)) => Some(AudioFormat { sample_rate: 48_000, channels }),
            _ => None,
        };
        let readable =
            matches!(codec, Codec::Mp2 | Codec::Aac | Codec::AacLatm | Codec::Ac3 | Codec::Eac3 | Codec::Dts | Codec::Pcm302);
        Self { format, really: None, likely: None, looked_at: if readable && format.is_none() { 0 } else { MOST_PACKETS } }
    }

    /// Whether more bytes are wanted.
    pub fn wants_more(&self) -> bool {
        self.looked_at < MOST_PACKETS
    }

    /// What was found.
    pub fn format(&self) -> Option<AudioFormat> {
        self.format
    }

    /// What it is: some send AAC and say MPEG audio.
    pub fn codec(&self, named: Codec) -> Codec {
        self.really.unwrap_or(named)
    }

    /// Bytes of the elementary stream; at the start of a PES packet a frame usually begins.
    pub fn push(&mut self, codec: Codec, at_start: bool, bytes: &[u8]) {
        self.looked_at += 1;
        if at_start {
            let interchangeable = matches!(codec, Codec::Aac | Codec::Mp2 | Codec::AacLatm);
            let candidates =
                [codec, Codec::Aac, Codec::Mp2, Codec::AacLatm].into_iter().take(if interchangeable { 4 } else { 1 });
            let found = candidates.into_iter().find_map(|codec| Some((codec, frame(codec, bytes)?)));
            if let Some((really, (format, _))) = found {
                self.really = Some(really);
                self.found(format);
                return;
            }
        }
        for at in 0..bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some((format, length)) = frame(codec, rest) else { continue };
            // The next frame right behind it is witness enough, or the same again and again.
            let followed =
                length > 0 && rest.get(length..).and_then(|next| frame(codec, next)).is_some_and(|next| next.0 == format);
            let times = self.likely.filter(|(likely, _)| *likely == format).map_or(1, |(_, times)| times + 1);
            if followed || times >= ENOUGH {
                self.found(format);
                return;
            }
            self.likely = Some((format, times));
        }
    }

    fn found(&mut self, format: AudioFormat) {
        self.format = Some(format);
        self.looked_at = MOST_PACKETS;
    }
}

fn frame(codec: Codec, bytes: &[u8]) -> Option<(AudioFormat, usize)> {
    match codec {
        Codec::Mp2 => mpa::frame(bytes),
        Codec::Aac => aac::adts(bytes),
        Codec::AacLatm => aac::loas(bytes),
        Codec::Ac3 | Codec::Eac3 => ac3::frame(bytes),
        Codec::Dts => dts::frame(bytes),
        Codec::Pcm302 => mpa::smpte_302m(bytes).map(|format| (format, 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADTS: [u8; 7] = [0xFF, 0xF1, 0x4C, 0x80, 0x2E, 0x7F, 0xFC];
    const STEREO: AudioFormat = AudioFormat { sample_rate: 48_000, channels: 2 };

    #[test]
    fn at_the_start_of_a_pes_packet() {
        let mut probe = AudioProbe::new(Codec::Aac, None);
        probe.push(Codec::Aac, true, &ADTS);
        assert_eq!(probe.format(), Some(STEREO));
        assert!(!probe.wants_more());
    }

    #[test]
    fn what_the_pmt_says_may_be_wrong() {
        let mut probe = AudioProbe::new(Codec::Mp2, None);
        probe.push(Codec::Mp2, true, &ADTS);
        assert_eq!((probe.format(), probe.codec(Codec::Mp2)), (Some(STEREO), Codec::Aac));
    }

    #[test]
    fn once_in_the_midst_is_not_enough() {
        let mut probe = AudioProbe::new(Codec::Aac, None);
        let midst = [&[1, 2, 3][..], &ADTS].concat();
        for _ in 1..ENOUGH {
            probe.push(Codec::Aac, false, &midst);
            assert_eq!(probe.format(), None);
        }
        probe.push(Codec::Aac, false, &midst);
        assert_eq!(probe.format(), Some(STEREO));
    }

    #[test]
    fn by_descriptor_or_not_at_all() {
        assert_eq!(AudioProbe::new(Codec::Opus, Some(2)).format(), Some(STEREO));
        assert!(!AudioProbe::new(Codec::Ac4, None).wants_more());
    }

    #[test]
    fn given_up_in_the_end() {
        let mut probe = AudioProbe::new(Codec::Ac3, None);
        for _ in 0..MOST_PACKETS {
            probe.push(Codec::Ac3, false, &[0x47; 184]);
        }
        assert!(!probe.wants_more());
    }
}
