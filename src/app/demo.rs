//! The demo: what is shown where there is nothing else to show.

use crate::media::clip::Clips;
use crate::model::{NewChannel, NewSource};
use crate::source::demo;
use crate::store::{ImportItem, ProviderSpec, Store};
use crate::tuner::Pool;

/// Its account's name and location; its streams are made here, so their number is not limited by anybody else.
const NAME: &str = "Demo";
const LOCATION: &str = "demo:";
const CONNECTIONS: u32 = 64;

/// Puts the demo channels into an empty lineup, and begins to make their clips.
///
/// Not where playlists are configured: if they cannot be read, an empty lineup says so more plainly than other channels.
pub async fn offer(playlists: &[String], store: &Store, pool: &Pool, clips: &Clips) -> anyhow::Result<()> {
    let catalog = store.catalog();
    let shown = catalog.providers.iter().any(|provider| provider.location == LOCATION);
    let nothing_else = catalog.channels.is_empty() && playlists.is_empty();
    if !(shown || nothing_else) {
        return Ok(());
    }
    if !shown {
        tracing::info!("no playlist yet: showing the demo channels");
        let spec = ProviderSpec {
            key: LOCATION.into(),
            name: NAME.into(),
            location: LOCATION.into(),
            max_connections: Some(CONNECTIONS),
            position: 0,
        };
        store.import(spec, demo::LINEUP.iter().flat_map(items).collect()).await?;
    }
    for provider in &store.catalog().providers {
        pool.set_provider(provider.id, provider.max_connections);
    }
    demo::prepare(clips);
    Ok(())
}

fn items(channel: &demo::DemoChannel) -> impl Iterator<Item = ImportItem> + '_ {
    channel.sources.iter().map(|address| ImportItem {
        channel_key: format!("rooftop.demo.{}", channel.number),
        url_key: (*address).into(),
        channel: NewChannel {
            number: channel.number.parse().ok(),
            name: channel.name.into(),
            guide_id: Some(format!("rooftop.demo.{}", channel.number)),
            group: Some(NAME.into()),
            ..NewChannel::default()
        },
        source: NewSource {
            name: channel.name.into(),
            url: (*address).into(),
            item_key: (*address).into(),
            ..NewSource::default()
        },
        ..ImportItem::default()
    })
}
