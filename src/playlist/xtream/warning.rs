//! What a person should know of an account before it fails. Pure.

use std::fmt;

use super::info::{AccountInfo, Status};

/// So long ahead of its end an account is warned of, in milliseconds.
const AHEAD_MS: i64 = 14 * DAY_MS;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Something is wrong with an account, or soon will be. Its `Display` is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The provider shut it out.
    Banned,
    /// The provider switched it off.
    Disabled,
    /// Its time is over.
    Expired {
        /// Since then, in milliseconds since 1970, if that is known.
        at_ms: Option<i64>,
    },
    /// The provider calls it something that is not known.
    Status(String),
    /// Its time is over soon.
    ExpiresSoon {
        /// Then, in milliseconds since 1970.
        at_ms: i64,
        /// Whole days until then.
        days: u32,
    },
    /// No further stream can be opened.
    AtLimit {
        /// Streams that are open.
        active: u32,
        /// Streams that may be open.
        most: u32,
    },
}

/// The most serious thing there is to say of an account at `now_ms` (milliseconds since 1970).
pub fn warning(info: &AccountInfo, now_ms: i64) -> Option<Warning> {
    match &info.status {
        Status::Banned => return Some(Warning::Banned),
        Status::Disabled => return Some(Warning::Disabled),
        Status::Expired => return Some(Warning::Expired { at_ms: info.expires_ms.filter(|at_ms| *at_ms <= now_ms) }),
        Status::Active | Status::Other(_) => {}
    }
    // Some panels go on calling it active.
    if let Some(at_ms) = info.expires_ms.filter(|at_ms| *at_ms <= now_ms) {
        return Some(Warning::Expired { at_ms: Some(at_ms) });
    }
    if let Status::Other(status) = &info.status {
        return Some(Warning::Status(status.clone()));
    }
    if let Some(at_ms) = info.expires_ms
        && at_ms.saturating_sub(now_ms) <= AHEAD_MS
    {
        let days = u32::try_from(at_ms.saturating_sub(now_ms) / DAY_MS).unwrap_or(0);
        return Some(Warning::ExpiresSoon { at_ms, days });
    }
    let most = info.max_connections?;
    (info.active_connections >= most).then_some(Warning::AtLimit { active: info.active_connections, most })
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Banned => f.write_str("the provider has banned this account; ask the provider"),
            Self::Disabled => f.write_str("the provider has disabled this account; ask the provider"),
            Self::Expired { at_ms: Some(at_ms) } => {
                write!(f, "this account expired on {}; its streams do not play until it is renewed", Day(*at_ms))
            }
            Self::Expired { at_ms: None } => f.write_str("this account has expired; its streams do not play until it is renewed"),
            Self::Status(status) => write!(f, "the provider calls this account “{status}”; ask the provider what that means"),
            Self::ExpiresSoon { at_ms, days: 0 } => write!(f, "this account expires within a day, on {}", Day(*at_ms)),
            Self::ExpiresSoon { at_ms, days: 1 } => write!(f, "this account expires in 1 day, on {}", Day(*at_ms)),
            Self::ExpiresSoon { at_ms, days } => write!(f, "this account expires in {days} days, on {}", Day(*at_ms)),
            Self::AtLimit { active, most } => {
                write!(f, "all connections of this account are in use ({active} of {most}); another stream would be refused")
            }
        }
    }
}

/// A day as a date, UTC.
struct Day(i64);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{}", time.strftime("%Y-%m-%d")),
            Err(_) => f.write_str("a date that is out of range"),
        }
    }
}
