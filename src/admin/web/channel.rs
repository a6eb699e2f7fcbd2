//! `/channels/{id}`: one channel with its sources, its guide, what is on, and what can be done with it.

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;

use super::fields::Fields;
use super::parts::{self, show};
use super::{Id, Shell, history, id, nothing_here, refusal};
use crate::admin::access::Asker;
use crate::admin::backend::BackendError;
use crate::admin::feeds::choices::Choices;
use crate::admin::feeds::duplicates::Backup;
use crate::admin::feeds::edits::{EditRequest, SourceRequest, groups};
use crate::admin::feeds::guides::{MappingRequest, MappingView};
use crate::admin::losses::{self, Record};
use crate::admin::page::address_for_people;
use crate::admin::{AdminState, FeedsError, words};
use crate::base::clock;
use crate::base::secret::SafeUrl;
use crate::http::Peer;
use crate::model::{Channel, ChannelId, GuideId, Health, Moment, Programme, ProviderId, Source, SourceId, Verdict};

/// Hours of programmes that are shown.
const HOURS: u32 = 12;
/// Sessions of the last day that are looked at.
const SESSIONS: usize = 500;

/// How the page is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct View {
    /// What was done just now, by its word.
    note: Option<String>,
    /// What is looked for in the guides.
    find: String,
    /// Something, where the same channel is to be looked for in all playlists.
    same: String,
}

struct SourceRow {
    id: i64,
    name: String,
    playlist: String,
    url: String,
    on: bool,
    /// How it is: from its last probe, or from what sessions saw.
    state: String,
    good: bool,
    /// How it did in the last day.
    lately: String,
    /// Where more is said of that.
    session: Option<String>,
}

struct OnAir {
    at: String,
    title: String,
    about: String,
}

#[derive(Template)]
#[template(path = "channel.html")]
struct Page {
    shell: Shell,
    channel: Channel,
    channel_id: i64,
    groups: String,
    address: String,
    seen: String,
    watched: bool,
    sources: Vec<SourceRow>,
    /// Looked for when they are asked for: it takes a look at every item there is.
    backups: Option<Vec<Backup>>,
    mapping: Option<MappingView>,
    how: &'static str,
    choices: Choices,
    programmes: Vec<OnAir>,
    /// The job that may bring programmes, where there are none.
    reading: Option<u64>,
    has_guide: bool,
    /// A person said that it has none.
    has_none: bool,
}

/// `GET /channels/{id}`.
pub async fn one(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    asker: Asker,
    at: Id,
    Query(view): Query<View>,
) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    match page(&state, peer, &asker, ChannelId(number), view).await {
        Ok(page) => show(&page),
        Err(error) => parts::not_done(&error),
    }
}

async fn page(state: &AdminState, peer: Peer, asker: &Asker, id: ChannelId, view: View) -> Result<Page, FeedsError> {
    let channel = state.feeds.any_channel(id).await?;
    let (catalog, now_ms) = (state.backend.catalog(), clock::wall_ms());
    let now = Moment(now_ms);
    let sessions = state.manager.journal().of_channel(id, Moment(now_ms.saturating_sub(losses::SPAN_MS)), SESSIONS);
    let of = |source: &Source| {
        let record = losses::record(&sessions, source.id, now);
        let playlist = catalog.providers.iter().find(|provider| provider.id == source.provider);
        let (state, good) = condition(source, state.backend.verdict(source.id).as_deref(), now_ms);
        SourceRow {
            id: source.id.0,
            name: source.name.clone(),
            playlist: playlist.map(|playlist| playlist.name.clone()).unwrap_or_default(),
            url: SafeUrl(&source.url).to_string(),
            on: source.enabled,
            state,
            good,
            lately: lately(&record, &source.health, now),
            session: record.session.map(history::path),
        }
    };
    let situation = state.situation.load();
    let here = address_for_people(peer, &situation.addresses);
    let mapping = state.feeds.mappings().await?.into_iter().find(|mapping| mapping.channel == id);
    let programmes = state.feeds.programmes(id, HOURS).await.unwrap_or_default();
    let choices = state.feeds.choices(id, mapping.as_ref(), &view.find).await.unwrap_or_default();
    let guide = mapping.as_ref().and_then(|mapping| mapping.guide);
    // A channel that has none, as a person said, waits for nothing.
    let has_none = guide.is_none() && mapping.as_ref().is_some_and(|mapping| mapping.how.is_some());
    let waits = programmes.is_empty() && !has_none;
    Ok(Page {
        shell: Shell::new(asker, "/channels", channel.name.clone()).noting(view.note.as_deref()),
        groups: groups(&channel).collect::<Vec<_>>().join("; "),
        address: format!("http://{here}:{}/auto/v{}", situation.main_port, channel.number),
        seen: channel.info.as_ref().map(words::stream).unwrap_or_default(),
        watched: state.manager.snapshot().iter().any(|session| session.channel == id),
        sources: catalog.sources_of(id).iter().map(of).collect(),
        backups: if view.same.is_empty() { None } else { Some(state.feeds.backups(id).await.unwrap_or_default()) },
        how: mapping
            .as_ref()
            .and_then(|mapping| mapping.how)
            .map_or(if programmes.is_empty() { "It has no guide yet." } else { "" }, how),
        mapping,
        choices,
        has_guide: guide.is_some(),
        has_none,
        reading: if waits { state.feeds.guide_job(guide) } else { None },
        programmes: programmes.iter().map(on_air).collect(),
        channel_id: id.0,
        channel,
    })
}

fn how(how: crate::store::guides::Mapped) -> &'static str {
    use crate::store::guides::Mapped;
    match how {
        Mapped::Person => "Chosen by a person; no refresh changes it.",
        Mapped::GuideId => "Found by its guide id.",
        Mapped::TvgId => "Found by its tvg-id.",
        Mapped::Name => "Found by its name.",
    }
}

fn on_air(programme: &Programme) -> OnAir {
    let at = jiff::Timestamp::from_second(programme.start_s).unwrap_or_default().to_zoned(jiff::tz::TimeZone::system());
    OnAir {
        at: at.strftime("%a %H:%M").to_string(),
        title: programme.title().to_owned(),
        about: programme.sub_titles.first().map(|text| text.text.clone()).unwrap_or_default(),
    }
}

/// How a source is, in words, and whether that is good. Pure.
fn condition(source: &Source, verdict: Option<&Verdict>, now_ms: i64) -> (String, bool) {
    if !source.enabled {
        return ("switched off".to_owned(), false);
    }
    if source.health.is_cooling(now_ms) {
        let why = source.health.last_reason.as_deref().unwrap_or("it failed");
        return (format!("resting: {why}"), false);
    }
    match verdict {
        Some(verdict) if verdict.proven => {
            let text = words::stream(&verdict.info);
            let text = if text.is_empty() { "plays".to_owned() } else { format!("plays: {text}") };
            (format!("{text}, seen {}", parts::ago(Some(verdict.at_ms), now_ms)), true)
        }
        Some(verdict) => {
            let why = verdict.reason.as_deref().unwrap_or("nothing came");
            (format!("does not play: {why}, {}", parts::ago(Some(verdict.at_ms), now_ms)), false)
        }
        None if source.health.last_success_ms.is_some() => {
            (format!("played {}", parts::ago(source.health.last_success_ms, now_ms)), true)
        }
        None => ("not seen yet".to_owned(), true),
    }
}

/// How a source did in the last day, in words. Pure.
fn lately(record: &Record, health: &Health, now: Moment) -> String {
    let times = |number: usize| words::times(u64::try_from(number).unwrap_or(u64::MAX));
    let ago = |at_ms: i64| parts::ago(Some(at_ms), now.0);
    if let Some((at, why)) = record.last {
        return format!("lost {} in the last day; last, {}: {why}", times(record.lost), ago(at.0));
    }
    let so_far = match record.on_air {
        0 => "not on air in the last day".to_owned(),
        number => format!("on air {} in the last day, never lost", times(number)),
    };
    // While it rests, why is said above.
    let failed = health.last_failure_ms.filter(|at| now.0.saturating_sub(*at) < losses::SPAN_MS && !health.is_cooling(now.0));
    match failed.zip(health.last_reason.as_deref()) {
        Some((at, why)) => format!("{so_far}; it failed {}: {why}", ago(at)),
        None => so_far,
    }
}

/// `POST /channels/{id}`.
pub async fn change(State(state): State<AdminState>, at: Id, fields: Fields) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let before = match state.feeds.any_channel(ChannelId(number)).await {
        Ok(before) => before,
        Err(error) => return parts::not_done(&error),
    };
    let request = edit_of(&before, &fields);
    parts::done(state.feeds.edit_channel(ChannelId(number), &request).await, &format!("/channels/{number}"), "saved")
}

/// What a form changes. What it leaves as it was shown stays the playlist's to say; an empty field is: as the playlist says. Pure.
fn edit_of(before: &Channel, fields: &Fields) -> EditRequest {
    let text = |name: &str, shown: Option<&str>| {
        let said = fields.text(name);
        (said != shown).then(|| said.map(str::to_owned))
    };
    let shown = groups(before).collect::<Vec<_>>().join("; ");
    let split = |groups: &str| groups.split(';').map(|group| group.trim().to_owned()).filter(|group| !group.is_empty()).collect();
    EditRequest {
        number: fields.text("number").map(str::to_owned),
        name: text("name", Some(&before.name)),
        logo: text("logo", before.logo.as_deref()),
        guide_id: text("guide_id", before.guide_id.as_deref()),
        groups: text("groups", Some(shown.as_str()).filter(|shown| !shown.is_empty())).map(|said| said.as_deref().map(split)),
        enabled: Some(fields.is_set("enabled")),
        favorite: Some(fields.is_set("favorite")),
        hot_standby: Some(match fields.text("hot_standby") {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        }),
    }
}

/// `POST /channels/{id}/remove`.
pub async fn remove(State(state): State<AdminState>, at: Id) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let done = state.feeds.store.remove_channel(ChannelId(number)).await.map_err(FeedsError::from);
    parts::done(done, "/channels", "removed")
}

/// `POST /channels/{id}/sources`: an item of a playlist, or an address.
pub async fn add_source(State(state): State<AdminState>, at: Id, fields: Fields) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let request = SourceRequest {
        playlist: fields.number("playlist").map(ProviderId),
        item: fields.number("item"),
        url: fields.text("url").map(str::to_owned),
        ..SourceRequest::default()
    };
    parts::done(state.feeds.add_source(ChannelId(number), &request).await, &format!("/channels/{number}#sources"), "added")
}

/// The order with one source a place up or down. Pure.
fn moved(mut order: Vec<SourceId>, source: SourceId, up: bool) -> Vec<SourceId> {
    if let Some(place) = order.iter().position(|id| *id == source) {
        let other = if up { place.checked_sub(1) } else { Some(place + 1).filter(|other| *other < order.len()) };
        if let Some(other) = other {
            order.swap(place, other);
        }
    }
    order
}

/// `POST /channels/{id}/sources/{act}`: what is done with one of its sources.
pub async fn act_on_source(
    State(state): State<AdminState>,
    at: Result<axum::extract::Path<(i64, String)>, axum::extract::rejection::PathRejection>,
    fields: Fields,
) -> Response<Body> {
    let Ok(axum::extract::Path((number, act))) = at else { return nothing_here() };
    let Some(source) = fields.number("source").map(SourceId) else { return nothing_here() };
    let to = format!("/channels/{number}#sources");
    let up = act == "up";
    match act.as_str() {
        "up" | "down" => {
            let order = state.backend.catalog().sources_of(ChannelId(number)).iter().map(|source| source.id).collect();
            let done = state.feeds.store.order_sources(ChannelId(number), moved(order, source, up)).await;
            parts::done(done.map_err(FeedsError::from), &to, "saved")
        }
        "on" | "off" => {
            let done = state.feeds.store.set_source_enabled(source, act == "on").await;
            parts::done(done.map_err(FeedsError::from), &to, "saved")
        }
        "remove" => parts::done(state.feeds.remove_source(source).await, &to, "removed"),
        "probe" => match state.backend.probe(source).await {
            Ok(_) => parts::led(&to, "probed"),
            Err(BackendError::NotFound) => nothing_here(),
            Err(error) => refusal(StatusCode::CONFLICT, &error.to_string()),
        },
        "forget" => match state.backend.clear_health(Some(source)).await {
            Ok(()) => parts::led(&to, "saved"),
            Err(error) => refusal(StatusCode::CONFLICT, &error.to_string()),
        },
        _ => nothing_here(),
    }
}

/// `POST /channels/{id}/mapping`: the guide that a person chooses, none, or what is found by itself.
pub async fn map(State(state): State<AdminState>, at: Id, fields: Fields) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let channel = ChannelId(number);
    let minutes: i64 = fields.number("offset_min").unwrap_or(0);
    let to = match fields.text("back") {
        Some("guide") => "/guide/mapping".to_owned(),
        _ => format!("/channels/{number}#guide"),
    };
    let done = match fields.text("choice").unwrap_or_default() {
        "auto" => state.feeds.unmap_channel(channel).await,
        "none" => state.feeds.map_channel(channel, MappingRequest { offset_s: minutes * 60, ..MappingRequest::default() }).await,
        choice => {
            let Some((guide, id)) = choice.split_once(':') else { return nothing_here() };
            let request = MappingRequest {
                guide: guide.parse().ok().map(GuideId),
                guide_channel: Some(id.to_owned()),
                offset_s: minutes.saturating_mul(60),
            };
            state.feeds.map_channel(channel, request).await
        }
    };
    parts::done(done, &to, "saved")
}

/// `POST /channels/{id}/recover`: another source, now.
pub async fn recover(State(state): State<AdminState>, asker: Asker, at: Id) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    match state.manager.recover(ChannelId(number), &format!("asked for by {}", asker.name)) {
        Ok(_) => parts::led(&format!("/channels/{number}"), "recovery"),
        Err(error) => refusal(StatusCode::CONFLICT, &format!("Not now: {error}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tests::channel;

    #[test]
    fn what_is_left_as_it_was_is_not_pinned() {
        let before = channel(1);
        let form = format!("number=1&name={}&groups=A;B&logo=&enabled=1", "Channel+%26+1");
        let edit = edit_of(&before, &Fields::parse(form.as_bytes()));
        assert_eq!((edit.name, edit.logo, edit.enabled, edit.favorite), (None, None, Some(true), Some(false)));
        assert_eq!(edit.groups, Some(Some(vec!["A".into(), "B".into()])));
        let edit = edit_of(&before, &Fields::parse(b"number=1&name=&groups="));
        assert_eq!((edit.name, edit.groups), (Some(None), Some(None)), "as the playlist says");
    }

    #[rstest::rstest]
    #[case::nothing(0, 0, None, None, "not on air in the last day")]
    #[case::well(1, 0, None, None, "on air once in the last day, never lost")]
    #[case::it_failed_at_the_start(0, 0, None, Some(2), "not on air in the last day; it failed 2 h ago: refused")]
    #[case::long_ago(2, 0, None, Some(30), "on air twice in the last day, never lost")]
    #[case::lost(9, 6, Some(3), Some(3), "lost 6 times in the last day; last, 3 h ago: nothing came within 1 s")]
    fn how_a_source_did_is_always_said(
        #[case] on_air: usize,
        #[case] lost: usize,
        #[case] last: Option<i64>,
        #[case] failed: Option<i64>,
        #[case] expected: &str,
    ) {
        let now = Moment(1_800_000_000_000);
        let before = |hours: i64| Moment(now.0 - hours * 3_600_000);
        let last = last.map(|hours| (before(hours), "nothing came within 1 s"));
        let health = Health {
            last_failure_ms: failed.map(|hours| before(hours).0),
            last_reason: Some("refused".into()),
            ..Health::default()
        };
        assert_eq!(lately(&Record { on_air, lost, last, session: None }, &health, now), expected);
    }

    #[rstest::rstest]
    #[case(2, true, &[2, 1, 3])]
    #[case(1, true, &[1, 2, 3])]
    #[case(1, false, &[2, 1, 3])]
    #[case(3, false, &[1, 2, 3])]
    #[case(9, true, &[1, 2, 3])]
    fn a_source_goes_a_place_up_or_down(#[case] source: i64, #[case] up: bool, #[case] expected: &[i64]) {
        let order = moved([1, 2, 3].map(SourceId).to_vec(), SourceId(source), up);
        assert_eq!(order.iter().map(|id| id.0).collect::<Vec<_>>(), expected);
    }
}
