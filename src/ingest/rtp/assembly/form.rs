//! The form in which a transport stream carries what a payload format gives, and what its track says of it. Pure.
//!
//! Some of that is known only once a first unit has come: until then nothing of such a stream is given, for nobody could decode it.

use super::jpegxs::JpegXs;
use crate::codec::aac::Adts;
use crate::codec::{av1, mpeg2};
use crate::ingest::depay::{Depacketiser, Frame, Refusal, mux_element};
use crate::ingest::sdp::Format;
use crate::model::Codec;
use crate::ts::mux::{Track, obu};

/// Puts the units of one stream into their form.
#[derive(Debug)]
pub(super) struct Form {
    track: Track,
    /// The track says something else than when that was asked last.
    changed: bool,
    dress: Dress,
}

#[derive(Debug)]
enum Dress {
    /// As they come: H.264, HEVC, AC-3, MPEG audio, Opus.
    Plain,
    /// AAC that ADTS headers can carry.
    Adts(Adts),
    /// Other AAC, and what came by LATM: with its configuration in each frame.
    Loas,
    /// MPEG-1 and MPEG-2 video; what its sequence header says, once it has come.
    Mpeg(Option<mpeg2::Carriage>),
    /// AV1.
    Av1(Av1),
    /// JPEG XS.
    JpegXs(Box<JpegXs>),
}

#[derive(Debug, Default)]
struct Av1 {
    /// A sequence header has come.
    begun: bool,
    /// What it says.
    descriptor: Option<[u8; 4]>,
    /// Something is missing, and no key frame has come since.
    torn: bool,
}

/// When a unit is shown, in the clock of its medium, and whether decoding can begin with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given {
    pub timestamp: u32,
    pub random_access: bool,
}

impl Form {
    /// Of H.264 or HEVC, which come as a transport stream carries them.
    pub(super) fn plain(codec: Codec) -> Option<Self> {
        Some(Self { track: Track::new(codec, None)?, changed: false, dress: Dress::Plain })
    }

    /// Of what a depacketiser gives.
    ///
    /// # Errors
    /// When a transport stream does not carry it.
    pub(super) fn new(depacketiser: &Depacketiser, format: &Format) -> Result<Self, Refusal> {
        let (codec, dress) = match depacketiser {
            Depacketiser::Aac(it) => match Adts::of_config(it.config().bytes()) {
                Some(adts) => (Codec::Aac, Dress::Adts(adts)),
                None => (Codec::AacLatm, Dress::Loas),
            },
            // Its configuration may come in band, and be another one later.
            Depacketiser::Latm(_) => (Codec::AacLatm, Dress::Loas),
            Depacketiser::MpegVideo(it) => (it.codec(), Dress::Mpeg(None)),
            Depacketiser::Av1(_) => (Codec::Av1, Dress::Av1(Av1::default())),
            Depacketiser::JpegXs(_) => (Codec::JpegXs, Dress::JpegXs(Box::new(JpegXs::new(&format.parameters)))),
            Depacketiser::Opus(_) | Depacketiser::MpegAudio(_) | Depacketiser::Ac3(_) => (depacketiser.codec(), Dress::Plain),
        };
        let mut track = Track::new(codec, None).ok_or_else(|| Refusal::Encoding(format.encoding.clone()))?;
        if let Depacketiser::Opus(it) = depacketiser {
            track.channels(it.channels());
        }
        Ok(Self { track, changed: false, dress })
    }

    /// What is known of its track by now.
    pub(super) fn track(&self) -> &Track {
        &self.track
    }

    /// Whether that has changed since this was asked.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// By how many pictures this is decoded in another order than it is shown. None for what is shown as it is decoded, and for
    /// what tells it otherwise.
    pub(super) fn depth(&self) -> Option<u8> {
        match &self.dress {
            Dress::Mpeg(carriage) => carriage.map(|carriage| u8::from(carriage.reorders)),
            _ => None,
        }
    }

    /// Whether decoding could go on, or begin, if there were a key frame.
    pub(super) fn wants_picture(&self) -> bool {
        matches!(&self.dress, Dress::Av1(av1) if av1.torn || !av1.begun)
    }

    /// Appends a frame. None where there is no unit yet, or never will be; what was appended is of no use then.
    pub(super) fn put(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Option<Given> {
        let Self { track, changed, dress } = self;
        let given = Given { timestamp: frame.timestamp, random_access: frame.random_access };
        match dress {
            Dress::Plain => out.extend_from_slice(frame.data),
            Dress::Adts(adts) => {
                out.extend_from_slice(&adts.header(frame.data.len())?);
                out.extend_from_slice(frame.data);
            }
            Dress::Loas => {
                if !mux_element::loas(frame.config?, frame.data, out) {
                    return None;
                }
            }
            Dress::Mpeg(carriage) => {
                let told = frame.data.strip_prefix(&[0, 0, 1]).and_then(mpeg2::carriage);
                if told.is_some() && told != *carriage {
                    *carriage = told;
                    *changed |= change(track, told.is_some_and(|told| told.is_mpeg1));
                }
                (*carriage)?;
                out.extend_from_slice(frame.data);
            }
            Dress::Av1(av1) => {
                av1.see(frame, track, changed);
                if !av1.begun {
                    return None;
                }
                obu::temporal_unit(frame.data, out);
            }
            Dress::JpegXs(it) => {
                let timestamp = it.put(frame, track, changed, out)?;
                return Some(Given { timestamp, ..given });
            }
        }
        Some(given)
    }
}

/// The track is one of MPEG-1 or MPEG-2; whether it was the other.
fn change(track: &mut Track, is_mpeg1: bool) -> bool {
    let codec = if is_mpeg1 { Codec::Mpeg1 } else { Codec::Mpeg2 };
    let other = Track::new(codec, None).filter(|_| track.codec != codec);
    let changed = other.is_some();
    if let Some(other) = other {
        *track = other;
    }
    changed
}

impl Av1 {
    /// A temporal unit has come. Those behind a hole are given, as of other codecs that have no field for it: a sender that is
    /// asked for a key frame does not always send one.
    fn see(&mut self, frame: &Frame<'_>, track: &mut Track, changed: &mut bool) {
        self.torn = (self.torn || frame.after_loss) && !frame.random_access;
        if !frame.random_access {
            return;
        }
        let header = av1::obus(frame.data).find(|obu| obu.kind == av1::SEQUENCE_HEADER);
        let Some(sequence) = header.and_then(|obu| av1::sequence_header(obu.payload)) else { return };
        self.begun = true;
        if let Some(descriptor) = sequence.descriptor
            && self.descriptor != Some(descriptor)
        {
            self.descriptor = Some(descriptor);
            track.av1(descriptor);
            *changed = true;
        }
    }
}
