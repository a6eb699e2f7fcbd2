//! `/playlists/{id}`: one playlist with its state, its groups and rules, a version that is held back, and its settings.

use askama::Template;
use axum::body::Body;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Query, State};
use axum::http::Response;

use super::fields::Fields;
use super::parts::{self, Asked, show};
use super::playlists::{Card, access_of, received};
use super::typed::{with_another_user, with_user};
use super::{Id, Shell, id, nothing_here};
use crate::admin::access::Asker;
use crate::admin::feeds::items::{GroupView, ItemPage, ItemQuery};
use crate::admin::feeds::playlists::{PlaylistRequest, PlaylistView};
use crate::admin::{AdminState, FeedsError};
use crate::base::clock;
use crate::model::{Automatic, Condition, PlaylistRules, ProviderId};
use crate::playlist::xtream::AccountInfo;
use crate::store::items::Difference;

/// Items on a page.
const ITEMS: usize = 100;

#[derive(Template)]
#[template(path = "playlist.html")]
struct Page {
    shell: Shell,
    card: Card,
    facts: Vec<(&'static str, String)>,
    broken: Vec<(u64, String)>,
    difference: Option<Difference>,
    groups: Vec<GroupView>,
    automatic: &'static str,
    leave_out: String,
    connections: String,
}

#[derive(Template)]
#[template(path = "items.html")]
struct Items<'a> {
    shell: Shell,
    id: i64,
    name: &'a str,
    page: ItemPage,
    search: &'a str,
    group: &'a str,
}

/// `GET /playlists/{id}`.
pub async fn one(State(state): State<AdminState>, asker: Asker, at: Id, Query(asked): Query<Asked>) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let id = ProviderId(number);
    let view = match state.feeds.playlist(id).await {
        Ok(view) => view,
        Err(error) => return parts::not_done(&error),
    };
    // A list that was never read, or is not here, has none.
    let groups = state.feeds.groups(id).await.unwrap_or_default();
    let difference = if view.held.is_some() { state.feeds.held_difference(id).await.ok() } else { None };
    let report = view.current.as_ref().map(|current| current.report.clone()).unwrap_or_default();
    let broken = report.get("first_broken").and_then(|lines| lines.as_array().cloned()).unwrap_or_default();
    let broken = broken.iter().filter_map(|line| Some((line.get("line")?.as_u64()?, line.get("why")?.as_str()?.to_owned())));
    show(&Page {
        shell: Shell::new(&asker, "/playlists", view.name.clone()).noting(asked.unless_failed(view.last_error.is_some())),
        facts: facts(&report),
        broken: broken.collect(),
        difference,
        groups,
        automatic: match view.rules.channels {
            Some(Automatic::Groups) => "groups",
            Some(Automatic::None) => "none",
            Some(Automatic::All) | None => "all",
        },
        leave_out: left_out(&view.rules).join("\n"),
        connections: connections(&view),
        card: Card::new(view, clock::wall_ms()),
    })
}

/// What was counted, in words; nothing for what is none. Pure.
fn facts(report: &serde_json::Value) -> Vec<(&'static str, String)> {
    let rows = [
        ("entries", "Entries"),
        ("items", "To watch"),
        ("radio", "Radio"),
        ("vod", "Films and series"),
        ("repeated", "Repeated"),
        ("unsupported", "Kinds that cannot be read"),
        ("broken", "Lines not understood"),
    ];
    let count = |name: &str| report.get(name).and_then(serde_json::Value::as_u64).filter(|count| *count > 0);
    rows.into_iter().filter_map(|(name, text)| Some((text, parts::count(count(name)?)))).collect()
}

/// What stands where a person says how many connections there are: only a panel says how many it allows.
fn connections(view: &PlaylistView) -> String {
    let account = view.account.clone().and_then(|account| serde_json::from_value::<AccountInfo>(account).ok());
    let said = account.is_some_and(|account| account.max_connections.is_some());
    let how = if said { "as the provider says" } else { "unless the provider says otherwise" };
    format!("{}, {how}", view.max_connections)
}

/// The simple rules that leave items out by their name.
pub(super) fn left_out(rules: &PlaylistRules) -> Vec<String> {
    rules.exclude.iter().filter(|rule| is_simple(rule)).filter_map(|rule| rule.name_regex.clone()).collect()
}

/// Whether a rule says nothing but what a name looks like.
fn is_simple(rule: &Condition) -> bool {
    let Condition { group, group_regex, name, name_regex, kind } = rule;
    name_regex.is_some() && group.is_none() && group_regex.is_none() && name.is_none() && kind.is_none()
}

/// The rules with what the form says; what it does not show stays. Pure.
///
/// Where all items were channels, every group was shown marked: whoever takes a mark away means the groups, even if the choice above
/// them still says "all", as it does without scripts.
fn rules_of(before: PlaylistRules, fields: &Fields) -> PlaylistRules {
    let all_before = !matches!(before.channels, Some(Automatic::Groups | Automatic::None));
    let picked = fields.number::<usize>("shown").is_some_and(|shown| fields.all("group").count() != shown);
    let channels = match fields.text("channels") {
        Some("groups") => Some(Automatic::Groups),
        Some("none") => Some(Automatic::None),
        _ if all_before && picked => Some(Automatic::Groups),
        _ => Some(Automatic::All),
    };
    let simple = |name_regex: String| Condition { name_regex: Some(name_regex), ..Condition::default() };
    let kept = before.exclude.iter().filter(|rule| !is_simple(rule)).cloned();
    PlaylistRules {
        channels,
        groups: fields.all("group").map(str::to_owned).collect(),
        vod: fields.is_set("vod"),
        no_radio: fields.is_set("no_radio"),
        exclude: kept.chain(fields.lines("leave_out").into_iter().map(simple)).collect(),
        ..before
    }
}

/// `POST /playlists/{id}/rules`.
pub async fn rules(State(state): State<AdminState>, at: Id, fields: Fields) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let before = match state.feeds.playlist(ProviderId(number)).await {
        Ok(view) => view.rules,
        Err(error) => return parts::not_done(&error),
    };
    let request = PlaylistRequest { rules: Some(rules_of(before, &fields)), ..PlaylistRequest::default() };
    let done = state.feeds.change_playlist(ProviderId(number), request).await;
    let to = if fields.is_set("welcome") { "/welcome/guide".to_owned() } else { format!("/playlists/{number}#groups") };
    parts::done(done, &to, "saved")
}

/// `POST /playlists/{id}`: its settings.
pub async fn change(State(state): State<AdminState>, at: Id, fields: Fields) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let text = |name: &str| fields.text(name).map(str::to_owned);
    let mut access = access_of(&fields);
    // Values of headers and a proxy's password are not shown, and stay as long as nobody writes others.
    let access = if fields.is_set("access_too") { Some(std::mem::take(&mut access)) } else { None };
    let id = ProviderId(number);
    let location = match location_of(&state, id, &fields).await {
        Ok(location) => location,
        Err(error) => return parts::not_done(&error),
    };
    let request = PlaylistRequest {
        name: fields.text("name").map(str::to_owned),
        max_connections: Some(fields.number("max_connections")),
        refresh_h: fields.number("refresh_h"),
        active: Some(fields.is_set("active")),
        location,
        server: text("server"),
        username: text("username"),
        password: text("password"),
        access,
        ..PlaylistRequest::default()
    };
    parts::done(state.feeds.change_playlist(id, request).await, &format!("/playlists/{number}"), "saved")
}

/// The address, if another one was typed, or another user or password for the one that is kept.
async fn location_of(state: &AdminState, id: ProviderId, fields: &Fields) -> Result<Option<String>, FeedsError> {
    let (user, password) = (fields.text("user"), fields.text("user_password"));
    match fields.text("location") {
        Some(typed) => with_user(typed, user, password).map(Some),
        None if user.is_none() && password.is_none() => Ok(None),
        None => with_another_user(&state.feeds.store.playlist(id).await?.provider.location, user, password).map(Some),
    }
}

/// `POST /playlists/{id}/accept`.
pub async fn accept(State(state): State<AdminState>, at: Id) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    parts::done(state.feeds.accept_held(ProviderId(number)).await, &format!("/playlists/{number}"), "accepted")
}

/// `POST /playlists/{id}/discard`.
pub async fn discard(State(state): State<AdminState>, at: Id) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    parts::done(state.feeds.discard_held(ProviderId(number)).await, &format!("/playlists/{number}"), "discarded")
}

/// `POST /playlists/{id}/upload`: another file in the place of the one that was uploaded.
pub async fn replace(State(state): State<AdminState>, at: Id, form: Result<Multipart, MultipartRejection>) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let done = match received(&state, form).await {
        Ok((upload, ..)) => state.feeds.replace_uploaded(ProviderId(number), upload).await,
        Err(error) => Err(error),
    };
    parts::done(done, &format!("/playlists/{number}"), "started")
}

/// `GET /playlists/{id}/items`.
pub async fn items(State(state): State<AdminState>, asker: Asker, at: Id, Query(query): Query<ItemQuery>) -> Response<Body> {
    let Some(number) = id(at) else { return nothing_here() };
    let (search, group) = (query.search.clone().unwrap_or_default(), query.group.clone().unwrap_or_default());
    let query = ItemQuery { limit: Some(ITEMS), group: query.group.filter(|group| !group.is_empty()), ..query };
    let found = async {
        let view = state.feeds.playlist(ProviderId(number)).await?;
        Ok((view, state.feeds.items(ProviderId(number), query).await?))
    };
    match found.await {
        Ok((view, page)) => show(&Items {
            shell: Shell::new(&asker, "/playlists", format!("Items of {}", view.name)),
            id: number,
            name: &view.name,
            page,
            search: &search,
            group: &group,
        }),
        Err(error) => parts::not_done(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::a_mark_was_taken_away(None, "channels=all&shown=2&group=News", Automatic::Groups)]
    #[case::so_it_was_said(Some(Automatic::All), "channels=all&shown=2&group=News", Automatic::Groups)]
    #[case::all_are_marked(None, "channels=all&shown=2&group=News&group=", Automatic::All)]
    #[case::nothing_was_shown(None, "channels=all", Automatic::All)]
    #[case::back_to_all(Some(Automatic::Groups), "channels=all&shown=2&group=News", Automatic::All)]
    #[case::none(None, "channels=none&shown=2&group=News", Automatic::None)]
    fn whoever_takes_a_mark_away_means_the_groups(
        #[case] channels: Option<Automatic>,
        #[case] form: &str,
        #[case] after: Automatic,
    ) {
        let before = PlaylistRules { channels, ..PlaylistRules::default() };
        assert_eq!(rules_of(before, &Fields::parse(form.as_bytes())).channels, Some(after));
    }

    #[test]
    fn what_the_form_does_not_show_stays() {
        let before = PlaylistRules {
            exclude: vec![
                Condition { name_regex: Some("old".into()), ..Condition::default() },
                Condition { group: Some("Adult".into()), ..Condition::default() },
            ],
            events: vec![crate::model::EventBlock { id: "ppv".into(), when: Condition::default(), first: 900, slots: 5 }],
            ..PlaylistRules::default()
        };
        assert_eq!(left_out(&before), ["old"]);
        let fields = Fields::parse(b"channels=groups&group=News&group=A%26B&leave_out=%5ETest%0A%0Ax&no_radio=1");
        let after = rules_of(before, &fields);
        assert_eq!(
            (after.channels, after.groups.join("|"), after.no_radio, after.vod),
            (Some(Automatic::Groups), "News|A&B".into(), true, false)
        );
        assert_eq!(left_out(&after), ["^Test", "x"]);
        assert_eq!((after.exclude.len(), after.events.len()), (3, 1));
        assert_eq!(facts(&serde_json::json!({ "entries": 1200, "broken": 0 })), [("Entries", "1\u{202f}200".to_owned())]);
    }
}
