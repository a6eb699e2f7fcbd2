//! L1: elementary streams: parameter sets, resolution, frame rate, random access. Pure.
//!
//! Knows nothing about how the bytes came: no packets, no PIDs, no time.

pub mod aac;
pub mod ac3;
mod aspect;
pub mod av1;
pub mod bits;
pub mod dts;
pub mod h264;
pub mod hevc;
pub mod jpegxs;
pub mod mpa;
pub mod mpeg2;
pub mod mpeg4;
pub mod reordering;
pub mod start_code;
pub mod vvc;

/// What a video stream's parameter sets say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VideoFormat {
    /// As the standard names it.
    pub profile: Option<&'static str>,
    /// Pixels, after cropping.
    pub width: u32,
    /// Pixels, after cropping.
    pub height: u32,
    /// Width to height of a pixel, reduced; none where that is not said.
    pub pixel_aspect: Option<(u16, u16)>,
    /// Frames (not fields) a second.
    pub frame_rate: Option<f64>,
    /// Whether pictures may be coded as fields.
    pub interlaced: Option<bool>,
}

/// What an audio frame's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioFormat {
    /// Hertz.
    pub sample_rate: u32,
    /// Channels, with the low-frequency one.
    pub channels: u8,
}
