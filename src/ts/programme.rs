//! The programme of a source: what its PMT says, in the form in which the splice needs it.

use crate::model::Codec;

/// One elementary stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// PID in the source.
    pub pid: u16,
    /// 13818-1, table 2-34.
    pub stream_type: u8,
    /// What it is, by stream type and descriptors.
    pub codec: Codec,
    /// ISO 639-2 language, if a descriptor says.
    pub language: Option<String>,
    /// The descriptor loop as it came.
    pub descriptors: Vec<u8>,
}

/// The chosen programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programme {
    /// `program_number` in the source.
    pub number: u16,
    /// PID that carries the PCR; 0x1FFF if none.
    pub pcr_pid: u16,
    /// The programme's own descriptor loop.
    pub descriptors: Vec<u8>,
    /// Elementary streams in PMT order.
    pub streams: Vec<Stream>,
}

impl Programme {
    /// Index of the stream whose random access points govern: the first video stream, or else the first audio stream,
    /// or else the first stream.
    pub fn main_stream(&self) -> Option<usize> {
        use crate::model::stream_info::Kind;
        let of = |kind| self.streams.iter().position(|stream| stream.codec.kind() == kind);
        of(Kind::Video).or_else(|| of(Kind::Audio)).or((!self.streams.is_empty()).then_some(0))
    }
}
