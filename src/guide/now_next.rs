//! What is on now, and what comes next. Pure.

use crate::model::Programme;

use super::gaps::end;

/// What is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnAir<'a> {
    /// The programme.
    pub programme: &'a Programme,
    /// When it ends: as the guide says, or when the next one begins. Seconds since 1970.
    pub stop_s: i64,
    /// How much of it is over, in thousandths: 0 to 999.
    pub progress_per_mille: u16,
}

/// Now and next on one channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NowNext<'a> {
    /// What is on; nothing in a gap.
    pub now: Option<OnAir<'a>>,
    /// What begins next, perhaps after a gap.
    pub next: Option<&'a Programme>,
}

/// Finds out what is on at `now_s` (seconds since 1970) among the programmes of a channel, sorted by their start; only one further
/// than needed is looked at. Where programmes overlap, what began later is on, as in [`super::gaps`].
pub fn now_next<'a>(programmes: impl IntoIterator<Item = &'a Programme>, now_s: i64) -> NowNext<'a> {
    let mut current: Option<&Programme> = None;
    let mut next = None;
    for programme in programmes {
        if programme.start_s > now_s {
            next = Some(programme);
            break;
        }
        // Of those that begin together the first counts.
        if current.is_none_or(|current| programme.start_s > current.start_s) {
            current = Some(programme);
        }
    }
    let now = current.and_then(|programme| on_air(programme, next.map(|next| next.start_s), now_s));
    NowNext { now, next }
}

fn on_air(programme: &Programme, next_s: Option<i64>, now_s: i64) -> Option<OnAir<'_>> {
    let stop_s = end(programme, next_s);
    let lasts = i128::from(stop_s) - i128::from(programme.start_s);
    let over = i128::from(now_s) - i128::from(programme.start_s);
    let progress = over.saturating_mul(1000).checked_div(lasts)?;
    (stop_s > now_s).then(|| OnAir { programme, stop_s, progress_per_mille: u16::try_from(progress).unwrap_or(0) })
}

#[cfg(test)]
mod tests;
