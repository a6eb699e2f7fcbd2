use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Chunk, Limits, Read, Reader, Ring, Start};

const LIMITS: Limits = Limits { bytes: 1000, bytes_max: 3000, time: Duration::from_secs(30), join_lead: Duration::from_secs(1) };

fn chunk(mark: u8, size: usize, random_access: bool, media_ms: u64) -> Chunk {
    Chunk {
        bytes: vec![mark; size].into(),
        random_access,
        resume: if random_access { Bytes::from_static(b"!") } else { Bytes::new() },
        media: Duration::from_millis(media_ms),
    }
}

fn publish(ring: &Ring, mark: u8, size: usize, random_access: bool, media_ms: u64) {
    ring.publish(chunk(mark, size, random_access, media_ms), Duration::from_millis(media_ms));
}

fn read(reader: &mut Reader<Arc<Ring>>) -> Poll<Option<Read>> {
    reader.poll_read(&mut Context::from_waker(Waker::noop()))
}

fn got(reader: &mut Reader<Arc<Ring>>) -> (u8, bool) {
    match read(reader) {
        Poll::Ready(Some(read)) => (read.bytes[0], read.skipped),
        other => panic!("nothing to read: {other:?}"),
    }
}

#[test]
fn who_waited_for_the_start_gets_everything_from_the_first_keyframe() {
    let ring = Arc::new(Ring::new(LIMITS));
    let mut reader = Reader::new(ring.clone(), Start::First);
    assert!(read(&mut reader).is_pending());
    publish(&ring, 0, 10, false, 0);
    assert!(read(&mut reader).is_pending(), "nothing decodable yet");
    for (mark, ra, ms) in [(1, true, 0), (2, false, 500), (3, true, 1000), (4, false, 5000)] {
        publish(&ring, mark, 10, ra, ms);
    }
    assert_eq!((1..=4).map(|_| got(&mut reader)).collect::<Vec<_>>(), [(1, false), (2, false), (3, false), (4, false)]);
    assert!(read(&mut reader).is_pending());
}

#[test]
fn who_joins_starts_at_the_newest_keyframe_a_second_behind() {
    let ring = Arc::new(Ring::new(LIMITS));
    for (mark, ra, ms) in [(1, true, 0), (2, true, 2000), (3, false, 2500), (4, true, 3500), (5, false, 4000)] {
        publish(&ring, mark, 10, ra, ms);
    }
    assert_eq!(got(&mut Reader::new(ring.clone(), Start::Join)), (2, false));
    publish(&ring, 6, 10, false, 4500);
    assert_eq!(got(&mut Reader::new(ring, Start::Join)), (4, false));
}

#[test]
fn who_falls_behind_is_resumed_at_a_keyframe_with_the_discontinuity_first() {
    let ring = Arc::new(Ring::new(LIMITS));
    publish(&ring, 1, 400, true, 0);
    let mut reader = Reader::new(ring.clone(), Start::First);
    assert_eq!(got(&mut reader), (1, false));
    for (mark, ra, ms) in [(2, false, 500), (3, true, 1000), (4, false, 2500), (5, false, 3000)] {
        publish(&ring, mark, 400, ra, ms);
    }
    assert_eq!(got(&mut reader), (b'!', true));
    assert_eq!(got(&mut reader), (3, false));
    assert_eq!(got(&mut reader), (4, false));
}

#[test]
fn a_group_of_pictures_larger_than_the_ring_may_take_more_but_not_without_end() {
    let ring = Arc::new(Ring::new(LIMITS));
    publish(&ring, 1, 500, true, 0);
    for n in 0..4 {
        publish(&ring, 2, 500, false, 100 * n);
    }
    assert_eq!(ring.resident_bytes(), 2501);
    assert_eq!(got(&mut Reader::new(ring.clone(), Start::Join)), (1, false));
    publish(&ring, 2, 500, false, 600);
    assert!(ring.resident_bytes() <= LIMITS.bytes);
    assert!(read(&mut Reader::new(ring, Start::Join)).is_pending(), "no place to join any more");
}

#[test]
fn closing_lets_readers_finish() {
    let ring = Arc::new(Ring::new(LIMITS));
    publish(&ring, 1, 10, true, 0);
    let mut reader = Reader::new(ring.clone(), Start::First);
    let mut empty = Reader::new(Arc::new(Ring::new(LIMITS)), Start::First);
    empty.ring.close();
    ring.close();
    assert_eq!(got(&mut reader), (1, false));
    assert!(matches!(read(&mut reader), Poll::Ready(None)));
    assert!(matches!(read(&mut empty), Poll::Ready(None)));
}

#[test]
fn slots_of_readers_are_used_again() {
    let ring = Arc::new(Ring::new(LIMITS));
    for _ in 0..100 {
        let mut reader = Reader::new(ring.clone(), Start::First);
        assert!(read(&mut reader).is_pending());
    }
    assert_eq!(ring.lock().waiting.len(), 1);
}

proptest! {
    /// Whatever is published and however slowly it is read: memory stays bounded, what a reader sees is in order,
    /// every gap is announced, and it lands on a keyframe after each.
    #[test]
    fn reading_is_ordered_and_bounded(steps in proptest::collection::vec((0u8..4, 1usize..400, any::<bool>()), 1..200)) {
        let ring = Arc::new(Ring::new(LIMITS));
        let mut reader = Reader::new(ring.clone(), Start::Join);
        let (mut published, mut keyframes, mut last) = (0u32, Vec::new(), None::<u32>);
        let mut resumed = false;
        for (what, size, random_access) in steps {
            if what == 0 {
                let Poll::Ready(Some(read)) = read(&mut reader) else { continue };
                if read.skipped && &read.bytes[..] == b"!" {
                    resumed = true;
                    continue;
                }
                let n = u32::from_be_bytes(read.bytes[..4].try_into().unwrap());
                match last {
                    Some(last) if !resumed => prop_assert_eq!(n, last + 1),
                    _ => prop_assert!(keyframes.contains(&n)),
                }
                prop_assert!(last.is_none_or(|last| n > last));
                last = Some(n);
                resumed = false;
            } else {
                let mut bytes = published.to_be_bytes().to_vec();
                bytes.resize(4 + size, 0);
                if random_access {
                    keyframes.push(published);
                }
                let media = Duration::from_millis(u64::from(published) * 100);
                let resume = if random_access { Bytes::from_static(b"!") } else { Bytes::new() };
                ring.publish(Chunk { bytes: bytes.into(), random_access, resume, media }, media);
                published += 1;
                prop_assert!(ring.resident_bytes() <= LIMITS.bytes_max);
            }
        }
    }
}

#[test]
fn where_it_is_divided_readers_end_and_others_begin() {
    let ring = Arc::new(Ring::new(LIMITS));
    publish(&ring, 1, 10, true, 0);
    let mut before = Reader::new(ring.clone(), Start::First);
    let mut lagging = Reader::new(ring.clone(), Start::First);
    assert_eq!((got(&mut before), got(&mut lagging)), ((1, false), (1, false)));
    publish(&ring, 2, 10, false, 100);
    let mut waiting = Reader::new(ring.clone(), Start::Join);
    ring.divide();
    assert!(read(&mut waiting).is_pending(), "it begins with what follows");
    assert_eq!(got(&mut before), (2, false), "what was published before is still read");
    assert!(matches!(read(&mut before), Poll::Ready(None)));
    publish(&ring, 3, 10, true, 5000);
    publish(&ring, 4, 10, false, 9000);
    assert!(matches!(read(&mut before), Poll::Ready(None)), "and nothing behind it");
    assert_eq!((got(&mut waiting), got(&mut waiting)), ((3, false), (4, false)));
    assert_eq!(got(&mut Reader::new(ring.clone(), Start::Join)), (3, false));
    // One who has fallen out of the ring does not skip into the other part; nor does one that is two parts behind.
    publish(&ring, 5, 2000, true, 10_000);
    publish(&ring, 6, 2000, true, 10_001);
    assert!(matches!(read(&mut lagging), Poll::Ready(None)));
    ring.divide();
    publish(&ring, 7, 10, true, 20_000);
    assert!(matches!(read(&mut before), Poll::Ready(None)));
    assert!(matches!(read(&mut waiting), Poll::Ready(None)));
    assert_eq!(got(&mut Reader::new(ring, Start::Join)), (7, false));
}
