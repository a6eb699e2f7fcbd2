//! Opus by RFC 7587: one packet of Opus in each packet of RTP.
//!
//! Gives access units as a transport stream carries them ("Opus in MPEG-TS", draft of ETSI TS 1xx xxx V0.1.1, as ffmpeg writes
//! it): a control header that tells the size, then the packet.

use super::parts::{Arrival, Intake};
use super::{Fault, Frame, Packet, Stats};
use crate::ingest::sdp::Parameters;

/// The longest packet: 120 ms (RFC 6716, 3.2.5, R5), in samples at 48 kHz.
const LONGEST: u32 = 5760;
/// The longest frame in a packet (RFC 6716, 3.2.1), and so the largest packet of 48 frames.
const LARGEST: usize = 1275 * 48 + 100;

/// Takes apart one stream. Its clock is 48 kHz always (RFC 7587, 4.1).
#[derive(Debug)]
pub struct Opus {
    stereo: bool,
    intake: Intake,
    unit: Vec<u8>,
}

impl Opus {
    /// With the parameters of an SDP.
    pub fn new(parameters: &Parameters) -> Self {
        let stereo = parameters.get("sprop-stereo").is_none_or(|value| value != "0");
        Self { stereo, intake: Intake::default(), unit: Vec::new() }
    }

    /// Channels to be told of. Decoders give two of any stream, but of one that is told to have one channel they mix two together: so
    /// it is one only where the sender says that it sends no more (RFC 7587, 6.1, sprop-stereo, which some leave out).
    pub fn channels(&self) -> u8 {
        if self.stereo { 2 } else { 1 }
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.intake.stats()
    }

    /// Bytes of memory that its buffers hold: 128 KiB at most.
    pub fn held(&self) -> usize {
        self.unit.capacity()
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// When it is no packet of Opus.
    pub fn push(&mut self, packet: Packet<'_>, out: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        if self.intake.take(packet.sequence) == Arrival::Again {
            return Ok(());
        }
        // Silence may be told by a packet without anything.
        if packet.payload.is_empty() {
            return Ok(());
        }
        let duration = samples(packet.payload).filter(|_| packet.payload.len() <= LARGEST);
        let duration = self.intake.count(duration.ok_or(Fault::Malformed("no packet of Opus")))?;
        self.unit.clear();
        control_header(packet.payload.len(), &mut self.unit);
        self.unit.extend_from_slice(packet.payload);
        out(self.intake.frame(packet.timestamp, Some(duration), &self.unit));
        Ok(())
    }
}

/// How long a packet is, in samples at 48 kHz, by its TOC (RFC 6716, 3.1). `None` for what breaks R1 to R7 (3.4), as far as the
/// first bytes tell.
pub fn samples(packet: &[u8]) -> Option<u32> {
    let (toc, rest) = packet.split_first()?;
    let config = toc >> 3;
    let frame = match (config, config & 3) {
        (0..12, 0) => 480,
        (0..12, step) => 960 * u32::from(step),
        (12..16, step) => 480 << (step & 1),
        (_, step) => 120 << step,
    };
    let frames = match toc & 3 {
        0 => 1,
        1 if rest.len().is_multiple_of(2) => 2,
        1 => return None,
        2 => {
            let length = match rest {
                [first @ 0..252, ..] => 1 + usize::from(*first),
                [first, second, ..] => 2 + usize::from(*first) + 4 * usize::from(*second),
                _ => return None,
            };
            (length <= rest.len()).then_some(2)?
        }
        _ => u32::from(rest.first()? & 0x3F),
    };
    let samples = frame * frames;
    (1..=LONGEST).contains(&samples).then_some(samples)
}

/// opus_control_header: a prefix of eleven bits, no trimming, no extension; then the size, by bytes of 255.
fn control_header(size: usize, out: &mut Vec<u8>) {
    out.extend([0x7F, 0xE0]);
    out.extend(std::iter::repeat_n(255, size / 255));
    out.push((size % 255) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::depay::testing::{anything, depacketiser, numbered, plain, run};
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::silk_60(&[0x18, 1], Some(2880))]
    #[case::silk_10(&[0x40, 1], Some(480))]
    #[case::hybrid_20(&[0x78, 1], Some(960))]
    #[case::celt_2_5(&[0x80], Some(120))]
    #[case::celt_20(&[0xFC, 1], Some(960))]
    #[case::two_equal(&[0xFD, 1, 2], Some(1920))]
    #[case::two_unequal(&[0xFE, 1, 9, 9], Some(1920))]
    #[case::two_unequal_long(&[[0xFE, 252, 1].as_slice(), &[9; 300]].concat(), Some(1920))]
    #[case::first_beyond(&[0xFE, 3, 9, 9], None)]
    #[case::odd(&[0xFD, 1], None)]
    #[case::six_of_20(&[0xFF, 6], Some(5760))]
    #[case::seven_of_20(&[0xFF, 7], None)]
    #[case::none(&[0xFF, 0], None)]
    #[case::no_count(&[0xFF], None)]
    #[case::control_header(&[0x7F, 0xE0, 3], None)]
    fn lengths(#[case] packet: &[u8], #[case] expected: Option<u32>) {
        assert_eq!(samples(packet), expected);
    }

    #[test]
    fn silence_is_no_fault() {
        let mut opus = depacketiser("opus", 48_000, "sprop-stereo=1; useinbandfec=1").unwrap();
        let sent = [(0, true, vec![0xFC, 1]), (960, false, vec![]), (1920, false, vec![0xFF, 7]), (2880, false, vec![0xFC, 2])];
        let (given, faults) = run(&mut opus, &numbered(1, sent));
        assert_eq!(plain(&given), [(0, vec![0x7F, 0xE0, 2, 0xFC, 1]), (2880, vec![0x7F, 0xE0, 2, 0xFC, 2])]);
        assert_eq!(faults, [Fault::Malformed("no packet of Opus")]);
        assert_eq!((given[0].after_loss, given[1].after_loss), (false, true));
        let channels = |fmtp| Opus::new(&Parameters::parse(fmtp)).channels();
        assert_eq!(["sprop-stereo=1", "", "sprop-stereo=0"].map(channels), [2, 2, 1]);
    }

    proptest! {
        #[test]
        fn packets_come_back(sizes in proptest::collection::vec(0usize..1276, 1..20), time: u32) {
            let each = sizes.iter().enumerate();
            let sent: Vec<_> = each.map(|(n, size)| (time.wrapping_add(n as u32 * 960), false, [vec![0xFC], vec![n as u8; *size]].concat())).collect();
            let mut opus = depacketiser("opus", 48_000, "").unwrap();
            let (given, _) = run(&mut opus, &numbered(65_530, sent.clone()));
            prop_assert_eq!(given.len(), sent.len());
            for (given, (timestamp, _, packet)) in given.iter().zip(sent) {
                // As ffmpeg's demultiplexer reads it.
                prop_assert_eq!(&given.data[..2], &[0x7F, 0xE0]);
                let runs = given.data[2..].iter().take_while(|byte| **byte == 255).count();
                let size = runs * 255 + usize::from(given.data[2 + runs]);
                prop_assert_eq!(size, packet.len());
                prop_assert_eq!(&given.data[3 + runs..], packet);
                prop_assert_eq!((given.timestamp, given.duration), (timestamp, Some(960)));
            }
        }

        #[test]
        fn anything_is_survived(packets in anything(&[&[0xFE], &[0xFF], &[0xFD]])) {
            let mut opus = depacketiser("opus", 48_000, "").unwrap();
            run(&mut opus, &packets);
            prop_assert!(opus.held() <= 128 * 1024);
        }
    }
}
