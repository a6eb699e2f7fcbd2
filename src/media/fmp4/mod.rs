//! Fragmented MP4 (ISO/IEC 14496-12) as browsers take it (W3C, "ISO BMFF Byte Stream Format"): an initialisation section, then
//! fragments that carry their own times. Pure.
//!
//! Written here and not by libav's multiplexer: that waits for every track before its first byte, and cannot begin anew when a
//! channel changes its parameter sets. All times are units of 90 kHz from one beginning, which all tracks share.

mod boxes;
mod fragment;
mod init;
mod picture;
mod sound;

pub use fragment::{Sample, fragment};
pub use init::init;
pub use picture::{Coded, Picture, PictureCodec, Sets, unpacked};
pub use sound::Sound;

/// Units of time a second, in every track.
pub const TIMESCALE: u32 = 90_000;
/// `track_ID` of the pictures.
pub const PICTURE_ID: u32 = 1;
/// `track_ID` of the sound.
pub const SOUND_ID: u32 = 2;

/// What the initialisation section describes. At least one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracks {
    /// The pictures.
    pub picture: Option<Picture>,
    /// The sound.
    pub sound: Option<Sound>,
}

impl Tracks {
    /// As browsers are asked whether they can decode it (RFC 6381): `video/mp4; codecs="avc1.64001f,mp4a.40.2"`.
    pub fn content_type(&self) -> String {
        let picture = self.picture.as_ref().map(Picture::codec_string);
        let sound = self.sound.as_ref().map(Sound::codec_string);
        let kind = if picture.is_some() { "video" } else { "audio" };
        let codecs: Vec<String> = picture.into_iter().chain(sound).collect();
        format!("{kind}/mp4; codecs=\"{}\"", codecs.join(","))
    }
}

#[cfg(test)]
mod tests;
