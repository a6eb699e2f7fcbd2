//! kill -9 while it writes: the database opens clean, and nothing that was acknowledged is lost.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::base::tasks;

/// Names the directory to the child; without it this is the test itself.
const CHILD: &str = "ROOFTOP_TEST_KILL";
const ROUNDS: usize = 20;

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    if let Some(dir) = std::env::var_os(CHILD) {
        write_until_killed(Path::new(&dir));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let mut child = child(dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // A different moment each time, and always in the middle of writing.
        let said = lines.by_ref().map_while(Result::ok).filter_map(|line| Some(line.split_once("ack ")?.1.to_owned()));
        acknowledged.extend(said.take(5 + round * 4));
        child.kill().unwrap();
        // What it said before it died counts too.
        acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| Some(line.split_once("ack ")?.1.to_owned())));
        child.wait().unwrap();
        check(dir.path(), &acknowledged);
    }
    assert!(acknowledged.len() > ROUNDS * 10, "{}", acknowledged.len());
}

fn child(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "store::tests::kill::nothing_acknowledged_is_lost_by_kill_9", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Four writers at once, so that transactions carry several changes; and an import now and then.
fn write_until_killed(dir: &Path) {
    let store = Store::open(dir).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let writers: Vec<_> = (0..4).map(|writer| tasks::spawn("writer", write(store.clone(), writer))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn write(store: Store, writer: usize) {
    for turn in 0.. {
        let key = format!("{}-{writer}-{turn}", std::process::id());
        if writer == 0 && turn % 10 == 0 {
            let items = (0..50).map(|n| item(&key, "", &format!("Channel {n}"), &format!("{key}/{n}"))).collect();
            store.import(spec(&key, 0), items).await.unwrap();
            say(&format!("import {key}"));
        } else {
            store.set_setting(&key, Some(&key)).await.unwrap();
            say(&format!("setting {key}"));
        }
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("ack {what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn check(dir: &Path, acknowledged: &[String]) {
    let store = Store::open(dir).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        store.verify().await.unwrap();
        for what in acknowledged {
            match what.split_once(' ').unwrap() {
                ("setting", key) => assert_eq!(store.setting(key).await.unwrap().as_deref(), Some(key), "{what}"),
                (_, key) => assert_eq!(store.imported(key).await.unwrap().unwrap().sources, 50, "{what}"),
            }
        }
    });
}
