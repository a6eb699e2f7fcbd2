//! Checks 62 to 64: VLC, mpv and ffmpeg.

use std::process::Command;
use std::time::Duration;

use crate::support::media::Kind;
use crate::support::process::{Output, run};
use crate::support::rig::{LINEUP, Rig};

/// VLC, which refuses to run as root, without screen or loudspeaker.
pub fn vlc(rig: &Rig, arguments: &[&str]) -> Command {
    let home = rig.app.dir().join("vlc");
    std::fs::create_dir_all(&home).unwrap();
    let parent = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(rig.app.dir(), parent).unwrap();
    let mut command = rig.netns.command_as_nobody("cvlc", &home);
    command.args(["-I", "dummy", "--aout=adummy", "--vout=vdummy", "--no-dbus", "--play-and-exit"]).args(arguments);
    command
}

fn url(number: &str) -> String {
    format!("http://10.77.0.1:5004/auto/v{number}")
}

/// All channels in sequence, no 503, whatever the number of tuners: with one, VLC asks for the next channel while it still
/// holds the last.
#[rstest::rstest]
#[case(1)]
#[case(4)]
fn check_62_vlc_walks_through_the_lineup(#[case] tuners: u8) {
    let rig = Rig::with(|setup| setup.tuners(tuners));
    let output = run(&mut vlc(&rig, &["--run-time=2", "http://10.77.0.1/lineup.m3u", "vlc://quit"]), Duration::from_secs(60));
    assert_eq!(output.code(), 0, "{output:?}");
    assert!(!output.stderr.contains("503") && !output.stderr.contains("can't be opened"), "{}", output.stderr);
    for (number, path, _) in LINEUP {
        assert!(!rig.origin.hits(path).is_empty(), "{number} was never played:\n{}", output.stderr);
        let sent: usize = rig.origin.hits(path).iter().map(|hit| hit.sent.all()).sum();
        assert!(sent > 40_000, "{number}: {sent} bytes in 2 s");
    }
}

/// Plays every channel with a program, which must end by itself and well; afterwards the tuners are idle within a second.
fn every_channel(play: impl Fn(&Rig, &str, Kind) -> Output) {
    let rig = Rig::standard();
    for (number, path, kind) in LINEUP {
        let output = play(&rig, number, kind);
        assert_eq!(output.code(), 0, "{number}: {output:?}");
        rig.app.until_idle(Duration::from_secs(1));
        assert_eq!(rig.origin.hits(path).len(), 1, "{number}");
    }
}

#[test]
fn check_63_vlc_plays_every_channel() {
    every_channel(|rig, number, kind| {
        let output = run(&mut vlc(rig, &["-vv", "--run-time=4", &url(number), "vlc://quit"]), Duration::from_secs(20));
        let sign = if kind == Kind::Radio { "using audio decoder module" } else { "Received first picture" };
        assert!(output.stderr.contains(sign), "{number}: {}", output.stderr);
        output
    });
}

#[test]
fn check_63_mpv_plays_every_channel() {
    every_channel(|rig, number, kind| {
        let mut mpv = rig.netns.command("mpv");
        mpv.args(["--no-config", "--vo=null", "--ao=null", "--length=4", &url(number)]);
        let output = run(&mut mpv, Duration::from_secs(20));
        let text = output.text();
        assert!(text.contains("AO: [null]"), "{number}: {output:?}");
        assert!(kind == Kind::Radio || text.contains("VO: [null]"), "{number}: {output:?}");
        assert!(output.elapsed > Duration::from_secs(3), "{number}: {output:?}");
        output
    });
}

#[test]
fn check_63_ffmpeg_plays_every_channel() {
    every_channel(|rig, number, _| {
        let mut ffmpeg = rig.netns.command("ffmpeg");
        ffmpeg.args(["-nostdin", "-v", "error", "-i", &url(number), "-t", "4", "-f", "null", "-"]);
        let output = run(&mut ffmpeg, Duration::from_secs(20));
        assert_eq!(output.stderr, "", "{number}");
        output
    });
}

#[test]
fn check_64_players_say_busy_and_give_up() {
    let rig = Rig::with(|setup| setup.tuners(1));
    let viewer = rig.watch("1");
    let three_seconds = Duration::from_secs(3) + Duration::from_millis(800);
    let mut ffmpeg = rig.netns.command("ffmpeg");
    let output = run(ffmpeg.args(["-nostdin", "-v", "error", "-i", &url("2"), "-f", "null", "-"]), three_seconds);
    assert!(output.code() != 0 && output.stderr.contains("5XX"), "{output:?}");
    let mut mpv = rig.netns.command("mpv");
    let output = run(mpv.args(["--no-config", "--no-ytdl", "--vo=null", "--ao=null", &url("2")]), three_seconds);
    assert_eq!(output.code(), 2, "{output:?}");
    let output = run(&mut vlc(&rig, &[&url("2"), "vlc://quit"]), three_seconds);
    assert!(output.stderr.contains("503"), "{output:?}");
    viewer.more(50_000, Duration::from_secs(2));
    assert!(rig.origin.hits("/two").is_empty());
}
