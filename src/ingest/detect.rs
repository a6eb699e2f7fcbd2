//! What the packets of an RTP session carry: by static payload type (RFC 3551), else as a person says, else by what the payloads look
//! like. Pure.
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

    /// Its encoding name, and how fast its clock is where nobody says (hertz). `None` for what has no payload format.
    pub fn encoding(self) -> Option<(&'static str, u32)> {
        let Self::Codec(codec) = self else { return Some(("MP2T", 90_000)) };
        Some(match codec {
            Codec::H264 => ("H264", 90_000),
            Codec::Hevc => ("H265", 90_000),
            Codec::Av1 => ("AV1", 90_000),
            Codec::JpegXs => ("jxsv", 90_000),
            Codec::Mpeg2 => ("MPV", 90_000),
            Codec::Mp2 => ("MPA", 90_000),
            Codec::Aac => ("mpeg4-generic", 48_000),
            Codec::AacLatm => ("MP4A-LATM", 48_000),
            Codec::Opus => ("opus", 48_000),
            Codec::Ac3 => ("ac3", 48_000),
            Codec::Eac3 => ("eac3", 48_000),
            _ => return None,
        })
    }
}

/// What is known about a packet's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detection {
    /// What it is.
    Known(Payload),
    /// What it is called, which nothing here knows.
    Unsupported(&'static str),
    /// Nobody has said, and so many packets looked at do not tell yet.
    Undecided {
        /// Packets of this payload type, as far as they count.
        packets: u32,
    },
}

/// Finds out what payload types carry.
#[derive(Debug, Default)]
pub struct CodecDetector {
    said: BTreeMap<u8, Payload>,
    seen: BTreeMap<u8, Evidence>,
}

impl CodecDetector {
    /// One that was told nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody says what a payload type carries. The last word counts; static payload types stay what they are.
    pub fn add_payload_type_mapping(&mut self, payload_type: u8, payload: impl Into<Payload>) {
        self.said.insert(payload_type & 0x7F, payload.into());
    }

    /// What a packet carries, as far as that is known by now. Packets come in order, as far as possible.
    pub fn detect_from_rtp_packet(&mut self, payload_type: u8, packet: &Packet<'_>) -> Detection {
        let payload_type = payload_type & 0x7F;
        if let Some(fixed) = avp::static_type(payload_type) {
            return match Payload::of_encoding(fixed.encoding) {
                Some(payload) => Detection::Known(payload),
                None => Detection::Unsupported(fixed.encoding),
            };
        }
        if let Some(payload) = self.said.get(&payload_type) {
            return Detection::Known(*payload);
        }
        if !avp::is_dynamic(payload_type) {
            return Detection::Unsupported("a payload type that stands for nothing");
        }
        self.seen.entry(payload_type).or_default().look(packet)
    }
}
