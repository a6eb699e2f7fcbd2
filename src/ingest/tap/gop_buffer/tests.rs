use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::ingest::tap::memory::{Ledger, Limits};
use crate::ingest::tap::testing::{frame, frames};
use crate::ts::PACKET;

const FRAME: u64 = PACKET as u64;

fn ledger(global: u64, per_stream: u64) -> Ledger {
    Ledger::new(Limits { global, per_stream })
}

fn buffer(settings: Settings) -> GopBuffer {
    GopBuffer::new(settings, ledger(1 << 30, 1 << 30).account())
}

fn kinds<'a>(kept: impl Iterator<Item = &'a Kept>) -> String {
    let letter = |frame: &Kept| match (frame.keyframe, frame.kind) {
        (true, _) => " I",
        (_, PictureKind::I) => "i",
        (_, PictureKind::P) => "P",
        (_, PictureKind::B) if frame.reference => "B",
        (_, PictureKind::B) => "b",
    };
    kept.map(letter).collect::<String>().trim_start().to_owned()
}

fn fill(buffer: &mut GopBuffer, kinds: &str) {
    frames(kinds).into_iter().for_each(|frame| buffer.push(frame));
}

#[rstest]
#[case::begins_with_a_keyframe("PbIPb", "IPb")]
#[case::three_groups("IPIbIPbIP", "Ib IPb IP")]
#[case::nothing("PPb", "")]
fn groups_are_kept(#[case] came: &str, #[case] left: &str) {
    let mut buffer = buffer(Settings::default());
    fill(&mut buffer, came);
    assert_eq!(kinds(buffer.frames()), left);
    assert_eq!(buffer.statistics().dropped_frames, 0, "to be too old is not to be dropped");
}

#[test]
fn bytes_are_bounded_and_the_oldest_go_first() {
    let mut buffer = buffer(Settings { most_bytes: 5 * FRAME, ..Settings::default() });
    fill(&mut buffer, "IPPIP");
    assert_eq!(kinds(buffer.frames()), "IPP IP");
    buffer.push(frame('P', 6, 1));
    assert_eq!((kinds(buffer.frames()), buffer.statistics().bytes), ("IPP".into(), 3 * FRAME));
    (7..15).for_each(|id| buffer.push(frame('P', id, 1)));
    assert_eq!(kinds(buffer.frames()), "IPPPP", "the only group ends there");
    buffer.push(frame('b', 15, 0));
    assert_eq!((kinds(buffer.frames()), buffer.statistics().dropped_frames), ("IPPPP".into(), 7), "and does not go on");
    buffer.push(frame('I', 16, 6));
    assert_eq!(kinds(buffer.frames()), "", "a frame larger than the buffer");
    fill(&mut buffer, "PI");
    assert_eq!(kinds(buffer.frames()), "I");
}

#[test]
fn time_and_frames_are_bounded() {
    let mut buffer = buffer(Settings { longest: Duration::from_millis(200), ..Settings::default() });
    fill(&mut buffer, "IPPPPPPPP");
    assert_eq!(kinds(buffer.frames()), "IPPPPP");
    assert_eq!(buffer.statistics().duration, Duration::from_millis(200));
    let mut few = super::tests::buffer(Settings { most_frames: 4, ..Settings::default() });
    fill(&mut few, "IPIPIP");
    assert_eq!(kinds(few.frames()), "IP IP");
}

#[test]
fn a_stream_whose_stamps_leap_is_bounded_by_the_clock() {
    let mut buffer = buffer(Settings { longest: Duration::from_millis(200), ..Settings::default() });
    for mut frame in frames("IPPPPPPPP") {
        frame.dts = Some(Pts90k(frame.id.wrapping_mul(0x9E37_79B9_7F4A_7C15) % (1 << 33)));
        buffer.push(frame);
    }
    assert_eq!(kinds(buffer.frames()), "IPPPPP");
}

#[rstest]
#[case(1, "IPP IbP", 1, 0)]
#[case(2 * FRAME, "IPP IP", 2, 0)]
#[case(3 * FRAME, "IP IP", 3, 0)]
#[case(5 * FRAME, "I I", 5, 2)]
#[case(99 * FRAME, "I", 6, 2)]
fn memory_is_given_back_in_order(#[case] needed: u64, #[case] left: &str, #[case] frames: u64, #[case] gops: u64) {
    let mut buffer = buffer(Settings::default());
    fill(&mut buffer, "IPbPIbP");
    assert_eq!(buffer.relieve(needed), frames * FRAME);
    let statistics = buffer.statistics();
    assert_eq!((kinds(buffer.frames()), statistics.dropped_frames, statistics.dropped_gops), (left.into(), frames, gops));
    assert_eq!(buffer.account.used(), statistics.bytes);
}

#[test]
fn what_needs_a_frame_that_went_is_not_kept() {
    let mut buffer = buffer(Settings::default());
    fill(&mut buffer, "IPP");
    buffer.relieve(1);
    fill(&mut buffer, "PPb");
    assert_eq!(kinds(buffer.frames()), "IP");
    buffer.push(frame('I', 9, 1));
    buffer.push(frame('P', 10, 1));
    assert_eq!(kinds(buffer.frames()), "IP IP");
}

#[test]
fn what_came_beside_a_b_frame_stays() {
    let mut buffer = buffer(Settings::default());
    for mut frame in frames("IbbP") {
        frame.beside = vec![frame.id as u8; PACKET].into();
        buffer.push(frame);
    }
    assert_eq!(buffer.relieve(2 * FRAME), 2 * FRAME);
    let beside = |kept: &Kept| kept.beside.iter().map(|bytes| bytes[0]).collect::<Vec<_>>();
    assert_eq!(buffer.frames().map(beside).collect::<Vec<_>>(), [vec![1, 2, 3], vec![4]]);
    assert_eq!((buffer.account.used(), buffer.statistics().bytes), (6 * FRAME, 6 * FRAME));
}

#[test]
fn a_group_goes_when_it_is_asked_for() {
    let mut buffer = buffer(Settings::default());
    fill(&mut buffer, "IPbIPb");
    buffer.drop_oldest();
    assert_eq!((kinds(buffer.frames()), buffer.statistics().dropped_gops), ("IPb".into(), 1));
    buffer.drop_oldest();
    assert_eq!((kinds(buffer.frames()), buffer.statistics().dropped_gops), ("I".into(), 2));
    buffer.drop_oldest();
    assert_eq!(kinds(buffer.frames()), "I");
    buffer.clear();
    assert_eq!((buffer.account.used(), buffer.keyframe().is_none()), (0, true));
}

#[test]
fn other_streams_may_leave_no_room() {
    let ledger = ledger(10 * FRAME, 10 * FRAME);
    let other = ledger.account();
    let mut buffer = GopBuffer::new(Settings::default(), ledger.account());
    fill(&mut buffer, "IbPP");
    let taken = other.reserve(6 * PACKET).unwrap();
    buffer.push(frame('P', 5, 1));
    assert_eq!(kinds(buffer.frames()), "IPPP", "a frame that no other needs makes room");
    assert!(other.reserve(PACKET).is_err());
    buffer.push(frame('I', 6, 4));
    assert_eq!(kinds(buffer.frames()), "I", "a keyframe is worth all that was before");
    assert_eq!(ledger.used(), 10 * FRAME);
    buffer.push(frame('I', 7, 5));
    buffer.push(frame('P', 8, 1));
    assert_eq!((kinds(buffer.frames()), ledger.used()), (String::new(), 6 * FRAME));
    drop(taken);
    buffer.push(frame('I', 9, 1));
    assert_eq!(buffer.keyframe().map(|kept| kept.id), Some(9));
}

#[test]
fn readers_keep_what_they_read() {
    let ledger = ledger(4 * FRAME, 4 * FRAME);
    let mut buffer = GopBuffer::new(Settings::default(), ledger.account());
    fill(&mut buffer, "IPPP");
    let reading: Vec<Bytes> = buffer.frames().map(|kept| kept.packets.clone()).collect();
    buffer.push(frame('I', 9, 1));
    assert_eq!((kinds(buffer.frames()), ledger.used()), (String::new(), 4 * FRAME), "there is no end to it while they read");
    drop(reading);
    buffer.push(frame('I', 10, 1));
    assert_eq!((kinds(buffer.frames()), ledger.used()), ("I".into(), FRAME));
}

#[rstest]
#[case(40, "I")]
#[case(80, "IP")]
#[case(100, "IPb")]
#[case(160, "IPbP")]
#[case(10_000, "IPbb IPbP I")]
fn a_preview_begins_with_a_keyframe(#[case] ms: u64, #[case] shown: &str) {
    let mut buffer = buffer(Settings::default());
    fill(&mut buffer, "IPbbIPbPI");
    assert_eq!(kinds(buffer.preview(Duration::from_millis(ms))), shown);
}

proptest! {
    /// Bounded whatever comes, and every group can be decoded: references without a hole from its keyframe on.
    #[test]
    fn what_is_kept_is_bounded_and_can_be_decoded(
        steps in proptest::collection::vec(("[IiPPBbb]", 0usize..6, 0usize..3, 0u64..9, 0u8..30), 0..120),
        most_bytes in 5u64..40, per_stream in 5u64..40, most_frames in 1usize..20, oldest: bool,
    ) {
        let ledger = ledger(30 * FRAME, per_stream * FRAME);
        let strategy = if oldest { DropStrategy::Oldest } else { DropStrategy::LowestPriority };
        let settings = Settings { most_bytes: most_bytes * FRAME, most_frames, strategy, ..Settings::default() };
        let mut buffer = GopBuffer::new(settings, ledger.account());
        let mut readers = Vec::new();
        // Of each group that came, the references in order, and which group a frame belongs to.
        let mut came: Vec<Vec<u64>> = Vec::new();
        let mut group_of = std::collections::BTreeMap::new();
        for (id, (kind, size, beside, amount, what)) in (1..).zip(steps) {
            let kind = kind.chars().next().unwrap();
            let mut frame = frame(kind, id, size);
            frame.beside = vec![0; beside * PACKET].into();
            if kind == 'I' {
                came.push(Vec::new());
            }
            if let Some(group) = came.last_mut() {
                if frame.kind != PictureKind::B || frame.reference {
                    group.push(id);
                }
                group_of.insert(id, came.len());
            }
            buffer.push(frame);
            match what {
                0 => buffer.drop_oldest(),
                1 | 2 => { buffer.relieve(amount * FRAME); }
                3 => readers.extend(buffer.frames().last().map(|kept| kept.packets.clone())),
                4 => { readers.pop(); }
                _ => {}
            }
            let statistics = buffer.statistics();
            prop_assert!(statistics.bytes <= settings.most_bytes && statistics.gops <= settings.gops);
            prop_assert!(statistics.frames <= most_frames);
            prop_assert_eq!(statistics.frames, buffer.frames().count());
            prop_assert_eq!(statistics.bytes, buffer.frames().map(Kept::bytes).sum::<u64>());
            prop_assert!(ledger.used() <= per_stream.min(30) * FRAME);
            if readers.is_empty() {
                prop_assert_eq!(ledger.used(), statistics.bytes);
            }
            let ids: Vec<u64> = buffer.frames().map(|kept| kept.id).collect();
            prop_assert!(ids.is_sorted());
            for (group, references) in (1..).zip(&came) {
                let left: Vec<&Kept> = buffer.frames().filter(|kept| group_of.get(&kept.id) == Some(&group)).collect();
                prop_assert!(left.first().is_none_or(|first| first.keyframe));
                let references_left = left.iter().filter(|kept| kept.kind != PictureKind::B || kept.reference);
                let of_references: Vec<u64> = references_left.map(|kept| kept.id).collect();
                prop_assert!(references.starts_with(&of_references), "{:?} of {:?}", of_references, references);
                // Nor is a B frame shown behind a hole.
                let end = references.get(of_references.len()).copied().unwrap_or(u64::MAX);
                prop_assert!(left.iter().all(|kept| kept.id < end));
            }
        }
        drop(buffer);
        drop(readers);
        prop_assert_eq!(ledger.used(), 0);
    }
}
