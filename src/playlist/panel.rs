//! Fetches what an Xtream Codes panel has for an account: how the account stands, its categories, and the list of its streams.

use std::fs::File;

use super::xtream::{self, Account, AccountError, AccountInfo, Categories, Format, XtreamError};
use crate::base::progress::Progress;
use crate::base::tasks;
use crate::fetch::{self, FetchError};
use crate::store::{FeedId, Playlist, Store, StoreError};

/// Largest answer about an account or its categories.
const MOST_BYTES: u64 = 64 << 20;
/// Largest list of streams.
const MOST_LIST_BYTES: u64 = 2 << 30;

/// A list of streams, and what is needed to read it.
#[derive(Debug)]
pub struct PanelList {
    /// The account.
    pub account: Account,
    /// Names of its groups.
    pub categories: Categories,
    /// How streams are asked for.
    pub format: Format,
}

/// Why a panel's list could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PanelError {
    /// The account is not one.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The panel could not be asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Its answer is none, or refuses.
    #[error(transparent)]
    Answer(#[from] XtreamError),
    /// It could not be stored.
    #[error("what the panel says of the account cannot be stored")]
    Store(#[from] StoreError),
    /// The program is ending.
    #[error("asking the panel was broken off")]
    Ended,
}

/// Fetches the list of an account's streams. What the panel says of the account is kept, whether or not the list can be had then.
///
/// # Errors
/// When the panel cannot be asked or refuses.
pub async fn fetch(store: &Store, playlist: &Playlist, progress: &Progress) -> Result<(File, PanelList), PanelError> {
    let account = Account::from_location(&playlist.provider.location)?;
    let answer = get(store, playlist, account.info_url().as_str(), "account", MOST_BYTES, progress).await?;
    let info = tasks::blocking(move || xtream::account_info(answer)).await.map_err(|_| PanelError::Ended)??;
    keep(store, playlist, &info).await?;
    let answer = get(store, playlist, account.categories_url().as_str(), "categories", MOST_BYTES, progress).await?;
    let categories = tasks::blocking(move || xtream::categories(answer)).await.map_err(|_| PanelError::Ended)??;
    let list = get(store, playlist, account.streams_url().as_str(), "streams", MOST_LIST_BYTES, progress).await?;
    Ok((list, PanelList { account, categories, format: info.format() }))
}

async fn get(
    store: &Store,
    playlist: &Playlist,
    url: &str,
    what: &str,
    most_bytes: u64,
    progress: &Progress,
) -> Result<File, PanelError> {
    let key = format!("{}-{what}", FeedId::Playlist(playlist.provider.id).stem());
    let spool = store.feeds_dir();
    let request = fetch::Request { location: url, access: &playlist.access, known: None, spool: &spool, key: &key, most_bytes };
    match fetch::fetch(request, progress).await? {
        fetch::Outcome::Fetched(fetched) => Ok(fetched.file),
        // Nothing is known that could be found unchanged.
        fetch::Outcome::NotModified => Err(PanelError::Ended),
    }
}

async fn keep(store: &Store, playlist: &Playlist, info: &AccountInfo) -> Result<(), PanelError> {
    let account = serde_json::to_value(info).map_err(|error| StoreError::Nonsense(error.to_string()))?;
    // 0 is what panels say for "no limit", and for "nothing at all" of an account that is over.
    let most = info.max_connections.filter(|most| *most > 0);
    Ok(store.set_account(playlist.provider.id, account, most).await?)
}
