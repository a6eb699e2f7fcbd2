//! Long recordings out of the short ones that are there: the same packets again and again, counters and time running on.

use std::collections::HashMap;
use std::path::PathBuf;

use rooftop::ts::adaptation::{self, Adaptation};
use rooftop::ts::packet::{self, ADAPTATION, NULL_PID, PAYLOAD, UNIT_START, header};
use rooftop::ts::section::{Section, SectionReader, build, packetize};
use rooftop::ts::{PACKET, RawPacket, pat, pes, pmt};

use super::Outcome;

/// All recordings.
pub const NAMES: [&str; 6] = ["h264-sd", "h264-hd", "hevc", "mpeg2-sd", "mpeg2-hd", "multiplex"];

/// Whole packets, one behind the other.
pub struct Recording {
    pub bytes: Vec<u8>,
}

impl Recording {
    /// The recording of this name, of about so many bytes.
    pub fn of(name: &str, bytes: usize) -> Outcome<Self> {
        let once = match name {
            "h264-sd" => file("tsduck/test-072.ts")?,
            "h264-hd" => file("tsduck/test-064.ts")?,
            "hevc" => file("tsduck/test-137.ts")?,
            "mpeg2-sd" => file("tsduck/test-025.ts")?,
            "mpeg2-hd" => file("androidx/bbb_2500ms.ts")?,
            "multiplex" => multiplex(&["tsduck/test-064.ts", "tsduck/test-025.ts", "tsduck/test-072.ts", "tsduck/test-137.ts"])?,
            _ => return Err(format!("there is no recording {name}, only {NAMES:?}").into()),
        };
        Ok(repeated(&once, bytes))
    }

    /// How many packets.
    pub fn packets(&self) -> usize {
        self.bytes.len() / PACKET
    }
}

/// Where the short recordings lie.
pub fn corpus() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/ts"))
}

fn file(name: &str) -> Outcome<Vec<RawPacket>> {
    let path = corpus().join(name);
    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes.as_chunks::<PACKET>().0.to_vec())
}

/// Again and again, until there are so many bytes.
fn repeated(once: &[RawPacket], bytes: usize) -> Recording {
    let span_90k = span(once);
    let mut long = Vec::with_capacity(bytes);
    let mut counters: HashMap<u16, u8> = HashMap::new();
    for round in 0u64.. {
        for packet in once {
            if long.len() + PACKET > bytes {
                return Recording { bytes: long };
            }
            let mut packet = *packet;
            let word = header(&packet);
            let counter = counters.entry(packet::pid(word)).or_insert(word as u8 & 0xF);
            if round > 0 && word & PAYLOAD != 0 {
                *counter = (*counter + 1) & 0xF;
            }
            if round == 0 {
                *counter = word as u8 & 0xF;
            }
            packet[3] = packet[3] & 0xF0 | *counter;
            adaptation::shift(&mut packet, round * span_90k);
            let begins_pes = word & (UNIT_START | PAYLOAD) == UNIT_START | PAYLOAD;
            let at = packet::payload_at(&packet);
            if let Some(payload) = packet.get_mut(at..).filter(|_| begins_pes) {
                pes::shift(payload, round * span_90k);
            }
            long.extend_from_slice(&packet);
        }
    }
    Recording { bytes: long }
}

/// How long it is, by its PCRs, in units of 90 kHz.
fn span(packets: &[RawPacket]) -> u64 {
    let mut pids: HashMap<u16, (u64, u64)> = HashMap::new();
    for packet in packets.iter().filter(|packet| header(packet) & ADAPTATION != 0) {
        if let Some(pcr) = Adaptation::of(packet).pcr {
            let at = pcr.to_90k().0;
            let (first, last) = pids.entry(packet::pid(header(packet))).or_insert((at, at));
            (*first, *last) = ((*first).min(at), (*last).max(at));
        }
    }
    pids.values().map(|(first, last)| last - first + 3600).max().unwrap_or(90_000)
}

/// Several programmes in one stream, interleaved by their rates, each with its own PMT under one PAT.
fn multiplex(names: &[&str]) -> Outcome<Vec<RawPacket>> {
    let mut sources = Vec::new();
    let mut listed = Vec::new();
    for (name, number) in names.iter().zip(1u16..) {
        let packets = file(name)?;
        let pmt_pid = 0x100 * number;
        let (old_pmt_pid, pmt, pids) = programme(&packets, number, pmt_pid).ok_or_else(|| format!("{name} has no programme"))?;
        listed.extend([number.to_be_bytes(), (pmt_pid | 0xE000).to_be_bytes()].concat());
        sources.push((packets, old_pmt_pid, pmt, pids, 0usize));
    }
    let pat = packetize(pat::PID, &build(pat::TABLE_ID, 1, 1, &listed)).remove(0);
    let all: usize = sources.iter().map(|source| source.0.len()).sum();
    let mut out = Vec::with_capacity(all);
    let mut counters: HashMap<u16, u8> = HashMap::new();
    while out.len() < all {
        // Whoever is behind goes first.
        let next = sources.iter_mut().enumerate().filter(|(_, source)| source.4 < source.0.len());
        let next = next.min_by(|(_, a), (_, b)| (a.4 * b.0.len()).cmp(&(b.4 * a.0.len())));
        let Some((index, (packets, old_pmt_pid, pmt, pids, at))) = next else { break };
        let Some(packet) = packets.get(*at) else { break };
        *at += 1;
        let pid = packet::pid(header(packet));
        let mut packet = match pids.get(&pid) {
            Some(new) => with_pid(packet, *new),
            None if pid == pat::PID && index == 0 => pat,
            None if pid == *old_pmt_pid => *pmt,
            None => with_pid(packet, NULL_PID),
        };
        let word = header(&packet);
        if !pids.contains_key(&pid) && word & PAYLOAD != 0 {
            let counter = counters.entry(packet::pid(word)).or_default();
            packet[3] = packet[3] & 0xF0 | *counter;
            *counter = (*counter + 1) & 0xF;
        }
        out.push(packet);
    }
    Ok(out)
}

/// The first programme with streams whose packets come: the PID of its PMT, that PMT for the multiplex, and new PIDs.
fn programme(packets: &[RawPacket], number: u16, pmt_pid: u16) -> Option<(u16, RawPacket, HashMap<u16, u16>)> {
    let mut readers: HashMap<u16, SectionReader> = HashMap::new();
    let present = |pid: u16| packets.iter().any(|packet| packet::pid(header(packet)) == pid);
    for packet in packets {
        let pid = packet::pid(header(packet));
        let mut found = None;
        readers.entry(pid).or_default().push(packet, |section| {
            let programme = Section::parse(section).and_then(|section| pmt::parse(&section));
            found = programme.filter(|programme| programme.streams.first().is_some_and(|stream| present(stream.pid)));
        });
        if let Some(programme) = found {
            let mut pids: HashMap<u16, u16> = programme.streams.iter().map(|stream| stream.pid).zip(pmt_pid + 1..).collect();
            let others = pmt_pid + 1 + pids.len() as u16;
            let pcr_pid = *pids.entry(programme.pcr_pid).or_insert(others);
            let entry =
                |stream: &rooftop::ts::programme::Stream| (pids[&stream.pid], stream.stream_type, stream.descriptors.clone());
            let entries: Vec<_> = programme.streams.iter().map(entry).collect();
            let entry = |(pid, stream_type, descriptors)| pmt::Entry { pid, stream_type, descriptors };
            let entries: Vec<_> = entries.iter().map(|(pid, kind, own)| entry((*pid, *kind, own.as_slice()))).collect();
            let body = pmt::body(pcr_pid, &programme.descriptors, &entries);
            let packets = packetize(pmt_pid, &build(pmt::TABLE_ID, number, 1, &body));
            return Some((pid, *packets.first()?, pids));
        }
    }
    None
}

fn with_pid(packet: &RawPacket, pid: u16) -> RawPacket {
    let mut packet = *packet;
    let [high, low] = pid.to_be_bytes();
    packet[1] = packet[1] & 0xE0 | high & 0x1F;
    packet[2] = low;
    packet
}
