//! Keeps a shown page up to date: server-sent events (WHATWG HTML, 9.2) with those parts that have changed.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::AdminState;
use super::access::Asker;
use super::access::over::over;
use super::fragments::View;
use super::page::{Look, Parts, address_for_people};
use crate::base::clock;
use crate::http::reply;
use crate::http::{Link, Peer};

const EVERY: Duration = Duration::from_secs(1);

/// The parts that differ from what was sent before; the page finds their places by these names.
#[derive(Debug, Default, Serialize)]
struct Patch<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watching: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    devices: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<&'a str>,
}

impl<'a> Patch<'a> {
    fn between(old: &Parts, new: &'a Parts) -> Self {
        let changed = |old: &str, new: &'a str| (old != new).then_some(new);
        Self {
            warnings: changed(&old.warnings, &new.warnings),
            watching: changed(&old.watching, &new.watching),
            devices: changed(&old.devices, &new.devices),
            channels: changed(&old.channels, &new.channels),
        }
    }
}

struct Follower {
    state: AdminState,
    view: View,
    here: IpAddr,
    shown: Parts,
    next: clock::Instant,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            clock::sleep_until(self.next).await;
            self.next = clock::now() + EVERY;
            self.state.notices.refresh(&self.state.feeds).await;
            let parts = Look::at(&self.state).parts(&self.view, self.here);
            if parts != self.shown {
                let event = Event::default().event("patch").json_data(Patch::between(&self.shown, &parts)).ok()?;
                self.shown = parts;
                return Some((Ok(event), self));
            }
        }
    }
}

/// `GET /live`: follows until the page is left or the server ends. The first event carries everything, since the page may have
/// been shown a while ago.
pub async fn follow(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    asker: Asker,
    link: Option<Extension<Link>>,
    Query(view): Query<View>,
) -> Response {
    let Ok(place) = state.followers.clone().try_acquire_owned() else {
        return reply::text(StatusCode::SERVICE_UNAVAILABLE, "Too many pages follow already; this one shows what it showed.");
    };
    let here = address_for_people(peer, &state.situation.load().addresses);
    let gone = over(state.clone(), asker);
    let follower = Follower { state, view, here, shown: Parts::default(), next: clock::now(), _place: place };
    let closing = async move {
        match link {
            Some(Extension(link)) => link.closing().cancelled().await,
            None => std::future::pending().await,
        }
    };
    let ended = async move {
        tokio::select! {
            () = closing => {}
            () = gone => {}
        }
    };
    let events = stream::unfold(follower, Follower::next).take_until(Box::pin(ended));
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response()
}
