//! What the worker can do. Later jobs are added here; an unknown one is answered with `Failed`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Job {
    /// Tries to break out, and reports what was possible. For tests and for `check`.
    Confined,
    /// Makes a clip. Output: an MPEG transport stream.
    MakeClip(ClipSpec),
    /// Decodes the first picture of the transport stream that is the input. Output: a JPEG.
    Still,
}

impl Job {
    /// Its name, for the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Confined => "confined",
            Self::MakeClip(_) => "make_clip",
            Self::Still => "still",
        }
    }
}

/// What became of a job that was done. What it made came in the parts before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Of [`Job::Confined`].
    Confined(Vec<Attempt>),
    /// Of [`Job::MakeClip`].
    Clip(ClipInfo),
    /// Of [`Job::Still`]: width and height in pixels.
    Still(u32, u32),
}

/// One attempt to break out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was tried.
    pub what: String,
    /// Whether the kernel refused it, as it should.
    pub denied: bool,
    /// The kernel's answer.
    pub answer: String,
}

/// A clip to be made: an MPEG transport stream that can be played in a circle.
///
/// Closed GOPs, the first picture an IDR with parameter sets in band and `random_access_indicator`; a programme with PCR
/// on the video (or else the audio) PID. Equal specifications give equal pictures and sound.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipSpec {
    /// Drawn large; also the service name in the SDT.
    pub name: String,
    /// Drawn below it, one line each.
    pub lines: Vec<String>,
    /// What is drawn behind.
    pub pattern: Pattern,
    /// Or nothing of all that, but this. Its bytes are the job's input.
    pub backdrop: Option<Backdrop>,
    /// Length in milliseconds, rounded to whole pictures.
    pub length_ms: u32,
    /// The pictures, if any.
    pub video: Option<VideoSpec>,
    /// The sound, if any.
    pub audio: Option<AudioSpec>,
}

/// A picture from a file (PNG or JPEG), shown as large as it fits, on black.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backdrop {
    /// Where it lies.
    pub path: PathBuf,
    /// What is in it: equal specifications give equal pictures.
    pub sha256: String,
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Colour bars, a running clock and something that moves.
    Bars,
    /// A colour gradient, a running clock and something that moves.
    Gradient,
    /// A grid with circles, a running clock and something that moves.
    Grid,
    /// A quiet dark picture that hardly moves: for messages.
    Slate,
}

/// A video codec that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoCodec {
    /// ISO/IEC 14496-10.
    H264,
    /// ISO/IEC 23008-2.
    Hevc,
    /// ISO/IEC 13818-2.
    Mpeg2Video,
}

/// An audio codec that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AudioCodec {
    /// AAC-LC in ADTS.
    Aac,
    /// Dolby Digital.
    Ac3,
    /// Dolby Digital Plus.
    Eac3,
    /// MPEG-1 layer II; at the lower sample rates of MPEG-2 (ISO/IEC 13818-3) too.
    Mp2,
}

impl AudioCodec {
    /// Samples in one frame of it.
    pub fn frame_samples(self) -> u32 {
        match self {
            Self::Aac => 1024,
            Self::Mp2 => 1152,
            Self::Ac3 | Self::Eac3 => 1536,
        }
    }

    /// Sample rates that its encoder takes, in Hz, and the same for people. HE-AAC says the half of what is heard.
    fn sample_rates(self) -> (&'static [u32], &'static str) {
        match self {
            Self::Aac | Self::Mp2 => {
                (&[16_000, 22_050, 24_000, 32_000, 44_100, 48_000], "16000, 22050, 24000, 32000, 44100, 48000")
            }
            Self::Ac3 | Self::Eac3 => (&[32_000, 44_100, 48_000], "32000, 44100, 48000"),
        }
    }
}

/// Pictures.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoSpec {
    /// Codec.
    pub codec: VideoCodec,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Shape of a pixel, width to height: `(1, 1)` is square.
    pub pixel_aspect: (u32, u32),
    /// Pictures in `frame_rate.1` seconds: `(30000, 1001)`.
    pub frame_rate: (u32, u32),
    /// Coded as two fields. HEVC is always made progressive.
    pub interlaced: bool,
    /// Pictures from one IDR to the next.
    pub gop: u32,
    /// Bit rate in bit/s, not to be exceeded over a second.
    pub bit_rate: u32,
}

/// Sound.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioSpec {
    /// Codec.
    pub codec: AudioCodec,
    /// Samples a second.
    pub sample_rate: u32,
    /// 1 to 6; 6 is 5.1.
    pub channels: u8,
    /// A soft tone of this many hertz; `None` is silence.
    pub tone_hz: Option<u32>,
    /// Bit rate in bit/s.
    pub bit_rate: u32,
}

/// What a made clip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClipInfo {
    /// Time from its first picture to the first picture of its next round, in units of 90 kHz.
    pub length_90k: u64,
    /// Pictures in it.
    pub pictures: u32,
    /// Audio frames in it.
    pub audio_frames: u32,
}

/// Why a clip cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value} is not within {allowed}")]
pub struct BadSpec {
    /// Which field.
    pub what: &'static str,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub allowed: &'static str,
}

impl ClipSpec {
    /// Whether a clip can be made of it, within bounds that keep the worker's memory and time small.
    ///
    /// # Errors
    /// The first field that is out of bounds.
    pub fn check(&self) -> Result<(), BadSpec> {
        let bad = |what, value: String, allowed| Err(BadSpec { what, value, allowed });
        if self.video.is_none() && self.audio.is_none() {
            return bad("clip", "without video and audio".to_owned(), "what can be played");
        }
        if !(40..=300_000).contains(&self.length_ms) {
            return bad("length_ms", self.length_ms.to_string(), "40 to 300000");
        }
        let text = self.name.len() + self.lines.iter().map(String::len).sum::<usize>();
        if text > 2000 || self.lines.len() > 12 {
            return bad("text", format!("of {text} bytes in {} lines", self.lines.len()), "2000 bytes in 12 lines");
        }
        self.video.as_ref().map_or(Ok(()), VideoSpec::check)?;
        self.audio.as_ref().map_or(Ok(()), AudioSpec::check)
    }
}

impl VideoSpec {
    fn check(&self) -> Result<(), BadSpec> {
        let bad = |what, value: String, allowed| Err(BadSpec { what, value, allowed });
        let even = |value: u32, most| (64..=most).contains(&value) && value.is_multiple_of(2);
        if !even(self.width, 4096) {
            return bad("width", self.width.to_string(), "the even numbers from 64 to 4096");
        }
        if !even(self.height, 2304) {
            return bad("height", self.height.to_string(), "the even numbers from 64 to 2304");
        }
        let (num, den) = self.frame_rate;
        if den == 0 || num > 300_000 || !(5 * u64::from(den)..=120 * u64::from(den)).contains(&u64::from(num)) {
            return bad("frame_rate", format!("{num}/{den}"), "5 to 120 pictures a second");
        }
        let (wide, high) = self.pixel_aspect;
        if !(1..=255).contains(&wide) || !(1..=255).contains(&high) {
            return bad("pixel_aspect", format!("{wide}:{high}"), "1:255 to 255:1");
        }
        if !(1..=600).contains(&self.gop) {
            return bad("gop", self.gop.to_string(), "1 to 600");
        }
        if !(50_000..=50_000_000).contains(&self.bit_rate) {
            return bad("video.bit_rate", self.bit_rate.to_string(), "50000 to 50000000");
        }
        Ok(())
    }
}

impl AudioSpec {
    /// Whether it can be made.
    ///
    /// # Errors
    /// The first field that is out of bounds.
    pub fn check(&self) -> Result<(), BadSpec> {
        let bad = |what, value: String, allowed| Err(BadSpec { what, value, allowed });
        let (rates, allowed) = self.codec.sample_rates();
        if !rates.contains(&self.sample_rate) {
            return bad("sample_rate", self.sample_rate.to_string(), allowed);
        }
        let most = if self.codec == AudioCodec::Mp2 { 2 } else { 6 };
        if !(1..=most).contains(&self.channels) {
            return bad("channels", self.channels.to_string(), "1 to 6 (mp2: 2)");
        }
        if self.tone_hz.is_some_and(|hz| !(20..=15_000).contains(&hz)) {
            return bad("tone_hz", format!("{:?}", self.tone_hz), "20 to 15000");
        }
        if !(32_000..=640_000).contains(&self.bit_rate) {
            return bad("audio.bit_rate", self.bit_rate.to_string(), "32000 to 640000");
        }
        // ISO/IEC 13818-3, 2.4.2.3.
        if self.codec == AudioCodec::Mp2 && self.sample_rate < 32_000 && self.bit_rate > 160_000 {
            return bad("audio.bit_rate", self.bit_rate.to_string(), "32000 to 160000 (mp2 below 32000 Hz)");
        }
        Ok(())
    }
}

impl Default for ClipSpec {
    /// Half a minute (32 s: a whole number of AAC frames) of colour bars, 1280x720 at 25 pictures a second.
    fn default() -> Self {
        Self {
            name: "Rooftop".to_owned(),
            lines: Vec::new(),
            pattern: Pattern::Bars,
            backdrop: None,
            length_ms: 32_000,
            video: Some(VideoSpec::default()),
            audio: Some(AudioSpec::default()),
        }
    }
}

impl Default for VideoSpec {
    fn default() -> Self {
        Self {
            codec: VideoCodec::H264,
            width: 1280,
            height: 720,
            pixel_aspect: (1, 1),
            frame_rate: (25, 1),
            interlaced: false,
            gop: 25,
            bit_rate: 2_000_000,
        }
    }
}

impl Default for AudioSpec {
    fn default() -> Self {
        Self { codec: AudioCodec::Aac, sample_rate: 48_000, channels: 2, tone_hz: None, bit_rate: 128_000 }
    }
}
