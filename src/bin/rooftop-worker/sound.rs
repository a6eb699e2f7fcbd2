//! What a clip sounds like: silence, or a soft tone with a pip at every full second. Pure: a sample is a function of its
//! number, so a round joins the next without a click.

use rooftop::media::worker::job::AudioSpec;

/// Of the tone: -26 dB below full scale.
const TONE_LEVEL: f64 = 0.05;
/// Of the pip.
const PIP_LEVEL: f64 = 0.10;
/// Length of the pip in seconds.
const PIP_SECONDS: f64 = 0.08;

/// Sample `number` of the clip, from -1 to 1; the same in every channel. Negative numbers are before its beginning.
pub fn sample(audio: &AudioSpec, number: i64) -> f32 {
    let Some(hz) = audio.tone_hz else { return 0.0 };
    let rate = i64::from(audio.sample_rate);
    // Whole periods fit into a second, so the second is all there is to know.
    let seconds = number.rem_euclid(rate) as f64 / rate as f64;
    let wave = |hz: f64| (std::f64::consts::TAU * hz * seconds).sin();
    let pip = if seconds < PIP_SECONDS {
        let swell = (std::f64::consts::PI * seconds / PIP_SECONDS).sin();
        PIP_LEVEL * swell * swell * wave(f64::from(hz) * 2.0)
    } else {
        0.0
    };
    (TONE_LEVEL * wave(f64::from(hz)) + pip) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_is_soft_continuous_and_the_same_every_second() {
        let audio = AudioSpec { tone_hz: Some(440), ..AudioSpec::default() };
        let mut before = sample(&audio, -1);
        for number in 0..96_000 {
            let now = sample(&audio, number);
            assert!(now.abs() < 0.2 && (now - before).abs() < 0.02, "at {number}");
            assert_eq!(now, sample(&audio, number + 48_000));
            before = now;
        }
        assert_eq!(sample(&AudioSpec::default(), 1234), 0.0);
    }
}
