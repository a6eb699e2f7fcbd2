//! Media of senders whose clocks are apart, for an hour.

use super::*;
use crate::ingest::sdp::Format;

/// How far apart two media are shown within an hour, at most, that were made at the same moments by clocks so many millionths
/// off; in milliseconds. With reports every five seconds, or without any. Packets are up to 20 ms late.
fn apart_ms(ppm: [i64; 2], reports: bool) -> f64 {
    const RATE: i128 = 48_000;
    let start = clock::now();
    let formats: [Format; 2] = [aac(96, RATE as u32, "1190"), aac(97, RATE as u32, "1190")];
    let mut assembly = Assembly::new(&formats).unwrap();
    let mut dice = 7u32;
    let mut units = [vec![], vec![]];
    // A frame of 1024 samples has 21.3 ms; one of ten is enough.
    for frame in 0..3600 * 5i64 {
        let at_us = i128::from(frame) * 200_000;
        let mut late = [0; 2];
        for late in &mut late {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *late = u64::from(dice >> 16) * 20_000 / 65_536;
        }
        for (medium, ppm) in ppm.into_iter().enumerate() {
            let ticks = |at_us: i128| (at_us * (1_000_000 + i128::from(ppm)) * RATE / 1_000_000_000_000) as i64;
            let arrival = start + Duration::from_micros(at_us as u64 + late[medium]);
            let payload = [&[0, 16, 0, 30 << 3][..], &[7; 30]].concat();
            let packet = Ordered {
                sequence: frame,
                timestamp: 1000 + ticks(at_us),
                payload_type: 96,
                marker: true,
                discontinuity: false,
                arrival,
                payload: &payload,
            };
            // The newest report: the sender's wall clock, which both have in common, at a time stamp.
            let told_us = at_us / 5_000_000 * 5_000_000;
            let ntp = Ntp((100u64 << 32) + ((told_us as u128) << 32).div_euclid(1_000_000) as u64);
            let wallclock = Wallclock { ntp, timestamp: 1000 + ticks(told_us), clock_rate: RATE as u32 };
            assembly.packet(arrival, medium, &packet, reports.then_some(wallclock));
        }
        let written: Vec<u8> = assembly.take().collect();
        for (units, pid) in units.iter_mut().zip([0x100, 0x101]) {
            units.extend(shown(&written, pid).into_iter().map(|(pts, _)| pts));
        }
    }
    // Nothing is lost, so that units of the same place were made at the same moment.
    let [one, other] = units;
    assert!(one.len().min(other.len()) > 3600 * 5 - 20, "{} {}", one.len(), other.len());
    one.iter().zip(&other).map(|(one, other)| one.since(*other).abs()).max().unwrap() as f64 / 90.0
}

#[rstest::rstest]
#[case::as_one([0, 0], false)]
#[case::without_reports([100, -100], false)]
#[case::without_reports_the_other_way([-200, 0], false)]
#[case::with_reports([100, -100], true)]
#[case::with_reports_far_apart([-400, 400], true)]
fn an_hour_of_clocks_that_are_apart_stays_in_step(#[case] ppm: [i64; 2], #[case] reports: bool) {
    // 40 ms is the threshold of the design; without correction 200 ppm are 720 ms by then.
    let apart = apart_ms(ppm, reports);
    assert!(apart < 40.0, "{apart} ms");
}
