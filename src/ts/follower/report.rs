//! What an input has seen, told in the terms of the domain.

use super::Follower;
use crate::model::stream_info::Kind;
use crate::model::{AudioInfo, Codec, StreamInfo, SubtitleInfo, VideoInfo};
use crate::ts::keyframe::Scanner;
use crate::ts::probe::AudioProbe;

impl Follower {
    /// See `Input::info`.
    pub fn info(&self) -> StreamInfo {
        let mut info = StreamInfo {
            program: self.programme.as_ref().map(|programme| programme.number),
            program_count: self.tables.count() as u16,
            service_name: self.programme.as_ref().and_then(|programme| self.tables.name(programme.number)).map(str::to_owned),
            bitrate_bps: self.bit_rate.bits_per_second(),
            scrambled: self.stats.scrambled_packets > 0,
            continuity_errors: self.stats.continuity_errors,
            ..StreamInfo::default()
        };
        let streams = self.programme.as_ref().map(|programme| programme.streams.as_slice()).unwrap_or_default();
        for (index, stream) in streams.iter().enumerate() {
            let (codec, language) = (stream.codec, stream.language.clone());
            match codec.kind() {
                Kind::Video if info.video.is_none() => info.video = Some(self.video(codec)),
                Kind::Video => {}
                Kind::Audio => {
                    let probe = self.probes.get(index);
                    let format = probe.and_then(AudioProbe::format);
                    let codec = probe.map_or(codec, |probe| probe.codec(codec));
                    let (sample_rate, channels) = (format.map(|format| format.sample_rate), format.map(|format| format.channels));
                    info.audio.push(AudioInfo { codec, language, sample_rate, channels });
                }
                Kind::Subtitle => info.subtitles.push(SubtitleInfo { codec, language }),
                Kind::Data => info.data_streams += 1,
            }
        }
        info
    }

    fn video(&self, codec: Codec) -> VideoInfo {
        let format = self.scanner.as_ref().and_then(Scanner::format);
        let measured = || self.cadence.step_90k().map(|step| 90_000.0 / f64::from(step));
        VideoInfo {
            codec,
            profile: format.and_then(|format| format.profile).map(str::to_owned),
            width: format.map(|format| format.width),
            height: format.map(|format| format.height),
            frame_rate: format.and_then(|format| format.frame_rate).or_else(measured),
            interlaced: format.and_then(|format| format.interlaced),
            pixel_aspect: format.and_then(|format| format.pixel_aspect).filter(|(wide, high)| wide != high),
        }
    }
}
