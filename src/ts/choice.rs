//! A source's tables followed, and one of its programmes chosen (TUNER.md, "Opening a channel").
//!
//! Knows nothing about media packets. The caller holds those back while a choice is not settled: a PMT that would come
//! first in the PAT may still be on its way.

use super::RawPacket;
use super::input::Choice;
use super::packet::{self, UNIT_START};
use super::pat::PatReader;
use super::pmt;
use super::programme::Programme;
use super::sdt;
use super::section::{Section, SectionReader};
use crate::model::stream_info::Kind;

/// Programmes of a PAT that are followed; real ones have fewer than forty.
const MOST_PROGRAMMES: usize = 256;
/// Names kept from the SDT.
const MOST_NAMES: usize = 512;

/// The tables of a source.
#[derive(Debug)]
pub struct Tables {
    choice: Choice,
    pat_sections: SectionReader,
    pat: PatReader,
    /// In PAT order.
    listed: Vec<Listed>,
    pmts: Vec<(u16, SectionReader)>,
    sdt_sections: SectionReader,
    names: Vec<(u16, String)>,
    /// `program_number` of the choice, once settled.
    chosen: Option<u16>,
    /// Its PMT came again while earlier programmes had not shown theirs.
    repeated: bool,
    crc_errors_before: u64,
}

#[derive(Debug)]
struct Listed {
    number: u16,
    pid: u16,
    programme: Option<Programme>,
}

impl Tables {
    /// Tables of which nothing is known.
    pub fn new(choice: Choice) -> Self {
        Self {
            choice,
            pat_sections: SectionReader::default(),
            pat: PatReader::default(),
            listed: Vec::new(),
            pmts: Vec::new(),
            sdt_sections: SectionReader::default(),
            names: Vec::new(),
            chosen: None,
            repeated: false,
            crc_errors_before: 0,
        }
    }

    /// Takes a packet of the PAT's PID. True if the programmes or their PIDs are others now.
    pub fn pat(&mut self, packet: &RawPacket) -> bool {
        let mut whole = None;
        let Self { pat_sections, pat, .. } = self;
        pat_sections.push(packet, |section| {
            if let Some(programmes) = Section::parse(section).and_then(|section| pat.push(&section)) {
                whole = Some(programmes);
            }
        });
        whole.is_some_and(|programmes| self.list(programmes))
    }

    /// Takes a packet of a PMT's PID. True if a programme became known or changed.
    pub fn pmt(&mut self, packet: &RawPacket) -> bool {
        let header = packet::header(packet);
        let pid = packet::pid(header);
        let again = self.chosen.is_none() && header & UNIT_START != 0 && self.best().is_some_and(|(best, _)| best.pid == pid);
        self.repeated |= again;
        let Self { pmts, listed, .. } = self;
        let Some((_, sections)) = pmts.iter_mut().find(|(of, _)| *of == pid) else { return false };
        let mut changed = false;
        sections.push(packet, |section| {
            let programme = Section::parse(section).and_then(|section| pmt::parse(&section));
            let Some(programme) = programme else { return };
            let entry = listed.iter_mut().find(|entry| entry.pid == pid && entry.number == programme.number);
            if let Some(entry) = entry
                && entry.programme.as_ref() != Some(&programme)
            {
                entry.programme = Some(programme);
                changed = true;
            }
        });
        changed || again
    }

    /// Takes a packet of the SDT's PID.
    pub fn sdt(&mut self, packet: &RawPacket) {
        let Self { sdt_sections, names, .. } = self;
        sdt_sections.push(packet, |section| {
            for (number, name) in Section::parse(section).iter().flat_map(sdt::names) {
                match names.iter().position(|(of, _)| *of == number) {
                    Some(known) => names[known].1 = name,
                    None if names.len() < MOST_NAMES => names.push((number, name)),
                    None => {}
                }
            }
        });
    }

    /// The programme to follow as things stand, and whether that is settled.
    pub fn current(&mut self) -> Option<(&Programme, bool)> {
        let number = match self.chosen {
            Some(number) => number,
            None => {
                let (best, last_word) = self.best()?;
                let number = best.number;
                if last_word || self.repeated {
                    self.chosen = Some(number);
                }
                number
            }
        };
        let settled = self.chosen.is_some();
        let listed = self.listed.iter().find(|entry| entry.number == number)?;
        listed.programme.as_ref().map(|programme| (programme, settled))
    }

    /// The best there is has to do: no longer waits for programmes that would come before it.
    pub fn settle(&mut self) {
        self.repeated = true;
    }

    /// PIDs of all PMTs that are of interest.
    pub fn pmt_pids(&self) -> impl Iterator<Item = u16> {
        self.listed.iter().filter(|entry| self.chosen.is_none_or(|number| number == entry.number)).map(|entry| entry.pid)
    }

    /// How many programmes the PAT lists.
    pub fn count(&self) -> usize {
        self.listed.len()
    }

    /// Name of a programme, if the SDT gave one.
    pub fn name(&self, number: u16) -> Option<&str> {
        self.names.iter().find(|(of, _)| *of == number).map(|(_, name)| name.as_str())
    }

    /// Sections whose CRC did not hold.
    pub fn crc_errors(&self) -> u64 {
        let pmts: u64 = self.pmts.iter().map(|(_, sections)| sections.crc_errors()).sum();
        self.crc_errors_before + self.pat_sections.crc_errors() + self.sdt_sections.crc_errors() + pmts
    }

    fn list(&mut self, programmes: Vec<(u16, u16)>) -> bool {
        let same = |listed: &[Listed]| listed.iter().map(|entry| (entry.number, entry.pid)).eq(programmes.iter().copied());
        if same(&self.listed) {
            return false;
        }
        let mut before = std::mem::take(&mut self.listed);
        for (number, pid) in programmes.into_iter().take(MOST_PROGRAMMES) {
            let known = before.iter_mut().find(|entry| (entry.number, entry.pid) == (number, pid));
            self.listed.push(Listed { number, pid, programme: known.and_then(|entry| entry.programme.take()) });
        }
        let Self { pmts, listed, crc_errors_before, .. } = self;
        pmts.retain(|(pid, sections)| {
            let stays = listed.iter().any(|entry| entry.pid == *pid);
            *crc_errors_before += if stays { 0 } else { sections.crc_errors() };
            stays
        });
        for entry in listed {
            if !pmts.iter().any(|(pid, _)| *pid == entry.pid) {
                pmts.push((entry.pid, SectionReader::default()));
            }
        }
        // Even a PMT that did not change must be read again where its programme is new.
        pmts.iter_mut().for_each(|(_, sections)| sections.reset());
        if self.chosen.is_some_and(|number| self.listed.iter().all(|entry| entry.number != number)) {
            self.chosen = None;
            self.repeated = false;
        }
        true
    }

    /// The best programme known, and whether none that is still unknown could be better.
    fn best(&self) -> Option<(&Listed, bool)> {
        if let Choice::Number(wanted) = self.choice {
            let entry = self.listed.iter().find(|entry| entry.number == wanted)?;
            return entry.programme.is_some().then_some((entry, true));
        }
        let has = |entry: &&Listed, kind: Option<Kind>| {
            let streams = entry.programme.as_ref().map(|programme| programme.streams.as_slice()).unwrap_or_default();
            streams.iter().any(|stream| kind.is_none_or(|kind| stream.codec.kind() == kind))
        };
        let mut unknown_before = false;
        for entry in &self.listed {
            unknown_before |= entry.programme.is_none();
            if has(&entry, Some(Kind::Video)) {
                return Some((entry, !unknown_before));
            }
        }
        let first = |kind| self.listed.iter().find(|entry| has(entry, kind));
        first(Some(Kind::Audio)).or_else(|| first(None)).map(|entry| (entry, !unknown_before))
    }
}

#[cfg(test)]
mod tests;
