use std::num::NonZeroU32;

use super::drift::{Settings, Status};
use super::timeline::StampClock;
use super::*;
use crate::ingest::tap::testing::start;

const HOUR: u64 = 3600;

/// Two senders, each with a clock of its own, and a network that delays by chance.
struct House {
    sync: Sync,
    /// How much faster the clocks run, in millionths.
    video_ppm: i64,
    audio_ppm: i64,
    /// Chance, the same each time.
    dice: u64,
    /// What has been applied to the sound.
    applied_us: i64,
}

fn rtp(rate: u32) -> Timeline {
    Timeline::new(StampClock::rtp(NonZeroU32::new(rate).unwrap()))
}

impl House {
    fn new(video_ppm: i64, audio_ppm: i64, correct: bool) -> Self {
        let sync = Sync::new(rtp(90_000), rtp(48_000), Settings { correct, ..Settings::default() });
        Self { sync, video_ppm, audio_ppm, dice: 1, applied_us: 0 }
    }

    /// Up to 16 ms.
    fn delay_us(&mut self) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % 16_000
    }

    /// What a sender's clock of a rate says at a time of ours, from shortly before its wrap on.
    fn stamp(at_us: u64, ppm: i64, rate: u64) -> u64 {
        let its_own = (at_us as i64 + at_us as i64 / 1000 * ppm / 1000) as u64;
        ((1 << 32) - 60 * rate + its_own * rate / 1_000_000) % (1 << 32)
    }

    /// What is left of the drift: without noise, and with what was applied.
    fn left_us(&self, at_us: u64) -> i64 {
        at_us as i64 / 1000 * (self.video_ppm - self.audio_ppm) / 1000 - self.applied_us
    }

    /// So many seconds of 25 pictures and 50 packets of sound each; `each` is called every second.
    fn run(&mut self, seconds: u64, reports: bool, mut each: impl FnMut(&mut Self, u64)) {
        for tick in 0..seconds * 50 {
            let at_us = tick * 20_000;
            let mut come: Vec<(u64, bool)> = vec![(self.delay_us(), false)];
            if tick % 2 == 0 {
                come.push((self.delay_us(), true));
            }
            come.sort();
            for (delay_us, is_video) in come {
                let now = start() + Duration::from_micros(at_us + delay_us);
                let wall = Moment((at_us / 1000) as i64);
                let action = match is_video {
                    true => self.sync.video(Self::stamp(at_us, self.video_ppm, 90_000), None, now, wall),
                    false => self.sync.audio(Self::stamp(at_us, self.audio_ppm, 48_000), None, now, wall),
                };
                match action {
                    Action::Correct(by_us) => self.applied_us += by_us,
                    Action::Reset => self.applied_us = 0,
                    Action::None => {}
                }
            }
            if reports && tick % 250 == 0 {
                let (seconds, rest_us) = (at_us / 1_000_000 + 4_000_000_000, at_us % 1_000_000);
                let ntp = (seconds << 32) + (rest_us << 32) / 1_000_000;
                self.sync.video_mut().report(ntp, Self::stamp(at_us, self.video_ppm, 90_000) as u32);
                self.sync.audio_mut().report(ntp, Self::stamp(at_us, self.audio_ppm, 48_000) as u32);
            }
            if tick % 50 == 49 {
                each(self, at_us);
            }
        }
    }
}

#[rstest::rstest]
#[case(200, -200)]
#[case(-200, 200)]
#[case(200, 0)]
#[case(0, 0)]
fn an_hour_of_clocks_that_differ_by_200_ppm_and_more_stays_within_the_threshold(#[case] video_ppm: i64, #[case] audio_ppm: i64) {
    let mut house = House::new(video_ppm, audio_ppm, true);
    let (mut worst, mut before) = (0, 0);
    house.run(HOUR, false, |house, at_us| {
        worst = worst.max(house.left_us(at_us).abs());
        let moved = (house.applied_us - before).abs();
        assert!(moved <= 6_000, "{moved} us in a second");
        before = house.applied_us;
    });
    let found = house.sync.drift();
    let threshold = i64::try_from(Settings::default().threshold.as_micros()).unwrap();
    assert!(worst < threshold, "{worst} us apart");
    assert_eq!((found.resets, found.samples), (0, 100));
    assert_eq!(found.offset_us, house.applied_us);
    let all_us = HOUR as i64 * (video_ppm - audio_ppm);
    assert!((all_us - house.applied_us).abs() < threshold);
    assert_eq!(found.corrected.is_some(), all_us != 0, "nothing is done by chance");
    for track in [house.sync.video_statistics(), house.sync.audio_statistics()] {
        let track = track.unwrap();
        assert_eq!((track.wraps, track.jumps, track.errors), (1, 0, 0));
    }
}

#[test]
fn where_nobody_corrects_it_is_shown_and_begins_anew_beyond_a_second() {
    let mut house = House::new(200, -200, false);
    let mut seen = Vec::new();
    house.run(HOUR, false, |house, at_us| {
        let (found, second) = (house.sync.drift(), at_us / 1_000_000);
        if seen.last().is_none_or(|(status, _)| *status != found.status) {
            seen.push((found.status, second));
        }
        // 0.4 ms more each second, seen over ten.
        if second == 1000 {
            assert!((found.average_us - 398_000).abs() < 5000, "{found:?}");
        }
    });
    let statuses: Vec<Status> = seen.iter().map(|(status, _)| *status).collect();
    let one = [Status::Unknown, Status::Synced, Status::Drifting];
    assert_eq!(statuses, [one, one].concat());
    assert!((100..115).contains(&seen[2].1) && (2495..2520).contains(&seen[3].1), "{seen:?}");
    assert_eq!(house.sync.drift().resets, 1);
}

#[test]
fn with_reports_of_the_senders_their_clocks_do_not_matter() {
    let mut house = House::new(200, -200, false);
    house.run(HOUR, true, |house, at_us| {
        let found = house.sync.drift();
        assert!(at_us < 15_000_000 || found.status == Status::Synced && found.average_us.abs() < 10_000, "{found:?}");
    });
    assert_eq!(house.sync.drift().resets, 0);
}

#[test]
fn a_jump_of_one_track_begins_anew() {
    let mut sync = Sync::new(Timeline::new(StampClock::TRANSPORT), Timeline::new(StampClock::TRANSPORT), Settings::default());
    let mut actions = Vec::new();
    for n in 0..200u64 {
        let now = start() + Duration::from_millis(n * 40);
        let leap = if n >= 100 { 90_000_000 } else { 0 };
        actions.push(sync.video(n * 3600 + leap, Some(n * 3600 + leap), now, Moment(0)));
        actions.push(sync.audio(n * 3600 + 90_000, None, now, Moment(0)));
    }
    assert_eq!(actions.iter().filter(|action| **action == Action::Reset).count(), 1);
    let found = sync.drift();
    assert_eq!((found.status, found.average_us, found.resets), (Status::Synced, 0, 1));
    assert_eq!(sync.video_statistics().map(|track| track.jumps), Some(1));
}

#[test]
fn a_track_that_stopped_says_nothing() {
    let mut sync = Sync::new(Timeline::new(StampClock::TRANSPORT), Timeline::new(StampClock::TRANSPORT), Settings::default());
    for n in 0..300u64 {
        let now = start() + Duration::from_millis(n * 40);
        sync.video(n * 3600, None, now, Moment(0));
        if n < 100 {
            sync.audio(n * 3600, None, now, Moment(0));
        }
    }
    let found = sync.drift();
    assert_eq!((found.status, found.max_us), (Status::Synced, 0));
    assert!(found.samples < 100, "{found:?}");
    assert!(Sync::new(rtp(90_000), rtp(48_000), Settings::default()).audio_statistics().is_none());
}
