//! Accounts at Xtream Codes panels: their addresses, and what panels answer. Pure: nothing is fetched here, and time is given.
//!
//! There is no specification; panels of many makers answer alike, but with types that change from field to field and from day to
//! day. What cannot be used is counted and left out; only what is no such answer at all is an error.

mod account;
mod error;
mod info;
mod list;
mod loose;
mod mended;
mod streams;
#[cfg(test)]
mod tests;
mod warning;

pub use account::{Account, AccountError};
pub use error::XtreamError;
pub use info::{AccountInfo, Format, ServerInfo, Status, account_info};
pub use streams::{Categories, Listing, categories, streams};
pub use warning::{Warning, warning};
