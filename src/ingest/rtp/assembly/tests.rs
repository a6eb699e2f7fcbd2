//! Two media whose timestamps have nothing to do with each other.

mod carried;
mod drift;

use super::*;
use crate::base::clock;
use crate::ingest::sdp::Parameters;
use crate::ts::packet;
use crate::ts::pes::Header;

/// AAC-LC in stereo.
fn aac(payload_type: u8, clock_rate: u32, config: &str) -> Format {
    let parameters = format!("mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config={config}");
    Format {
        payload_type,
        encoding: "MPEG4-GENERIC".into(),
        clock_rate,
        channels: Some(2),
        parameters: Parameters::parse(&parameters),
        line: 1,
    }
}

/// When units of a PID are shown, and what begins them.
fn shown(stream: &[u8], pid: u16) -> Vec<(Pts90k, Vec<u8>)> {
    let packets = stream.as_chunks::<{ crate::ts::PACKET }>().0;
    let of_pid = packets.iter().filter(|raw| packet::pid(packet::header(raw)) == pid);
    let begins = of_pid.filter(|raw| packet::header(raw) & packet::UNIT_START != 0);
    begins
        .map(|raw| {
            let payload = packet::payload(raw);
            let header = Header::parse(payload).unwrap();
            (header.pts.unwrap(), payload[header.body_at..][..7].to_vec())
        })
        .collect()
}

/// Frames of 1024 samples of both, the second one 0.3 s later. By the sender's clock it is half a second.
fn assembled(reports: bool) -> Vec<u8> {
    let start = clock::now();
    let mut assembly = Assembly::new(&[aac(96, 48_000, "1190"), aac(97, 44_100, "1210")]).unwrap();
    let clocks = [(1000, 48_000, 100 << 32), (-70_000, 44_100, (100 << 32) + (1 << 31))];
    for frame in 0..200i64 {
        for (medium, (first, clock_rate, ntp)) in clocks.into_iter().enumerate() {
            let after = Duration::from_millis(300 * medium as u64)
                + Duration::from_micros(frame as u64 * 1_024_000_000 / clock_rate as u64);
            let payload = [&[0, 16, 0, 30 << 3][..], &[frame as u8; 30]].concat();
            let packet = Ordered {
                sequence: frame,
                timestamp: first + frame * 1024,
                payload_type: 96,
                marker: true,
                discontinuity: false,
                arrival: start + after,
                payload: &payload,
            };
            let wallclock = Wallclock { ntp: Ntp(ntp), timestamp: first, clock_rate: clock_rate as u32 };
            assembly.packet(start + after, medium, &packet, reports.then_some(wallclock));
            assembly.tick(start + after);
        }
    }
    let out: Vec<u8> = assembly.take().collect();
    assert!(out.len().is_multiple_of(crate::ts::PACKET));
    out
}

#[rstest::rstest]
#[case::by_the_senders_clock(true, 45_000)]
#[case::by_their_coming(false, 27_000)]
fn media_keep_their_distance(#[case] reports: bool, #[case] apart_90k: i64) {
    let stream = assembled(reports);
    let (one, other) = (shown(&stream, 0x100), shown(&stream, 0x101));
    assert!(one.len() > 100 && other.len() > 100, "{} {}", one.len(), other.len());
    assert_eq!(one[0], (Pts90k(FIRST_90K as u64), vec![0xFF, 0xF1, 0x4C, 0x80, 0x04, 0xBF, 0xFC]));
    assert_eq!(other[0].1[..4], [0xFF, 0xF1, 0x50, 0x80]);
    assert!((other[0].0.since(one[0].0) - apart_90k).abs() <= 1, "{:?} {:?}", one[0], other[0]);
    let steps =
        |units: &[(Pts90k, Vec<u8>)], ticks: i64| units.windows(2).all(|pair| (pair[1].0.since(pair[0].0) - ticks).abs() <= 1);
    assert!(steps(&one, 1920) && steps(&other, 2089));
}

#[test]
fn a_medium_that_is_silent_is_not_waited_for_long() {
    let start = clock::now();
    let mut assembly = Assembly::new(&[aac(96, 48_000, "1190"), aac(97, 44_100, "1210")]).unwrap();
    let payload = [&[0, 16, 0, 30 << 3][..], &[7; 30]].concat();
    let mut written = Vec::new();
    for frame in 0..250i64 {
        let arrival = start + Duration::from_micros(frame as u64 * 21_333);
        let (timestamp, discontinuity) = (frame * 1024, false);
        let packet =
            Ordered { sequence: frame, timestamp, payload_type: 96, marker: true, discontinuity, arrival, payload: &payload };
        assembly.packet(arrival, 0, &packet, None);
        assembly.tick(arrival);
        if !assembly.out.is_empty() && written.is_empty() {
            written = vec![arrival.saturating_duration_since(start)];
        }
    }
    assert!(written[0] < Duration::from_secs(3), "{written:?}");
    assert!(shown(&assembly.out, 0x100).len() > 200);
}

#[test]
fn what_no_transport_stream_carries_is_refused() {
    let pcm = Format { encoding: "PCMA".into(), ..aac(96, 8_000, "1190") };
    assert!(track(&pcm).unwrap_err().to_string().contains("send H.264"));
}

proptest::proptest! {
    /// Whatever comes, whole packets leave, and what waits is bounded.
    #[test]
    fn anything_is_assembled(came in proptest::collection::vec((0usize..8, 0i64..5, proptest::prelude::any::<i32>(), proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)), 0..200)) {
        let other = |name: &str| Format { encoding: name.into(), parameters: Parameters::default(), ..aac(98, 90_000, "1190") };
        let others = ["H264", "AV1", "jxsv", "MPV", "MP4A-LATM", "opus"].map(other);
        let mut assembly = Assembly::new(&[&others[..], &[aac(96, 48_000, "1190")]].concat()).unwrap();
        let (mut now, mut sequence) = (clock::now(), 0);
        for (medium, step, timestamp, payload) in came {
            now += Duration::from_millis(step as u64 * 30);
            sequence += step;
            let (timestamp, arrival) = (i64::from(timestamp), now);
            let packet = Ordered { sequence, timestamp, payload_type: 96, marker: step == 1, discontinuity: false, arrival, payload: &payload };
            assembly.packet(now, medium, &packet, None);
            assembly.tick(now);
            proptest::prop_assert!(assembly.waiting.bytes <= MOST_WAITING);
        }
        proptest::prop_assert!(assembly.take().len().is_multiple_of(crate::ts::PACKET));
    }
}
