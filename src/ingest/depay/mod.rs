//! Payloads of RTP that carry elementary streams, taken apart: packets in, access units out. Pure.
//!
//! Packets come in the order of their sequence numbers, each once: what lies in front puts them in order and has given up what
//! is missing. A number that is left out is a loss; no unit is ever given of which a part is missing. Must not know about
//! sockets, RTCP or transport streams.

pub mod aac;
pub mod ac3;
pub mod audio_specific_config;
pub mod av1;
pub mod jpegxs;
pub mod latm;
pub mod mpeg;
pub mod mux_element;
pub mod opus;
mod parts;
#[cfg(test)]
mod testing;

use audio_specific_config::AudioSpecificConfig;

use crate::ingest::sdp::Format;
use crate::model::Codec;

/// The largest picture that is put together, in bytes. What is larger is discarded.
pub const MAX_FRAME: usize = 10 * 1024 * 1024;
/// The same of sound: no codec here has frames of more than 8,191 bytes, so that this holds several.
pub const MAX_AUDIO: usize = 64 * 1024;

/// An RTP packet without its header (RFC 3550, 5.1), padding taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, in units of the payload's clock.
    pub timestamp: u32,
    /// The marker bit.
    pub marker: bool,
    /// What is behind the header.
    pub payload: &'a [u8],
}

/// An access unit, whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When it is shown, in units of the payload's clock. Wraps.
    pub timestamp: u32,
    /// How long, in the same units, where the payload says so.
    pub duration: Option<u32>,
    /// Decoding can begin here.
    pub random_access: bool,
    /// Something before it is missing.
    pub after_loss: bool,
    /// Which field of an interlaced picture it is, where fields come apart (JPEG XS).
    pub field: Option<Field>,
    /// Of AAC, whose frames are bare: what they are.
    pub config: Option<&'a AudioSpecificConfig>,
    /// The bytes; their form is told where the depacketiser is.
    pub data: &'a [u8],
}

/// A field, in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The first of its picture.
    First,
    /// The second.
    Second,
}

/// What is wrong with a packet. It is left out, with the unit that it belongs to; the next ones are taken as ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Lengths in it go beyond its end.
    #[error("the packet is shorter than its headers say")]
    Truncated,
    /// Beyond [`MAX_FRAME`] or [`MAX_AUDIO`].
    #[error("the access unit is too large")]
    TooLarge,
    /// Not what the payload format allows.
    #[error("the packet breaks its payload format: {0}")]
    Malformed(&'static str),
    /// Allowed, but not done here.
    #[error("the packet uses what is not supported: {0}")]
    Unsupported(&'static str),
}

/// Why a payload format of an SDP cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No depacketiser for this name.
    #[error(
        "payloads of encoding {0:?} are not supported; send H.264, HEVC, AV1, JPEG XS, MPEG video or audio, AAC, AC-3 or Opus"
    )]
    Encoding(String),
    /// A parameter that has to be there.
    #[error("a=fmtp lacks {name}; {remedy}")]
    Missing {
        /// Its name.
        name: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A parameter that cannot be understood.
    #[error("a=fmtp has a bad {name}; {remedy}")]
    Bad {
        /// Its name.
        name: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A parameter that can be understood but not done.
    #[error("{what} is not supported; {remedy}")]
    Unsupported {
        /// What.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
}

/// Counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Units that were given.
    pub frames: u64,
    /// Units that were begun and given up: a part was missing or wrong.
    pub discarded: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets with a [`Fault`].
    pub faults: u64,
}

/// A depacketiser for any of the payload formats here.
#[derive(Debug)]
pub enum Depacketiser {
    /// RFC 3640.
    Aac(aac::Aac),
    /// RFC 6416.
    Latm(latm::Latm),
    /// RFC 7587.
    Opus(opus::Opus),
    /// RFC 2250, 3.4.
    MpegVideo(mpeg::MpegVideo),
    /// RFC 2250, 3.5.
    MpegAudio(mpeg::MpegAudio),
    /// RFC 4184.
    Ac3(ac3::Ac3),
    /// RTP payload format for AV1.
    Av1(av1::Av1),
    /// RFC 9134.
    JpegXs(jpegxs::JpegXs),
}

/// Calls the same method of whatever it is.
macro_rules! each {
    ($self:expr, $it:ident => $call:expr) => {
        match $self {
            Self::Aac($it) => $call,
            Self::Latm($it) => $call,
            Self::Opus($it) => $call,
            Self::MpegVideo($it) => $call,
            Self::MpegAudio($it) => $call,
            Self::Ac3($it) => $call,
            Self::Av1($it) => $call,
            Self::JpegXs($it) => $call,
        }
    };
}

impl Depacketiser {
    /// For a payload format as an SDP describes it.
    ///
    /// # Errors
    /// When its encoding or its parameters are not supported: in words, with what to do.
    pub fn new(format: &Format) -> Result<Self, Refusal> {
        let clock = format.clock_rate;
        Ok(match format.encoding.to_ascii_lowercase().as_str() {
            "mpeg4-generic" => Self::Aac(aac::Aac::new(clock, &format.parameters)?),
            "mp4a-latm" => Self::Latm(latm::Latm::new(clock, &format.parameters)?),
            "opus" => Self::Opus(opus::Opus::new(&format.parameters)),
            "mpv" => Self::MpegVideo(mpeg::MpegVideo::default()),
            "mpa" => Self::MpegAudio(mpeg::MpegAudio::new(clock)),
            "ac3" => Self::Ac3(ac3::Ac3::new(clock)),
            "av1" => Self::Av1(av1::Av1::default()),
            "jxsv" => Self::JpegXs(jpegxs::JpegXs::default()),
            _ => return Err(Refusal::Encoding(format.encoding.chars().take(40).collect())),
        })
    }

    /// Takes a packet; what is whole by now goes to `out`.
    ///
    /// # Errors
    /// When something is wrong with the packet. What was whole before that has gone to `out`, and it goes on with the next.
    pub fn push(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        each!(self, it => it.push(packet, out))
    }

    /// What the units are.
    pub fn codec(&self) -> Codec {
        match self {
            Self::Aac(_) | Self::Latm(_) => Codec::Aac,
            Self::Opus(_) => Codec::Opus,
            Self::MpegVideo(it) => it.codec(),
            Self::MpegAudio(_) => Codec::Mp2,
            Self::Ac3(_) => Codec::Ac3,
            Self::Av1(_) => Codec::Av1,
            Self::JpegXs(_) => Codec::JpegXs,
        }
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        each!(self, it => it.stats())
    }

    /// Bytes of memory that its buffers hold.
    pub fn held(&self) -> usize {
        each!(self, it => it.held())
    }
}
