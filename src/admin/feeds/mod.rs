//! What people do with playlists, guides, channels and lineups: checked, carried out, and shown. The API and the commands are two
//! ways of asking for the same.

pub(in crate::admin) mod anew;
pub mod choices;
pub mod duplicates;
pub mod edits;
pub mod guides;
pub mod inputs;
pub mod items;
pub mod lineups;
pub mod playlists;
pub mod table;
pub mod upload;

use std::sync::Arc;

use crate::base::chain::Chain;
use crate::base::jobs::Jobs;
use crate::model::{GuideId, ProviderId};
use crate::playlist::RefreshError;
use crate::store::feeds::FeedLock;
use crate::store::{FeedId, Store, StoreError};

/// Who reads feeds: `app`, or a command that runs beside the server.
pub trait Readers: Send + Sync + 'static {
    /// Begins to read a playlist; gives the number of the job. `anyway`: even if its server says that nothing is new.
    fn refresh_playlist(&self, id: ProviderId, name: &str, anyway: bool) -> u64;

    /// Begins to apply the rules of a playlist to the version that is served; gives the number of the job.
    fn apply_rules(&self, id: ProviderId, name: &str) -> u64;

    /// The same as the first for a guide.
    fn refresh_guide(&self, id: GuideId, name: &str, anyway: bool) -> u64;

    /// Begins to serve the version of a guide that was held back; gives the number of the job.
    fn accept_guide(&self, id: GuideId, name: &str) -> u64;

    /// Playlists, limits, channels, mappings have changed: looks again at what is due, and at what is not mapped.
    fn changed(&self);
}

/// The operations. A cheap handle.
#[derive(Clone)]
pub struct Feeds {
    /// Where everything is kept.
    pub store: Store,
    /// Long work.
    pub jobs: Jobs,
    /// Who does it.
    pub readers: Arc<dyn Readers>,
}

/// Why something was not done. Texts are for the person who asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedsError {
    /// There is no such object.
    #[error("{0}")]
    NotFound(&'static str),
    /// Something in the request cannot be; the field's name and why.
    #[error("{0}: {1}")]
    Invalid(&'static str, String),
    /// It is at odds with something that exists, or with what is going on.
    #[error("{0}")]
    Conflict(String),
    /// It could not be written or read; the log says why.
    #[error("the change could not be stored")]
    Failed,
}

impl Feeds {
    /// That nobody else changes a feed meanwhile.
    fn lock(&self, feed: FeedId) -> Result<FeedLock, FeedsError> {
        let lock = FeedLock::take(&self.store.feeds_dir(), feed)?;
        lock.ok_or_else(|| FeedsError::Conflict("It is being read just now. Try again in a moment.".to_owned()))
    }
}

impl FeedsError {
    pub(in crate::admin) fn invalid(field: &'static str, text: impl Into<String>) -> Self {
        Self::Invalid(field, text.into())
    }
}

impl From<StoreError> for FeedsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchPlaylist => Self::NotFound("There is no playlist with this id."),
            StoreError::NoSuchGuide => Self::NotFound("There is no guide with this id."),
            StoreError::NoSuchChannel => Self::NotFound("There is no channel with this id."),
            StoreError::NoSuchSource => Self::NotFound("There is no source with this id."),
            StoreError::NoSuchDevice => Self::NotFound("There is no device with this id."),
            StoreError::NoSuchUser => Self::NotFound("There is no user with this number."),
            StoreError::NoSuchToken(_) => Self::NotFound("There is no token with this number."),
            StoreError::UserTaken(_) | StoreError::LastAdmin => Self::Conflict(sentence(&error)),
            StoreError::NumberTaken(_) | StoreError::NoNumberFree | StoreError::FeedTaken(_) => Self::Conflict(sentence(&error)),
            error => {
                tracing::error!(error = %Chain(&error), "what was asked for could not be stored or read");
                Self::Failed
            }
        }
    }
}

impl From<RefreshError> for FeedsError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Store(error) => error.into(),
            RefreshError::Rule(bad) => Self::Invalid("rules", sentence(&bad)),
            RefreshError::Busy | RefreshError::NothingHeld => Self::Conflict(sentence(&error)),
            error => {
                tracing::error!(error = %Chain(&error), "a playlist could not be changed");
                Self::Failed
            }
        }
    }
}

/// What an error says, as a sentence.
pub(in crate::admin) fn sentence(error: &(dyn std::error::Error + 'static)) -> String {
    let text = Chain(error).to_string();
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// A name for people, in one line.
pub(in crate::admin) fn valid_name(field: &'static str, name: &str) -> Result<String, FeedsError> {
    const LONGEST: usize = 200;
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(FeedsError::invalid(field, format!("A name has 1 to {LONGEST} characters, and no control characters.")));
    }
    Ok(name.to_owned())
}
