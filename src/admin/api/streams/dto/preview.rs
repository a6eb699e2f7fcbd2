//! A preview for who asks for JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::ingest::tap::gop_buffer::Kept;

/// One frame.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FrameData {
    /// Its transport packets, in base64 (RFC 4648, 4).
    #[serde(serialize_with = "base64")]
    #[schemars(with = "String", extend("contentEncoding" = "base64"))]
    pub data: Bytes,
    /// PTS in units of 90 kHz; 0 where it has none.
    pub timestamp: u64,
}

/// `GET /streams/{id}/preview` for who asks for JSON.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FramePreviewResponse {
    pub stream_id: String,
    pub frame_count: usize,
    pub frames: Vec<FrameData>,
}

impl FrameData {
    fn of(kept: &Kept) -> Self {
        Self { data: kept.packets.clone(), timestamp: kept.pts.map_or(0, |pts| pts.0) }
    }
}

impl FramePreviewResponse {
    /// Of these frames, piece by piece: all at once, in base64, it may be 70 MB.
    pub fn written(stream_id: &str, frames: Vec<Kept>) -> impl Iterator<Item = Bytes> + Send + use<> {
        let id = serde_json::to_string(stream_id).unwrap_or_default();
        let head = format!("{{\"stream_id\":{id},\"frame_count\":{},\"frames\":[", frames.len());
        let frames = frames.into_iter().enumerate().map(|(at, kept)| {
            let mut text = if at == 0 { Vec::new() } else { vec![b','] };
            // A frame is a text and a number, which can always be written.
            let _ = serde_json::to_writer(&mut text, &FrameData::of(&kept));
            Bytes::from(text)
        });
        std::iter::once(Bytes::from(head)).chain(frames).chain(std::iter::once(Bytes::from_static(b"]}")))
    }
}

fn base64<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}
