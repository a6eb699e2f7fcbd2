//! The judge judged: the fixtures are without fault, and each kind of damage is seen. Else a clean recording proves nothing.

use std::time::Duration;

use crate::support::http::Request;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::packets::SIZE;
use crate::support::restamp::Media;
use crate::support::ts_oracle::{STRICT, aligned, assert_clean, assert_decodes, examine};
use crate::support::upstream::{Origin, Script, drain};

/// The last second of one turn and the first of the next, from a random access point on.
fn across_the_turn(media: &Media, seconds: u64, length: Duration) -> Vec<u8> {
    let mut player = media.play(Duration::from_secs(seconds));
    let end = Duration::from_secs(seconds) + length;
    let mut bytes = Vec::new();
    while player.due() < end {
        bytes.extend_from_slice(&player.next_packet());
    }
    bytes
}

#[rstest::rstest]
#[case(Kind::H264, 2)]
#[case(Kind::Small, 2)]
#[case(Kind::Mpeg2, 2)]
#[case(Kind::Hevc, 2)]
#[case(Kind::Radio, 1)]
fn fixtures_are_without_fault_and_loop_without_seam(#[case] kind: Kind, #[case] streams: usize) {
    let media = kind.media();
    let found = assert_clean(media.bytes(), STRICT);
    assert_eq!(found.streams.len(), streams);
    let turned = across_the_turn(&media, 0, Duration::from_secs(40));
    let found = assert_clean(&turned, STRICT);
    assert!(found.duration > Duration::from_secs(39), "{found:?}");
    assert_decodes(&turned);
}

#[test]
fn timestamps_wrap_without_seam() {
    let media = Kind::H264.media().shifted((1 << 33) - 10 * 90_000);
    let wrapped = across_the_turn(&media, 0, Duration::from_secs(20));
    assert_clean(&wrapped, STRICT);
}

#[test]
fn damage_is_seen() {
    let clean = across_the_turn(&Kind::H264.media(), 0, Duration::from_secs(5));
    let faults = |damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = clean.clone();
        damage(&mut bytes);
        examine(&bytes, STRICT).faults.join("\n")
    };
    assert_eq!(faults(&|_| {}), "");
    assert!(faults(&|bytes| bytes[700 * SIZE] = 0).contains("no sync byte"));
    assert!(faults(&|bytes| drop(bytes.drain(700 * SIZE..701 * SIZE))).contains("continuity"));
    assert!(faults(&|bytes| drop(bytes.drain(700 * SIZE..2500 * SIZE))).contains("without a PCR"));
    assert!(faults(&|bytes| drop(bytes.drain(700 * SIZE..2500 * SIZE))).contains("DTS jumps"));
    let repeated = |bytes: &mut Vec<u8>| {
        let early = bytes[..500 * SIZE].to_vec();
        bytes.extend(early);
    };
    assert!(faults(&repeated).contains("goes back"));
    assert!(faults(&|bytes| bytes[5 + 2 * SIZE..3 * SIZE].fill(0)).len() > 10);
}

/// What the origin of the tests sends is without fault and on time: else the server would be blamed for it.
#[test]
fn the_origin_sends_in_real_time() {
    let netns = Netns::new();
    let origin = Origin::start(&netns);
    origin.set("/live", Script::live(&Kind::H264.media()));
    std::thread::sleep(Duration::from_millis(300));
    let response = Request::get("/live").timeout(Duration::from_millis(100)).send(&netns, origin.address()).unwrap();
    let bytes = drain(response.into_stream(), Duration::from_secs(4));
    let found = examine(aligned(&bytes), STRICT);
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert!((3500..4300).contains(&found.duration.as_millis()), "{found:?}");
    crate::support::wait::until_so("the origin to notice", Duration::from_secs(1), || origin.live() == 0);
    assert_eq!(origin.hits("/live").len(), 1);
}
