//! Decides what becomes of pictures and frames of sound: where the presentation begins, when a fragment is cut, when the
//! initialisation section is written anew, and when it cannot go on. Pure; no clock but that of the stream.

use crate::media::fmp4::{Picture, PictureCodec, Sample, Sets, Sound, Tracks, fragment, init, unpacked};

/// A fragment is cut once it is this long.
const FRAGMENT_90K: i64 = 90_000 / 5;
/// The first one earlier: somebody waits for it.
const FIRST_90K: i64 = 90_000 / 10;
/// Pictures wait this long for sound that was announced.
const WAIT_FOR_SOUND_90K: i64 = 90_000 * 7 / 10;
/// Sound waits this long for pictures that were announced.
const WAIT_FOR_PICTURE_90K: i64 = 90_000 * 3;
/// A sample lasts no longer than this: what is missing behind it is a hole, which players leap over.
const LONGEST_90K: i64 = 90_000 / 2;
/// Of a sample that none follows in time.
const NOMINAL_90K: i64 = 90_000 / 25;
/// A larger step of time is another time.
const LEAP_90K: i64 = 90_000 * 10;

/// Something for the player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// An initialisation section, and what it is.
    Init(String, Vec<u8>),
    /// A fragment.
    Fragment(Vec<u8>),
}

/// Why it cannot go on. The player begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// Time has leapt.
    #[error("the time of the stream has leapt")]
    Leapt,
    /// A track has come or changed its codec.
    #[error("the stream has changed: {0}")]
    Changed(&'static str),
    /// Parameter sets that are not understood.
    #[error("the parameter sets of the picture are not understood")]
    NotUnderstood,
}

/// One access unit as it comes: in decoding order, in time of the stream, not wrapping.
#[derive(Debug, Clone, Copy)]
pub struct Unit<'a> {
    /// When it is decoded.
    pub dts_90k: i64,
    /// When it is shown.
    pub pts_90k: i64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// With start codes.
    pub bytes: &'a [u8],
}

/// A sample whose duration is not known yet.
#[derive(Debug)]
struct Waiting {
    dts: i64,
    pts: i64,
    key: bool,
    bytes: Vec<u8>,
}

/// See the module.
#[derive(Debug)]
pub struct Cutter {
    expects_picture: bool,
    expects_sound: bool,
    tracks: Tracks,
    /// Time of the stream that is 0 of the presentation.
    base: Option<i64>,
    /// When the first picture is shown: those before it belong to another group.
    shown_from: i64,
    /// Whether the initialisation section has been written.
    begun: bool,
    pictures: Vec<Waiting>,
    sound: Vec<Waiting>,
    sequence: u32,
}

impl Cutter {
    /// What was announced; without either it waits for ever.
    pub fn new(expects_picture: bool, expects_sound: bool) -> Self {
        Self {
            expects_picture,
            expects_sound,
            tracks: Tracks::default(),
            base: None,
            shown_from: 0,
            begun: false,
            pictures: Vec::new(),
            sound: Vec::new(),
            sequence: 0,
        }
    }

    /// Takes the next picture.
    ///
    /// # Errors
    /// When it cannot go on.
    pub fn picture(&mut self, codec: PictureCodec, unit: Unit<'_>) -> Result<Vec<Piece>, Stop> {
        let mut pieces = Vec::new();
        let coded = unpacked(codec, unit.bytes);
        if self.tracks.picture.is_none() {
            if self.begun {
                return Err(Stop::Changed("a picture has come"));
            }
            // Begins with the first picture that has everything with it.
            let Some(picture) = unit.key.then(|| Picture::new(codec, coded.sets)).flatten() else { return Ok(pieces) };
            self.tracks.picture = Some(picture);
            self.base = Some(unit.dts_90k);
            self.shown_from = unit.pts_90k;
            self.sound.retain(|waiting| waiting.dts >= unit.dts_90k);
        } else if let Some(renewed) = self.renewed(codec, coded.sets)? {
            self.cut(&mut pieces, true);
            self.tracks.picture = Some(renewed);
            if self.begun {
                pieces.push(self.init());
            }
        }
        if unit.pts_90k < self.shown_from || coded.bytes.is_empty() {
            return Ok(pieces);
        }
        let mut dts = unit.dts_90k;
        if let Some(last) = self.pictures.last() {
            if (dts - last.dts).abs() > LEAP_90K {
                return Err(Stop::Leapt);
            }
            dts = dts.max(last.dts + 1);
        }
        self.pictures.push(Waiting { dts, pts: unit.pts_90k, key: unit.key, bytes: coded.bytes });
        self.go_on(&mut pieces);
        Ok(pieces)
    }

    /// Takes the next frame of sound, without a header.
    ///
    /// # Errors
    /// When it cannot go on.
    pub fn sound(&mut self, sound: Sound, pts_90k: i64, bytes: Vec<u8>) -> Result<Vec<Piece>, Stop> {
        let mut pieces = Vec::new();
        match self.tracks.sound {
            Some(known) if known == sound => {}
            None if !self.begun => self.tracks.sound = Some(sound),
            Some(_) => return Err(Stop::Changed("the sound is of another kind")),
            None => return Err(Stop::Changed("sound has come")),
        }
        if !self.expects_picture && self.base.is_none() {
            self.base = Some(pts_90k);
        }
        if self.base.is_some_and(|base| pts_90k < base) {
            // Before the first picture; or far back.
            let leapt = self.sound.last().is_some_and(|last| last.dts - pts_90k > LEAP_90K);
            return if leapt { Err(Stop::Leapt) } else { Ok(pieces) };
        }
        if let Some(last) = self.sound.last() {
            if (pts_90k - last.dts).abs() > LEAP_90K {
                return Err(Stop::Leapt);
            }
            if pts_90k <= last.dts {
                return Ok(pieces);
            }
        }
        self.sound.push(Waiting { dts: pts_90k, pts: pts_90k, key: true, bytes });
        if self.base.is_none() && span(&self.sound) > WAIT_FOR_PICTURE_90K {
            // A picture was announced and does not come: it is heard at least.
            self.base = self.sound.first().map(|first| first.dts);
        }
        self.go_on(&mut pieces);
        Ok(pieces)
    }

    /// The rest, at the end.
    pub fn finish(mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if self.begun {
            self.cut(&mut pieces, true);
        }
        pieces
    }

    /// The picture with sets that were not there before, if these are such.
    fn renewed(&self, codec: PictureCodec, sets: Sets) -> Result<Option<Picture>, Stop> {
        let Some(known) = &self.tracks.picture else { return Ok(None) };
        if known.codec != codec {
            return Err(Stop::Changed("the picture is of another codec"));
        }
        let has = |known: &[Vec<u8>], new: &[Vec<u8>]| new.iter().all(|set| known.contains(set));
        if has(&known.sets.video, &sets.video)
            && has(&known.sets.sequence, &sets.sequence)
            && has(&known.sets.picture, &sets.picture)
        {
            return Ok(None);
        }
        let or_known = |new: Vec<Vec<u8>>, known: &[Vec<u8>]| if new.is_empty() { known.to_vec() } else { new };
        let sets = Sets {
            video: or_known(sets.video, &known.sets.video),
            sequence: or_known(sets.sequence, &known.sets.sequence),
            picture: or_known(sets.picture, &known.sets.picture),
        };
        Picture::new(codec, sets).map(Some).ok_or(Stop::NotUnderstood)
    }

    fn init(&self) -> Piece {
        Piece::Init(self.tracks.content_type(), init(&self.tracks))
    }

    fn go_on(&mut self, pieces: &mut Vec<Piece>) {
        if self.base.is_none() {
            return;
        }
        // Sound alone is cut too, later: pictures may have stopped.
        let grace = if self.tracks.picture.is_some() { 90_000 } else { 0 };
        let longest = span(&self.pictures).max(span(&self.sound) - grace);
        if !self.begun {
            let complete = self.tracks.sound.is_some() || !self.expects_sound || longest >= WAIT_FOR_SOUND_90K;
            if !complete || longest < FIRST_90K {
                return;
            }
            self.begun = true;
            pieces.push(self.init());
            self.cut(pieces, false);
        } else if longest >= FRAGMENT_90K {
            self.cut(pieces, false);
        }
    }

    /// Cuts a fragment of all whose duration is known, or of everything.
    fn cut(&mut self, pieces: &mut Vec<Piece>, everything: bool) {
        let base = self.base.unwrap_or_default();
        let pictures = timed(&mut self.pictures, base, everything);
        let sound = timed(&mut self.sound, base, everything);
        let bytes = fragment(self.sequence.wrapping_add(1), &pictures, &sound);
        if !bytes.is_empty() {
            self.sequence = self.sequence.wrapping_add(1);
            pieces.push(Piece::Fragment(bytes));
        }
    }
}

/// From the first to the last.
fn span(waiting: &[Waiting]) -> i64 {
    waiting.first().zip(waiting.last()).map_or(0, |(first, last)| last.dts - first.dts)
}

/// Takes out those whose duration is known, or all of them.
fn timed(waiting: &mut Vec<Waiting>, base: i64, everything: bool) -> Vec<Sample> {
    let count = if everything { waiting.len() } else { waiting.len().saturating_sub(1) };
    let ends: Vec<Option<i64>> = waiting.iter().skip(1).map(|next| Some(next.dts)).chain([None]).collect();
    let mut usual = NOMINAL_90K;
    let samples = waiting.drain(..count).zip(ends).map(|(sample, end)| {
        let duration = end.map(|end| end - sample.dts).filter(|duration| *duration <= LONGEST_90K).unwrap_or(usual);
        usual = duration;
        Sample {
            dts_90k: u64::try_from(sample.dts - base).unwrap_or_default(),
            shown_after_90k: i32::try_from(sample.pts - sample.dts).unwrap_or_default(),
            duration_90k: u32::try_from(duration).unwrap_or_default(),
            key: sample.key,
            bytes: sample.bytes,
        }
    });
    samples.collect()
}

#[cfg(test)]
mod tests;
