//! The parts of the page that move. Each is rendered in one way, whether the page is shown or a running one is brought up to
//! date. Text here is what people read; the markup is in `web/templates`.

use askama::Template;

use super::overview::{DeviceView, Facts, Warning};
use super::words;
use crate::model::Channel;

/// Channels on one page of the list.
pub const PAGE: usize = 250;

/// What a person should know.
#[derive(Template)]
#[template(path = "warnings.html")]
struct Warnings<'a> {
    warnings: &'a [Warning],
}

/// Who watches what.
#[derive(Template)]
#[template(path = "watching.html")]
struct Watching {
    cards: Vec<Card>,
}

/// One running channel.
struct Card {
    key: u64,
    channel: i64,
    number: String,
    name: String,
    state: &'static str,
    live: bool,
    /// Why there is no source at the moment.
    trouble: String,
    picture: String,
    source: String,
    rate: String,
    since: String,
    failovers: String,
    viewers: Vec<Viewer>,
}

/// One viewer.
struct Viewer {
    player: String,
    agent: String,
    addr: String,
    since: String,
    skips: String,
}

/// The virtual tuners.
#[derive(Template)]
#[template(path = "devices.html")]
struct Devices<'a> {
    devices: &'a [DeviceView],
}

/// A stretch of the lineup.
#[derive(Template)]
#[template(path = "channels.html")]
struct Channels {
    rows: Vec<Row>,
}

/// One channel of it.
struct Row {
    key: i64,
    number: String,
    name: String,
    group: String,
    favorite: bool,
    hd: bool,
    drm: bool,
    watched: bool,
    sources: String,
    resting: usize,
    seen: String,
}

/// Which stretch of the lineup is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
pub struct View {
    /// Part of a name, a group or a number.
    #[serde(default)]
    pub q: String,
    /// From 1.
    #[serde(default)]
    pub page: usize,
    /// What was done just now, by its word.
    #[serde(default)]
    pub note: Option<String>,
}

impl View {
    /// The channels that are looked for.
    pub fn found<'a>(&self, channels: &'a [Channel]) -> Vec<&'a Channel> {
        let wanted = self.q.trim().to_lowercase();
        let fits = |text: &str| text.to_lowercase().contains(&wanted);
        let found = channels.iter().filter(|channel| {
            wanted.is_empty()
                || fits(&channel.name)
                || channel.group.as_deref().is_some_and(fits)
                || channel.number.to_string().starts_with(&wanted)
        });
        found.collect()
    }

    /// The page that is shown out of `found` channels, from 1, and how many there are.
    pub fn page_of(&self, found: usize) -> (usize, usize) {
        let pages = found.div_ceil(PAGE).max(1);
        (self.page.clamp(1, pages), pages)
    }
}

/// See [`Warnings`].
pub fn warnings(facts: &Facts) -> String {
    render(&Warnings { warnings: &facts.warnings() })
}

/// See [`Watching`].
pub fn watching(facts: &Facts) -> String {
    let cards = facts.sessions().into_iter().map(|session| {
        let stats = session.stats;
        let (source, provider) = (session.source.filter(|source| *source != stats.name), session.provider);
        let from = [source, provider, stats.producer].into_iter().flatten().collect::<Vec<_>>();
        let viewers = stats.subscribers.iter().map(|viewer| Viewer {
            player: words::player(&viewer.agent),
            agent: viewer.agent.clone(),
            addr: viewer.addr.to_canonical().to_string(),
            since: words::duration(facts.since(viewer.started_at)),
            skips: if viewer.skips == 0 { String::new() } else { format!("too slow {} times", viewer.skips) },
        });
        Card {
            key: stats.id.0,
            channel: stats.channel.0,
            number: stats.number.to_string(),
            name: stats.name.clone(),
            state: match (stats.live, stats.recovering) {
                (true, true) => "between sources",
                (true, false) => "on air",
                (false, _) => "opening",
            },
            live: stats.live && !stats.recovering,
            trouble: stats
                .last_error
                .as_ref()
                .filter(|_| stats.recovering)
                .map(|error| format!("Last: {error}"))
                .unwrap_or_default(),
            picture: words::stream(&stats.info),
            source: from.join(" · "),
            rate: words::rate(stats.bitrate_bps),
            since: words::duration(facts.since(stats.started_at)),
            failovers: words::changes(stats.failovers, stats.reopened),
            viewers: viewers.collect(),
        }
    });
    render(&Watching { cards: cards.collect() })
}

/// See [`Devices`].
pub fn devices(devices: &[DeviceView]) -> String {
    render(&Devices { devices })
}

/// See [`Channels`]. `now_ms` tells which sources rest.
pub fn channels(facts: &Facts, view: &View, now_ms: i64) -> String {
    let found = view.found(&facts.catalog.channels);
    let (page, _) = view.page_of(found.len());
    let rows = found.iter().skip((page - 1) * PAGE).take(PAGE).map(|channel| {
        let sources = facts.catalog.sources_of(channel.id);
        let session = facts.sessions.iter().find(|session| session.channel == channel.id);
        let info = session.map(|session| &session.info).filter(|info| info.video.is_some()).or(channel.info.as_ref());
        Row {
            key: channel.id.0,
            number: channel.number.to_string(),
            name: channel.name.clone(),
            group: channel.group.clone().unwrap_or_default(),
            favorite: channel.favorite,
            hd: channel.is_hd(),
            drm: channel.drm,
            watched: session.is_some_and(|session| !session.subscribers.is_empty()),
            sources: words::count(sources.len(), "source", "sources"),
            resting: sources.iter().filter(|source| source.health.is_cooling(now_ms)).count(),
            seen: info.map(words::stream).unwrap_or_default(),
        }
    });
    render(&Channels { rows: rows.collect() })
}

/// A template writes to memory and its values cannot fail; should it all the same, the log says so and the part stays empty.
pub fn render(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a part of the page cannot be rendered");
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelId, GuideNumber};

    fn channel(number: u32, name: &str, group: &str) -> Channel {
        Channel {
            id: ChannelId(i64::from(number)),
            number: GuideNumber::whole(number),
            name: name.to_owned(),
            logo: None,
            guide_id: None,
            group: Some(group.to_owned()),
            enabled: true,
            favorite: false,
            drm: false,
            info: None,
            hot_standby: None,
            station_id: None,
        }
    }

    #[rstest::rstest]
    #[case("", 3)]
    #[case("  ", 3)]
    #[case("news", 2)]
    #[case("SPÖRT", 1)]
    #[case("10", 2)]
    #[case("nothing", 0)]
    fn channels_are_found(#[case] q: &str, #[case] expected: usize) {
        let channels = [channel(10, "World News", "General"), channel(101, "Spört 1", "Sports"), channel(7, "Seven", "News")];
        assert_eq!(View { q: q.to_owned(), page: 0, note: None }.found(&channels).len(), expected);
    }

    #[rstest::rstest]
    #[case(0, 0, (1, 1))]
    #[case(2, PAGE, (1, 1))]
    #[case(2, PAGE + 1, (2, 2))]
    #[case(usize::MAX, 3 * PAGE, (3, 3))]
    fn pages_stay_in_range(#[case] page: usize, #[case] found: usize, #[case] expected: (usize, usize)) {
        assert_eq!(View { q: String::new(), page, note: None }.page_of(found), expected);
    }
}
