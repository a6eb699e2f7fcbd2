//! Access units that come from elsewhere (fragments of MP4, bare audio, another transport stream) as one programme of a
//! transport stream (13818-1, 2.4): tables, PES packets, PCR.
//!
//! Units are written in the order of their decoding times, which [`queue::Queue`] puts them into. Must not know where they
//! come from.

pub mod jpegxs;
pub mod nal;
pub mod obu;
pub mod queue;
#[cfg(test)]
mod tests;

use super::packet::{ADAPTATION, PAYLOAD, UNIT_START, counted, plain};
use super::pmt::{self, Entry};
use super::section::packetize;
use super::time::Pts90k;
use super::{PACKET, RawPacket, descriptor, packet, pat, pes};
use crate::model::Codec;
use crate::model::stream_info::Kind;

/// PID of the PMT.
const PMT_PID: u16 = 0x1000;
/// Tag of the registration_descriptor (13818-1, 2.6.8).
const REGISTRATION: u8 = 0x05;
/// Tag of the ISO_639_language_descriptor (13818-1, 2.6.18).
const LANGUAGE: u8 = 0x0A;
/// Tag of the AV1_video_descriptor ("Carriage of AV1 in MPEG-2 TS", 2.2).
const AV1_VIDEO: u8 = 0x80;
/// Tag of DVB's extension_descriptor (EN 300 468, 6.2.16), and the descriptor_tag_extension of Opus in it.
const DVB_EXTENSION: u8 = 0x7F;
const OPUS: u8 = 0x80;
/// PID of the first track; the others follow.
const FIRST_PID: u16 = 0x100;
/// The only programme.
const PROGRAM: u16 = 1;
/// So many tracks are carried; what is beyond them is left out.
pub const MOST_TRACKS: usize = 32;
/// How long before it is decoded a unit is sent: 400 ms. Enough for the largest picture, and for tracks that are a few frames
/// apart.
const DELAY_90K: u64 = 36_000;
/// Longest time between two PCRs: 40 ms (ETSI TR 101 154, 4.1.5.3; 13818-1, 2.7.2 allows 100 ms).
const PCR_90K: i64 = 3_600;
/// Tables at least this often: 90 ms.
const TABLES_90K: i64 = 8_100;
/// A step beyond this is a hole in the source: no PCRs are made up to fill it. 1 s.
const HOLE_90K: i64 = 90_000;
/// The longest elementary stream part of a PES packet whose length is told: what is left of 65,535 by a header with PTS and DTS.
const LONGEST_PES: usize = 65_535 - 13;

/// An elementary stream to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// What it is.
    pub codec: Codec,
    /// 13818-1, table 2-34.
    pub stream_type: u8,
    /// Its descriptor loop.
    pub descriptors: Vec<u8>,
}

impl Track {
    /// A track of a codec, in a language (ISO 639-2, three letters) if that is known. `None` for codecs that are not written:
    /// known are H.264 and HEVC as byte streams with start codes, MPEG-1 and MPEG-2 video, AAC with ADTS headers or in LOAS frames,
    /// AC-3, E-AC-3 and MPEG audio; AV1 ([`obu`]), JPEG XS ([`jpegxs`]) and Opus (with its control header, and two channels unless
    /// [`Self::channels`] says another number).
    pub fn new(codec: Codec, language: Option<&str>) -> Option<Self> {
        let (stream_type, registration): (u8, Option<&[u8; 4]>) = match codec {
            Codec::Mpeg1 => (0x01, None),
            Codec::Mpeg2 => (0x02, None),
            Codec::H264 => (0x1B, None),
            Codec::Hevc => (0x24, Some(b"HEVC")),
            Codec::Av1 => (0x06, Some(b"AV01")),
            Codec::JpegXs => (0x32, None),
            Codec::Aac => (0x0F, None),
            Codec::AacLatm => (0x11, None),
            Codec::Mp2 => (0x03, None),
            // ATSC A/52, annexes A.4 and G.3.
            Codec::Ac3 => (0x81, Some(b"AC-3")),
            Codec::Eac3 => (0x87, Some(b"EAC3")),
            Codec::Opus => (0x06, Some(b"Opus")),
            _ => return None,
        };
        let mut track = Self { codec, stream_type, descriptors: Vec::new() };
        if let Some(format) = registration {
            track.describe(REGISTRATION, format);
        }
        if codec == Codec::Opus {
            track.channels(2);
        }
        if let Some(language) = language {
            track.speak(language);
        }
        Some(track)
    }

    /// Of Opus: as many channels, 1 to 8, in the order of Vorbis ("Opus in MPEG-TS", channel_config_code).
    pub fn channels(&mut self, channels: u8) {
        self.describe(DVB_EXTENSION, &[OPUS, channels.clamp(1, 8)]);
    }

    /// Of AV1: what its sequence header says ([`crate::codec::av1::Sequence::descriptor`]).
    pub fn av1(&mut self, descriptor: [u8; 4]) {
        self.describe(AV1_VIDEO, &descriptor);
    }

    /// Of JPEG XS: what is said of it.
    pub fn jpeg_xs(&mut self, description: &jpegxs::Description) {
        let (tag, body) = description.descriptor();
        self.describe(tag, &body);
    }

    /// Says its language (ISO 639-2, three letters), if it does not yet say one. What is no language, or none in particular,
    /// changes nothing.
    pub fn speak(&mut self, language: &str) {
        let known = language.len() == 3 && language.bytes().all(|byte| byte.is_ascii_alphabetic());
        let said = descriptor::language(&self.descriptors).is_some_and(|said| said != "und");
        if !known || said || language.eq_ignore_ascii_case("und") {
            return;
        }
        // audio_type undefined.
        self.describe(LANGUAGE, format!("{}\0", language.to_ascii_lowercase()).as_bytes());
    }

    /// Puts a descriptor in the place of those of its tag, at the end.
    fn describe(&mut self, tag: u8, body: &[u8]) {
        let others = descriptor::descriptors(&self.descriptors).filter(|(other, _)| *other != tag).chain([(tag, body)]);
        self.descriptors = others.flat_map(|(tag, body)| [&[tag, body.len() as u8], body].concat()).collect();
    }
}

/// One access unit, or several frames of sound that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Index of its track.
    pub track: usize,
    /// When it is shown.
    pub pts: Pts90k,
    /// When it is decoded; not after `pts`.
    pub dts: Pts90k,
    /// Decoding can begin here.
    pub random_access: bool,
    /// Its bytes, as the transport stream is to carry them.
    pub data: Vec<u8>,
}

/// Writes one programme.
#[derive(Debug)]
pub struct Muxer {
    lanes: Vec<Lane>,
    /// Index of the track whose PID carries the PCR.
    main: usize,
    tables: Vec<RawPacket>,
    /// Of the PMT.
    version: u8,
    table_counters: [u8; 2],
    /// The time that the next byte is sent at.
    position: Option<Pts90k>,
    pcr_at: Option<Pts90k>,
    tables_at: Option<Pts90k>,
    /// The next PCR belongs to a new time base.
    jumped: bool,
}

#[derive(Debug)]
struct Lane {
    /// Header word of the next packet.
    next: u32,
    kind: Kind,
    stream_id: u8,
}

/// What the first packet of a PES packet says in its adaptation field.
#[derive(Debug, Clone, Copy, Default)]
struct Field {
    random_access: bool,
    discontinuity: bool,
    pcr: Option<Pts90k>,
}

impl Muxer {
    /// For these tracks; a video track carries the PCR, or else the first.
    pub fn new(tracks: &[Track]) -> Self {
        let tracks = tracks.get(..MOST_TRACKS).unwrap_or(tracks);
        let lanes: Vec<Lane> = tracks.iter().zip(FIRST_PID..).map(|(track, pid)| Lane::new(track, pid)).collect();
        let main = lanes.iter().position(|lane| lane.kind == Kind::Video).unwrap_or(0);
        let tables = tables(tracks, main, 0);
        Self {
            lanes,
            main,
            tables,
            version: 0,
            table_counters: [0; 2],
            position: None,
            pcr_at: None,
            tables_at: None,
            jumped: false,
        }
    }

    /// More is known of the same tracks than when this was made: it is told in front of the next unit.
    pub fn describe(&mut self, tracks: &[Track]) {
        let tracks = tracks.get(..self.lanes.len()).unwrap_or(tracks);
        self.version = (self.version + 1) & 0x1F;
        self.tables = tables(tracks, self.main, self.version);
        self.tables_at = None;
    }

    /// Appends a unit, behind tables and PCRs where they are due. Units come in the order of their decoding times; one that
    /// comes a little late is written all the same. A unit without bytes, or of a track that does not exist, is left out.
    pub fn write(&mut self, unit: &Unit, out: &mut Vec<u8>) {
        let Some(kind) = self.lanes.get(unit.track).map(|lane| lane.kind).filter(|_| !unit.data.is_empty()) else { return };
        out.reserve((unit.data.len() / 180 + 8) * PACKET);
        let governs = unit.track == self.main;
        self.go_on_to(unit.dts.minus(DELAY_90K), out);
        let begins = governs && unit.random_access;
        let due = |at: Option<Pts90k>, now: Option<Pts90k>, after: i64| match (at, now) {
            (Some(at), Some(now)) => !(0..after).contains(&now.since(at)),
            _ => true,
        };
        if begins && kind == Kind::Video || due(self.tables_at, self.position, TABLES_90K) {
            self.write_tables(out);
        }
        let mut field = Field { random_access: begins, ..Field::default() };
        if governs || self.pcr_at.is_none() || self.jumped {
            let pcr = self.position.filter(|now| self.pcr_at != Some(*now) || self.jumped);
            let stamp = Field { pcr, discontinuity: pcr.is_some() && std::mem::take(&mut self.jumped), ..field };
            self.pcr_at = self.position;
            if governs {
                field = stamp;
            } else if let Some(lane) = self.lanes.get_mut(self.main) {
                lane.stamp(Field { random_access: false, ..stamp }, out);
            }
        }
        if let Some(lane) = self.lanes.get_mut(unit.track) {
            lane.unit(unit, field, out);
        }
    }

    /// Time goes on; PCRs are written where there would be none for too long.
    fn go_on_to(&mut self, now: Pts90k, out: &mut Vec<u8>) {
        let step = self.position.map_or(0, |before| now.since(before));
        if !(-HOLE_90K..=HOLE_90K).contains(&step) {
            // A hole keeps its time base; a step back does not.
            self.jumped |= step < 0;
            self.pcr_at = None;
        } else if step < 0 {
            return;
        }
        self.position = Some(now);
        while let Some(last) = self.pcr_at.filter(|last| now.since(*last) > PCR_90K) {
            let pcr = last.plus(PCR_90K as u64);
            self.pcr_at = Some(pcr);
            if let Some(lane) = self.lanes.get_mut(self.main) {
                lane.stamp(Field { pcr: Some(pcr), ..Field::default() }, out);
            }
        }
    }

    fn write_tables(&mut self, out: &mut Vec<u8>) {
        self.tables_at = self.position;
        let [pat_counter, pmt_counter] = &mut self.table_counters;
        for table in &self.tables {
            let mut table = *table;
            let counter = if packet::pid(packet::header(&table)) == pat::PID { &mut *pat_counter } else { &mut *pmt_counter };
            table[3] = table[3] & 0xF0 | *counter;
            *counter = (*counter + 1) & 0xF;
            out.extend_from_slice(&table);
        }
    }
}

/// PAT and PMT, whose counters are 0.
fn tables(tracks: &[Track], main: usize, version: u8) -> Vec<RawPacket> {
    let entries: Vec<Entry<'_>> = tracks
        .iter()
        .zip(FIRST_PID..)
        .map(|(track, pid)| Entry { pid, stream_type: track.stream_type, descriptors: &track.descriptors })
        .collect();
    let pcr_pid = FIRST_PID + main as u16;
    let mut tables = packetize(pat::PID, &pat::build(1, 0, PROGRAM, PMT_PID));
    tables.extend(packetize(PMT_PID, &pmt::build(PROGRAM, version, &pmt::body(pcr_pid, &[], &entries))));
    tables
}

impl Lane {
    fn new(track: &Track, pid: u16) -> Self {
        let kind = track.codec.kind();
        // 13818-1, table 2-22; what is not MPEG's own goes as private_stream_1, and so does JPEG XS.
        let stream_id = match (kind, track.codec) {
            (_, Codec::Av1 | Codec::JpegXs) => 0xBD,
            (Kind::Video, _) => 0xE0,
            (_, Codec::Aac | Codec::AacLatm | Codec::Mp2) => 0xC0,
            _ => 0xBD,
        };
        Self { next: plain(pid), kind, stream_id }
    }

    /// A packet with an adaptation field and nothing else.
    fn stamp(&self, field: Field, out: &mut Vec<u8>) {
        let mut packet = [0xFF; PACKET];
        // Without a payload the counter stays where it is (13818-1, 2.4.3.3).
        let word = self.next & !PAYLOAD & !0xF | ADAPTATION | self.next.wrapping_sub(1) & 0xF;
        packet[..4].copy_from_slice(&word.to_be_bytes());
        field.write(&mut packet, 184);
        out.extend_from_slice(&packet);
    }

    fn unit(&mut self, unit: &Unit, field: Field, out: &mut Vec<u8>) {
        // Only video may leave the length open (13818-1, 2.4.3.7): what is too long otherwise goes on in a packet without a
        // time stamp, because no unit begins there.
        let most = if self.kind == Kind::Video { usize::MAX } else { LONGEST_PES };
        let mut stamps = Some((unit.pts, unit.dts));
        let mut field = field;
        for part in unit.data.chunks(most) {
            let (header, length) = pes_header(self.stream_id, part.len(), stamps.take());
            self.packets(header.get(..length).unwrap_or(&header), part, std::mem::take(&mut field), out);
        }
    }

    /// A PES packet, cut into transport packets.
    fn packets(&mut self, mut head: &[u8], mut body: &[u8], field: Field, out: &mut Vec<u8>) {
        let mut field = field;
        let mut start = UNIT_START;
        while !head.is_empty() || !body.is_empty() {
            let mut packet = [0xFF; PACKET];
            let room = PACKET - 4 - field.size();
            let used = room.min(head.len() + body.len());
            // What is not used is stuffing, which lies in the adaptation field.
            let at = PACKET - used;
            let word = self.next | std::mem::take(&mut start) | if at > 4 { ADAPTATION } else { 0 };
            self.next = counted(self.next);
            packet[..4].copy_from_slice(&word.to_be_bytes());
            std::mem::take(&mut field).write(&mut packet, at - 4);
            let (now, later) = head.split_at(head.len().min(used));
            head = later;
            packet[at..at + now.len()].copy_from_slice(now);
            let at = at + now.len();
            let (now, later) = body.split_at(PACKET - at);
            body = later;
            packet[at..].copy_from_slice(now);
            out.extend_from_slice(&packet);
        }
    }
}

impl Field {
    /// Bytes it needs, its length included.
    fn size(&self) -> usize {
        match (self.pcr, self.random_access || self.discontinuity) {
            (Some(_), _) => 8,
            (None, true) => 2,
            (None, false) => 0,
        }
    }

    /// Writes it behind the header of a packet that is stuffed with 0xFF, in so many bytes (13818-1, 2.4.3.4).
    fn write(self, packet: &mut RawPacket, size: usize) {
        if size == 0 {
            return;
        }
        packet[4] = (size - 1) as u8;
        if size == 1 {
            return;
        }
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        packet[5] = flag(self.discontinuity, 0x80) | flag(self.random_access, 0x40) | flag(self.pcr.is_some(), 0x10);
        if let Some(pcr) = self.pcr {
            packet[6..12].copy_from_slice(&pcr.to_27m().to_field());
        }
    }
}

/// A PES header (13818-1, 2.4.3.6) and its length. The length field is 0 where the packet is too long for it.
fn pes_header(stream_id: u8, body: usize, stamps: Option<(Pts90k, Pts90k)>) -> ([u8; 19], usize) {
    let mut header = [0, 0, 1, stream_id, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let length = match stamps {
        None => 9,
        Some((pts, dts)) if pts == dts => {
            (header[7], header[8]) = (0x80, 5);
            header[9..14].copy_from_slice(&pes::stamp_field(2, pts));
            14
        }
        Some((pts, dts)) => {
            (header[7], header[8]) = (0xC0, 10);
            header[9..14].copy_from_slice(&pes::stamp_field(3, pts));
            header[14..19].copy_from_slice(&pes::stamp_field(1, dts));
            19
        }
    };
    if stamps.is_some() {
        // data_alignment_indicator: a unit begins right behind the header.
        header[6] |= 0x04;
    }
    if let Ok(told) = u16::try_from(body + length - 6) {
        header[4..6].copy_from_slice(&told.to_be_bytes());
    }
    (header, length)
}
