//! What can come of a call by SRT, in words, and whether it is held against whoever was called. Pure.

use std::time::Duration;

use srt_protocol::packet::RejectReason;

use crate::base::clock::Rounded;
use crate::source::SourceError;
use crate::source::srt::{Address, Mode};

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The other side said no.
    Refused(RejectReason),
    /// Nothing came for so long.
    Silent(Duration),
    /// The system says that there is nobody at that port.
    Nobody,
    /// The other side speaks a version before the fifth handshake, of 2018.
    Old,
    /// What it said made no sense.
    Nonsense,
    /// The system's words: no such name, no route.
    Unreachable(String),
    /// Something on this machine.
    Local(String),
}

impl Failure {
    /// Whether it costs somebody something to call there again at once. Who is to be met is not there more often than not.
    pub(super) fn counts(&self, mode: Mode) -> bool {
        match self {
            Self::Refused(_) | Self::Old | Self::Nonsense => true,
            Self::Silent(_) | Self::Unreachable(_) => mode == Mode::Caller,
            Self::Nobody | Self::Local(_) => false,
        }
    }

    /// As a source's error.
    pub(super) fn of(self, address: &Address) -> SourceError {
        let connect = |reason: String| SourceError::Connect { reason };
        match self {
            // Libsrt counts from 0 and from 1000 what is 1000 more on the wire.
            Self::Refused(reason) => {
                let code = i32::from(reason).saturating_sub(1000);
                SourceError::Refused { reason: words(code, address.passphrase.is_some()), code }
            }
            Self::Silent(waited) if address.mode == Mode::Rendezvous => {
                connect(format!("the other side did not call within {}", Rounded(waited)))
            }
            Self::Silent(waited) => connect(format!("no answer by SRT within {}", Rounded(waited))),
            Self::Nobody => connect("nobody listens at that port".into()),
            Self::Old => connect("the other side speaks SRT of before version 1.3".into()),
            Self::Nonsense => connect("what the other side says makes no sense".into()),
            Self::Unreachable(reason) => connect(reason),
            Self::Local(reason) => SourceError::Local { what: "UDP port to call by SRT".into(), reason },
        }
    }
}

/// Codes of libsrt (`SRT_REJECT_REASON`, below 1000) and of the SRT Access Control Guidelines (from 1000).
fn words(code: i32, with_passphrase: bool) -> &'static str {
    match code {
        2 => "the other side does not want this caller",
        3 | 5 | 1402 => "the other side has as many callers as it can serve",
        7 => "the other side is about to close",
        8 | 1505 => "the other side does not speak this version of SRT",
        9 => "both sides have drawn the same lot; it is drawn anew next time",
        10 => "the passphrase is wrong",
        11 if with_passphrase => "the other side has no passphrase, and the address has one",
        11 => "the other side wants a passphrase",
        12 | 13 | 1406 | 1415 => "the other side does not send a live stream",
        14 => "the other side wants error correction by a packet filter, which there is none of here",
        15 => "the other side wants a group of links, which there is none of here",
        17 => "the other side encrypts in a way there is none of here",
        1001 | 1400 => "the other side does not understand the stream id",
        1003 => "the other side does not know the host in the stream id",
        1401 => "the user or the password in the stream id is wrong",
        1403 => "the other side does not allow it",
        1404 => "the other side has no such stream now",
        1405 => "the stream id asks for a mode that the other side does not have",
        1409 | 1423 => "the stream is taken",
        1500..=1504 => "the other side is out of order",
        _ => "the other side does not say why",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(1010, "srt://h:1", "refused: the passphrase is wrong (10)")]
    #[case(1011, "srt://h:1", "refused: the other side wants a passphrase (11)")]
    #[case(1011, "srt://h:1?passphrase=0123456789", "refused: the other side has no passphrase, and the address has one (11)")]
    #[case(2404, "srt://h:1", "refused: the other side has no such stream now (1404)")]
    #[case(2402, "srt://h:1", "refused: the other side has as many callers as it can serve (1402)")]
    #[case(1000, "srt://h:1", "refused: the other side does not say why (0)")]
    #[case(3777, "srt://h:1", "refused: the other side does not say why (2777)")]
    fn refusals_in_words(#[case] wire: i32, #[case] address: &str, #[case] expected: &str) {
        let address = Address::parse(address).unwrap();
        let failure = Failure::Refused(RejectReason::try_from(wire).unwrap());
        assert!(failure.counts(Mode::Caller) && failure.counts(Mode::Rendezvous));
        assert_eq!(failure.of(&address).to_string(), expected);
    }

    #[test]
    fn who_is_not_there_is_not_to_blame() {
        let silent = Failure::Silent(Duration::from_secs(4));
        assert!(silent.counts(Mode::Caller) && !silent.counts(Mode::Rendezvous) && !Failure::Nobody.counts(Mode::Caller));
        let meeting = Address::parse("srt://h:1?mode=rendezvous").unwrap();
        assert_eq!(silent.of(&meeting).to_string(), "cannot connect: the other side did not call within 4 s");
    }
}
