//! A slate that shows a picture of the person's choosing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::support::app::Setup;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::process::run;
use crate::support::rig::Rig;
use crate::support::ts_oracle::{STRICT, aligned, assert_clean, whole_units};
use crate::support::upstream::{Cue, Origin, Script};
use crate::support::viewer::Leave;
use crate::support::wait;

const LIMIT: Duration = Duration::from_secs(60);

fn rig(image: &Path, kind: Kind) -> Rig {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    origin.set("/only", Script::live(&kind.media()));
    let source = entry("1", "One", &origin.url("/only"));
    let app = Setup::new(&netns).env("ROOFTOP_FILLER_IMAGE", &image.display().to_string()).playlist(&[source]).start();
    Rig { app, origin, netns }
}

/// A recording in the middle of which the only source is away for two seconds.
fn recorded_with_a_gap(rig: &mut Rig, kind: Kind) -> Vec<u8> {
    let viewer = rig.watch("1");
    wait::until_so("the slate to be made", LIMIT, || rig.app.log().contains("clip made"));
    rig.origin.cue("/only", Cue::End);
    rig.origin.set("/only", Script::Close);
    thread::sleep(Duration::from_secs(2));
    rig.origin.set("/only", Script::live(&kind.media()));
    wait::until_so("the source to be back", LIMIT, || rig.app.log().matches("source on air").count() == 2);
    viewer.more(200_000, LIMIT);
    let bytes = viewer.leave(Leave::Fin);
    assert_clean(aligned(&bytes), STRICT);
    rig.app.assert_well();
    bytes
}

/// The mean colour of a part of every picture.
fn colours(bytes: &[u8], crop: &str) -> Vec<[u8; 3]> {
    let file = tempfile::Builder::new().suffix(".ts").tempfile().unwrap();
    std::fs::write(file.path(), whole_units(aligned(bytes))).unwrap();
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "quiet", "-i"]).arg(file.path());
    command.args(["-fps_mode", "passthrough", "-vf", &format!("crop={crop},scale=1:1:flags=area,format=rgb24")]);
    let output = run(command.args(["-f", "rawvideo", "-"]), LIMIT);
    assert_eq!(output.code(), 0, "{output:?}");
    output.stdout.as_chunks::<3>().0.to_vec()
}

fn near(colour: [u8; 3], wanted: [u8; 3]) -> bool {
    colour.iter().zip(wanted).all(|(is, wanted)| is.abs_diff(wanted) <= 12)
}

/// A square picture of one colour.
fn square(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=c=0x20C060:s=200x200", "-frames:v", "1", "-y"]);
    run(ffmpeg.arg(&path), LIMIT).ok();
    path
}

#[rstest::rstest]
#[case::png_in_h264("slate.png", Kind::Small, "340:340:150:10", "120:340:0:10")]
#[case::jpeg_in_mpeg2("slate.jpg", Kind::Mpeg2, "560:560:80:8", "60:560:0:8")]
fn the_gap_shows_it_on_black(#[case] name: &str, #[case] kind: Kind, #[case] middle: &str, #[case] left: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(&square(dir.path(), name), kind);
    let bytes = recorded_with_a_gap(&mut rig, kind);
    let shown = colours(&bytes, middle).into_iter().zip(colours(&bytes, left));
    let slate = shown.filter(|(middle, left)| near(*middle, [0x20, 0xC0, 0x60]) && near(*left, [0, 0, 0])).count();
    assert!(slate >= 25, "{slate} pictures of it");
}

/// What cannot be shown is said, with its path and what to do, and the text takes its place.
#[rstest::rstest]
#[case::missing(None, "cannot read the picture")]
#[case::no_picture(Some(&b"<html>"[..]), "is neither a PNG nor a JPEG")]
#[case::broken(Some(&b"\x89PNG\r\n\x1a\nand then nothing that is one"[..]), "cannot be shown")]
fn what_cannot_be_shown_is_said(#[case] content: Option<&[u8]>, #[case] said: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slate.png");
    if let Some(content) = content {
        std::fs::write(&path, content).unwrap();
    }
    let mut rig = rig(&path, Kind::Small);
    let bytes = recorded_with_a_gap(&mut rig, Kind::Small);
    rig.app.assert_logged(&["WARN", &path.display().to_string(), said, "filler.image", "PNG or JPEG"]);
    // The text stands in the middle; the corners are the slate's own dark blue.
    let corners = colours(&bytes, "60:60:0:0");
    let dark = corners.iter().filter(|colour| colour.iter().all(|value| *value < 60)).count();
    assert!(dark >= 25, "{dark} of {} pictures", corners.len());
}
