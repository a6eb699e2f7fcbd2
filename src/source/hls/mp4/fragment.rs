//! A movie fragment (ISO/IEC 14496-12, 8.8): which bytes of the resource are which samples, and when they are decoded and shown.
//! Pure.

use mp4_atom::{Tfdt, Tfhd, Trun};

use super::boxes::{boxes, find, read};
use super::init::{Init, Track};

/// So many samples of a fragment are believed: half an hour of sound.
const MOST_SAMPLES: usize = 100_000;
/// The longest sample.
const LONGEST_SAMPLE: u32 = 32 * 1024 * 1024;
/// `sample_is_non_sync_sample` (8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Index of its track in [`Init::tracks`].
    pub track: usize,
    /// Where its bytes begin in the resource.
    pub offset: u64,
    /// How many there are; not 0.
    pub size: usize,
    /// When it is decoded, in units of 90 kHz, not wrapped.
    pub dts_90k: i64,
    /// When it is shown; not before it is decoded.
    pub pts_90k: i64,
    /// Decoding can begin here, as the fragment has it.
    pub sync: bool,
}

/// What is carried from one fragment of a track to the next.
#[derive(Debug, Clone, Copy, Default)]
pub struct Running {
    /// Decoding time of the next sample, in its track's units, for fragments that do not say.
    next: u64,
    /// By how much samples are decoded earlier than they say: with negative composition offsets some are shown before.
    lead: i64,
    last_90k: Option<i64>,
}

/// The samples of a fragment whose moof box begins at this byte of its resource, in the order of their bytes.
///
/// # Errors
/// What is wrong with it.
pub fn samples(moof: &[u8], at: u64, init: &Init, running: &mut [Running]) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    // Without an offset data begins where that of the track before it ended (8.8.7.1).
    let mut before = at;
    for (_, traf) in boxes(moof).filter(|(kind, _)| kind == b"traf") {
        let tfhd: Tfhd = read(find(traf, &[b"tfhd"]).ok_or("no tfhd box")?)?;
        let tfdt = find(traf, &[b"tfdt"]).map(read::<Tfdt>).transpose()?;
        let runs: Vec<Trun> =
            boxes(traf).filter(|(kind, _)| kind == b"trun").map(|(_, body)| read(body)).collect::<Result<_, _>>()?;
        let base = if tfhd.default_base_is_moof { at } else { before };
        let base = tfhd.base_data_offset.unwrap_or(base);
        let index = init.tracks.iter().position(|track| track.id == tfhd.track_id);
        let played = index.and_then(|index| Some((index, init.tracks.get(index)?, running.get_mut(index)?)));
        let known = played.as_ref().map_or([0; 3], |(_, track, _)| track.defaults);
        let defaults = [
            tfhd.default_sample_duration.unwrap_or(known[0]),
            tfhd.default_sample_size.unwrap_or(known[1]),
            tfhd.default_sample_flags.unwrap_or(known[2]),
        ];
        let (found, end) = runs_of(&runs, base, defaults, samples.len())?;
        before = end;
        if let Some((index, track, running)) = played {
            running.place(index, track, tfdt.map(|tfdt| tfdt.base_media_decode_time), &found, &mut samples);
        }
    }
    samples.sort_by_key(|sample| sample.offset);
    Ok(samples)
}

/// A sample in the units of its track.
struct Raw {
    offset: u64,
    size: u32,
    duration: u32,
    composition: i64,
    sync: bool,
}

/// The samples of a track's runs (8.8.8), and where their data ends.
fn runs_of(runs: &[Trun], base: u64, [duration, size, flags]: [u32; 3], known: usize) -> Result<(Vec<Raw>, u64), String> {
    let count: usize = runs.iter().map(|run| run.samples.len()).fold(known, usize::saturating_add);
    if count > MOST_SAMPLES {
        return Err(format!("a fragment of {count} samples"));
    }
    let outside = || "a sample outside of its resource".to_owned();
    let mut found = Vec::with_capacity(count - known);
    let mut at = base;
    for run in runs {
        if let Some(offset) = run.data_offset {
            at = base.checked_add_signed(offset.into()).ok_or_else(outside)?;
        }
        for sample in &run.samples {
            let size = sample.size.unwrap_or(size);
            if size > LONGEST_SAMPLE {
                return Err(format!("a sample of {size} bytes"));
            }
            found.push(Raw {
                offset: at,
                size,
                duration: sample.duration.unwrap_or(duration),
                composition: sample.cts.unwrap_or(0),
                sync: sample.flags.unwrap_or(flags) & NON_SYNC == 0,
            });
            at = at.checked_add(size.into()).ok_or_else(outside)?;
        }
    }
    Ok((found, at))
}

impl Running {
    fn place(&mut self, index: usize, track: &Track, start: Option<u64>, found: &[Raw], samples: &mut Vec<Sample>) {
        let mut time = start.unwrap_or(self.next);
        self.lead = found.iter().map(|sample| -sample.composition).fold(self.lead, i64::max);
        for sample in found {
            let at = |units: i128| {
                let time_90k = (units * 90_000).div_euclid(i128::from(track.timescale)) + i128::from(track.shift_90k);
                // No stream is 3,000 years old.
                time_90k.clamp(-(1 << 53), 1 << 53) as i64
            };
            let decoded = i128::from(time);
            let mut dts_90k = at(decoded - i128::from(self.lead));
            // A little late is moved; a new time base is not.
            if let Some(last) = self.last_90k.filter(|last| (0..90_000).contains(&(last - dts_90k))) {
                dts_90k = last + 1;
            }
            self.last_90k = Some(dts_90k);
            let pts_90k = at(decoded + i128::from(sample.composition)).max(dts_90k);
            time = time.wrapping_add(sample.duration.into());
            if sample.size > 0 {
                samples.push(Sample {
                    track: index,
                    offset: sample.offset,
                    size: sample.size as usize,
                    dts_90k,
                    pts_90k,
                    sync: sample.sync,
                });
            }
        }
        self.next = time;
    }
}
