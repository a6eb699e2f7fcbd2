//! Whose fault, and may it be tried again: the two questions failover asks of every media error.

use std::time::Duration;

use serde::Serialize;

/// Who is to blame for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// This source: its address, its content.
    Source,
    /// The account the source belongs to: limits, credentials, rate.
    Provider,
    /// The client that asked.
    Client,
    /// Rooftop or the machine it runs on.
    Local,
}

/// Whether, and when, the same thing may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// At once, by the usual ladder.
    Ladder,
    /// Not before this long from now.
    After(Duration),
    /// Never without a change by a person.
    Never,
}
