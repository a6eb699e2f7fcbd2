use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// Packets as `(timestamp, marker, payload)`, until they are decided upon: what they are, and after how many.
fn seen(packets: impl IntoIterator<Item = (u32, bool, Vec<u8>)>) -> (Detection, usize) {
    let mut detector = CodecDetector::new();
    let mut last = (Detection::Undecided { packets: 0 }, 0);
    for (n, (timestamp, marker, payload)) in packets.into_iter().enumerate() {
        let packet = Packet { sequence: (n as u16).wrapping_add(65_530), timestamp, marker, payload: &payload };
        last = (detector.detect_from_rtp_packet(96, &packet), n + 1);
        if let (Detection::Known(_), _) = last {
            break;
        }
    }
    last
}

/// Bytes that look like anything.
fn noise(seed: u32) -> impl Iterator<Item = u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    })
}

type Sent = Vec<(u32, bool, Vec<u8>)>;

/// Pictures of which each is a NAL unit in fragments, with parameter sets now and then.
fn nal_units(seed: u32, hevc: bool, sizes: &[usize]) -> Sent {
    let mut packets = Vec::new();
    for (n, size) in sizes.iter().enumerate() {
        let time = seed.wrapping_add(n as u32 * 3600);
        let first = n % 10 == 0;
        if first && hevc {
            packets.push((
                time,
                false,
                [&[0x60, 1, 0, 4, 0x40, 1, 0x0C, 1, 0, 3, 0x42, 1, 1][..], &[0, 3, 0x44, 1, 0xC1]].concat(),
            ));
        } else if first {
            packets.push((time, false, vec![0x67, 100, 0, 40, 0xAC]));
            packets.push((time, false, vec![0x68, 0xEB, 0xE3]));
        }
        let data: Vec<u8> = noise(seed.wrapping_add(n as u32)).take(*size).collect();
        let kind = match (hevc, first) {
            (true, true) => 19,
            (true, false) => 1,
            (false, true) => 5,
            (false, false) => 1,
        };
        let header = if hevc { vec![kind << 1, 1] } else { vec![0x60 | kind] };
        if *size <= 1000 {
            packets.push((time, true, [header, data].concat()));
            continue;
        }
        let count = size.div_ceil(1000);
        for (at, part) in data.chunks(1000).enumerate() {
            let flags = u8::from(at == 0) << 7 | u8::from(at + 1 == count) << 6;
            let header = if hevc { vec![0x62, 1, flags | kind] } else { vec![0x7C, flags | kind] };
            packets.push((time, at + 1 == count, [&header, part].concat()));
        }
    }
    packets
}

fn av1(seed: u32, sizes: &[usize]) -> Sent {
    let mut packets = Vec::new();
    for (n, size) in sizes.iter().enumerate() {
        let mut data: Vec<u8> = noise(seed.wrapping_add(n as u32)).take(*size).collect();
        data.insert(0, 0x30);
        let count = data.len().div_ceil(1000);
        for (at, part) in data.chunks(1000).enumerate() {
            let key = n % 10 == 0 && at == 0;
            let header = u8::from(at > 0) << 7 | u8::from(at + 1 < count) << 6 | if key { 0x28 } else { 0x10 };
            let sequence: &[u8] = if key { &[5, 0x08, 0, 0, 0, 4] } else { &[] };
            packets.push((seed.wrapping_add(n as u32 * 3000), at + 1 == count, [&[header], sequence, part].concat()));
        }
    }
    packets
}

fn aac(seed: u32, sizes: &[usize]) -> Sent {
    let each = sizes.iter().enumerate();
    let packet = |(n, size): (usize, &usize)| {
        let data: Vec<u8> = noise(seed.wrapping_add(n as u32)).take(*size).collect();
        (seed.wrapping_add(n as u32 * 1024), true, [&[0, 16][..], &((*size as u16) << 3).to_be_bytes(), &data].concat())
    };
    each.map(packet).collect()
}

fn opus(seed: u32, toc: u8, sizes: &[usize]) -> Sent {
    let samples = crate::ingest::depay::opus::samples(&[toc]).unwrap();
    let each = sizes.iter().enumerate();
    let packet = |(n, size): (usize, &usize)| {
        let data: Vec<u8> = noise(seed.wrapping_add(n as u32)).take(*size).collect();
        (seed.wrapping_add(n as u32 * samples), false, [vec![toc], data].concat())
    };
    each.map(packet).collect()
}

fn transport(seed: u32, sizes: &[usize]) -> Sent {
    let each = sizes.iter().enumerate();
    let packet = |(n, size): (usize, &usize)| {
        let packets = (0..size % 7 + 1).flat_map(|at| {
            let rest = noise(seed.wrapping_add((n * 7 + at) as u32)).take(187);
            std::iter::once(0x47).chain(rest).collect::<Vec<_>>()
        });
        (seed.wrapping_add(n as u32 * 100), false, packets.collect())
    };
    each.map(packet).collect()
}

/// TOCs of one frame, which all others are mistaken for most easily: SILK, hybrid and CELT, mono and stereo.
fn toc() -> impl Strategy<Value = u8> {
    (0u8..32, any::<bool>()).prop_map(|(config, stereo)| config << 3 | u8::from(stereo) << 2)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn looks_tell(seed: u32, large in proptest::collection::vec(100usize..6000, 60), small in proptest::collection::vec(20usize..400, 60), toc in toc()) {
        let cases: [(Payload, Sent); 6] = [
            (Codec::H264.into(), nal_units(seed, false, &large)),
            (Codec::Hevc.into(), nal_units(seed, true, &large)),
            (Codec::Av1.into(), av1(seed, &large)),
            (Codec::Aac.into(), aac(seed, &small)),
            (Codec::Opus.into(), opus(seed, toc, &small)),
            (Payload::TransportStream, transport(seed, &small)),
        ];
        for (payload, packets) in cases {
            let (found, after) = seen(packets);
            prop_assert_eq!(&found, &Detection::Known(payload));
            prop_assert!((4..=60).contains(&after), "{:?} after {}", found, after);
        }
    }

    /// Where packets are lost it takes longer, and is never wrong.
    #[test]
    fn losses_do_not_mislead(seed: u32, large in proptest::collection::vec(100usize..6000, 60), lost in proptest::collection::btree_set(0usize..200, 0..40)) {
        for (payload, packets) in [(Codec::H264, nal_units(seed, false, &large)), (Codec::Hevc, nal_units(seed, true, &large)), (Codec::Av1, av1(seed, &large))] {
            let mut detector = CodecDetector::new();
            for (n, (timestamp, marker, payload_bytes)) in packets.iter().enumerate().filter(|(n, _)| !lost.contains(n)) {
                let packet = Packet { sequence: n as u16, timestamp: *timestamp, marker: *marker, payload: payload_bytes };
                let found = detector.detect_from_rtp_packet(100, &packet);
                let right = matches!(found, Detection::Known(it) if it == payload.into());
                prop_assert!(right || matches!(found, Detection::Undecided { .. }), "{:?}", found);
            }
        }
    }

    /// A few packets of whatever it may be decide nothing.
    #[test]
    fn a_few_packets_decide_nothing(seed: u32, sizes in proptest::collection::vec(20usize..400, 3), toc in toc()) {
        let all = [nal_units(seed, false, &sizes), nal_units(seed, true, &sizes), av1(seed, &sizes), aac(seed, &sizes), opus(seed, toc, &sizes), transport(seed, &sizes)];
        for packets in all {
            let count = packets.len().min(3);
            prop_assert_eq!(seen(packets.into_iter().take(3)), (Detection::Undecided { packets: count as u32 }, count));
        }
    }

    /// Noise is nothing of all that.
    #[test]
    fn noise_decides_nothing(seed: u32, steps in proptest::collection::vec((0u32..4, any::<bool>(), 0usize..300), 0..600)) {
        let mut time = seed;
        let packets = steps.into_iter().enumerate().map(|(n, (step, marker, size))| {
            time = time.wrapping_add(step * 960);
            (time, marker, noise(seed.wrapping_add(n as u32 * 7919)).take(size).collect())
        });
        let (found, _) = seen(packets.collect::<Vec<_>>());
        let undecided = matches!(found, Detection::Undecided { .. });
        prop_assert!(undecided);
    }

    #[test]
    fn any_packets_are_survived(packets in proptest::collection::vec((any::<u8>(), any::<u16>(), any::<u32>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..100)) {
        let mut detector = CodecDetector::new();
        for (payload_type, sequence, timestamp, marker, payload) in &packets {
            detector.detect_from_rtp_packet(*payload_type, &Packet { sequence: *sequence, timestamp: *timestamp, marker: *marker, payload });
        }
        prop_assert!(detector.seen.len() <= 128 && detector.said.len() <= 128);
    }
}

#[test]
fn the_same_packet_again_says_nothing() {
    let mut detector = CodecDetector::new();
    let payload = [0x47; 188];
    for _ in 0..100 {
        let packet = Packet { sequence: 1, timestamp: 2, marker: false, payload: &payload };
        assert_eq!(detector.detect_from_rtp_packet(96, &packet), Detection::Undecided { packets: 1 });
    }
}

const EMPTY: Packet<'static> = Packet { sequence: 0, timestamp: 0, marker: false, payload: &[] };

#[rstest]
#[case::transport_stream(33, Detection::Known(Payload::TransportStream))]
#[case::video(32, Detection::Known(Payload::Codec(Codec::Mpeg2)))]
#[case::audio(14, Detection::Known(Payload::Codec(Codec::Mp2)))]
#[case::marker_in_it(0x80 | 33, Detection::Known(Payload::TransportStream))]
#[case::telephone(8, Detection::Unsupported("PCMA"))]
#[case::rtcp(72, Detection::Unsupported("a payload type that stands for nothing"))]
#[case::dynamic(96, Detection::Undecided { packets: 1 })]
#[case::given_to_nothing(35, Detection::Undecided { packets: 1 })]
fn static_types_come_first(#[case] payload_type: u8, #[case] expected: Detection) {
    let mut detector = CodecDetector::new();
    assert_eq!(detector.detect_from_rtp_packet(payload_type, &EMPTY), expected);
    detector.add_payload_type_mapping(payload_type, Codec::Hevc);
    let mapped = if avp::static_type(payload_type & 0x7F).is_some() { expected } else { Detection::Known(Codec::Hevc.into()) };
    assert_eq!(detector.detect_from_rtp_packet(payload_type, &EMPTY), mapped);
}

#[test]
fn what_breaks_the_format_now_and_then_is_not_it() {
    let mut packets = nal_units(5, false, &[3000; 100]);
    for (n, packet) in packets.iter_mut().enumerate() {
        if n % 8 == 2 {
            packet.2 = vec![0x80];
        }
    }
    assert!(matches!(seen(packets).0, Detection::Undecided { .. }));
}

#[test]
fn names_lead_back() {
    for name in ["mp2t", "H264", "H265", "AV1", "jxsv", "MPV", "MPA", "mpeg4-generic", "MP4A-LATM", "opus", "ac3", "eac3"] {
        let payload = Payload::of_encoding(name).unwrap();
        let (again, clock) = payload.encoding().unwrap();
        assert!(again.eq_ignore_ascii_case(name) && clock > 0, "{name} {again}");
    }
    assert_eq!(Payload::of_encoding("speex"), None);
}
