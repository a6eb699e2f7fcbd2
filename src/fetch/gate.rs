//! Whether a new version of a feed may take the place of the last good one by itself. Pure.

/// A feed from the network with fewer than this many per cent of the last good one's items is held back.
const SHRUNK_PERCENT: u64 = 40;

/// Why a version with `now` items, which are called `what`, must not take the place of one with `before` without a person saying so.
pub fn doubt(before: u64, now: u64, remote: bool, what: &str) -> Option<String> {
    if before == 0 || now.saturating_mul(100) >= before.saturating_mul(SHRUNK_PERCENT) {
        return None;
    }
    match now {
        0 => Some(format!("it has no {what} at all, where it had {before}")),
        _ if remote => Some(format!("it has only {now} {what} left of {before}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(0, 0, true, false)]
    #[case(0, 5, true, false)]
    #[case(100, 40, true, false)]
    #[case(100, 39, true, true)]
    #[case(100, 39, false, false)]
    #[case(100, 0, true, true)]
    #[case(100, 0, false, true)]
    #[case(1, 0, true, true)]
    #[case(u64::MAX, 1, true, true)]
    fn doubts(#[case] before: u64, #[case] now: u64, #[case] remote: bool, #[case] doubtful: bool) {
        assert_eq!(doubt(before, now, remote, "channels").is_some(), doubtful);
    }
}
