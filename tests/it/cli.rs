//! The command line: help, exit codes, and what each command does. 0 is done, 1 it failed, 2 the command line is wrong.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::support::app::{EXE, Setup};
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::process::{Output, run};
use crate::support::rig::{LINEUP, Rig};
use crate::support::upstream::{Origin, Script};

/// Runs it outside of any namespace: for what needs no network.
fn rooftop(arguments: &[&str]) -> Output {
    run(Command::new(EXE).args(arguments).env_remove("RUST_LOG"), Duration::from_secs(20))
}

fn json(output: Output) -> Value {
    let text = output.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn help_and_wrong_arguments() {
    let help = rooftop(&["--help"]).ok();
    for command in ["serve", "check", "probe", "discover", "backup", "restore", "token"] {
        assert!(help.contains(&format!("  {command} ")), "{command} is not in:\n{help}");
        let own = rooftop(&[command, "--help"]).ok();
        assert!(own.contains("Usage: rooftop") && own.len() > 200, "{own}");
    }
    let serve = rooftop(&["serve", "--help"]).ok();
    for option in ["--data-dir", "--listen", "--playlist", "--config"] {
        assert!(serve.contains(option), "{option} is not in:\n{serve}");
    }
    assert!(rooftop(&["--version"]).ok().starts_with("rooftop "));
    for wrong in [&["nonsense"][..], &["serve", "--nonsense"], &["probe"], &["serve", "--listen"], &["backup"], &[]] {
        let output = rooftop(wrong);
        assert_eq!(output.code(), 2, "{wrong:?}: {output:?}");
        assert!(output.stderr.contains("Usage") || output.stderr.contains("--help"), "{output:?}");
    }
}

#[test]
fn serve_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let at = text(dir.path());
    let file = text(&dir.path().join("a-file"));
    std::fs::write(&file, "x").unwrap();
    let config = text(&dir.path().join("bad.toml"));
    std::fs::write(&config, "no_such_key = 1\n").unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["serve", "--data-dir", &at, "--listen", "nonsense"], "nonsense"),
        (&["serve", "--data-dir", &at, "--config", "/nonexistent.toml"], "/nonexistent.toml"),
        (&["serve", "--data-dir", &at, "--config", &config], "no_such_key"),
        (&["serve", "--data-dir", &format!("{file}/below"), "--listen", "127.0.0.1:0"], "a-file"),
    ];
    for (arguments, word) in cases {
        let output = rooftop(arguments);
        assert!([1, 2].contains(&output.code()), "{arguments:?}: {output:?}");
        assert!((output.stderr.clone() + &output.text()).contains(word), "{word} is not in {output:?}");
        assert!(!output.stderr.contains("panicked"), "{output:?}");
    }
    let netns = Netns::new();
    let _taken = netns.listen("0.0.0.0:5004").unwrap();
    let output = run(netns.command(EXE).args(["serve", "--data-dir", &at, "--listen", "0.0.0.0:5004"]), Duration::from_secs(10));
    assert_eq!(output.code(), 1, "{output:?}");
    assert!((output.stderr.clone() + &output.text()).contains("5004"), "{output:?}");
}

#[test]
fn check_shows_settings_without_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let at = text(dir.path());
    let list = "http://hugo:geheim77@10.0.0.9/get.php?username=hugo&password=geheim77";
    let netns = Netns::new();
    let check = |more: &[&str]| run(netns.command(EXE).args(["check", "--data-dir", &at]).args(more), Duration::from_secs(20));
    let output = check(&["--playlist", list]);
    let shown = output.text() + &output.stderr;
    assert!(shown.contains("5004") && shown.contains(&at), "{shown}");
    assert!(!shown.contains("geheim77"), "{shown}");
    let document = json(check(&["--json", "--playlist", list]));
    assert!(document.is_object() && !document.to_string().contains("geheim77"), "{document}");
    let _taken = netns.listen("0.0.0.0:80").unwrap();
    let output = check(&[]);
    assert!((output.text() + &output.stderr).contains("80"), "{output:?}");
    let config = text(&dir.path().join("bad.toml"));
    std::fs::write(&config, "lisen = [\"0.0.0.0:5004\"]\n").unwrap();
    let output = check(&["--config", &config]);
    assert_eq!(output.code(), 1, "{output:?}");
    assert!((output.text() + &output.stderr).contains("lisen"), "{output:?}");
}

#[test]
fn probe_tells_what_is_in_a_source() {
    let netns = Netns::new();
    let origin = Origin::start(&netns);
    origin.set("/good", Script::live(&Kind::H264.media())).set("/gone", Script::Status(404, vec![]));
    let probe = |arguments: &[&str]| run(netns.command(EXE).arg("probe").args(arguments), Duration::from_secs(15));
    let output = probe(&[&origin.url("/good")]).ok();
    for word in ["H264", "1280x720", "AAC"] {
        let plain = output.to_lowercase().replace(['.', '-'], "").replace('×', "x");
        assert!(plain.contains(&word.to_lowercase()), "no {word} in {output}");
    }
    let document = json(probe(&["--json", &origin.url("/good")]));
    assert_eq!(document["plays"], true, "{document}");
    assert_eq!(origin.hits("/good").len(), 2);
    for bad in [origin.url("/gone"), "http://10.77.0.1:9/x".into(), "nonsense".into(), "gopher://x/".into()] {
        let output = probe(&[&bad]);
        assert_eq!(output.code(), 1, "{bad}: {output:?}");
        assert!(output.stderr.starts_with("rooftop: "), "{output:?}");
    }
    let secret = format!("http://hugo:geheim77@{}/gone", origin.address());
    let output = probe(&[&secret]);
    assert!(!(output.stderr.clone() + &output.text()).contains("geheim77"), "{output:?}");
}

#[test]
fn discover_finds_what_is_there() {
    let rig = Rig::standard();
    let id = rig.app.device_id();
    assert!(rig.app.cli(&["discover"]).ok().contains(&id));
    assert!(rig.app.cli(&["discover", "127.0.0.1"]).ok().contains(&id));
    let document = json(rig.app.cli(&["discover", "--json"]));
    assert_eq!(document[0]["device_id"], id.as_str(), "{document}");
    let empty = Netns::new();
    let output = run(empty.command(EXE).arg("discover"), Duration::from_secs(5));
    assert_eq!(output.code(), 1, "{output:?}");
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let rig = Rig::standard();
    let at = text(&rig.app.data_dir());
    let token = |arguments: &[&str]| rig.app.cli(&[&["token", "--data-dir", &at], arguments].concat());
    let status = |token: &str| {
        let request = crate::support::http::Request::get("/api/v1/status").header("Authorization", &format!("Bearer {token}"));
        request.send(&rig.netns, "10.77.0.1:80").unwrap().status
    };
    let first = rig.app.token().to_owned();
    assert!(first.len() >= 20, "{first}");
    assert_eq!(status(&first), 200);
    let listed = token(&["list"]).ok();
    assert!(!listed.contains(&first), "the list shows a token");
    let document = json(token(&["--json", "--name", "second"]));
    let second = document["token"].as_str().unwrap_or_else(|| panic!("{document}")).to_owned();
    assert_eq!(status(&second), 200);
    let rows = json(token(&["list", "--json"]));
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == "second").unwrap_or_else(|| panic!("{rows}"));
    token(&["revoke", &row["id"].to_string()]).ok();
    crate::support::wait::until_so("the token to be refused", Duration::from_secs(5), || status(&second) == 401);
    assert_eq!(status(&first), 200);
    assert_eq!(token(&["revoke", "999"]).code(), 1);
}

#[test]
fn a_backup_while_it_runs_restores_everything() {
    let rig = Rig::standard();
    let at = text(&rig.app.data_dir());
    let lineup = rig.app.json("/lineup.json");
    let id = rig.app.device_id();
    let file = text(&rig.app.dir().join("backup.db"));
    rig.app.cli(&["backup", &file, "--data-dir", &at]).ok();
    let again = rig.app.cli(&["backup", &file, "--data-dir", &at]);
    assert_eq!(again.code(), 1, "an existing file was overwritten: {again:?}");
    let running = rig.app.cli(&["restore", &file, "--data-dir", &at]);
    assert_eq!(running.code(), 1, "a running server's database was replaced: {running:?}");
    let netns = Arc::clone(&rig.netns);
    let stopped = rig.app.stop();
    let fresh = tempfile::tempdir().unwrap();
    let elsewhere = text(&fresh.path().join("data"));
    run(Command::new(EXE).args(["restore", &file, "--data-dir", &elsewhere]), Duration::from_secs(10)).ok();
    std::fs::write(stopped.dir().join("garbage"), b"not a database").unwrap();
    let garbage = text(&stopped.dir().join("garbage"));
    let output = rooftop(&["restore", &garbage, "--data-dir", &elsewhere]);
    assert_eq!(output.code(), 1, "{output:?}");
    std::fs::remove_dir_all(stopped.data_dir()).unwrap();
    std::fs::rename(fresh.path().join("data"), stopped.data_dir()).unwrap();
    let restored = Setup::new(&netns).data_of(&stopped).start();
    assert_eq!(restored.device_id(), id);
    assert_eq!(restored.json("/lineup.json"), lineup);
    assert_eq!(lineup.as_array().unwrap().len(), LINEUP.len());
}

/// Killed in the middle of it all, it starts again with all it had acknowledged.
#[test]
fn a_kill_loses_nothing() {
    let netns = Arc::new(Netns::new());
    let one = |n: u32| entry(&n.to_string(), &format!("Channel {n}"), &format!("http://10.77.0.1:9/{n}"));
    let entries: Vec<_> = (1..=50).map(one).collect();
    let mut app = Setup::new(&netns).playlist(&entries).start();
    let id = app.device_id();
    for round in 1..=5 {
        let post = format!("/lineup.post?favorite=%2B{round}");
        assert_eq!(crate::support::http::Request::new("POST", &post).send(&netns, "10.77.0.1:80").unwrap().status, 200);
        app.signal(rustix::process::Signal::KILL);
        app.wait_exit(Duration::from_secs(2));
        let next = Setup::new(&netns).data_of(&app).start();
        assert_eq!(next.device_id(), id);
        let lineup = next.json("/lineup.json");
        let favourites = lineup.as_array().unwrap().iter().filter(|row| row["Favorite"] == 1).count();
        assert_eq!((lineup.as_array().unwrap().len(), favourites), (50, round), "after kill {round}");
        app = next;
    }
    app.assert_well();
}

/// `rooftop` itself links no libav: a machine without it runs the tuner.
#[test]
fn the_server_links_no_libav() {
    let libraries = run(Command::new("ldd").arg(EXE), Duration::from_secs(10)).ok();
    assert!(libraries.contains("libc.so"), "{libraries}");
    for library in ["libav", "libsw", "libx264", "libssl"] {
        assert!(!libraries.contains(library), "{library} in:\n{libraries}");
    }
}

/// With nothing said at all, three demo channels play, one of them although its first source is dead.
#[test]
fn the_demo_plays() {
    let netns = Arc::new(Netns::new());
    let app = Setup::new(&netns).start();
    let lineup = app.json("/lineup.json");
    let numbers: Vec<&str> = lineup.as_array().unwrap().iter().map(|row| row["GuideNumber"].as_str().unwrap()).collect();
    assert_eq!(numbers.len(), 3, "{lineup}");
    for number in numbers {
        let mut ffmpeg = netns.command("ffmpeg");
        let url = format!("http://10.77.0.1:5004/auto/v{number}");
        ffmpeg.args(["-nostdin", "-v", "error", "-i", &url, "-t", "2", "-map", "0:v", "-map", "0:a", "-f", "null", "-"]);
        let output = run(&mut ffmpeg, Duration::from_secs(30));
        assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{number}");
    }
}
