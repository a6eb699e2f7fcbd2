//! `GET /api/v1/events`: what happens in sessions, as it happens: server-sent events (WHATWG HTML, 9.2), JSON each.
//!
//! Who is too slow misses the oldest, and is told how many by an event `lost`.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::problem::Problem;
use crate::admin::AdminState;
use crate::admin::access::Asker;
use crate::admin::access::over::over;
use crate::http::Link;
use crate::session::Stamped;
use crate::session::events::Event;

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows until the client leaves or the server ends.
pub async fn follow(State(state): State<AdminState>, asker: Asker, link: Option<Extension<Link>>) -> Response {
    let Ok(place) = state.followers.clone().try_acquire_owned() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many follow already; try again later.").into_response();
    };
    let events = stream::unfold((state.manager.journal().follow(), place), |(mut events, place)| async move {
        let told = match events.recv().await {
            Ok(stamped) => told(&stamped),
            Err(RecvError::Lagged(lost)) => ("lost", json!({ "count": lost })),
            Err(RecvError::Closed) => return None,
        };
        let event = sse::Event::default().event(told.0).data(told.1.to_string());
        Some((Ok::<_, Infallible>(event), (events, place)))
    });
    let gone = over(state.clone(), asker);
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
    Sse::new(events.take_until(Box::pin(ended))).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// Name and data of an event.
fn told(stamped: &Stamped) -> (&'static str, Value) {
    let (name, mut data) = match &stamped.event {
        Event::SessionOpened { channel, number, name, .. } => {
            ("session_opened", json!({ "channel_id": channel, "guide_number": number, "guide_name": name }))
        }
        Event::SourceSelected { source, .. } => (
            "source_selected",
            json!({
                "source_id": source.source, "item_key": source.item_key, "stream_url": source.url, "producer": source.producer,
                "after_ms": ms(source.after),
            }),
        ),
        Event::SourceSeen { info, .. } => ("source_seen", json!({ "info": info })),
        Event::SourceLeft { source, reason, stalled, lived, .. } => {
            ("source_left", json!({ "source_id": source, "reason": reason, "stalled": stalled, "lived_ms": ms(*lived) }))
        }
        Event::SubscriberJoined { subscriber, addr, agent, tuner, .. } => (
            "subscriber_joined",
            json!({
                "subscriber_id": subscriber, "client_addr": addr.to_canonical(), "user_agent": agent, "tuner_id": tuner,
            }),
        ),
        Event::SubscriberSkipped { subscriber, chunks, bytes, .. } => {
            ("subscriber_skipped", json!({ "subscriber_id": subscriber, "lag_chunks": chunks, "lag_bytes": bytes }))
        }
        Event::SubscriberLeft { subscriber, reason, bytes, .. } => {
            ("subscriber_left", json!({ "subscriber_id": subscriber, "reason": reason, "bytes": bytes }))
        }
        Event::SessionClosed { channel, reason, failed, .. } => {
            ("session_closed", json!({ "channel_id": channel, "reason": reason, "failed": failed }))
        }
    };
    if let Some(data) = data.as_object_mut() {
        data.insert("at".into(), json!(stamped.at));
        data.insert("session_id".into(), json!(stamped.event.session()));
    }
    (name, data)
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelId, Moment, SessionId, SourceId};

    #[rstest::rstest]
    #[case(
        Event::SessionClosed { session: SessionId(3), channel: ChannelId(5), reason: "nobody watches".into(), failed: false },
        "session_closed",
        json!({ "at": "1970-01-01T00:00:01Z", "session_id": 3, "channel_id": 5, "reason": "nobody watches", "failed": false })
    )]
    #[case(
        Event::SourceLeft {
            session: SessionId(3), source: SourceId(7), reason: "silence".into(), stalled: true, lived: Duration::from_secs(2),
        },
        "source_left",
        json!({
            "at": "1970-01-01T00:00:01Z", "session_id": 3, "source_id": 7, "reason": "silence", "stalled": true, "lived_ms": 2000,
        })
    )]
    fn events_are_told(#[case] event: Event, #[case] name: &str, #[case] data: Value) {
        assert_eq!(told(&Stamped { at: Moment(1000), event }), (name, data));
    }
}
