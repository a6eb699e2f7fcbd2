use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;
use crate::model::{Moment, ViewingKind};

/// Names the directory to the child; without it this is the test itself.
const CHILD: &str = "ROOFTOP_TEST_SPOOL_KILL";

fn event(number: u64) -> ViewingEvent {
    ViewingEvent {
        at: Moment(clock::wall_ms()),
        event_type: ViewingKind::SessionEnd,
        session_id: 1,
        subscriber_id: number,
        channel_id: 5,
        guide_number: "5.1".into(),
        client_addr: "10.0.0.9".into(),
        user_agent: "VLC".into(),
        bytes: number,
        seconds: 1.5,
        quality: String::new(),
        reason: "client left".into(),
    }
}

async fn numbers(spool: &Spool, most: usize) -> Vec<u64> {
    spool.newest(most).await.unwrap().iter().map(|event| event.subscriber_id).collect()
}

#[tokio::test]
async fn events_come_back_the_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::start(dir.path()).unwrap();
    assert!(numbers(&spool, 10).await.is_empty());
    assert!(!dir.path().join(DIR).exists(), "who watches nothing pays nothing");
    let events: Vec<_> = (1..=20).map(event).collect();
    events.iter().cloned().for_each(|event| spool.push(event));
    drop(spool);
    let spool = Spool::start(dir.path()).unwrap();
    assert_eq!(spool.newest(1).await.unwrap(), events[19..]);
    spool.push(event(21));
    let deadline = clock::now() + Duration::from_secs(5);
    while numbers(&spool, 3).await != [21, 20, 19] {
        assert!(clock::now() < deadline, "nothing is written");
        clock::sleep(Duration::from_millis(20)).await;
    }
    // It can be read before it is safely on disk, and is counted after that.
    spool.close().await;
    assert_eq!(spool.totals(), (1, 0));
}

/// Flash cards have so many writes and no more.
#[tokio::test]
async fn it_writes_at_most_every_half_second() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::start(dir.path()).unwrap();
    let mut writes = 0;
    let mut written = 0;
    let began = clock::now();
    for number in 0.. {
        // Three writes at least, however slow the disk is.
        if number >= 150 && writes >= 3 {
            break;
        }
        assert!(clock::now() - began < Duration::from_secs(60), "{writes} writes");
        spool.push(event(number));
        clock::sleep(Duration::from_millis(10)).await;
        let now = spool.totals().0;
        writes += u32::from(now != written);
        written = now;
    }
    let most = u32::try_from((clock::now() - began).as_millis() / EVERY.as_millis()).unwrap() + 2;
    assert!(writes <= most, "{writes} writes, at most {most} expected");
}

#[test]
fn who_is_too_fast_loses_the_oldest_and_it_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::start(dir.path()).unwrap();
    let shared = &spool.0.closing.0;
    let held = shared.open.lock().unwrap();
    spool.push(event(0));
    // The writer has the first one in hand, and cannot go on.
    while !shared.queue().waiting.is_empty() {
        std::thread::yield_now();
    }
    (1..=WAITING as u64 + 5).for_each(|number| spool.push(event(number)));
    assert_eq!(shared.queue().lost, 5);
    assert_eq!(shared.queue().waiting.front().unwrap().subscriber_id, 6);
    drop(held);
}

/// Whatever is wrong with the files, new events are kept.
#[rstest::rstest]
#[case::settings("conf", b"nonsense".to_vec())]
#[case::log("db", vec![0x55; 600_000])]
#[case::short("db", b"short".to_vec())]
#[tokio::test]
async fn damage_costs_no_more_than_what_was_there(#[case] file: &str, #[case] content: Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::start(dir.path()).unwrap();
    spool.push(event(1));
    drop(spool);
    std::fs::write(dir.path().join(DIR).join(file), content).unwrap();
    let spool = Spool::start(dir.path()).unwrap();
    spool.push(event(2));
    drop(spool);
    assert_eq!(numbers(&Spool::start(dir.path()).unwrap(), 1).await, [2]);
}

/// What is no spool at all is put aside.
#[tokio::test]
async fn what_is_no_spool_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(DIR), b"a file where the folder should be").unwrap();
    let spool = Spool::start(dir.path()).unwrap();
    spool.push(event(2));
    drop(spool);
    assert_eq!(numbers(&Spool::start(dir.path()).unwrap(), 10).await, [2]);
    let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().any(|name| name.starts_with("spool.damaged-")));
}

/// kill -9 while events come: what was handed in half a second before is there, and no event is there without those before it.
#[test]
fn at_most_half_a_second_is_lost_by_kill_9() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let spool = Spool::start(Path::new(&dir)).unwrap();
        for number in 1.. {
            spool.push(event(number));
            // What is counted as written must be there, whenever the end comes.
            let (written, _) = spool.totals();
            let mut out = std::io::stdout().lock();
            out.write_all(format!("ack {number} {written}\n").as_bytes()).unwrap();
            out.flush().unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for round in 0..6u64 {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::spool::tests::at_most_half_a_second_is_lost_by_kill_9", "--nocapture", "--test-threads=1"])
            .env(CHILD, dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acks = lines.map_while(Result::ok).filter_map(|line| {
            let (number, written) = line.split_once("ack ")?.1.split_once(' ')?;
            Some((number.parse::<u64>().ok()?, written.parse::<u64>().ok()?))
        });
        let mut handed_in = Vec::new();
        let mut safe = 0;
        let began = clock::now();
        for (number, written) in acks {
            handed_in.push((clock::now(), number));
            safe = written;
            // A different moment each time.
            if safe > 0 && clock::now() - began > Duration::from_millis(1200 + round * 97) {
                break;
            }
        }
        let killed = clock::now();
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = runtime.block_on(async { numbers(&Spool::start(dir.path()).unwrap(), 100_000).await });
        let newest = kept.first().copied().unwrap_or(0);
        assert_eq!(kept, (1..=newest).rev().collect::<Vec<_>>(), "no gaps");
        let lost = handed_in.iter().find(|(_, number)| *number > newest).map(|(at, _)| killed - *at);
        let lost = lost.unwrap_or_default();
        eprintln!("round {round}: {} handed in, {newest} kept, the last {lost:?} lost", handed_in.len());
        assert!(newest >= safe, "{safe} were written, {newest} are there");
        // Beyond the half second, the time that a slow disk takes to write a batch, and the next.
        assert!(lost <= EVERY + Duration::from_secs(5), "the last {lost:?} are lost");
    }
}
