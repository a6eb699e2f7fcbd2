//! The streams the tests play: made by Debian's ffmpeg, once, and kept in cargo's folder for test files. Their sound and
//! picture end at the same instant, so that they can be played for ever.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::restamp::Media;

/// A kind of stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// H.264 with B frames and AAC, 1280×720, 25 frames a second, about 2 Mbit/s.
    H264,
    /// H.264 and AAC again, 640×360, other PIDs: what a second channel sends.
    Small,
    /// As `Small`, with a picture to begin with every 8 s.
    RareKeys,
    /// MPEG-2 and AC-3, 720×576, with null packets in between.
    Mpeg2,
    /// HEVC and AAC, 640×360.
    Hevc,
    /// H.264 with B frames in open groups and AC-3, 640×360 pixels that are wider than high.
    H264Ac3,
    /// HEVC and E-AC-3, 640×360.
    HevcEac3,
    /// MPEG-2 and MPEG audio layer 2, 720×576.
    Mpeg2Mp2,
    /// MPEG-2 with two tracks of sound: MPEG audio layer 2, and AC-3 with 5.1 channels, 720×576 for 16:9.
    Mpeg2TwoTracks,
    /// MPEG audio layer 2 alone.
    Radio,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::H264 => "h264",
            Kind::Small => "small",
            Kind::RareKeys => "rare-keys",
            Kind::Mpeg2 => "mpeg2",
            Kind::Hevc => "hevc",
            Kind::H264Ac3 => "h264-ac3-wide",
            Kind::HevcEac3 => "hevc-eac3",
            Kind::Mpeg2Mp2 => "mpeg2-mp2",
            Kind::Mpeg2TwoTracks => "mpeg2-two-tracks-wide",
            Kind::Radio => "radio",
        }
    }

    fn seconds(self) -> u64 {
        match self {
            Kind::Radio | Kind::Mpeg2Mp2 | Kind::Mpeg2TwoTracks => 24,
            Kind::Hevc | Kind::Small | Kind::RareKeys | Kind::H264Ac3 | Kind::HevcEac3 => 16,
            Kind::H264 | Kind::Mpeg2 => 32,
        }
    }

    fn arguments(self) -> String {
        let tone = |hz: u32| format!("-f lavfi -i sine=f={hz}:r=48000");
        let seconds = self.seconds();
        let picture = |size: &str, kind: &str| format!("-f lavfi -i {kind}=s={size}:r=25:d={seconds}");
        let video = "-pix_fmt yuv420p -g 12";
        // The encoders add a frame of their own, or pad the last: what comes out is `seconds` long to the sample.
        let aac = format!("-af atrim=end_sample={} -c:a aac -ac 2", seconds * 48000 - 1536);
        let ac3 = format!("-af atrim=end_sample={} -c:a ac3 -ac 2", seconds * 48000 - 256);
        let eac3 = ac3.replace("-c:a ac3", "-c:a eac3");
        match self {
            Kind::H264 => format!(
                "{} {} -c:v libx264 -preset veryfast -b:v 1900k -maxrate 2500k -bufsize 1200k -bf 2 -sc_threshold 0 \
                 {video} {aac} -b:a 128k",
                picture("1280x720", "testsrc2"),
                tone(440),
            ),
            Kind::Small => format!(
                "{} {} -c:v libx264 -preset ultrafast -b:v 700k -sc_threshold 0 {video} {aac} -b:a 96k \
                 -mpegts_start_pid 0x321 -mpegts_pmt_start_pid 0x300 -mpegts_service_id 7",
                picture("640x360", "testsrc2"),
                tone(880),
            ),
            Kind::RareKeys => Kind::Small.arguments().replace("-g 12 ", "-g 200 -keyint_min 200 "),
            Kind::Mpeg2 => format!(
                "{} {} -c:v mpeg2video -b:v 2M -maxrate 2M -bufsize 1M -bf 2 {video} {ac3} -b:a 192k -muxrate 3M",
                picture("720x576", "testsrc2"),
                tone(300),
            ),
            Kind::Hevc => format!(
                "{} {} -c:v libx265 -preset ultrafast -b:v 800k -x265-params log-level=none:keyint=12:min-keyint=12:scenecut=0 \
                 {video} {aac} -b:a 96k",
                picture("640x360", "testsrc2"),
                tone(600),
            ),
            Kind::H264Ac3 => format!(
                "{} {} -c:v libx264 -preset veryfast -b:v 800k -bf 3 -vf setsar=4/3 -x264-params open-gop=1 -sc_threshold 0 {video} {ac3} -b:a 192k",
                picture("640x360", "testsrc2"),
                tone(350),
            ),
            Kind::HevcEac3 => format!(
                "{} {} -c:v libx265 -preset ultrafast -b:v 800k -x265-params log-level=none:keyint=12:min-keyint=12:scenecut=0 \
                 {video} {eac3} -b:a 192k",
                picture("640x360", "testsrc2"),
                tone(650),
            ),
            Kind::Mpeg2Mp2 => format!(
                "{} {} -c:v mpeg2video -b:v 2M -maxrate 2M -bufsize 1M -bf 2 {video} -c:a mp2 -ac 2 -b:a 192k -frames:a {}",
                picture("720x576", "testsrc2"),
                tone(310),
                seconds * 48000 / 1152,
            ),
            Kind::Mpeg2TwoTracks => format!(
                "{} {} -map 0:v -map 1:a -map 1:a -c:v mpeg2video -b:v 2M -maxrate 2M -bufsize 1M -bf 2 -vf setsar=64/45 {video} \
                 -c:a:0 mp2 -ac:a:0 2 -b:a:0 192k -frames:a:0 {} \
                 -filter:a:1 atrim=end_sample={} -c:a:1 ac3 -ac:a:1 6 -b:a:1 384k",
                picture("720x576", "testsrc2"),
                tone(320),
                seconds * 48000 / 1152,
                seconds * 48000 - 256,
            ),
            Kind::Radio => format!("{} -c:a mp2 -b:a 192k -ac 2 -frames:a {}", tone(500), seconds * 48000 / 1152),
        }
    }

    /// Where its file lies; made if it is not there yet.
    pub fn path(self) -> PathBuf {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("it-{}.ts", self.name()));
        let lock = File::create(path.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        if !path.exists() {
            let part = path.with_extension("part");
            let made = Command::new("ffmpeg")
                .args(["-v", "error", "-nostdin", "-y"])
                .args(self.arguments().split_whitespace())
                .args(["-pes_payload_size", "16", "-f", "mpegts"])
                .arg(&part)
                .stdin(Stdio::null())
                .status()
                .unwrap_or_else(|error| panic!("the tests make their streams with ffmpeg: {error}"));
            assert!(made.success(), "ffmpeg could not make {}", part.display());
            std::fs::rename(part, &path).unwrap();
        }
        path
    }

    /// It, to be played for ever.
    pub fn media(self) -> Media {
        Media::new(std::fs::read(self.path()).unwrap(), Duration::from_secs(self.seconds()))
    }
}
