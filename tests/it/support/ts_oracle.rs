//! Judges a recording by ISO/IEC 13818-1, apart from the code under test: what a strict receiver would complain about.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::packets::{Packet, SIZE, packets, pat_programmes, pes_times, pmt_streams, section_crc, whole_section};
use super::process::run;

/// What a recording may and may not hold.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Longest time between two PCRs of a PID, in milliseconds.
    pub pcr_gap_ms: u64,
    /// Longest step of a DTS, in milliseconds.
    pub dts_step_ms: u64,
    /// Whether jumps announced by `discontinuity_indicator` are allowed.
    pub announced_jumps: bool,
}

/// For one source that is fine: 13818-1 section 2.7.2 asks for a PCR every 100 ms.
pub const STRICT: Rules = Rules { pcr_gap_ms: 100, dts_step_ms: 100, announced_jumps: false };

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Complaints, each with its packet's place.
    pub faults: Vec<String>,
    /// Packets.
    pub packets: usize,
    /// Place of the first PAT.
    pub first_pat: Option<usize>,
    /// Place of the first PMT.
    pub first_pmt: Option<usize>,
    /// Place of the first packet that is neither PSI nor null.
    pub first_media: Option<usize>,
    /// Whether the first unit of the first video stream is a random access point; `None` without video.
    pub video_starts_random_access: Option<bool>,
    /// Place of the first null packet.
    pub first_null: Option<usize>,
    /// Place of the first PES packet.
    pub first_pes: Option<usize>,
    /// Stream type and PID of each elementary stream, by the last PMT.
    pub streams: Vec<(u8, u16)>,
    /// PMT versions seen, in order.
    pub pmt_versions: Vec<u8>,
    /// Place of the first PMT of each of them.
    pub pmt_places: Vec<usize>,
    /// Packets with `discontinuity_indicator`.
    pub announced: usize,
    /// PCR time from the first to the last, without jumps.
    pub duration: Duration,
}

/// Video by stream type (13818-1 table 2-34).
pub fn is_video(stream_type: u8) -> bool {
    matches!(stream_type, 0x01 | 0x02 | 0x1B | 0x24 | 0xEA)
}

/// Examines a recording.
pub fn examine(bytes: &[u8], rules: Rules) -> Findings {
    let mut judge = Judge { rules, ..Judge::default() };
    for (index, packet) in packets(bytes).enumerate() {
        judge.packet(index, packet);
    }
    judge.found
}

/// Fails unless a recording is without fault, and begins as check 47 asks.
pub fn assert_clean(bytes: &[u8], rules: Rules) -> Findings {
    let found = examine(bytes, rules);
    assert!(found.packets > 50, "a recording of {} bytes is too short to judge", bytes.len());
    let mut report = String::new();
    for fault in found.faults.iter().take(20) {
        writeln!(report, "{fault}").unwrap();
    }
    assert!(found.faults.is_empty(), "{} faults in {} packets:\n{report}", found.faults.len(), found.packets);
    assert_begins_well(&found);
    found
}

/// Check 47: PAT within the first 10 packets, PMT before media, the first picture a random access point, no null packet
/// before the first PES packet.
pub fn assert_begins_well(found: &Findings) {
    assert!(found.first_pat.is_some_and(|at| at < 10), "first PAT at {:?}", found.first_pat);
    assert!(found.first_pmt.is_some() && found.first_pmt < found.first_media, "PMT after media: {found:?}");
    assert_ne!(found.video_starts_random_access, Some(false), "the first picture is no random access point");
    assert!(found.first_null.is_none_or(|at| found.first_pes.is_some_and(|pes| pes < at)), "a null packet first");
}

/// Fails unless ffmpeg decodes it all without a word; a recording it complains about is kept. What was cut at the end by leaving
/// is left out.
pub fn assert_decodes(bytes: &[u8]) {
    let said = says_ffmpeg(bytes);
    if !said.is_empty() {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("it-complained-of-{}.ts", std::process::id()));
        std::fs::write(&kept, bytes).unwrap();
        panic!("ffmpeg on {}:\n{said}", kept.display());
    }
}

/// What ffmpeg complains about when it decodes and when it copies it all, without what was cut at the end by leaving.
pub fn says_ffmpeg(bytes: &[u8]) -> String {
    let file = tempfile::Builder::new().suffix(".ts").tempfile().unwrap();
    std::fs::write(file.path(), whole_units(bytes)).unwrap();
    let mut said = String::new();
    for how in [&["-f", "null", "-"][..], &["-c", "copy", "-f", "null", "-"]] {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-i"]).arg(file.path()).args(["-map", "0"]).args(how);
        let output = run(&mut command, Duration::from_secs(120));
        said += &output.stderr;
        if output.code() != 0 {
            writeln!(said, "ffmpeg {how:?} ended with {}", output.status).unwrap();
        }
    }
    said
}

/// The recording without the last, perhaps unfinished, unit of each PID.
pub fn whole_units(bytes: &[u8]) -> Vec<u8> {
    let mut last_start: HashMap<u16, usize> = HashMap::new();
    for (index, packet) in packets(bytes).enumerate() {
        if packet.unit_start() {
            last_start.insert(packet.pid(), index);
        }
    }
    let keep = |index: usize, packet: &Packet<'_>| last_start.get(&packet.pid()).is_some_and(|last| index < *last);
    packets(bytes).enumerate().filter(|(index, packet)| keep(*index, packet)).flat_map(|(_, packet)| packet.0.to_vec()).collect()
}

#[derive(Default)]
struct Judge {
    rules: Rules,
    found: Findings,
    counters: HashMap<u16, (u8, Vec<u8>)>,
    /// Sections that are not at their end yet.
    partial: HashMap<u16, Vec<u8>>,
    /// The programme's last PCR: another `PCR_PID` alone makes no other time base (13818-1, 2.4.3.5).
    last_pcr: Option<u64>,
    dts: HashMap<u16, u64>,
    pmt_pid: Option<u16>,
    pcr_pid: Option<u16>,
}

impl Default for Rules {
    fn default() -> Self {
        STRICT
    }
}

impl Judge {
    fn fault(&mut self, index: usize, packet: Packet<'_>, what: String) {
        self.found.faults.push(format!("packet {index} PID {:#06x}: {what}", packet.pid()));
    }

    fn packet(&mut self, index: usize, packet: Packet<'_>) {
        self.found.packets += 1;
        if packet.0[0] != 0x47 {
            return self.fault(index, packet, "no sync byte".into());
        }
        if packet.error() {
            self.fault(index, packet, "transport error".into());
        }
        let pid = packet.pid();
        if pid == 0x1FFF {
            self.found.first_null.get_or_insert(index);
            return;
        }
        if packet.discontinuity() {
            self.found.announced += 1;
            if !self.rules.announced_jumps {
                self.fault(index, packet, "discontinuity_indicator".into());
            }
        }
        self.continuity(index, packet);
        if pid == 0 || Some(pid) == self.pmt_pid {
            return self.tables(index, packet);
        }
        if pid < 0x20 {
            return;
        }
        self.found.first_media.get_or_insert(index);
        self.clock(index, packet);
        self.unit(index, packet);
    }

    fn continuity(&mut self, index: usize, packet: Packet<'_>) {
        let pid = packet.pid();
        let counter = packet.counter();
        if let Some((last, bytes)) = self.counters.get(&pid) {
            let expected = if packet.has_payload() { (last + 1) & 0x0F } else { *last };
            let repeated = packet.has_payload() && counter == *last && bytes == packet.0;
            if counter != expected && !repeated && !packet.discontinuity() {
                self.fault(index, packet, format!("continuity counter {counter} instead of {expected}"));
            }
        }
        self.counters.insert(pid, (counter, packet.0.to_vec()));
    }

    fn tables(&mut self, index: usize, packet: Packet<'_>) {
        let pid = packet.pid();
        if let Some(section) = whole_section(packet) {
            self.partial.remove(&pid);
            return self.section(index, packet, section);
        }
        // A table of many streams takes several packets.
        if packet.unit_start() {
            let begun = packet.payload().split_first().and_then(|(pointer, rest)| rest.get(usize::from(*pointer)..));
            self.partial.insert(pid, begun.unwrap_or_default().to_vec());
            return;
        }
        let Some(mut section) = self.partial.remove(&pid) else { return };
        section.extend_from_slice(packet.payload());
        let length = section.get(1..3).map_or(3, |bytes| 3 + (usize::from(bytes[0] & 0x0F) << 8 | usize::from(bytes[1])));
        match section.get(..length) {
            Some(whole) => self.section(index, packet, whole),
            None => _ = self.partial.insert(pid, section),
        }
    }

    fn section(&mut self, index: usize, packet: Packet<'_>, section: &[u8]) {
        if section_crc(section) != 0 {
            return self.fault(index, packet, "a section with a wrong CRC".into());
        }
        if packet.pid() == 0 {
            self.found.first_pat.get_or_insert(index);
            let programmes = pat_programmes(section);
            if programmes.len() != 1 {
                self.fault(index, packet, format!("{} programmes instead of one", programmes.len()));
            }
            self.pmt_pid = programmes.first().map(|(_, pid)| *pid);
        } else if section.first() == Some(&2) {
            self.found.first_pmt.get_or_insert(index);
            let version = section[5] >> 1 & 0x1F;
            if self.found.pmt_versions.last() != Some(&version) {
                self.found.pmt_versions.push(version);
                self.found.pmt_places.push(index);
            }
            if let Some((pcr, streams)) = pmt_streams(section) {
                self.pcr_pid = Some(pcr);
                self.found.streams = streams;
            }
        }
    }

    fn clock(&mut self, index: usize, packet: Packet<'_>) {
        let pid = packet.pid();
        let Some(pcr) = packet.pcr() else { return };
        if Some(pid) != self.pcr_pid {
            return;
        }
        if let Some(last) = self.last_pcr.replace(pcr).filter(|_| !packet.discontinuity()) {
            let step_ms = signed_step(pcr, last, (1 << 33) * 300) / 27_000;
            if step_ms < 0 {
                self.fault(index, packet, format!("PCR goes back by {} ms", -step_ms));
            } else if step_ms as u64 > self.rules.pcr_gap_ms {
                self.fault(index, packet, format!("{step_ms} ms without a PCR"));
            }
            self.found.duration += Duration::from_millis(step_ms.max(0) as u64);
        }
    }

    fn unit(&mut self, index: usize, packet: Packet<'_>) {
        let pid = packet.pid();
        if !packet.unit_start() || packet.payload().get(..3) != Some(&[0, 0, 1]) {
            return;
        }
        self.found.first_pes.get_or_insert(index);
        let kind = self.found.streams.iter().find(|(_, found)| *found == pid).map(|(kind, _)| *kind);
        if kind.is_some_and(is_video) && self.found.video_starts_random_access.is_none() {
            let starts = packet.random_access() || kind.is_some_and(|kind| begins_sequence(kind, packet.payload()));
            self.found.video_starts_random_access = Some(starts);
        }
        let Some((_, dts)) = pes_times(packet.payload()) else { return };
        if let Some(last) = self.dts.insert(pid, dts) {
            let step_ms = signed_step(dts, last, 1 << 33) / 90;
            if signed_step(dts, last, 1 << 33) <= 0 {
                self.fault(index, packet, format!("DTS goes back by {} ms", -step_ms));
            } else if step_ms as u64 > self.rules.dts_step_ms {
                self.fault(index, packet, format!("DTS jumps by {step_ms} ms"));
            }
        }
    }
}

/// Whether the first packet of a unit shows parameter sets or a sequence header.
fn begins_sequence(stream_type: u8, payload: &[u8]) -> bool {
    payload.windows(4).skip(6).filter(|code| code[..3] == [0, 0, 1]).any(|code| match stream_type {
        0x1B => matches!(code[3] & 0x1F, 5 | 7),
        0x24 => matches!(code[3] >> 1 & 0x3F, 16..=21 | 32..=34),
        _ => code[3] == 0xB3,
    })
}

fn signed_step(now: u64, last: u64, wrap: u64) -> i64 {
    let step = (now + wrap - last) % wrap;
    if step > wrap / 2 { step as i64 - wrap as i64 } else { step as i64 }
}

/// A recording cut where the PMT says something new: before the PAT that comes with it.
pub fn programmes<'a>(bytes: &'a [u8], found: &Findings) -> Vec<&'a [u8]> {
    let is_pat = |place: &usize| packets(&bytes[place * SIZE..]).next().is_some_and(|packet| packet.pid() == 0);
    let cut = |place: &usize| place.checked_sub(1).filter(is_pat).unwrap_or(*place) * SIZE;
    let mut cuts: Vec<usize> = [0].into_iter().chain(found.pmt_places.iter().skip(1).map(cut)).collect();
    cuts.push(bytes.len());
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// The whole packets of a recording, whose length may end in a broken one.
pub fn aligned(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / SIZE * SIZE]
}
