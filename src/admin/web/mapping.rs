//! `/guide/mapping`: which channel has which guide, those without one first, each with what it may be.

use std::collections::HashMap;

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::Response;
use serde::Deserialize;

use super::Shell;
use super::parts::{self, show};
use crate::admin::access::Asker;
use crate::admin::feeds::guides::{MappingView, Suggestion};
use crate::admin::{AdminState, FeedsError};
use crate::model::{Channel, ChannelId, GuideId};

/// Channels on a page.
const PAGE: usize = 40;
/// Suggestions of each.
const MOST: usize = 3;

/// Which channels.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct View {
    /// Part of a name, or a number: then all are looked through.
    q: String,
    /// `all`: those with a guide, too.
    show: String,
    page: usize,
    note: Option<String>,
}

struct Row {
    view: MappingView,
    how: &'static str,
    suggestions: Vec<Suggestion>,
}

#[derive(Template)]
#[template(path = "mapping.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    /// The names of the guides, where there are several.
    guides: HashMap<GuideId, String>,
    without: usize,
    total: usize,
    q: String,
    all: bool,
    page: usize,
    pages: usize,
}

/// `GET /guide/mapping`.
pub async fn table(State(state): State<AdminState>, asker: Asker, Query(view): Query<View>) -> Response<Body> {
    match page(&state, &asker, view).await {
        Ok(page) => show(&page),
        Err(error) => parts::not_done(&error),
    }
}

async fn page(state: &AdminState, asker: &Asker, view: View) -> Result<Page, FeedsError> {
    let mappings = state.feeds.mappings().await?;
    let (total, without) = (mappings.len(), mappings.iter().filter(|mapping| mapping.how.is_none()).count());
    let (wanted, all) = (view.q.trim().to_lowercase(), view.show == "all");
    let found: Vec<MappingView> = mappings.into_iter().filter(|mapping| is_shown(mapping, &wanted, all)).collect();
    let pages = found.len().div_ceil(PAGE).max(1);
    let page = view.page.clamp(1, pages);
    let shown: Vec<MappingView> = found.into_iter().skip((page - 1) * PAGE).take(PAGE).collect();
    let catalog = state.backend.catalog();
    let of = |id: ChannelId| catalog.channels.iter().find(|channel| channel.id == id).cloned();
    let channels: Vec<Channel> = shown.iter().filter_map(|mapping| of(mapping.channel)).collect();
    let mut suggestions: HashMap<ChannelId, Vec<Suggestion>> = state.feeds.suggestions_for(channels).await?.into_iter().collect();
    let row = |view: MappingView| {
        let mut suggestions = suggestions.remove(&view.channel).unwrap_or_default();
        suggestions.truncate(MOST);
        Row { how: view.how.map_or("none yet", word), suggestions, view }
    };
    let guides: HashMap<GuideId, String> = state.feeds.guides().await?.into_iter().map(|guide| (guide.id, guide.name)).collect();
    let guides = if guides.len() > 1 { guides } else { HashMap::new() };
    Ok(Page {
        rows: shown.into_iter().map(row).collect(),
        shell: Shell::new(asker, "/guide", "Guide of each channel").noting(view.note.as_deref()),
        without,
        total,
        q: view.q.trim().to_owned(),
        guides,
        all,
        page,
        pages,
    })
}

/// Whether a channel is shown. Who looks for one by name or number wants to see it, also where it has a guide: that may be a wrong one.
/// Pure.
fn is_shown(mapping: &MappingView, wanted: &str, all: bool) -> bool {
    if wanted.is_empty() {
        return all || mapping.how.is_none();
    }
    mapping.name.to_lowercase().contains(wanted) || mapping.number.to_string() == wanted
}

fn word(how: crate::store::guides::Mapped) -> &'static str {
    use crate::store::guides::Mapped;
    match how {
        Mapped::Person => "chosen",
        Mapped::GuideId => "by guide id",
        Mapped::TvgId => "by tvg-id",
        Mapped::Name => "by name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::guides::Mapped;

    #[rstest::rstest]
    #[case("", false, false)]
    #[case("", true, true)]
    #[case("news", false, true)]
    #[case("5.1", false, true)]
    #[case("5", true, false)]
    #[case("sport", true, false)]
    fn a_search_finds_channels_that_have_a_guide(#[case] wanted: &str, #[case] all: bool, #[case] shown: bool) {
        let mapping = MappingView {
            channel: ChannelId(1),
            number: "5.1".parse().unwrap(),
            name: "World News".into(),
            how: Some(Mapped::Name),
            guide: None,
            guide_channel: None,
            offset_s: 0,
        };
        assert_eq!(is_shown(&mapping, wanted, all), shown);
        assert!(is_shown(&MappingView { how: None, ..mapping }, "", false));
    }
}
