use super::*;
use crate::ingest::tap::testing::recording;

fn taps() -> (Taps, mpsc::UnboundedReceiver<Line>) {
    Taps::new(Settings::default(), Limits::of_machine(8 << 30))
}

fn now() -> (Instant, Moment) {
    (clock::now(), Moment(clock::wall_ms()))
}

fn look_at(line: &mut Line) -> bool {
    let (now, wall) = now();
    line.look(now, wall)
}

fn frames(tapped: &Tapped) -> u64 {
    tapped.seen().assembled.frames
}

/// A stream of 40 frames in pieces.
fn pieces() -> Vec<Bytes> {
    recording(&"IPbbPbbPbb".repeat(4)).into_iter().map(Bytes::from).collect()
}

#[test]
fn what_is_pushed_is_looked_at_and_let_go_when_it_ends() {
    let (taps, mut begun) = taps();
    let tapped = taps.tapped();
    let mut feed = taps.feed(&tapped, CancellationToken::new(), false);
    let mut line = begun.try_recv().unwrap();
    pieces().iter().for_each(|piece| feed.push(piece));
    assert!(look_at(&mut line));
    assert_eq!((frames(&tapped), tapped.waiting_bytes.load(Ordering::Relaxed)), (39, 0));
    assert!(taps.memory().used() > 0 && tapped.seen().memory_bytes == taps.memory().used());
    drop(feed);
    assert!(!look_at(&mut line));
    assert_eq!((frames(&tapped), taps.memory().used(), tapped.missed_bytes()), (40, 0, 0));
}

#[test]
fn what_there_is_no_room_for_is_counted_and_no_fault() {
    let (taps, mut begun) = taps();
    let tapped = taps.tapped();
    let mut feed = taps.feed(&tapped, CancellationToken::new(), false);
    let mut line = begun.try_recv().unwrap();
    let pieces: Vec<Bytes> = recording(&"IPbbPbbPbb".repeat(60)).into_iter().map(Bytes::from).collect();
    let (first, last) = pieces.split_at(580);
    first.iter().for_each(|piece| feed.push(piece));
    let missed = tapped.missed_bytes();
    assert!(missed > 0 && tapped.waiting_bytes.load(Ordering::Relaxed) <= MOST_BYTES && feed.hole);
    look_at(&mut line);
    last.iter().for_each(|piece| feed.push(piece));
    look_at(&mut line);
    let seen = tapped.seen();
    assert_eq!((tapped.missed_bytes(), seen.recovery.missing, seen.recovery.gaps), (missed, 0, 0));
    assert!(seen.assembled.frames > 40 && seen.assembled.broken == 0 && seen.buffer.gops == 3, "{seen:?}");
}

#[test]
fn a_newer_sender_begins_anew_and_the_older_one_is_not_seen() {
    let (taps, mut begun) = taps();
    let tapped = taps.tapped();
    let closed = CancellationToken::new();
    let mut old = taps.feed(&tapped, closed.clone(), false);
    let mut older = begun.try_recv().unwrap();
    pieces().iter().for_each(|piece| old.push(piece));
    look_at(&mut older);
    closed.cancel();
    let mut new = taps.feed(&tapped, CancellationToken::new(), true);
    let mut newer = begun.try_recv().unwrap();
    pieces().iter().for_each(|piece| old.push(piece));
    assert!(look_at(&mut newer) && taps.memory().used() == 0);
    pieces().iter().for_each(|piece| new.push(piece));
    look_at(&mut newer);
    let held = taps.memory().used();
    drop(old);
    assert!(!look_at(&mut older));
    assert_eq!((taps.memory().used(), tapped.seen().gops.counts.total()), (held, 39));
    assert_eq!(tapped.waiting_bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_thread_looks_until_it_is_dropped() {
    let (taps, looking) = Taps::start(Settings::default(), Limits::of_machine(8 << 30)).unwrap();
    let tapped = taps.tapped();
    let mut feed = taps.feed(&tapped, CancellationToken::new(), false);
    pieces().iter().for_each(|piece| feed.push(piece));
    while frames(&tapped) < 39 {
        clock::sleep(TOGETHER).await;
    }
    drop(looking);
    let before = tapped.missed_bytes();
    feed.push(&Bytes::from_static(&[0x47]));
    assert_eq!(tapped.missed_bytes(), before + 1, "nobody is there");
}
