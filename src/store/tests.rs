//! The store from outside: what is stored comes back, and what cannot be is said clearly.

mod files;
mod history;
mod import;
mod kill;
mod kill_import;
mod plans;
mod rows;

use super::{ImportItem, ProviderSpec, Store};
use crate::model::{NewChannel, NewSource};

fn spec(key: &str, position: u32) -> ProviderSpec {
    let text = key.to_owned();
    ProviderSpec { key: text.clone(), name: text.clone(), location: text, max_connections: Some(2), position }
}

/// `tvg` may be empty; `number` too.
fn item(tvg: &str, number: &str, name: &str, url: &str) -> ImportItem {
    let guide_id = (!tvg.is_empty()).then(|| tvg.to_owned());
    let label = guide_id.clone().unwrap_or_else(|| name.to_owned());
    ImportItem {
        channel_key: guide_id.as_ref().map_or_else(|| format!("item:{name}|{url}"), |id| format!("id:{id}")),
        url_key: url.to_owned(),
        channel: NewChannel { number: number.parse().ok(), name: name.to_owned(), guide_id, ..NewChannel::default() },
        source: NewSource {
            name: name.to_owned(),
            url: url.to_owned(),
            item_key: format!("{label}|{url}"),
            ..NewSource::default()
        },
        ..ImportItem::default()
    }
}

/// Number, name and source addresses of the lineup.
fn lineup(store: &Store) -> Vec<(String, String, Vec<String>)> {
    let catalog = store.catalog();
    let urls = |id| catalog.sources_of(id).iter().map(|source| source.url.clone()).collect();
    catalog.channels.iter().map(|channel| (channel.number.to_string(), channel.name.clone(), urls(channel.id))).collect()
}

fn open() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}
