//! Streams that nobody has described: each is looked at until its packets tell what they carry. Pure.
//!
//! What comes until then is thrown away: a decoder could not have begun with it but by chance.

use std::net::SocketAddr;
use std::time::Duration;

use super::assembly;
use crate::base::clock::Instant;
use crate::ingest::depay::Packet as Plain;
use crate::ingest::detect::{CodecDetector, Detection, Payload};
use crate::ingest::sdp::{Format, Parameters};
use crate::rtp::header::Packet;

/// Sources that are known or looked at. Those that have been silent for longest are forgotten first.
const MOST: usize = 64;
/// A source that is taken and was heard so lately is not forgotten for another; later it is looked at anew.
const LATELY: Duration = Duration::from_secs(5);
/// A source of which so many packets tell nothing is told of.
const DOUBTFUL: u32 = 256;

/// What is to be done with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked<'a> {
    /// It is of a stream that can be taken.
    Takes,
    /// Nobody knows yet.
    Waits,
    /// It cannot be taken: why.
    Refuses(&'a str),
}

/// A source, by address, number and payload type.
#[derive(Debug)]
struct Guess {
    from: SocketAddr,
    ssrc: u32,
    payload_type: u8,
    heard: Instant,
    detector: CodecDetector,
    found: Found,
}

#[derive(Debug)]
enum Found {
    /// After so many packets.
    Nothing(u32),
    TransportStream,
    Elementary(Box<Format>),
    Refused(String),
}

/// The sources of a port.
#[derive(Debug)]
pub(super) struct Guesses {
    /// What a person says about payload types.
    said: Vec<Format>,
    all: Vec<Guess>,
}

impl Guesses {
    /// With what a person says about payload types.
    pub(super) fn new(said: &[Format]) -> Self {
        Self { said: said.to_vec(), all: Vec::new() }
    }

    /// Looks at a packet that does not say by its type that it is of a transport stream.
    pub(super) fn look(&mut self, now: Instant, from: SocketAddr, packet: &Packet<'_>) -> Looked<'_> {
        let Self { said, all } = self;
        let at = match all.iter().position(|guess| guess.is_of(from, packet.ssrc, packet.payload_type)) {
            Some(at) => at,
            None => {
                if all.len() >= MOST {
                    let oldest = all.iter().enumerate().min_by_key(|(_, guess)| (guess.is_taken(), guess.heard));
                    let oldest = oldest.filter(|(_, guess)| !guess.is_taken() || guess.is_silent(now));
                    let Some((oldest, _)) = oldest else {
                        return Looked::Refuses("there are too many sources that nobody has described");
                    };
                    all.swap_remove(oldest);
                }
                all.push(Guess::new(now, from, packet, said));
                all.len() - 1
            }
        };
        let Some(guess) = all.get_mut(at) else { return Looked::Waits };
        // A sender that comes again may have been set to something else.
        if guess.is_silent(now) {
            *guess = Guess::new(now, from, packet, said);
        }
        guess.heard = now;
        guess.look(packet, said);
        match &guess.found {
            Found::Nothing(packets) if *packets >= DOUBTFUL => {
                Looked::Refuses("its packets do not tell what they carry; describe it with rtp.sdp or rtp.payload_types")
            }
            Found::Nothing(_) => Looked::Waits,
            Found::TransportStream | Found::Elementary(_) => Looked::Takes,
            Found::Refused(reason) => Looked::Refuses(reason),
        }
    }

    /// What a source carries that [`Self::look`] takes; `None`: a transport stream.
    pub(super) fn format(&self, from: SocketAddr, ssrc: u32, payload_type: u8) -> Option<&Format> {
        self.all.iter().find(|guess| guess.is_of(from, ssrc, payload_type))?.format()
    }

    /// The same of the source that was heard last from there.
    pub(super) fn newest(&self, from: SocketAddr, payload_type: u8) -> Option<&Format> {
        let from_there = self.all.iter().filter(|guess| (guess.from, guess.payload_type) == (from, payload_type));
        from_there.filter(|guess| guess.is_taken()).max_by_key(|guess| guess.heard)?.format()
    }
}

impl Guess {
    fn new(now: Instant, from: SocketAddr, packet: &Packet<'_>, said: &[Format]) -> Self {
        let mut detector = CodecDetector::new();
        for format in said {
            if let Some(payload) = Payload::of_encoding(&format.encoding) {
                detector.add_payload_type_mapping(format.payload_type, payload);
            }
        }
        Self { from, ssrc: packet.ssrc, payload_type: packet.payload_type, heard: now, detector, found: Found::Nothing(0) }
    }

    /// Whether its packets are taken: these are not forgotten for others, as long as they come.
    fn is_taken(&self) -> bool {
        matches!(self.found, Found::TransportStream | Found::Elementary(_))
    }

    fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) >= LATELY
    }

    fn format(&self) -> Option<&Format> {
        match &self.found {
            Found::Elementary(format) => Some(format),
            _ => None,
        }
    }

    fn is_of(&self, from: SocketAddr, ssrc: u32, payload_type: u8) -> bool {
        (self.from, self.ssrc, self.payload_type) == (from, ssrc, payload_type)
    }

    fn look(&mut self, packet: &Packet<'_>, said: &[Format]) {
        if !matches!(self.found, Found::Nothing(_)) {
            return;
        }
        let &Packet { sequence, timestamp, marker, payload, .. } = packet;
        let number = self.payload_type;
        self.found = match self.detector.detect_from_rtp_packet(number, &Plain { sequence, timestamp, marker, payload }) {
            Detection::Known(Payload::TransportStream) => Found::TransportStream,
            Detection::Known(payload) => elementary(number, payload, said),
            Detection::Unsupported(what) => Found::Refused(format!("payload type {number} is {what}, which is not supported")),
            Detection::Undecided { packets } => Found::Nothing(packets),
        };
    }
}

/// What is made of a source that carries this: as a person says, or as its codec has it.
fn elementary(payload_type: u8, payload: Payload, said: &[Format]) -> Found {
    let said = said.iter().rev().find(|format| format.payload_type == payload_type).cloned();
    let as_usual = || {
        let (encoding, clock_rate) = payload.encoding()?;
        let parameters = Parameters::default();
        Some(Format { payload_type, encoding: encoding.to_owned(), clock_rate, channels: None, parameters, line: 0 })
    };
    let Some(format) = said.or_else(as_usual) else {
        return Found::Refused(format!("payload type {payload_type} carries what is not supported"));
    };
    match assembly::track(&format) {
        Ok(_) => Found::Elementary(Box::new(format)),
        Err(refusal) => {
            let encoding = format.encoding;
            Found::Refused(format!("payload type {payload_type} is {encoding}: {refusal}; describe it with rtp.sdp"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    fn sender(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 168, 1, 9], port))
    }

    fn packet(payload_type: u8, sequence: u16, payload: &[u8]) -> Packet<'_> {
        Packet { payload_type, marker: true, sequence, timestamp: u32::from(sequence) * 3600, ssrc: 7, payload }
    }

    /// Parameter sets and a small picture.
    fn pictures(n: u16) -> Vec<u8> {
        match n % 3 {
            0 => vec![0x67, 100, 0, 40, 0xAC],
            1 => vec![0x68, 0xEB, 0xE3],
            _ => vec![0x65, 0x88, 1, 2, 3],
        }
    }

    fn said(text: &str) -> Vec<Format> {
        vec![crate::ingest::settings::RtpSettings::payload_type(text).unwrap()]
    }

    #[test]
    fn pictures_are_known_after_some_packets_and_stay_so() {
        let (mut guesses, now) = (Guesses::new(&[]), clock::now());
        let looks: Vec<bool> =
            (0..40).map(|n| guesses.look(now, sender(1), &packet(96, n, &pictures(n))) == Looked::Takes).collect();
        assert!(!looks[0] && looks[39] && looks.is_sorted(), "{looks:?}");
        let format = guesses.format(sender(1), 7, 96).unwrap();
        assert_eq!((format.encoding.as_str(), format.clock_rate), ("H264", 90_000));
        assert_eq!(guesses.format(sender(2), 7, 96), None);
    }

    #[rstest::rstest]
    #[case::static_audio(14, None, Looked::Takes)]
    #[case::telephone(8, None, Looked::Refuses("payload type 8 is PCMA, which is not supported"))]
    #[case::rtcp(72, None, Looked::Refuses("payload type 72 is a payload type that stands for nothing, which is not supported"))]
    #[case::unknown(96, None, Looked::Waits)]
    #[case::as_it_is_said(97, Some("97=ac3/48000"), Looked::Takes)]
    #[case::of_another_type(96, Some("97=ac3/48000"), Looked::Waits)]
    fn what_is_said_needs_no_look(#[case] payload_type: u8, #[case] of: Option<&str>, #[case] expected: Looked<'_>) {
        let mut guesses = Guesses::new(&of.map(said).unwrap_or_default());
        assert_eq!(guesses.look(clock::now(), sender(1), &packet(payload_type, 1, &[1, 2, 3])), expected);
    }

    #[test]
    fn sound_that_needs_a_description_is_refused_with_what_to_do() {
        let mut guesses = Guesses::new(&said("97=mpeg4-generic/48000"));
        let Looked::Refuses(reason) = guesses.look(clock::now(), sender(1), &packet(97, 1, &[0, 16, 0, 8, 1])) else { panic!() };
        assert!(reason.contains("a=fmtp lacks") && reason.ends_with("describe it with rtp.sdp"), "{reason}");
    }

    #[test]
    fn a_sender_that_was_silent_is_looked_at_anew() {
        let (mut guesses, now) = (Guesses::new(&[]), clock::now());
        (0..40).for_each(|n| _ = guesses.look(now, sender(1), &packet(96, n, &pictures(n))));
        assert!(guesses.newest(sender(1), 96).is_some());
        assert_eq!(guesses.look(now + LATELY, sender(1), &packet(96, 40, &pictures(40))), Looked::Waits);
        assert_eq!(guesses.newest(sender(1), 96), None);
    }

    #[test]
    fn what_never_tells_is_told_of() {
        let (mut guesses, now) = (Guesses::new(&[]), clock::now());
        let mut last = false;
        for n in 0..600 {
            last = matches!(guesses.look(now, sender(1), &packet(96, n, &[0xFF; 9])), Looked::Refuses(_));
        }
        assert!(last);
    }

    #[test]
    fn there_is_an_end_of_sources_and_the_silent_make_room() {
        let (mut guesses, now) = (Guesses::new(&[]), clock::now());
        for port in 0..MOST as u16 {
            assert_eq!(guesses.look(now, sender(port), &packet(14, 1, &[1])), Looked::Takes);
        }
        assert!(matches!(guesses.look(now, sender(999), &packet(14, 1, &[1])), Looked::Refuses(_)));
        // Those of which nothing is known go first.
        guesses.all[7].found = Found::Nothing(3);
        assert_eq!(guesses.look(now, sender(999), &packet(14, 1, &[1])), Looked::Takes);
        assert!(matches!(guesses.look(now, sender(998), &packet(14, 1, &[1])), Looked::Refuses(_)));
        assert_eq!(guesses.look(now + LATELY, sender(998), &packet(14, 1, &[1])), Looked::Takes);
        assert_eq!(guesses.all.len(), MOST);
    }
}
