//! Sound: AAC, from ADTS or fresh from an encoder, as a track has it (ISO/IEC 14496-3, 1.6; 14496-1, 7.2.6).

use super::boxes::{boxed, full, halves, words};
use crate::codec::aac::SAMPLE_RATES;

/// AAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sound {
    /// audioObjectType: 2 is LC.
    object: u8,
    /// Index of the sample rate.
    rate: u8,
    /// channelConfiguration.
    channels: u8,
}

impl Sound {
    /// AAC-LC of an encoder; none if there is no such rate.
    pub fn lc(sample_rate: u32, channels: u8) -> Option<Self> {
        let rate = SAMPLE_RATES.iter().position(|rate| *rate == sample_rate)?;
        (1..=7).contains(&channels).then_some(Self { object: 2, rate: u8::try_from(rate).ok()?, channels })
    }

    /// What an ADTS frame (13818-7, 6.2) says, and the frame without its header. None if it is no frame, or one whose channels
    /// are told within.
    pub fn of_adts(frame: &[u8]) -> Option<(Self, &[u8])> {
        let &[0xFF, flags, c, d, ..] = frame else { return None };
        if flags & 0xF6 != 0xF0 {
            return None;
        }
        let sound = Self { object: (c >> 6) + 1, rate: c >> 2 & 0xF, channels: (c & 1) << 2 | d >> 6 };
        let header = if flags & 1 == 1 { 7 } else { 9 };
        let fits = usize::from(sound.rate) < SAMPLE_RATES.len() && sound.channels > 0;
        frame.get(header..).filter(|raw| fits && !raw.is_empty()).map(|raw| (sound, raw))
    }

    /// Samples a second.
    pub fn sample_rate(&self) -> u32 {
        SAMPLE_RATES.get(usize::from(self.rate)).copied().unwrap_or(48_000)
    }

    /// RFC 6381.
    pub fn codec_string(&self) -> String {
        format!("mp4a.40.{}", self.object)
    }

    /// AudioSampleEntry (14496-12, 12.2.3).
    pub(super) fn write_entry(&self, out: &mut Vec<u8>) {
        boxed(out, b"mp4a", |out| {
            words(out, &[0]);
            halves(out, &[0, 1]);
            words(out, &[0, 0]);
            halves(out, &[u16::from(self.channels), 16, 0, 0]);
            words(out, &[self.sample_rate().min(0xFFFF) << 16]);
            full(out, b"esds", 0, 0, |out| self.write_descriptors(out));
        });
    }

    /// ES_Descriptor with DecoderConfigDescriptor, AudioSpecificConfig and SLConfigDescriptor; all shorter than 128 bytes.
    fn write_descriptors(&self, out: &mut Vec<u8>) {
        let config = [self.object << 3 | self.rate >> 1, self.rate << 7 | self.channels << 3];
        // AudioStream; no buffer size and no rates said.
        let mut decoder = vec![0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2];
        decoder.extend_from_slice(&config);
        let tagged = |out: &mut Vec<u8>, tag: u8, body: &[u8]| {
            out.extend_from_slice(&[tag, u8::try_from(body.len()).unwrap_or(0x7F)]);
            out.extend_from_slice(body);
        };
        let mut stream = vec![0, 2, 0];
        tagged(&mut stream, 4, &decoder);
        tagged(&mut stream, 6, &[2]);
        tagged(out, 3, &stream);
    }
}
