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

impl FramePreviewResponse {
    /// Of these frames. Their bytes are shared.
    pub fn of(stream_id: String, frames: &[Kept]) -> Self {
        let data = |kept: &Kept| FrameData { data: kept.packets.clone(), timestamp: kept.pts.map_or(0, |pts| pts.0) };
        Self { stream_id, frame_count: frames.len(), frames: frames.iter().map(data).collect() }
    }
}

fn base64<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}
