//! The initialisation section (ISO/IEC 14496-12, 8.2; 14496-15 for H.264 and HEVC): which tracks there are, and how their samples
//! become what a transport stream carries. Pure.

use mp4_atom::{Avcc, Elst, Esds, Hvcc, Mdhd, Trex};

use super::boxes::{Kind, boxes, find, name, read, word};
use crate::codec::aac::Adts;
use crate::model::Codec;
use crate::source::SourceError;
use crate::source::hls::playlist::broken;
use crate::ts::mux::{MOST_TRACKS, Track as Output};

/// NAL unit types of parameter sets in HEVC: VPS, SPS, PPS (table 7-1).
const HEVC_SETS: std::ops::RangeInclusive<u8> = 32..=34;

/// The tracks of an initialisation section that are played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// In order.
    pub tracks: Vec<Track>,
}

/// One track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// `track_ID`.
    pub id: u32,
    /// Units of its time a second; not 0.
    pub timescale: u32,
    /// What its edit list adds to every time, in units of 90 kHz.
    pub shift_90k: i64,
    /// As the transport stream has it.
    pub output: Output,
    /// How samples become units.
    pub form: Form,
    /// Of samples whose fragment does not say: duration, size, flags.
    pub defaults: [u32; 3],
}

/// How samples become units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// NAL units behind lengths of so many bytes, and the parameter sets that they need.
    Nal(usize, Vec<Vec<u8>>),
    /// Frames that get a header of ADTS.
    Adts(Adts),
    /// As they are.
    Plain,
}

/// What a sample entry turned out to be.
enum Entry {
    Played(Codec, Form),
    /// Not played: by name. An error if nothing else is.
    Other(String),
}

/// Reads an initialisation section.
///
/// # Errors
/// When it is broken, encrypted, or holds nothing that a transport stream carries.
pub fn parse(bytes: &[u8]) -> Result<Init, SourceError> {
    let moov = find(bytes, &[b"moov"]).ok_or_else(|| broken("an initialisation section without a moov box"))?;
    let movie_scale = find(moov, &[b"mvhd"]).and_then(|mvhd| word(mvhd, if mvhd.first() == Some(&1) { 20 } else { 12 }));
    let mut tracks: Vec<Track> = Vec::new();
    let mut others = Vec::new();
    for (_, trak) in boxes(moov).filter(|(kind, _)| kind == b"trak") {
        match track(moov, trak, movie_scale.unwrap_or(0)).map_err(|what| broken(format!("initialisation section: {what}")))? {
            Ok(track) if tracks.len() < MOST_TRACKS && tracks.iter().all(|known| known.id != track.id) => tracks.push(track),
            Ok(_) => {}
            Err(other) => others.push(other),
        }
    }
    if tracks.is_empty() {
        let others = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
        return Err(broken(format!("no transport stream carries what is in these segments of MP4: {others}")));
    }
    if !others.is_empty() {
        tracing::debug!(tracks = others.join(", "), "tracks of MP4 left out");
    }
    Ok(Init { tracks })
}

/// A track, or the name of what is not played.
fn track(moov: &[u8], trak: &[u8], movie_scale: u32) -> Result<Result<Track, String>, String> {
    let missing = |what: &str| format!("no {what} box");
    let tkhd = find(trak, &[b"tkhd"]).ok_or_else(|| missing("tkhd"))?;
    let id = word(tkhd, if tkhd.first() == Some(&1) { 20 } else { 12 }).ok_or("tkhd: too short")?;
    let stsd = find(trak, &[b"mdia", b"minf", b"stbl", b"stsd"]).ok_or_else(|| missing("stsd"))?;
    let (kind, body) = boxes(stsd.get(8..).unwrap_or_default()).next().ok_or("stsd: no sample entry")?;
    let (codec, form) = match entry(kind, body)? {
        Entry::Played(codec, form) => (codec, form),
        Entry::Other(name) => return Ok(Err(name)),
    };
    let mdhd: Mdhd = read(find(trak, &[b"mdia", b"mdhd"]).ok_or_else(|| missing("mdhd"))?)?;
    if mdhd.timescale == 0 {
        return Err("mdhd: a timescale of 0".into());
    }
    let output = Output::new(codec, Some(&mdhd.language)).ok_or_else(|| codec.name().to_owned())?;
    let shift_90k = match find(trak, &[b"edts", b"elst"]) {
        Some(elst) => shift(&read(elst)?, mdhd.timescale, movie_scale),
        None => 0,
    };
    let extends = find(moov, &[b"mvex"]).unwrap_or_default();
    let trex = boxes(extends).filter(|(kind, _)| kind == b"trex").filter_map(|(_, body)| read::<Trex>(body).ok());
    let defaults = trex
        .filter(|trex| trex.track_id == id)
        .map(|trex| [trex.default_sample_duration, trex.default_sample_size, trex.default_sample_flags])
        .next();
    Ok(Ok(Track { id, timescale: mdhd.timescale, shift_90k, output, form, defaults: defaults.unwrap_or_default() }))
}

/// What an edit list (8.6.6) adds to times: an empty edit in front delays, a start within the media brings forward. Further
/// edits are not followed.
fn shift(list: &Elst, timescale: u32, movie_scale: u32) -> i64 {
    let to_90k = |time: u64, scale: u32| {
        let time = u128::from(time) * 90_000 / u128::from(scale.max(1));
        i64::try_from(time.min(1 << 40)).unwrap_or(0)
    };
    let mut delay = 0i64;
    for edit in &list.entries {
        match edit.media_time {
            None => delay = delay.saturating_add(to_90k(edit.segment_duration, movie_scale)),
            Some(start) => return delay - to_90k(start, timescale),
        }
    }
    delay
}

/// A sample entry (8.5.2): its kind and body.
fn entry(kind: Kind, body: &[u8]) -> Result<Entry, String> {
    // VisualSampleEntry (12.1.3) has 78 bytes before its boxes; AudioSampleEntry (12.2.3) has 28, and QuickTime's more.
    let visual = body.get(78..).unwrap_or_default();
    let more = match body.get(8..10) {
        Some([0, 1]) => 16,
        Some([0, 2]) => 36,
        _ => 0,
    };
    let audio = body.get(28 + more..).unwrap_or_default();
    let within = |boxes: &'_ [u8], kind: &Kind| find(boxes, &[kind]).map(<[u8]>::to_vec).ok_or(format!("no {} box", name(*kind)));
    Ok(match &kind {
        b"avc1" | b"avc3" | b"dvav" | b"dva1" => {
            let avcc: Avcc = read(&within(visual, b"avcC")?)?;
            let sets = avcc.sequence_parameter_sets.into_iter().chain(avcc.picture_parameter_sets);
            Entry::Played(Codec::H264, Form::Nal(usize::from(avcc.length_size), sets.collect()))
        }
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => {
            let hvcc: Hvcc = read(&within(visual, b"hvcC")?)?;
            let length = usize::from(hvcc.length_size_minus_one) + 1;
            let mut arrays = hvcc.arrays;
            arrays.retain(|array| HEVC_SETS.contains(&array.nal_unit_type));
            arrays.sort_by_key(|array| array.nal_unit_type);
            let sets = arrays.into_iter().flat_map(|array| array.nalus);
            Entry::Played(Codec::Hevc, Form::Nal(length, sets.collect()))
        }
        b"mp4a" => {
            // QuickTime hides it in a wave box.
            let esds = find(audio, &[b"esds"]).or_else(|| find(audio, &[b"wave", b"esds"])).ok_or("no esds box")?;
            return sound(&read(esds)?);
        }
        b"ac-3" => Entry::Played(Codec::Ac3, Form::Plain),
        b"ec-3" => Entry::Played(Codec::Eac3, Form::Plain),
        b".mp3" => Entry::Played(Codec::Mp2, Form::Plain),
        b"encv" | b"enca" => {
            let boxes = if &kind == b"encv" { visual } else { audio };
            let scheme = find(boxes, &[b"sinf", b"schm"]).and_then(|schm| schm.get(4..8)).map(<[u8]>::escape_ascii);
            let scheme = scheme.map_or_else(|| "an unknown scheme".to_owned(), |scheme| scheme.to_string());
            return Err(format!("the tracks are encrypted (common encryption, {scheme}), which is not supported"));
        }
        _ => Entry::Other(name(kind)),
    })
}

/// By objectTypeIndication (14496-1, table 5).
fn sound(esds: &Esds) -> Result<Entry, String> {
    let config = &esds.es_desc.dec_config;
    Ok(match config.object_type_indication {
        0x40 | 0x66..=0x68 => {
            let config = config.dec_specific.as_ref().map(|config| config.raw.as_slice()).unwrap_or_default();
            match Adts::of_config(config) {
                Some(adts) => Entry::Played(Codec::Aac, Form::Adts(adts)),
                None => Entry::Other(format!("AAC of a kind that ADTS does not carry (object type {})", object_type(config))),
            }
        }
        0x69 | 0x6B => Entry::Played(Codec::Mp2, Form::Plain),
        0xA5 => Entry::Played(Codec::Ac3, Form::Plain),
        0xA6 => Entry::Played(Codec::Eac3, Form::Plain),
        other => Entry::Other(format!("mp4a of object type {other:#x}")),
    })
}

/// audioObjectType (14496-3, 1.6.2.1), for people.
fn object_type(config: &[u8]) -> u32 {
    let mut bits = crate::codec::bits::BitReader::new(config);
    match bits.bits(5) {
        Some(31) => 32 + bits.bits(6).unwrap_or(0),
        other => other.unwrap_or(0),
    }
}
