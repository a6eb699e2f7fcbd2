//! Transport packets as the tests read and write them (ISO/IEC 13818-1 sections 2.4.3.2 to 2.4.3.5), written apart from the
//! code under test.

/// Bytes of a packet.
pub const SIZE: usize = 188;

/// One packet's header, read.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a>(pub &'a [u8]);

impl<'a> Packet<'a> {
    /// Its PID.
    pub fn pid(self) -> u16 {
        u16::from(self.0[1] & 0x1F) << 8 | u16::from(self.0[2])
    }

    /// `payload_unit_start_indicator`.
    pub fn unit_start(self) -> bool {
        self.0[1] & 0x40 != 0
    }

    /// `transport_error_indicator`.
    pub fn error(self) -> bool {
        self.0[1] & 0x80 != 0
    }

    /// `continuity_counter`.
    pub fn counter(self) -> u8 {
        self.0[3] & 0x0F
    }

    /// Whether it has a payload.
    pub fn has_payload(self) -> bool {
        self.0[3] & 0x10 != 0
    }

    /// Length of the adaptation field, its length byte not counted.
    pub fn adaptation(self) -> Option<&'a [u8]> {
        (self.0[3] & 0x20 != 0).then(|| &self.0[5..(5 + usize::from(self.0[4])).min(SIZE)])
    }

    /// `discontinuity_indicator`.
    pub fn discontinuity(self) -> bool {
        self.adaptation().and_then(|field| field.first()).is_some_and(|flags| flags & 0x80 != 0)
    }

    /// `random_access_indicator`.
    pub fn random_access(self) -> bool {
        self.adaptation().and_then(|field| field.first()).is_some_and(|flags| flags & 0x40 != 0)
    }

    /// PCR in units of 27 MHz.
    pub fn pcr(self) -> Option<u64> {
        let field = self.adaptation()?;
        if field.len() < 7 || field[0] & 0x10 == 0 {
            return None;
        }
        let base = field[1..5].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)) << 1 | u64::from(field[5] >> 7);
        let extension = u64::from(field[5] & 1) << 8 | u64::from(field[6]);
        Some(base * 300 + extension)
    }

    /// Its payload.
    pub fn payload(self) -> &'a [u8] {
        if !self.has_payload() {
            return &[];
        }
        let start = self.adaptation().map_or(4, |field| 5 + field.len());
        self.0.get(start..SIZE).unwrap_or(&[])
    }
}

/// The packets of a recording that is aligned from its first byte; a broken last one is left out.
pub fn packets(bytes: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    bytes.chunks_exact(SIZE).map(Packet)
}

/// PTS and DTS at the start of a PES packet, in units of 90 kHz; DTS is the PTS where it has none of its own.
pub fn pes_times(payload: &[u8]) -> Option<(u64, u64)> {
    if payload.get(..3)? != [0, 0, 1] {
        return None;
    }
    let flags = payload.get(7)? >> 6;
    let pts = (flags & 2 != 0).then(|| timestamp(payload.get(9..14)?))??;
    let dts = if flags == 3 { timestamp(payload.get(14..19)?)? } else { pts };
    Some((pts, dts))
}

fn timestamp(field: &[u8]) -> Option<u64> {
    let [a, b, c, d, e] = field.try_into().ok()?;
    let [a, b, c, d, e]: [u64; 5] = [a, b, c, d, e].map(|byte: u8| u64::from(byte));
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

/// Writes a timestamp over one in place, its marker bits and prefix kept.
pub fn write_timestamp(field: &mut [u8], value: u64) {
    field[0] = field[0] & 0xF1 | ((value >> 30 & 7) as u8) << 1;
    field[1] = (value >> 22) as u8;
    field[2] = ((value >> 15) as u8) << 1 | 1;
    field[3] = (value >> 7) as u8;
    field[4] = (value as u8) << 1 | 1;
}

/// CRC-32/MPEG-2, which is 0 over a whole section (13818-1 annex A).
pub fn section_crc(section: &[u8]) -> u32 {
    section.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| crc << 1 ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 })
    })
}

/// The section that begins in a packet, if it lies in it whole (PAT and PMT of the streams here do).
pub fn whole_section<'a>(packet: Packet<'a>) -> Option<&'a [u8]> {
    if !packet.unit_start() {
        return None;
    }
    let payload = packet.payload();
    let section = payload.get(1 + usize::from(*payload.first()?)..)?;
    let length = 3 + (usize::from(section.get(1)? & 0x0F) << 8 | usize::from(*section.get(2)?));
    section.get(..length)
}

/// Programme numbers and PMT PIDs of a PAT section; the network PID is left out.
pub fn pat_programmes(section: &[u8]) -> Vec<(u16, u16)> {
    let entries = section.get(8..section.len().saturating_sub(4)).unwrap_or(&[]);
    let word = |bytes: &[u8]| u16::from(bytes[0]) << 8 | u16::from(bytes[1]);
    entries.chunks_exact(4).map(|entry| (word(entry), word(&entry[2..]) & 0x1FFF)).filter(|(number, _)| *number != 0).collect()
}

/// PCR PID, and stream type and PID of each elementary stream, of a PMT section.
pub fn pmt_streams(section: &[u8]) -> Option<(u16, Vec<(u8, u16)>)> {
    let word = |at: usize| Some(u16::from(*section.get(at)?) << 8 | u16::from(*section.get(at + 1)?));
    let pcr = word(8)? & 0x1FFF;
    let mut at = 12 + usize::from(word(10)? & 0x0FFF);
    let mut streams = Vec::new();
    while at + 5 <= section.len().saturating_sub(4) {
        streams.push((*section.get(at)?, word(at + 1)? & 0x1FFF));
        at += 5 + usize::from(word(at + 3)? & 0x0FFF);
    }
    Some((pcr, streams))
}
