//! What the packets of an RTP session carry: by static payload type (RFC 3551), else as an SDP or a person says, else by what the
//! payloads look like. Pure.
//!
//! One detector belongs to one sender (SSRC): payload types mean nothing beyond it. Looks are counted over several packets, and
//! one packet decides nothing: the payload formats are so dense that nearly any byte is a good begin of some of them.

mod evidence;
mod judges;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use evidence::Evidence;

use crate::ingest::avp;
use crate::ingest::depay::Packet;
use crate::ingest::sdp::{Description, Kind, Media, SdpError, Transport};
use crate::model::Codec;

/// What payloads carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payload {
    /// Packets of a transport stream (RFC 2250, 2).
    TransportStream,
    /// An elementary stream. AAC is that of RFC 3640, which needs an SDP to be decoded, AAC-LATM that of RFC 6416.
    Codec(Codec),
}

impl From<Codec> for Payload {
    fn from(codec: Codec) -> Self {
        Self::Codec(codec)
    }
}

impl Payload {
    /// By encoding name (IANA, "RTP Payload Format Media Types"); `None` for those that nothing here knows.
    pub fn of_encoding(name: &str) -> Option<Self> {
        Some(Self::Codec(match name.to_ascii_lowercase().as_str() {
            "mp2t" => return Some(Self::TransportStream),
            "h264" => Codec::H264,
            "h265" | "hevc" => Codec::Hevc,
            "av1" => Codec::Av1,
            "jxsv" => Codec::JpegXs,
            "mpv" => Codec::Mpeg2,
            "mpa" => Codec::Mp2,
            "mpeg4-generic" => Codec::Aac,
            "mp4a-latm" => Codec::AacLatm,
            "opus" => Codec::Opus,
            "ac3" => Codec::Ac3,
            "eac3" => Codec::Eac3,
            _ => return None,
        }))
    }
}

/// What is known about a packet's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detection {
    /// What it is.
    Known(Payload),
    /// What it is called, which nothing here knows.
    Unsupported(String),
    /// Nobody has said, and so many packets looked at do not tell yet.
    Undecided {
        /// Packets of this payload type, as far as they count.
        packets: u32,
    },
}

/// What somebody has said about a payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Known(Payload),
    Unsupported(String),
}

/// Finds out what payload types carry.
#[derive(Debug, Default)]
pub struct CodecDetector {
    said: BTreeMap<u8, Said>,
    seen: BTreeMap<u8, Evidence>,
}

impl CodecDetector {
    /// One that was told nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody says what a payload type carries. The last word counts; static payload types stay what they are.
    pub fn add_payload_type_mapping(&mut self, payload_type: u8, payload: impl Into<Payload>) {
        self.say(payload_type, Said::Known(payload.into()));
    }

    /// Takes all payload types of an SDP. Gives what its first video medium carries, or else its first medium, with the
    /// parameters of that.
    ///
    /// # Errors
    /// When it is no SDP, or nothing of it can be received.
    pub fn detect_from_sdp(&mut self, text: &str) -> Result<(Option<Payload>, BTreeMap<String, String>), SdpError> {
        let description = Description::parse(text)?;
        for format in description.media.iter().flat_map(|media| &media.formats) {
            let known = Payload::of_encoding(&format.encoding).map(Said::Known);
            let name = || Said::Unsupported(format.encoding.chars().take(40).collect());
            self.say(format.payload_type, known.unwrap_or_else(name));
        }
        let of = |media: &Media| match media.transport {
            Transport::TransportStream => Some((Payload::TransportStream, BTreeMap::new())),
            Transport::Rtp => media.formats.iter().find_map(|format| {
                let pairs = || format.parameters.iter().rev().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                Some((Payload::of_encoding(&format.encoding)?, pairs()))
            }),
        };
        let video = description.media.iter().filter(|media| media.kind == Kind::Video).find_map(of);
        let (payload, parameters) = video.or_else(|| description.media.iter().find_map(of)).unzip();
        Ok((payload, parameters.unwrap_or_default()))
    }

    /// What a packet carries, as far as that is known by now. Packets come in order, as far as possible.
    pub fn detect_from_rtp_packet(&mut self, payload_type: u8, packet: &Packet<'_>) -> Detection {
        let payload_type = payload_type & 0x7F;
        if let Some(fixed) = avp::static_type(payload_type) {
            return match Payload::of_encoding(fixed.encoding) {
                Some(payload) => Detection::Known(payload),
                None => Detection::Unsupported(fixed.encoding.to_owned()),
            };
        }
        match self.said.get(&payload_type) {
            Some(Said::Known(payload)) => return Detection::Known(*payload),
            Some(Said::Unsupported(name)) => return Detection::Unsupported(name.clone()),
            None => {}
        }
        if !avp::is_dynamic(payload_type) {
            return Detection::Unsupported(format!("payload type {payload_type}"));
        }
        self.seen.entry(payload_type).or_default().look(packet)
    }

    /// Forgets what was seen, not what was said: the sender has started anew.
    pub fn forget(&mut self) {
        self.seen.clear();
    }

    fn say(&mut self, payload_type: u8, said: Said) {
        self.said.insert(payload_type & 0x7F, said);
    }
}
