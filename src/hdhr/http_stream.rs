//! Streams: `/auto/v5.1`, `/tuner0/v5.1`, and what follows the question mark.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use axum::http::{Method, Response, StatusCode};

use super::errors::StreamError;
use super::http::{Shared, percent_decode};
use crate::http::{End, Link, Peer, StreamBody, reply};
use crate::model::GuideNumber;
use crate::session::{Client, Subscription, Tune};
use crate::tuner::TunerChoice;

/// As real units say.
const CONTENT_TYPE_STREAM: &str = "video/mpeg";
const MOST_AGENT_CHARS: usize = 128;

/// Transcoding profiles of HDHomeRuns that have them ("HTTP API"). This one has not, so all give the stream as it is.
const PROFILES: [&str; 10] = [
    "none",
    "native",
    "heavy",
    "mobile",
    "internet720",
    "internet540",
    "internet480",
    "internet360",
    "internet240",
    "internet1080",
];

/// Whether errors of this path have to be empty.
pub(super) fn is_stream_path(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    first == "auto" || tuner_of(first).is_some()
}

fn tuner_of(segment: &str) -> Option<&str> {
    segment.strip_prefix("tuner").filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A wish, as the address says it.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    tuner: TunerChoice,
    number: GuideNumber,
    duration: Option<Duration>,
}

impl Wish {
    fn parse(path: &str, query: &str) -> Result<Self, StreamError> {
        let path = percent_decode(path).ok_or(StreamError::UnknownChannel)?;
        let (first, channel) = path.trim_start_matches('/').split_once('/').ok_or(StreamError::UnknownChannel)?;
        let tuner = match tuner_of(first) {
            Some(digits) => TunerChoice::Exact(digits.parse().map_err(|_| StreamError::UnknownChannel)?),
            None if first == "auto" => TunerChoice::Any,
            None => return Err(StreamError::UnknownChannel),
        };
        // `ch<frequency>-<program>` is a channel of a real antenna; there is none.
        let number = channel.strip_prefix('v').and_then(|number| number.parse().ok()).ok_or(StreamError::UnknownChannel)?;
        let mut duration = None;
        // SiliconDust's examples begin every parameter with a question mark.
        for (name, value) in query.split(['&', '?']).filter_map(|pair| pair.split_once('=')) {
            match name {
                "duration" => {
                    let seconds = value.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
                    duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                }
                "transcode" if !PROFILES.contains(&value) => return Err(StreamError::UnknownTranscodeProfile),
                _ => {}
            }
        }
        Ok(Self { tuner, number, duration })
    }
}

/// Answers a stream path. `Range`, `Icy-MetaData`, `Accept` and the like are ignored: a live stream has one form.
pub(super) async fn stream(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return reply::method_not_allowed("GET, HEAD");
    }
    let wish = match Wish::parse(request.uri().path(), request.uri().query().unwrap_or_default()) {
        Ok(wish) => wish,
        Err(error) => return error.into_response(),
    };
    if *request.method() == Method::HEAD {
        return head(&shared, &wish);
    }
    let Some(link) = request.extensions().get::<Link>().cloned() else {
        return reply::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let client = client_of(&request);
    let tune = Tune { device: shared.hdhr.device, tuner: wish.tuner, number: wish.number, client };
    let (number, client) = (tune.number.clone(), tune.client.clone());
    let tuned = tokio::select! {
        tuned = shared.hdhr.manager.tune(tune) => tuned,
        // Nobody is there to read this.
        () = link.gone() => return StreamError::SystemBusy.into_response(),
    };
    match tuned {
        Ok(subscription) => {
            let tuner = subscription.tuner();
            let mut response = as_stream(StreamBody::new(subscription, link, wish.duration, note_end).into_response());
            if let Ok(resource) = HeaderValue::from_str(&format!("tuner{tuner}")) {
                response.headers_mut().insert("x-hdhomerun-resource", resource);
            }
            response
        }
        Err(error) => {
            let answer = StreamError::from(&error);
            tracing::info!(
                channel.number = %number, client.addr = %client.addr, client.agent = %client.agent, hdhr.error = %answer,
                error = %error, "no stream for a client"
            );
            answer.into_response()
        }
    }
}

/// HEAD answers at once and takes no tuner: Kodi sends two for every channel it plays.
fn head(shared: &Shared, wish: &Wish) -> Response<Body> {
    let tuners = shared.hdhr.device().map_or(0, |device| device.tuner_count);
    let has_tuner = match wish.tuner {
        TunerChoice::Any => true,
        TunerChoice::Exact(index) | TunerChoice::Control(index) => index < tuners,
    };
    if !has_tuner || !shared.hdhr.manager.knows(shared.hdhr.device, &wish.number) {
        return StreamError::UnknownChannel.into_response();
    }
    // A body of unknown length: an announced length of 0 would be taken for an empty file.
    let body = Body::from_stream(futures_util::stream::empty::<Result<bytes::Bytes, std::convert::Infallible>>());
    as_stream(Response::new(body))
}

fn as_stream(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_STREAM));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn note_end(subscription: &mut Subscription, end: End) {
    if end != End::Finished {
        subscription.close_reason(end.reason());
    }
}

fn client_of(request: &Request) -> Client {
    let addr = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.remote.ip());
    let agent = request.headers().get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    let agent = agent.unwrap_or_default().chars().filter(|c| !c.is_control()).take(MOST_AGENT_CHARS).collect();
    Client { addr, agent }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn wish(tuner: TunerChoice, number: &str, seconds: Option<u64>) -> Result<Wish, StreamError> {
        Ok(Wish { tuner, number: number.parse().unwrap(), duration: seconds.map(Duration::from_secs) })
    }

    #[rstest]
    #[case("/auto/v5.1", "", wish(TunerChoice::Any, "5.1", None))]
    #[case("//auto/v5.1", "", wish(TunerChoice::Any, "5.1", None))]
    #[case("/auto/v5%2E1", "", wish(TunerChoice::Any, "5.1", None))]
    #[case("/tuner1/v100", "", wish(TunerChoice::Exact(1), "100", None))]
    #[case("/auto/v5", "duration=3", wish(TunerChoice::Any, "5", Some(3)))]
    #[case("/auto/v5", "transcode=mobile&duration=3", wish(TunerChoice::Any, "5", Some(3)))]
    #[case("/auto/v5", "duration=3?transcode=none", wish(TunerChoice::Any, "5", Some(3)))]
    #[case("/auto/v5", "duration=0", wish(TunerChoice::Any, "5", None))]
    #[case("/auto/v5", "duration=-1&x&y=", wish(TunerChoice::Any, "5", None))]
    #[case("/auto/v5", "duration=1e300", wish(TunerChoice::Any, "5", None))]
    #[case("/auto/v5", "duration=nan", wish(TunerChoice::Any, "5", None))]
    #[case("/auto/v5", "transcode=bogus", Err(StreamError::UnknownTranscodeProfile))]
    #[case("/auto/v5", "transcode=", Err(StreamError::UnknownTranscodeProfile))]
    #[case("/auto/ch473000000-3", "", Err(StreamError::UnknownChannel))]
    #[case("/auto/5.1", "", Err(StreamError::UnknownChannel))]
    #[case("/auto/v", "", Err(StreamError::UnknownChannel))]
    #[case("/auto/v5/", "", Err(StreamError::UnknownChannel))]
    #[case("/auto", "", Err(StreamError::UnknownChannel))]
    #[case("/auto/v%", "", Err(StreamError::UnknownChannel))]
    #[case("/tuner999/v5", "", Err(StreamError::UnknownChannel))]
    fn wishes(#[case] path: &str, #[case] query: &str, #[case] expected: Result<Wish, StreamError>) {
        assert_eq!(Wish::parse(path, query), expected);
    }

    #[rstest]
    #[case("/auto/v5", true)]
    #[case("/auto", true)]
    #[case("/tuner0/v5", true)]
    #[case("/tuner99999999999/v5", true)]
    #[case("/tuners.html", false)]
    #[case("/tuner/v5", false)]
    #[case("/automatic", false)]
    #[case("/", false)]
    fn stream_paths(#[case] path: &str, #[case] is: bool) {
        assert_eq!(is_stream_path(path), is);
    }

    proptest::proptest! {
        #[test]
        fn no_address_panics(path: String, query: String) {
            let _ = (Wish::parse(&path, &query), is_stream_path(&path));
        }
    }
}
