//! What ffmpeg, mpv and VLC make of a source that takes over with another picture size, or with other codecs (docs/players.md):
//! counted are the pictures that they themselves say to have shown.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::players;
use crate::support::app::Setup;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::packets::packets;
use crate::support::playlist::entry;
use crate::support::process::{Running, start};
use crate::support::rig::Rig;
use crate::support::ts_oracle::{STRICT, assert_begins_well, assert_clean};
use crate::support::upstream::{Cue, Live, Origin, Script};
use crate::support::wait;

const URL: &str = "http://10.77.0.1:5004/auto/v1";
/// Pictures that are shown of each source at least: two seconds of them.
const PICTURES: u64 = 50;
/// Not what players take, which is a second or two, but what a busy machine may.
const LIMIT: Duration = Duration::from_secs(60);

/// A channel with one source after the other: the next one is there when the last one ends.
fn rig(kinds: &[Kind], change: impl FnOnce(Setup) -> Setup) -> Rig {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let source = |(n, kind): (usize, &Kind)| {
        let path = format!("/{n}");
        origin.set(&path, if n == 0 { Live::new(&kind.media()).script() } else { Script::Close });
        entry("1", "One", &origin.url(&path)).with("tvg-id=\"one\"")
    };
    let sources: Vec<_> = kinds.iter().enumerate().map(source).collect();
    let app = change(Setup::new(&netns).playlist_each(&sources)).start();
    Rig { app, origin, netns }
}

/// The next source takes over.
fn change(rig: &Rig, from: usize, kind: Kind) {
    rig.origin.set(&format!("/{}", from + 1), Live::new(&kind.media()).script());
    let last = format!("/{from}");
    rig.origin.cue(&last, Cue::End);
    rig.origin.set(&last, Script::Close);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Player {
    Ffmpeg,
    Mpv,
    Vlc,
}

impl Player {
    /// Starts it. VLC and mpv ask again when a stream is over.
    fn start(self, rig: &Rig) -> Running {
        let mut command = match self {
            Self::Ffmpeg => {
                let mut command = rig.netns.command("ffmpeg");
                command.args(["-nostdin", "-nostats", "-progress", "pipe:1", "-stats_period", "0.2"]);
                command.args(["-i", URL, "-f", "null", "-"]);
                command
            }
            Self::Mpv => {
                let mut command = rig.netns.command("mpv");
                command.args(["--no-config", "--no-ytdl", "--vo=null", "--ao=null", "--loop-playlist=inf"]);
                let status = "shown ${video-format} ${audio-codec-name} ${width}x${height} ${estimated-frame-number} ";
                command.arg(format!("--term-status-msg={status}")).arg(URL);
                command
            }
            Self::Vlc => {
                let control = ["--extraintf=oldrc", "--rc-fake-tty", "--rc-host=10.77.0.1:4212"];
                players::vlc(rig, &[&control[..], &["-vv", "--loop", URL]].concat())
            }
        };
        start(&mut command)
    }

    /// Pictures shown, since it began or began anew.
    fn pictures(self, rig: &Rig, running: &Running) -> u64 {
        let said = running.so_far();
        let number = match self {
            Self::Ffmpeg => said.lines().filter_map(|line| line.strip_prefix("frame=")).next_back().map(str::to_owned),
            Self::Mpv => status(&said).and_then(|status| Some((*status.get(3)?).to_owned())),
            Self::Vlc => displayed(rig),
        };
        number.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    }

    /// Waits until it has shown two seconds more than these.
    fn shows_more(self, rig: &Rig, running: &Running, than: u64) -> u64 {
        let what = format!("{self:?} to show {PICTURES} pictures more than {than}");
        wait::until(&what, LIMIT, || Some(self.pictures(rig, running)).filter(|shown| *shown >= than + PICTURES))
    }

    /// Waits until it says that it decodes this, in its own words.
    fn decodes(self, running: &Running, codec: &str) {
        let found = || {
            let said = running.so_far();
            match self {
                Self::Ffmpeg => said.contains(&format!("Video: {codec}")),
                Self::Mpv => status(&said).is_some_and(|status| status.first() == Some(&codec)),
                Self::Vlc => said.contains(&format!("codec ({codec}) started")),
            }
        };
        wait::until_so(&format!("{self:?} to decode {codec}"), LIMIT, found);
    }
}

/// The last whole status line of mpv.
fn status(said: &str) -> Option<Vec<&str>> {
    let lines = said.rsplit("shown ").map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    lines.skip(1).find(|words| words.len() >= 4 && words[2].contains('x'))
}

/// What VLC answers when it is asked how many frames it has displayed.
fn displayed(rig: &Rig) -> Option<String> {
    let mut stream = rig.netns.tcp(([10, 77, 0, 1], 4212)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(b"stats\n").ok()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&answer).contains("end of statistical") {
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        answer.extend_from_slice(&buffer[..length]);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let line = answer.lines().find(|line| line.contains("frames displayed"))?;
    line.split(':').nth(1).map(str::to_owned)
}

/// The same codecs, in another size: nobody has to ask again, whatever is set.
#[rstest::rstest]
#[case(Player::Ffmpeg, "splice")]
#[case(Player::Mpv, "close")]
#[case(Player::Vlc, "splice")]
fn go_on_in_another_size(#[case] player: Player, #[case] setting: &str) {
    let mut rig = rig(&[Kind::Small, Kind::H264], |setup| setup.env("ROOFTOP_RECOVERY_CODEC_CHANGE", setting));
    let running = player.start(&rig);
    let shown = player.shows_more(&rig, &running, 0);
    change(&rig, 0, Kind::H264);
    wait::until_so("the next source", LIMIT, || rig.app.log().matches("source on air").count() == 2);
    player.shows_more(&rig, &running, shown.max(player.pictures(&rig, &running)));
    if player == Player::Mpv {
        wait::until_so("the other size", LIMIT, || status(&running.so_far()).is_some_and(|status| status[2] == "1280x720"));
    }
    assert_eq!(rig.app.log().matches("viewer left").count(), 0, "{}", running.so_far());
    rig.app.assert_well();
}

/// VLC follows the tables: one response, three codecs.
#[test]
fn vlc_goes_on_in_other_codecs() {
    let kinds = [(Kind::Small, "h264"), (Kind::Hevc, "hevc"), (Kind::Mpeg2, "mpeg2video"), (Kind::H264Ac3, "h264")];
    let mut rig = rig(&kinds.map(|(kind, _)| kind), |setup| setup);
    let running = Player::Vlc.start(&rig);
    let mut shown = Player::Vlc.shows_more(&rig, &running, 0);
    for (n, (kind, codec)) in kinds.into_iter().enumerate().skip(1) {
        change(&rig, n - 1, kind);
        Player::Vlc.decodes(&running, codec);
        wait::until_so("the next source", LIMIT, || rig.app.log().matches("source on air").count() == n + 1);
        shown = Player::Vlc.shows_more(&rig, &running, shown.max(Player::Vlc.pictures(&rig, &running)));
    }
    assert_eq!(rig.app.log().matches("viewer left").count(), 0, "{}", running.so_far());
    rig.app.assert_well();
}

fn closing(kinds: &[Kind]) -> Rig {
    rig(kinds, |setup| setup.env("ROOFTOP_RECOVERY_CODEC_CHANGE", "close"))
}

/// The stream ends where the codecs change: who asks again has the new ones.
#[rstest::rstest]
fn asking_again_brings_other_codecs(#[values(Player::Mpv, Player::Vlc)] player: Player) {
    let mut rig = closing(&[Kind::Small, Kind::Hevc]);
    let running = player.start(&rig);
    player.shows_more(&rig, &running, 0);
    player.decodes(&running, "h264");
    change(&rig, 0, Kind::Hevc);
    player.decodes(&running, "hevc");
    player.shows_more(&rig, &running, 0);
    rig.app.assert_logged(&["viewer left", "reason=codecs changed"]);
    assert!(!rig.app.log().contains("session closed"));
    rig.app.assert_well();
}

/// ffmpeg ends well, and decodes the new codec when it is started again.
#[test]
fn ffmpeg_ends_at_other_codecs() {
    let mut rig = closing(&[Kind::Small, Kind::Mpeg2]);
    let running = Player::Ffmpeg.start(&rig);
    Player::Ffmpeg.shows_more(&rig, &running, 0);
    change(&rig, 0, Kind::Mpeg2);
    let output = running.finish(LIMIT);
    assert_eq!(output.code(), 0, "{output:?}");
    let running = Player::Ffmpeg.start(&rig);
    Player::Ffmpeg.decodes(&running, "mpeg2video");
    Player::Ffmpeg.shows_more(&rig, &running, 0);
    drop(running);
    rig.app.assert_well();
}

/// Byte by byte: the first recording has the one codec only, the second one begins with the other.
#[rstest::rstest]
#[case::pictures(Kind::Small, Kind::Hevc, [0x24, 0x0F])]
#[case::sound_only(Kind::Small, Kind::H264Ac3, [0x1B, 0x81])]
fn a_recording_holds_one_codec(#[case] first: Kind, #[case] then: Kind, #[case] types: [u8; 2]) {
    let mut rig = closing(&[first, then]);
    let viewer = rig.watch("1");
    viewer.more(100_000, LIMIT);
    change(&rig, 0, then);
    let bytes = viewer.read_to_the_end(LIMIT);
    let found = assert_clean(&bytes, STRICT);
    assert_eq!(found.pmt_versions.len(), 1, "{found:?}");
    let again = rig.watch("1");
    again.more(100_000, LIMIT);
    let bytes = again.so_far();
    let found = assert_clean(&bytes[..bytes.len() / 188 * 188], STRICT);
    assert_begins_well(&found);
    let streams: Vec<u8> = found.streams.iter().map(|(kind, _)| *kind).collect();
    assert_eq!((streams.as_slice(), found.pmt_versions.len()), (types.as_slice(), 1), "{found:?}");
    assert!(packets(&bytes).next().is_some_and(|packet| packet.pid() == 0));
    rig.app.assert_well();
}
