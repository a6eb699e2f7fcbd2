//! What was seen of a source, and what it means. Pure.

use std::time::Duration;

use crate::base::clock::Rounded;
use crate::model::{Blame, Retry, StreamInfo, Verdict};
use crate::source::SourceError;
use crate::ts::input::Proof;

/// What a probe has seen.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// From dialling to the first byte of the stream.
    pub first_byte: Option<Duration>,
    /// From dialling to the proof.
    pub keyframe: Option<Duration>,
    /// How far the source has proven itself.
    pub proof: Proof,
    /// What was in it.
    pub info: StreamInfo,
    /// Why nothing more was read.
    pub end: End,
}

/// Why a probe came to its end.
#[derive(Debug, Clone)]
pub enum End {
    /// Everything was seen.
    Enough,
    /// The time was over.
    TimeOver,
    /// The stream ended.
    Ended,
    /// The source failed.
    Failed(SourceError),
}

/// What a probe means for the failure ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lesson {
    /// It plays: no more rest. It does not go a rung down for that, which takes 20 s on air.
    Plays,
    /// A rung up.
    Fails(Retry),
    /// The account is in trouble, and rests; the source is not to blame. With `Retry-After`, if it came.
    Account(Option<Duration>),
    /// Nothing: a stream flows, and a viewer, who waits longer than a probe, may yet get a picture; or it was not dialled at all.
    Nothing,
}

/// The verdict that is kept.
pub fn judge(sighting: &Sighting, timeout: Duration, now_ms: i64) -> Verdict {
    let proven = is_proven(sighting);
    let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    Verdict {
        at_ms: now_ms,
        proven,
        reason: (!proven).then(|| reason(sighting, timeout)),
        first_byte_ms: sighting.first_byte.map(ms),
        keyframe_ms: sighting.keyframe.map(ms),
        info: sighting.info.clone(),
    }
}

/// What it does to the failure ladder.
pub fn lesson(sighting: &Sighting) -> Lesson {
    if is_proven(sighting) {
        return Lesson::Plays;
    }
    match &sighting.end {
        End::Failed(error) if error.blame() == Blame::Provider => Lesson::Account(match error.retry() {
            Retry::After(wait) => Some(wait),
            Retry::Ladder | Retry::Never => None,
        }),
        End::Failed(SourceError::Resting { .. }) => Lesson::Nothing,
        End::Failed(error) => Lesson::Fails(error.retry()),
        End::TimeOver if sighting.proof >= Proof::Transport && !sighting.info.scrambled => Lesson::Nothing,
        End::Enough | End::TimeOver | End::Ended => Lesson::Fails(Retry::Ladder),
    }
}

fn is_proven(sighting: &Sighting) -> bool {
    sighting.keyframe.is_some()
}

fn reason(sighting: &Sighting, timeout: Duration) -> String {
    match (&sighting.end, sighting.proof) {
        (End::Failed(error), _) => error.to_string(),
        _ if sighting.info.scrambled => "the stream is scrambled".into(),
        (End::Ended, _) => SourceError::Ended.to_string(),
        (_, Proof::Nothing) if sighting.first_byte.is_none() => SourceError::TimedOut(timeout).to_string(),
        (_, Proof::Nothing) => "no transport stream came".into(),
        (_, Proof::Transport) => "a transport stream without PAT and PMT".into(),
        (_, Proof::Programme | Proof::Proven) => format!("no random access point came within {}", Rounded(timeout)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIX: Duration = Duration::from_secs(6);

    fn seen(proof: Proof, end: End) -> Sighting {
        let bytes = proof > Proof::Nothing;
        Sighting {
            first_byte: bytes.then_some(Duration::from_millis(40)),
            keyframe: (proof == Proof::Proven).then_some(Duration::from_millis(500)),
            proof,
            info: StreamInfo::default(),
            end,
        }
    }

    fn status(status: u16, retry_after: Option<u64>) -> End {
        End::Failed(SourceError::Status { status, retry_after: retry_after.map(Duration::from_secs) })
    }

    #[rstest::rstest]
    #[case::plays(seen(Proof::Proven, End::Enough), None, Lesson::Plays)]
    #[case::plays_and_ends(seen(Proof::Proven, End::Ended), None, Lesson::Plays)]
    #[case::silent(seen(Proof::Nothing, End::TimeOver), Some("nothing came within 6 s"), Lesson::Fails(Retry::Ladder))]
    #[case::no_tables(seen(Proof::Transport, End::TimeOver), Some("a transport stream without PAT and PMT"), Lesson::Nothing)]
    #[case::no_picture(seen(Proof::Programme, End::TimeOver), Some("no random access point came within 6 s"), Lesson::Nothing)]
    #[case::ended(seen(Proof::Programme, End::Ended), Some("the stream ended"), Lesson::Fails(Retry::Ladder))]
    #[case::gone(seen(Proof::Nothing, status(404, None)), Some("upstream answered 404"), Lesson::Fails(Retry::Ladder))]
    #[case::later(
        seen(Proof::Nothing, status(404, Some(9))),
        Some("upstream answered 404"),
        Lesson::Fails(Retry::After(Duration::from_secs(9)))
    )]
    #[case::refused(seen(Proof::Nothing, status(403, None)), Some("upstream answered 403"), Lesson::Account(None))]
    #[case::busy(
        seen(Proof::Nothing, status(503, Some(60))),
        Some("upstream answered 503"),
        Lesson::Account(Some(Duration::from_secs(60)))
    )]
    #[case::nonsense(
        seen(Proof::Nothing, End::Failed(SourceError::Unsupported { scheme: "gopher".into() })),
        Some("addresses of scheme \"gopher\" are not supported"),
        Lesson::Fails(Retry::Never)
    )]
    fn verdicts(#[case] seen: Sighting, #[case] reason: Option<&str>, #[case] expected: Lesson) {
        let verdict = judge(&seen, SIX, 1234);
        assert_eq!((verdict.at_ms, verdict.proven, verdict.reason.as_deref()), (1234, reason.is_none(), reason));
        assert_eq!(lesson(&seen), expected);
    }

    #[test]
    fn what_is_scrambled_is_said_and_counts() {
        let mut sighting = seen(Proof::Programme, End::TimeOver);
        sighting.info.scrambled = true;
        assert_eq!(judge(&sighting, SIX, 0).reason.as_deref(), Some("the stream is scrambled"));
        assert_eq!(lesson(&sighting), Lesson::Fails(Retry::Ladder));
    }

    #[test]
    fn junk_is_not_silence() {
        let sighting = Sighting { first_byte: Some(Duration::ZERO), ..seen(Proof::Nothing, End::TimeOver) };
        assert_eq!(judge(&sighting, SIX, 0).reason.as_deref(), Some("no transport stream came"));
    }

    #[test]
    fn times_are_in_milliseconds() {
        let verdict = judge(&seen(Proof::Proven, End::Enough), SIX, 0);
        assert_eq!((verdict.first_byte_ms, verdict.keyframe_ms), (Some(40), Some(500)));
    }
}
