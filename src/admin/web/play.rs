//! The player of a channel's page: the page, and the stream it fetches. Whoever looks is a viewer of the channel's session as any
//! other, on a tuner of a device that has the channel; a worker of their own makes of it what browsers play.

use std::pin::Pin;
use std::task::{Context, Poll};

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode};
use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::OwnedSemaphorePermit;

use super::{Shell, parts, refusal};
use crate::admin::AdminState;
use crate::admin::access::Asker;
use crate::admin::access::over::over;
use crate::http::{End, Link, Peer, StreamBody, reply};
use crate::media::play::{PlayError, Player};
use crate::model::{Channel, ChannelId};
use crate::session::{Client, Subscription, Tune, TuneError};
use crate::tuner::TunerChoice;

/// How the player calls itself in lists of viewers.
const AGENT: &str = "Rooftop page";

#[derive(Template)]
#[template(path = "play.html")]
struct PlayPage<'a> {
    shell: Shell,
    channel: &'a Channel,
    channel_id: i64,
}

/// `GET /channels/{id}/play`.
pub async fn show(State(state): State<AdminState>, asker: Asker, Path(id): Path<i64>) -> Response<Body> {
    let catalog = state.backend.catalog();
    match catalog.channels.iter().find(|channel| channel.id == ChannelId(id)) {
        Some(channel) => {
            let shell = Shell::new(&asker, "/channels", format!("{} {}", channel.number, channel.name));
            parts::show(&PlayPage { shell, channel, channel_id: id })
        }
        None => refusal(StatusCode::NOT_FOUND, UNKNOWN),
    }
}

const UNKNOWN: &str = "There is no such channel, or it is switched off.";

/// `GET /channels/{id}/play.mp4`: fragments until the browser leaves. Refusals are a sentence, which the player shows.
pub async fn stream(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    asker: Asker,
    link: Option<Extension<Link>>,
    method: Method,
    Path(id): Path<i64>,
) -> Response<Body> {
    let catalog = state.backend.catalog();
    let channel = catalog.channels.iter().find(|channel| channel.id == ChannelId(id));
    let device = catalog.devices.iter().find(|device| catalog.has(device.row, ChannelId(id)));
    let (Some(channel), Some(device)) = (channel, device) else { return reply::text(StatusCode::NOT_FOUND, UNKNOWN) };
    if method == Method::HEAD {
        // It takes no tuner.
        return typed(Response::new(Body::empty()), "video/mp4");
    }
    let Some((worker, Extension(link))) = state.player.clone().zip(link) else {
        return reply::text(StatusCode::SERVICE_UNAVAILABLE, "This Rooftop has no player.");
    };
    let Ok(place) = state.players.clone().try_acquire_owned() else {
        return reply::text(StatusCode::SERVICE_UNAVAILABLE, "Too many pages play already. Stop another one first.");
    };
    let client = Client { addr: peer.remote.ip(), agent: AGENT.to_owned() };
    let tune = Tune { device: device.row, tuner: TunerChoice::Any, number: channel.number.clone(), client };
    let begun = async {
        // Both take their time, and neither needs the other.
        let (tuned, started) = tokio::join!(state.manager.tune(tune), Player::start(&worker));
        let subscription = tuned.map_err(NotPlayed::Tune)?;
        let player = started.map_err(|error| NotPlayed::Play(error.into()))?;
        player.play(subscription).await.map_err(NotPlayed::Play)
    };
    let begun = tokio::select! {
        begun = begun => begun,
        // Nobody is there to read this.
        () = link.gone() => return reply::empty(StatusCode::SERVICE_UNAVAILABLE),
        () = link.closing().cancelled() => Err(NotPlayed::Tune(TuneError::ShuttingDown)),
    };
    match begun {
        Ok((player, content_type)) => {
            let playing = Playing { player, over: Box::pin(over(state, asker)), _place: place };
            typed(StreamBody::new(playing, link, None, note_end).into_response(), &content_type)
        }
        Err(error) => {
            let (status, sentence) = error.told();
            tracing::info!(channel.number = %channel.number, client.addr = %peer.remote.ip(), reason = %sentence, "nothing for a player");
            reply::text(status, sentence)
        }
    }
}

fn typed(mut response: Response<Body>, content_type: &str) -> Response<Body> {
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

/// A player, and its place among those there may be.
struct Playing {
    player: Player<Subscription>,
    /// Ready when whoever watches may not any more.
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    _place: OwnedSemaphorePermit,
}

impl Stream for Playing {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.over.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.player).poll_next(cx)
    }
}

fn note_end(playing: &mut Playing, end: End) {
    let reason = if end == End::Finished { "the player ended" } else { end.reason() };
    playing.player.input().close_reason(reason);
}

/// Why nothing is played.
#[derive(Debug)]
enum NotPlayed {
    Tune(TuneError),
    Play(PlayError),
}

impl NotPlayed {
    /// As the page says it.
    fn told(&self) -> (StatusCode, String) {
        let busy = |sentence: String| (StatusCode::SERVICE_UNAVAILABLE, sentence);
        match self {
            Self::Tune(TuneError::UnknownChannel(_) | TuneError::NoSuchTuner) => (StatusCode::NOT_FOUND, UNKNOWN.to_owned()),
            Self::Tune(TuneError::AllTunersInUse | TuneError::TunerInUse) => {
                busy("No tuner is free. Somebody has to stop watching first; or give the device more tuners.".to_owned())
            }
            Self::Tune(TuneError::ProviderBusy) => {
                busy("All connections of the provider are in use. Somebody has to stop watching first.".to_owned())
            }
            Self::Tune(TuneError::NoSources) => busy("This channel has no source that is switched on.".to_owned()),
            Self::Tune(TuneError::NoVideoData) => busy("The source answered, but no picture came.".to_owned()),
            Self::Tune(TuneError::Backoff(wait)) => {
                busy(format!("This channel failed too often. Try again in {} seconds.", wait.as_secs() + 1))
            }
            Self::Tune(TuneError::MaxSubscribers) => busy("This channel has as many viewers as it may have.".to_owned()),
            Self::Tune(TuneError::ShuttingDown) => busy("Rooftop is ending.".to_owned()),
            // Reasons name no address: they are in the history, too.
            Self::Tune(TuneError::TuneFailed(reason)) => {
                let reason = reason.split(" (os error").next().unwrap_or(reason);
                busy(format!("None of the channel's sources could be opened. What the last one said: {reason}."))
            }
            Self::Play(PlayError::Refused(refusal)) => {
                let sentence = format!("{refusal} Players such as VLC, Kodi or Plex can: this channel is for them.");
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence)
            }
            Self::Play(error) => busy(format!("It could not be played: {error}.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::play::words::Refusal;

    #[rstest::rstest]
    #[case(NotPlayed::Tune(TuneError::AllTunersInUse), 503, "No tuner is free.")]
    #[case(NotPlayed::Tune(TuneError::UnknownChannel("7".parse().unwrap())), 404, "no such channel")]
    #[case(NotPlayed::Tune(TuneError::TuneFailed("cannot connect: Connection refused (os error 111)".into())), 503, "Connection refused.")]
    #[case(NotPlayed::Play(Refusal::Picture("MPEG-2".into()).into()), 415, "is MPEG-2, which browsers cannot decode.")]
    #[case(NotPlayed::Play(PlayError::Ended("the input ended".into())), 503, "before there was a picture")]
    fn what_the_page_is_told(#[case] error: NotPlayed, #[case] status: u16, #[case] words: &str) {
        let (seen, sentence) = error.told();
        assert_eq!(seen.as_u16(), status);
        assert!(sentence.contains(words) && sentence.ends_with('.'), "{sentence}");
    }
}
