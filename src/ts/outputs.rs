//! Which output PID each stream of a programme gets: by its role, the same one whenever its codec comes again, and
//! never one that another codec had before (TUNER.md, "Splice").

use std::ops::Range;

use crate::model::Codec;
use crate::model::stream_info::Kind;

use super::programme::{Programme, Stream};

/// Slot of the PCR PID that is no elementary stream.
pub const PCR_SLOT: u8 = 255;
/// Slot of what is in no programme.
pub const NO_SLOT: u8 = 254;
/// The PID of [`PCR_SLOT`].
pub const PCR_PID: u16 = 0x1FE;
/// The PMT's PID.
pub const PMT_PID: u16 = 0x1000;

/// PIDs of pictures, and of sound: as long as there are free ones.
pub const VIDEO_PIDS: Range<u16> = 0x100..0x110;
pub const AUDIO_PIDS: Range<u16> = 0x110..0x130;

/// One output PID and what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Output {
    slot: u8,
    pid: u16,
    codec: Codec,
    language: Option<String>,
    /// In the programme that is on now.
    claimed: bool,
}

/// All output PIDs there ever were, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    known: Vec<Output>,
    leading: Leading,
}

/// The PIDs of the picture and the sound that a receiver plays which makes no choice: those it began with, for as long as they are
/// in the programme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leading {
    video: Option<u16>,
    audio: Option<u16>,
}

impl Leading {
    /// Whether one who plays these loses none of them where those are.
    pub fn goes_on_as(self, other: Self) -> bool {
        let goes_on = |ours: Option<u16>, theirs| ours.is_none() || ours == theirs;
        goes_on(self.video, other.video) && goes_on(self.audio, other.audio)
    }
}

/// An output PID given to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned {
    /// A number below [`NO_SLOT`] that stays with the PID.
    pub slot: u8,
    /// The PID.
    pub pid: u16,
    /// The slot carried another PID until now.
    pub fresh: bool,
}

impl Outputs {
    /// One for each stream, in order.
    pub fn assign(&mut self, programme: &Programme) -> Vec<Assigned> {
        self.known.iter_mut().for_each(|output| output.claimed = false);
        let mut assigned: Vec<Option<Assigned>> = vec![None; programme.streams.len()];
        // The right language first, then the right codec, then a new PID.
        for by_language in [true, false] {
            for (stream, assigned) in programme.streams.iter().zip(&mut assigned).filter(|(_, assigned)| assigned.is_none()) {
                *assigned = self.reuse(stream, by_language);
            }
        }
        for (stream, assigned) in programme.streams.iter().zip(&mut assigned).filter(|(_, assigned)| assigned.is_none()) {
            *assigned = self.add(stream);
        }
        let leading = |kind, before: Option<u16>| {
            let of_kind = || programme.streams.iter().zip(&assigned).filter(move |(stream, _)| stream.codec.kind() == kind);
            let mut pids = of_kind().filter_map(|(_, assigned)| Some(assigned.as_ref()?.pid));
            let first = pids.next();
            before.filter(|before| first == Some(*before) || pids.any(|pid| pid == *before)).or(first)
        };
        let Leading { video, audio } = self.leading;
        self.leading = Leading { video: leading(Kind::Video, video), audio: leading(Kind::Audio, audio) };
        assigned.into_iter().flatten().collect()
    }

    /// What leads in the programme that was assigned last.
    pub fn leading(&self) -> Leading {
        self.leading
    }

    /// Slots in the programme that is on now whose streams are of this codec, in the order in which they first came.
    pub fn of(&self, codec: Codec) -> impl Iterator<Item = u8> {
        self.known.iter().filter(move |output| output.claimed && output.codec == codec).map(|output| output.slot)
    }

    fn reuse(&mut self, stream: &Stream, by_language: bool) -> Option<Assigned> {
        let fits = |output: &Output| {
            !output.claimed && output.codec == stream.codec && (!by_language || output.language == stream.language)
        };
        let index = self.known.iter().position(fits)?;
        let output = self.known.get_mut(index)?;
        output.claimed = true;
        output.language.clone_from(&stream.language);
        Some(Assigned { slot: output.slot, pid: output.pid, fresh: false })
    }

    fn add(&mut self, stream: &Stream) -> Option<Assigned> {
        let free = |known: &[Output]| (0..NO_SLOT).find(|slot| known.iter().all(|output| output.slot != *slot));
        let slot = match free(&self.known) {
            Some(slot) => slot,
            // The oldest that is off.
            None => {
                let unused = self.known.iter().position(|output| !output.claimed)?;
                self.known.remove(unused).slot
            }
        };
        let range = match stream.codec.kind() {
            Kind::Video => VIDEO_PIDS,
            Kind::Audio => AUDIO_PIDS,
            Kind::Subtitle => 0x130..0x150,
            Kind::Data => 0x150..PCR_PID,
        };
        let pid = range.chain(0x200..PMT_PID).find(|pid| self.known.iter().all(|output| output.pid != *pid))?;
        self.known.push(Output { slot, pid, codec: stream.codec, language: stream.language.clone(), claimed: true });
        Some(Assigned { slot, pid, fresh: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programme(streams: &[(Codec, &str)]) -> Programme {
        let stream = |(n, &(codec, language)): (usize, &(Codec, &str))| Stream {
            pid: 0x20 + n as u16,
            stream_type: 0,
            codec,
            language: (!language.is_empty()).then(|| language.to_owned()),
            descriptors: Vec::new(),
        };
        Programme { number: 1, pcr_pid: 0x20, descriptors: Vec::new(), streams: streams.iter().enumerate().map(stream).collect() }
    }

    fn pids(outputs: &mut Outputs, streams: &[(Codec, &str)]) -> Vec<u16> {
        outputs.assign(&programme(streams)).iter().map(|assigned| assigned.pid).collect()
    }

    #[test]
    fn by_role_and_stable_across_sources() {
        let mut outputs = Outputs::default();
        let first = [(Codec::H264, ""), (Codec::Aac, "eng"), (Codec::Ac3, "eng"), (Codec::Teletext, "deu"), (Codec::Scte35, "")];
        assert_eq!(pids(&mut outputs, &first), [0x100, 0x110, 0x111, 0x130, 0x150]);
        let other_order = [(Codec::Ac3, ""), (Codec::H264, ""), (Codec::Aac, "")];
        assert_eq!(pids(&mut outputs, &other_order), [0x111, 0x100, 0x110]);
        let other_codec = [(Codec::Hevc, ""), (Codec::Aac, "")];
        assert_eq!(pids(&mut outputs, &other_codec), [0x101, 0x110]);
        assert_eq!(pids(&mut outputs, &first), [0x100, 0x110, 0x111, 0x130, 0x150], "and back");
    }

    #[test]
    fn languages_keep_their_pids() {
        let mut outputs = Outputs::default();
        assert_eq!(pids(&mut outputs, &[(Codec::Ac3, "eng"), (Codec::Ac3, "spa")]), [0x110, 0x111]);
        assert_eq!(pids(&mut outputs, &[(Codec::Ac3, "spa"), (Codec::Ac3, "eng")]), [0x111, 0x110]);
        assert_eq!(pids(&mut outputs, &[(Codec::Ac3, "fra")]), [0x110]);
    }

    #[test]
    fn who_plays_the_first_picture_and_sound_loses_them_with_their_codec() {
        let mut outputs = Outputs::default();
        let mut leading = |streams: &[(Codec, &str)]| {
            pids(&mut outputs, streams);
            outputs.leading()
        };
        let first = leading(&[(Codec::H264, ""), (Codec::Aac, "")]);
        assert!(Leading::default().goes_on_as(first));
        assert!(first.goes_on_as(leading(&[(Codec::Ac3, ""), (Codec::Aac, ""), (Codec::H264, "")])), "another order");
        assert!(!first.goes_on_as(leading(&[(Codec::H264, ""), (Codec::Ac3, "")])), "other sound");
        assert!(first.goes_on_as(leading(&[(Codec::H264, ""), (Codec::Aac, "")])), "and back");
        assert!(!first.goes_on_as(leading(&[(Codec::Hevc, ""), (Codec::Aac, "")])), "other pictures");
        assert!(!first.goes_on_as(leading(&[(Codec::Aac, "")])), "no pictures");
    }

    #[test]
    fn there_is_always_one_more() {
        let mut outputs = Outputs::default();
        for stream_type in 0..=255u8 {
            let many: Vec<_> = (0..100).map(|n: u8| (Codec::Other(stream_type.wrapping_add(n)), "")).collect();
            let mut found = pids(&mut outputs, &many);
            assert_eq!(found.len(), 100);
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), 100);
        }
    }
}
