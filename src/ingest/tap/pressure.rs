//! When frames are to be dropped, and how many: watermarks with hysteresis. Pure.

use super::picture::PictureKind;
use crate::model::Moment;

/// Shares of the memory a stream may use, between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watermarks {
    /// Dropping stops when no more is used.
    pub low: f64,
    /// Dropping begins when more is used.
    pub high: f64,
}

impl Default for Watermarks {
    fn default() -> Self {
        Self { low: 0.6, high: 0.8 }
    }
}

/// What a person may ask for (`POST …/backpressure/control`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Control {
    /// `set_pressure`: as if so much were used, 0 to 1, until it is reset.
    SetPressure(f64),
    /// `reset`: what is measured counts again.
    Reset,
    /// `drop_gop`: the oldest group of pictures goes.
    DropGop,
}

/// The pressure on one stream.
#[derive(Debug, Clone)]
pub struct Pressure {
    watermarks: Watermarks,
    measured: f64,
    smoothed: f64,
    /// What a person has set, and how many bytes the buffer may have then.
    set: Option<(f64, u64)>,
    dropping: bool,
    adjustments: u64,
    adjusted: Option<Moment>,
}

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Statistics {
    /// Now, 0 to 1.
    pub current: f64,
    /// Over the last measurements.
    pub smoothed: f64,
    /// Where dropping stops.
    pub target: f64,
    /// Frames are dropped.
    pub dropping: bool,
    /// How often dropping began or stopped.
    pub adjustments: u64,
    /// When, the last time.
    pub adjusted: Option<Moment>,
}

impl Pressure {
    /// None so far.
    pub fn new(watermarks: Watermarks) -> Self {
        Self { watermarks, measured: 0.0, smoothed: 0.0, set: None, dropping: false, adjustments: 0, adjusted: None }
    }

    /// The share of the memory that is used, and how many bytes of it the buffer has. Gives how many of those are to go now.
    pub fn measure(&mut self, share: f64, buffered: u64, wall: Moment) -> u64 {
        self.measured = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        self.smoothed += (self.current() - self.smoothed) * 0.1;
        let (current, Watermarks { low, high }) = (self.current(), self.watermarks);
        let dropping = if self.dropping { current > low } else { current > high };
        if dropping != self.dropping {
            self.dropping = dropping;
            self.adjustments = self.adjustments.saturating_add(1);
            self.adjusted = Some(wall);
        }
        if !dropping {
            return 0;
        }
        match self.set {
            Some((set, most)) if set >= self.measured => buffered.saturating_sub(most),
            _ => buffered.saturating_sub(within(buffered, low, current)),
        }
    }

    /// Sets it by hand, while the buffer has so many bytes.
    pub fn set(&mut self, pressure: f64, buffered: u64, wall: Moment) -> u64 {
        let pressure = if pressure.is_finite() { pressure.clamp(0.0, 1.0) } else { 1.0 };
        self.set = Some((pressure, within(buffered, self.watermarks.low, pressure)));
        self.measure(self.measured, buffered, wall)
    }

    /// What is measured counts again.
    pub fn reset(&mut self, wall: Moment) {
        self.set = None;
        self.measured = 0.0;
        self.measure(0.0, 0, wall);
    }

    /// Whether a frame that comes now is not even to be kept: one that no other needs.
    pub fn refuses(&self, kind: PictureKind, reference: bool) -> bool {
        self.dropping && kind == PictureKind::B && !reference
    }

    /// What there is to tell.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            current: self.current(),
            smoothed: self.smoothed,
            target: self.watermarks.low,
            dropping: self.dropping,
            adjustments: self.adjustments,
            adjusted: self.adjusted,
        }
    }

    fn current(&self) -> f64 {
        self.set.map_or(self.measured, |(set, _)| set.max(self.measured))
    }
}

/// How much of so many bytes is left at the low watermark, if this is the pressure now.
fn within(bytes: u64, low: f64, pressure: f64) -> u64 {
    if pressure <= low { bytes } else { (bytes as f64 * low / pressure) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Moment = Moment(5);

    #[test]
    fn dropping_begins_above_the_high_mark_and_stops_at_the_low_one() {
        let mut pressure = Pressure::new(Watermarks::default());
        let shares = [0.0, 0.7, 0.8, 0.81, 0.7, 0.61, 0.6, 0.7, 0.8, 0.9];
        let dropping = shares.map(|share| {
            pressure.measure(share, 1000, NOW);
            pressure.statistics().dropping
        });
        assert_eq!(dropping, [false, false, false, true, true, true, false, false, false, true]);
        assert_eq!((pressure.statistics().adjustments, pressure.statistics().adjusted), (3, Some(NOW)));
    }

    #[test]
    fn as_much_goes_as_is_above_the_low_mark() {
        let mut pressure = Pressure::new(Watermarks::default());
        assert_eq!(pressure.measure(0.8, 8000, NOW), 0);
        assert_eq!(pressure.measure(0.9, 9000, NOW), 3000);
        assert_eq!(pressure.measure(0.6, 6000, NOW), 0);
        assert_eq!(pressure.measure(f64::NAN, 1000, NOW), 400);
    }

    #[test]
    fn what_is_set_holds_until_it_is_reset() {
        let mut pressure = Pressure::new(Watermarks::default());
        pressure.measure(0.1, 9000, NOW);
        assert_eq!(pressure.set(0.9, 9000, NOW), 3000);
        assert_eq!((pressure.measure(0.1, 6000, NOW), pressure.statistics().current), (0, 0.9));
        assert_eq!(pressure.measure(0.1, 6100, NOW), 100, "it does not grow again");
        assert_eq!(pressure.measure(1.0, 6000, NOW), 2400, "what is measured may be worse");
        assert!(pressure.refuses(PictureKind::B, false) && !pressure.refuses(PictureKind::B, true));
        assert!(!pressure.refuses(PictureKind::P, false));
        pressure.reset(NOW);
        assert_eq!((pressure.measure(0.1, 9000, NOW), pressure.statistics().dropping), (0, false));
        assert!(!pressure.refuses(PictureKind::B, false));
    }

    proptest! {
        #[test]
        fn it_comes_to_rest(share in 0.0f64..2.0, buffered: u32) {
            let mut pressure = Pressure::new(Watermarks::default());
            let buffered = u64::from(buffered);
            let goes = pressure.measure(share, buffered, NOW);
            prop_assert!(goes <= buffered);
            let left = buffered - goes;
            let share = share.min(1.0) * left as f64 / buffered.max(1) as f64;
            prop_assert!(pressure.measure(share, left, NOW) <= 1);
        }
    }
}
