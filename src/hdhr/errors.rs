//! Why there is no stream, as HDHomeRuns say it: status, `X-HDHomeRun-Error`, and an empty body.
//!
//! The body is empty because Jellyfin looks at no status: any byte of it would be taken for video.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONNECTION, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};

use crate::http::reply;
use crate::session::TuneError;

/// Why there is no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum StreamError {
    /// No such channel, tuner or path.
    #[error("801 Unknown Channel")]
    UnknownChannel,
    /// No such transcoding profile.
    #[error("802 Unknown Transcode Profile")]
    UnknownTranscodeProfile,
    /// The program is ending.
    #[error("803 System Busy")]
    SystemBusy,
    /// The tuner that was asked for is taken.
    #[error("804 Tuner In Use")]
    TunerInUse,
    /// All are.
    #[error("805 All Tuners In Use")]
    AllTunersInUse,
    /// No source could be opened; not to be tried again for a while, if given.
    #[error("806 Tune Failed")]
    TuneFailed(Option<Duration>),
    /// No picture came.
    #[error("807 No Video Data")]
    NoVideoData,
    /// Too many viewers.
    #[error("809 Playback Connection Limit")]
    PlaybackConnectionLimit,
}

impl From<&TuneError> for StreamError {
    fn from(error: &TuneError) -> Self {
        match error {
            TuneError::UnknownChannel(_) | TuneError::NoSuchTuner => Self::UnknownChannel,
            TuneError::TunerInUse => Self::TunerInUse,
            TuneError::AllTunersInUse | TuneError::ProviderBusy => Self::AllTunersInUse,
            TuneError::NoSources | TuneError::TuneFailed(_) => Self::TuneFailed(None),
            TuneError::NoVideoData => Self::NoVideoData,
            TuneError::Backoff(wait) => Self::TuneFailed(Some(*wait)),
            TuneError::MaxSubscribers => Self::PlaybackConnectionLimit,
            TuneError::ShuttingDown => Self::SystemBusy,
        }
    }
}

impl StreamError {
    /// 404 for what is not there, 503 for all else (SiliconDust, "HTTP API").
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::UnknownChannel => StatusCode::NOT_FOUND,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = reply::empty(self.status());
        let headers = response.headers_mut();
        if let Ok(text) = HeaderValue::from_str(&self.to_string()) {
            headers.insert("x-hdhomerun-error", text);
        }
        if let Self::TuneFailed(Some(wait)) = self {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
        }
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(TuneError::UnknownChannel("5".parse().unwrap()), 404, "801 Unknown Channel", None)]
    #[case(TuneError::NoSuchTuner, 404, "801 Unknown Channel", None)]
    #[case(TuneError::TunerInUse, 503, "804 Tuner In Use", None)]
    #[case(TuneError::AllTunersInUse, 503, "805 All Tuners In Use", None)]
    #[case(TuneError::ProviderBusy, 503, "805 All Tuners In Use", None)]
    #[case(TuneError::NoSources, 503, "806 Tune Failed", None)]
    #[case(TuneError::TuneFailed("http://user:password@host".into()), 503, "806 Tune Failed", None)]
    #[case(TuneError::NoVideoData, 503, "807 No Video Data", None)]
    #[case(TuneError::Backoff(Duration::from_millis(19_001)), 503, "806 Tune Failed", Some("20"))]
    #[case(TuneError::MaxSubscribers, 503, "809 Playback Connection Limit", None)]
    #[case(TuneError::ShuttingDown, 503, "803 System Busy", None)]
    fn errors_are_said_as_hdhomeruns_do(
        #[case] error: TuneError,
        #[case] status: u16,
        #[case] text: &str,
        #[case] retry_after: Option<&str>,
    ) {
        let response = StreamError::from(&error).into_response();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()["x-hdhomerun-error"], text);
        assert_eq!(response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap()), retry_after);
        assert_eq!(axum::body::HttpBody::size_hint(response.body()).exact(), Some(0));
    }
}
