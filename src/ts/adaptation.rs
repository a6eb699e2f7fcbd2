//! The adaptation field (13818-1, 2.4.3.4): flags, PCR and OPCR, read and moved in place.

use super::RawPacket;
use super::time::Pcr27m;

const DISCONTINUITY: u8 = 0x80;
const RANDOM_ACCESS: u8 = 0x40;
const PCR: u8 = 0x10;
const OPCR: u8 = 0x08;

/// What is of use in an adaptation field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adaptation {
    /// `discontinuity_indicator`.
    pub discontinuity: bool,
    /// `random_access_indicator`.
    pub random_access: bool,
    /// `program_clock_reference`.
    pub pcr: Option<Pcr27m>,
}

impl Adaptation {
    /// The field of a packet; nothing set where it has none, or one too short for what its flags promise.
    pub fn of(packet: &RawPacket) -> Self {
        let Some(flags) = flags(packet) else { return Self::default() };
        Self {
            discontinuity: flags & DISCONTINUITY != 0,
            random_access: flags & RANDOM_ACCESS != 0,
            pcr: (flags & PCR != 0 && fits(packet, 6)).then(|| read(packet, 6)),
        }
    }

    /// Whether the field of a packet that has one is as good as stuffing: no clock in it and no break. Where random access is
    /// indicated is of interest only with the unit of a picture.
    #[inline]
    pub fn is_stuffing(packet: &RawPacket) -> bool {
        packet[4] == 0 || packet[5] & (DISCONTINUITY | PCR | OPCR) == 0
    }
}

/// Moves PCR and OPCR on by an offset in units of 90 kHz, in place. Gives the PCR as it is now.
pub fn shift(packet: &mut RawPacket, offset_90k: u64) -> Option<Pcr27m> {
    let flags = flags(packet)?;
    let mut at = 6;
    let mut pcr = None;
    if flags & PCR != 0 && fits(packet, at) {
        let moved = read(packet, at).plus_90k(offset_90k);
        write(packet, at, moved);
        pcr = Some(moved);
        at += 6;
    }
    if flags & OPCR != 0 && fits(packet, at) {
        write(packet, at, read(packet, at).plus_90k(offset_90k));
    }
    pcr
}

/// Sets `discontinuity_indicator`, if the packet has an adaptation field with flags.
pub fn set_discontinuity(packet: &mut RawPacket) {
    if flags(packet).is_some() {
        packet[5] |= DISCONTINUITY;
    }
}

/// Makes a packet one without payload, of which its clock is all that is left.
pub fn only_clock(packet: &mut RawPacket) {
    let flags = flags(packet).unwrap_or(0) & (DISCONTINUITY | PCR);
    let kept = if flags & PCR != 0 && fits(packet, 6) { 12 } else { 6 };
    packet[1] &= 0x1F;
    packet[3] = packet[3] & 0x0F | 0x20;
    (packet[4], packet[5]) = (183, if kept == 12 { flags } else { flags & !PCR });
    packet[kept..].fill(0xFF);
}

fn flags(packet: &RawPacket) -> Option<u8> {
    (packet[3] & 0x20 != 0 && packet[4] > 0).then_some(packet[5])
}

/// Whether six bytes at `at` (6 or 12) lie within the field.
fn fits(packet: &RawPacket, at: usize) -> bool {
    5 + packet[4] as usize >= at + 6
}

fn read(packet: &RawPacket, at: usize) -> Pcr27m {
    let mut field = [0; 6];
    field.copy_from_slice(&packet[at..at + 6]);
    Pcr27m::from_field(field)
}

fn write(packet: &mut RawPacket, at: usize, pcr: Pcr27m) {
    packet[at..at + 6].copy_from_slice(&pcr.to_field());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(flags: u8, length: u8) -> RawPacket {
        let mut packet = [0xFF; 188];
        packet[..6].copy_from_slice(&[0x47, 0, 0, 0x30, length, flags]);
        packet
    }

    #[test]
    fn pcr_and_opcr_move_together() {
        let mut packet = packet(PCR | OPCR, 13);
        write(&mut packet, 6, Pcr27m(1_000));
        write(&mut packet, 12, Pcr27m(500));
        assert_eq!(shift(&mut packet, 10), Some(Pcr27m(4_000)));
        assert_eq!(Adaptation::of(&packet).pcr, Some(Pcr27m(4_000)));
        assert_eq!(read(&packet, 12), Pcr27m(3_500));
    }

    #[test]
    fn a_field_too_short_is_left_alone() {
        let mut short = packet(PCR | OPCR, 6);
        let before = short;
        assert_eq!(shift(&mut short, 10), None);
        assert_eq!(short, before);
        assert_eq!(Adaptation::of(&packet(0xFF, 0)), Adaptation::default());
    }

    #[test]
    fn a_clock_can_be_all_that_is_left() {
        let mut packet = packet(PCR | RANDOM_ACCESS, 7);
        packet[1] = 0x41;
        write(&mut packet, 6, Pcr27m(1_000));
        only_clock(&mut packet);
        assert_eq!(packet[..6], [0x47, 1, 0, 0x20, 183, PCR]);
        assert_eq!(Adaptation::of(&packet), Adaptation { pcr: Some(Pcr27m(1_000)), ..Adaptation::default() });
        assert!(packet[12..].iter().all(|byte| *byte == 0xFF));
    }

    #[test]
    fn flags_are_read_and_set() {
        let mut packet = packet(RANDOM_ACCESS, 1);
        assert!(Adaptation::of(&packet).random_access && !Adaptation::of(&packet).discontinuity);
        set_discontinuity(&mut packet);
        assert!(Adaptation::of(&packet).discontinuity);
    }
}
