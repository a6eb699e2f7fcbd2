//! `/inputs`: what is pushed to us, and channels of it; and what is fetched the same way, while it is.

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::Response;

use serde::Deserialize;

use super::fields::Fields;
use super::input_rules::{self, Form, Line};
use super::input_view::View;
use super::parts::{self, Asked, led, show};
use super::{Shell, nothing_here, redirect};
use crate::admin::AdminState;
use crate::admin::access::Asker;
use crate::admin::feeds::edits::{NewChannelRequest, SourceRequest};
use crate::admin::page::{Look, address_for_people};
use crate::admin::words;
use crate::base::clock;
use crate::http::Peer;
use crate::ingest::registry::{Kind, Role, Shown, Status};
use crate::source::pushed;
use crate::source::srt::Address;
use crate::store::Catalog;

const HERE: &str = "/inputs";

#[derive(Template)]
#[template(path = "inputs.html")]
struct Page {
    shell: Shell,
    cards: Vec<Card>,
    /// Where streams may be pushed to: addresses with a name to be filled in.
    addresses: Vec<String>,
    /// The same by RTP, which has no names.
    rtp_addresses: Vec<String>,
    /// What is set for single streams.
    rules: Vec<Line>,
    /// Where more can be set.
    form: Form,
}

/// What the page understands in its address.
#[derive(Debug, Default, Deserialize)]
pub struct What {
    #[serde(flatten)]
    asked: Asked,
    /// The stream for which something is to be set.
    rule: Option<String>,
}

/// An input.
struct Card {
    id: String,
    /// How it comes, and from where.
    from: String,
    /// `coming in`, `paused`, `gone`.
    state: &'static str,
    live: bool,
    on: bool,
    paused: bool,
    /// We have called its sender: there is nothing to be done about it here.
    fetched: bool,
    /// Since when.
    since: String,
    /// What it carries.
    carries: String,
    view: Option<View>,
    rate: String,
    lost: String,
    /// Of SRT; else empty.
    resent: String,
    round_trip: String,
    /// Of RTP; else empty.
    jitter: String,
    readers: usize,
    /// Channels that have it: id, number and name.
    channels: Vec<(i64, String)>,
    /// Where something is set for it; empty: there is nothing to set, as for what comes by RTP.
    rule: String,
}

impl Card {
    fn of(input: &Shown, catalog: &Catalog, now_ms: i64) -> Self {
        let (figures, connection) = (&input.figures, &input.figures.connection);
        let on = input.status != Status::Closed;
        let ms = |span: std::time::Duration| format!("{:.1} ms", span.as_secs_f64() * 1e3);
        let of_srt = |text: String| if input.sender.kind == Kind::Srt { text } else { String::new() };
        Self {
            id: input.id.clone(),
            from: format!("{} {} {}", input.sender.kind.name().to_ascii_uppercase(), how(input.role), input.sender.from),
            state: match input.status {
                Status::Active => "coming in",
                Status::Paused => "paused",
                Status::Closed => "gone",
            },
            live: input.status == Status::Active,
            on,
            paused: input.status == Status::Paused,
            fetched: input.role != Role::Listener,
            since: parts::ago(Some(input.since_ms), now_ms),
            carries: words::stream(&input.seen.info),
            view: View::of(input),
            rate: if on { format!("{:.1} Mbit/s", figures.bitrate as f64 / 1e6) } else { String::new() },
            lost: parts::count(connection.lost),
            resent: of_srt(parts::count(connection.retransmitted)),
            round_trip: of_srt(ms(connection.rtt)),
            jitter: connection.rtp.map(|rtp| ms(rtp.jitter)).unwrap_or_default(),
            readers: input.readers,
            channels: channels(input, catalog),
            rule: if input.role == Role::Listener { of_srt(input_rules::link(&input.id)) } else { String::new() },
        }
    }
}

fn how(role: Role) -> &'static str {
    match role {
        Role::Listener => "from",
        Role::Caller => "called at",
        Role::Rendezvous => "met at",
    }
}

/// The channels of which it is a source.
fn channels(input: &Shown, catalog: &Catalog) -> Vec<(i64, String)> {
    let address = pushed::address(&input.id);
    // What is fetched is called what its address may be shown as.
    let is_it = |url: &str| match input.role {
        Role::Listener => url == address,
        _ => Address::parse(url).is_ok_and(|address| {
            // A second reader's has a number behind it.
            let rest = input.id.strip_prefix(&address.to_string());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
        }),
    };
    let has = |channel: &&crate::model::Channel| catalog.sources_of(channel.id).iter().any(|source| is_it(&source.url));
    let named = |channel: &crate::model::Channel| (channel.id.0, format!("{} {}", channel.number, channel.name));
    catalog.channels.iter().filter(has).map(named).collect()
}

/// `GET /inputs`.
pub async fn list(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    asker: Asker,
    Query(what): Query<What>,
) -> Response<Body> {
    let facts = Look::at(&state).facts;
    let host = address_for_people(peer, &facts.situation.addresses);
    let now_ms = clock::wall_ms();
    let listening = state.inputs.listening();
    let reached = |at: &std::net::SocketAddr| {
        let ip = if at.ip().is_unspecified() { host } else { at.ip() };
        std::net::SocketAddr::new(ip, at.port())
    };
    let address = |at: &std::net::SocketAddr| format!("srt://{}?streamid=NAME", reached(at));
    show(&Page {
        shell: Shell::new(&asker, HERE, "Inputs").noting(what.asked.note.as_deref()),
        cards: state.inputs.all().iter().map(|input| Card::of(input, &facts.catalog, now_ms)).collect(),
        addresses: listening.iter().map(address).collect(),
        rtp_addresses: state.inputs.listening_for_rtp().iter().map(|at| format!("rtp://{}", reached(at))).collect(),
        rules: input_rules::lines(&state.feeds, &state.inputs),
        form: input_rules::form(&state.feeds, what.rule.as_deref()),
    })
}

/// `POST /inputs/channel`: a channel of an input.
pub async fn make_channel(State(state): State<AdminState>, fields: Fields) -> Response<Body> {
    let Some(id) = fields.text("id") else { return nothing_here() };
    let source = SourceRequest { url: Some(pushed::address(id)), ..SourceRequest::default() };
    let request = NewChannelRequest {
        name: Some(fields.text("name").unwrap_or(id).to_owned()),
        number: fields.text("number").map(str::to_owned),
        sources: vec![source],
    };
    match state.feeds.add_channel(&request).await {
        Ok(channel) => redirect(&format!("/channels/{}?note=added", channel.0)),
        Err(error) => parts::not_done(&error),
    }
}

/// `POST /inputs/{act}`: pause, resume, close.
pub async fn act(State(state): State<AdminState>, at: Result<Path<String>, PathRejection>, fields: Fields) -> Response<Body> {
    let (Ok(Path(act)), Some(id)) = (at, fields.text("id")) else { return nothing_here() };
    let (known, note) = match act.as_str() {
        "pause" => (state.inputs.pause(id, true), "paused"),
        "resume" => (state.inputs.pause(id, false), "resumed"),
        "close" => (state.inputs.close(id), "closed"),
        _ => return nothing_here(),
    };
    if !known {
        return nothing_here();
    }
    tracing::info!(stream = id, act, "something was done with a stream that is pushed to us");
    led(HERE, note)
}
