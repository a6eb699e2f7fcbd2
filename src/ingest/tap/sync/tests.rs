use super::drift::{Settings, Status};
use super::*;
use crate::ingest::tap::testing::start;

const HOUR: u64 = 3600;

/// Two tracks, each with a clock of its own, and a network that delays by chance.
struct House {
    sync: Sync,
    /// How much faster the clocks run, in millionths.
    video_ppm: i64,
    audio_ppm: i64,
    /// Chance, the same each time.
    dice: u64,
}

impl House {
    fn new(video_ppm: i64, audio_ppm: i64) -> Self {
        Self { sync: Sync::new(Settings::default()), video_ppm, audio_ppm, dice: 1 }
    }

    /// Up to 16 ms.
    fn delay_us(&mut self) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % 16_000
    }

    /// What a clock of a rate says at a time of ours, from shortly before its wrap on.
    fn stamp(at_us: u64, ppm: i64) -> u64 {
        let its_own = (at_us as i64 + at_us as i64 / 1000 * ppm / 1000) as u64;
        ((1 << 33) - 60 * 90_000 + its_own * 90 / 1000) % (1 << 33)
    }

    /// So many seconds of 25 pictures and 50 packets of sound each; `each` is called every second.
    fn run(&mut self, seconds: u64, mut each: impl FnMut(&mut Self, u64)) {
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
                let stamp = Self::stamp(at_us, if is_video { self.video_ppm } else { self.audio_ppm });
                match is_video {
                    true => self.sync.video(stamp, stamp, now, wall),
                    false => self.sync.audio(stamp, stamp, now, wall),
                }
            }
            if tick % 50 == 49 {
                each(self, at_us);
            }
        }
    }
}

#[rstest::rstest]
#[case(0, 0)]
#[case(200, 200)]
fn an_hour_of_clocks_that_are_one_stays_within_the_threshold(#[case] video_ppm: i64, #[case] audio_ppm: i64) {
    let mut house = House::new(video_ppm, audio_ppm);
    house.run(HOUR, |house, at_us| {
        let found = house.sync.drift();
        assert!(at_us < 5_000_000 || found.status == Status::Synced && found.average_us.abs() < 10_000, "{found:?}");
    });
    assert_eq!(house.sync.drift().samples, 100);
    for track in [house.sync.video_statistics(), house.sync.audio_statistics()] {
        let track = track.unwrap();
        assert_eq!((track.wraps, track.jumps, track.errors), (1, 0, 0));
    }
}

#[test]
fn a_drift_is_shown_and_begins_anew_beyond_a_second() {
    let mut house = House::new(200, -200);
    let mut seen = Vec::new();
    house.run(HOUR, |house, at_us| {
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
}

#[test]
fn a_jump_of_one_track_begins_anew() {
    let mut sync = Sync::new(Settings::default());
    let mut begun = 0;
    for n in 0..200u64 {
        let now = start() + Duration::from_millis(n * 40);
        let (video, audio) = (n * 3600 + if n >= 100 { 90_000_000 } else { 0 }, n * 3600 + 90_000);
        let before = sync.drift().samples;
        sync.video(video, video, now, Moment(0));
        sync.audio(audio, audio, now, Moment(0));
        begun += usize::from(sync.drift().samples < before);
    }
    let found = sync.drift();
    assert_eq!((found.status, found.average_us, begun), (Status::Synced, 0, 1));
    assert_eq!(sync.video_statistics().map(|track| track.jumps), Some(1));
}

#[test]
fn a_track_that_stopped_says_nothing() {
    let mut sync = Sync::new(Settings::default());
    for n in 0..300u64 {
        let now = start() + Duration::from_millis(n * 40);
        sync.video(n * 3600, n * 3600, now, Moment(0));
        if n < 100 {
            sync.audio(n * 3600, n * 3600, now, Moment(0));
        }
    }
    let found = sync.drift();
    assert_eq!((found.status, found.max_us), (Status::Synced, 0));
    assert!(found.samples < 100, "{found:?}");
    assert!(Sync::new(Settings::default()).audio_statistics().is_none());
}
