//! From the scheme of an address to the code that reads it.

use std::time::Duration;

use super::http::Http;
use super::pushed::{self, Receiving};
use super::srt::{self, Calling};
use super::{Opened, SourceError, Target, demo, file, udp};
use crate::media::clip::Clips;

/// Settings of all sources.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `User-Agent` of requests, where a source brings none of its own. IPTV panels turn away names they do not know, and
    /// some of them `Lavf`; VLC's is welcome everywhere.
    pub user_agent: String,
    /// For a TCP connection, TLS included.
    pub connect_timeout: Duration,
    /// Whether certificates of `https` servers must be valid.
    pub verify_certificates: bool,
    /// Of HLS.
    pub hls: super::hls::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_agent: "VLC/3.0.21 LibVLC/3.0.21".into(),
            connect_timeout: Duration::from_secs(4),
            verify_certificates: true,
            hls: super::hls::Settings::default(),
        }
    }
}

/// Opens sources. One for the whole process: it holds the HTTP client and its TLS.
#[derive(Debug)]
pub struct Opener {
    http: Http,
    clips: Option<Clips>,
    pushed: Option<Receiving>,
    calls: Option<Calling>,
}

impl Opener {
    /// Makes the opener.
    ///
    /// # Errors
    /// When the TLS configuration cannot be made.
    pub fn new(settings: Settings) -> Result<Self, SourceError> {
        Ok(Self { http: Http::new(&settings)?, clips: None, pushed: None, calls: None })
    }

    /// Lets it play the demo, whose clips these are.
    #[must_use]
    pub fn with_demo(self, clips: Clips) -> Self {
        Self { clips: Some(clips), ..self }
    }

    /// Lets it read what is pushed to us.
    #[must_use]
    pub fn with_pushed(self, pushed: Receiving) -> Self {
        Self { pushed: Some(pushed), ..self }
    }

    /// Lets it call by SRT.
    #[must_use]
    pub fn with_calls(self, calls: Calling) -> Self {
        Self { calls: Some(calls), ..self }
    }

    /// Opens `target`: connects, sends the request, reads the answer's head and first bytes; for HLS also the playlists. No
    /// deadline of its own beyond the connect timeout: the caller has one.
    ///
    /// # Errors
    /// When nothing can be read from there, with blame and retry.
    ///
    /// # Cancel safety
    /// Dropping the future closes what was opened.
    pub async fn open(&self, target: &Target) -> Result<Opened, SourceError> {
        let address = target.url.expose();
        match scheme(address).as_str() {
            "http" | "https" => self.http.open(target).await,
            "udp" => udp::open(address, "udp"),
            "rtp" => udp::open(address, "rtp"),
            pushed::SCHEME => match &self.pushed {
                Some(receiving) => receiving.open(&pushed::id(address)?),
                None => Err(SourceError::Unsupported { scheme: pushed::SCHEME.into() }),
            },
            srt::SCHEME => match &self.calls {
                Some(calls) => calls.call(srt::Address::parse(address)?).await,
                None => Err(SourceError::Unsupported { scheme: srt::SCHEME.into() }),
            },
            "file" => file::open(file::path(address)?).await,
            "demo" => match &self.clips {
                Some(clips) => demo::open(clips, address).await,
                None => Err(SourceError::Unsupported { scheme: "demo".into() }),
            },
            scheme => Err(SourceError::Unsupported { scheme: scheme.into() }),
        }
    }
}

/// The part before the colon, in lower case; a plain absolute path counts as `file`.
fn scheme(address: &str) -> String {
    if address.starts_with('/') {
        return "file".into();
    }
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let (scheme, _) = address.split_once(':').unwrap_or_default();
    scheme.chars().take_while(allowed).take(20).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("HTTP://a", "http")]
    #[case("/a:b", "file")]
    #[case("srt://a", "srt")]
    #[case("user secret:x", "user")]
    #[case("nothing", "")]
    fn schemes(#[case] address: &str, #[case] is: &str) {
        assert_eq!(scheme(address), is);
    }

    #[tokio::test]
    async fn says_which_scheme_is_not_supported() {
        let opener = Opener::new(Settings::default()).unwrap();
        let target = crate::source::testing::target("rtsp://user:pass@host/1");
        let error = opener.open(&target).await.unwrap_err();
        assert_eq!(error.to_string(), "addresses of scheme \"rtsp\" are not supported");
    }
}
