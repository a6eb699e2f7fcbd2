//! HTTP and HTTPS: one request, and whatever its answer turns out to be: a transport stream, a playlist of HLS, internet
//! radio. The answer is used as it is; nothing is dialled twice.
//!
//! Must not know what plays it, nor when to try again.

pub mod dial;
pub mod identity;
mod link;
mod radio;
#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use reqwest::header::{self, HeaderValue};
use url::Url;

use self::dial::{Answer, Dialer, Tls};
use self::identity::Identity;
use super::dispatch::Settings;
use super::hls;
use super::hls::fetch::Fetcher;
use super::hls::playlist::MOST_BYTES;
use super::sniff::{self, Sniffed};
use super::{Chunk, Opened, Pace, SourceError, Target};
use crate::model::Route;

/// A body that gives nothing for this long is lost, whatever its reader thinks of stalls.
pub const READ_STALL: Duration = Duration::from_secs(35);

/// Idle connections that HLS keeps to each host for the next request.
const KEPT: usize = 2;

/// The longest text with a link in it.
const LINK_BYTES: usize = 64 * 1024;

/// Opens addresses of HTTP.
#[derive(Debug)]
pub struct Http {
    dialer: Dialer,
    user_agent: HeaderValue,
    hls: hls::Settings,
}

impl Http {
    /// With a client of its own.
    ///
    /// # Errors
    /// When TLS or the client cannot be made, or the User-Agent is none.
    pub fn new(settings: &Settings) -> Result<Self, SourceError> {
        let user_agent = HeaderValue::from_str(&settings.user_agent)
            .map_err(|_| SourceError::Local { what: "user agent".into(), reason: "not allowed in a header".into() })?;
        let tls = Arc::new(Tls::new(settings.verify_certificates)?);
        // Of a stream no connection is kept: a finished one must not stay open at a provider that counts them.
        Ok(Self { dialer: Dialer::new(tls, settings.connect_timeout, 0)?, user_agent, hls: settings.hls.clone() })
    }

    /// Asks, and looks at the first bytes of the answer.
    ///
    /// # Errors
    /// No connection, a bad status, or something that is no stream.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection.
    pub async fn open(&self, target: &Target) -> Result<Opened, SourceError> {
        let url = Url::parse(target.url.expose()).map_err(|error| SourceError::BadAddress { reason: error.to_string() })?;
        let identity = Identity::new(&url, &target.headers, &self.user_agent);
        let own = (target.route != Route::default()).then(|| self.dialer.by(&target.route)).transpose()?;
        let dialer = own.as_ref().unwrap_or(&self.dialer);
        match self.look(dialer, identity.clone(), &url).await? {
            Found::Stream(opened) => Ok(opened),
            Found::Link(link) => match self.look(dialer, identity, &link).await? {
                Found::Stream(opened) => Ok(opened),
                Found::Link(_) => Err(SourceError::NotAStream { what: "a link to a link".into() }),
            },
        }
    }

    /// Asks for an address, and opens what it is if that is a stream.
    async fn look(&self, dialer: &Dialer, identity: Identity, url: &Url) -> Result<Found, SourceError> {
        let answer = dialer.get(&identity, url, None).await?;
        let base = answer.url.clone();
        let finite = answer.response.headers().contains_key(header::CONTENT_LENGTH);
        let mut body = Body::new(answer);
        let sniffed = body.sniff().await?;
        match sniffed {
            Sniffed::TransportStream => Ok(Found::Stream(progressive(body, finite))),
            Sniffed::Audio { .. } => Ok(Found::Stream(radio::open(body, finite))),
            Sniffed::Empty | Sniffed::More => Err(SourceError::Ended),
            Sniffed::Playlist | Sniffed::Gzip => {
                let text = body.text(MOST_BYTES).await?;
                if let Some(link) = link::only(&text, &base) {
                    return Ok(Found::Link(link));
                }
                let fetcher = Fetcher::new(dialer.keeping(KEPT)?, identity);
                hls::open(&text, &base, fetcher, &self.hls).await.map(Found::Stream)
            }
            Sniffed::Other(sniff::LINK) => {
                let link = link::only(&body.rest(LINK_BYTES).await?, &base);
                link.map(Found::Link).ok_or_else(|| SourceError::NotAStream { what: sniff::LINK.into() })
            }
            Sniffed::Other(what) => Err(SourceError::NotAStream { what: what.into() }),
        }
    }
}

/// What an address is.
enum Found {
    /// A stream, open.
    Stream(Opened),
    /// A text with the address of one.
    Link(Url),
}

/// A transport stream as one endless answer. One of known length is a file, and comes as fast as it is read.
fn progressive(body: Body, finite: bool) -> Opened {
    let next = |mut body: Body| async move {
        match body.next().await {
            Ok(Some(bytes)) => Some((Ok(Chunk::Bytes(bytes)), body)),
            Ok(None) => None,
            Err(error) => Some((Err(error), body.finished())),
        }
    };
    Opened {
        bytes: Box::pin(stream::unfold(body, next)),
        pace: if finite { Pace::Bursty } else { Pace::Live },
        producer: "http",
        stall_after: None,
    }
}

/// A body being read: the bytes looked at already, then the rest.
#[derive(Debug)]
pub struct Body {
    head: BytesMut,
    response: Option<reqwest::Response>,
}

impl Body {
    /// Of an answer.
    pub fn new(answer: Answer) -> Self {
        Self { head: BytesMut::new(), response: Some(answer.response) }
    }

    /// After an error there is no more.
    fn finished(mut self) -> Self {
        self.response = None;
        self
    }

    /// The next bytes, as they come; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks or gives nothing for [`READ_STALL`].
    ///
    /// # Cancel safety
    /// Nothing is lost: bytes leave the connection only when they are returned.
    pub async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        if !self.head.is_empty() {
            return Ok(Some(self.head.split().freeze()));
        }
        loop {
            let Some(response) = &mut self.response else { return Ok(None) };
            let chunk = crate::base::clock::timeout(READ_STALL, response.chunk());
            match chunk
                .await
                .map_err(|_| SourceError::TimedOut(READ_STALL))?
                .map_err(|error| dial::failure(&error, READ_STALL))?
            {
                Some(bytes) if bytes.is_empty() => {}
                Some(bytes) => return Ok(Some(bytes)),
                None => {
                    self.response = None;
                    return Ok(None);
                }
            }
        }
    }

    /// At most so many bytes of it, and what one read gives beyond them.
    async fn rest(&mut self, most: usize) -> Result<Vec<u8>, SourceError> {
        let mut bytes = Vec::new();
        while bytes.len() < most
            && let Some(more) = self.next().await?
        {
            bytes.extend_from_slice(&more);
        }
        Ok(bytes)
    }

    /// All of it, unpacked if it is compressed although nobody asked for that.
    ///
    /// # Errors
    /// When it breaks, is longer than `most` bytes, or is compressed and no playlist.
    pub async fn text(&mut self, most: usize) -> Result<Vec<u8>, SourceError> {
        let mut text = Vec::new();
        while let Some(bytes) = self.next().await? {
            text.extend_from_slice(&bytes);
            if text.len() > most {
                return Err(SourceError::NotAStream { what: "a playlist of more than 4 MiB".into() });
            }
        }
        if sniff::sniff(&text, true) == Sniffed::Gzip {
            let mut plain = Vec::new();
            let unpacked = flate2::read::GzDecoder::new(text.as_slice()).take(most as u64).read_to_end(&mut plain);
            if unpacked.is_err() || sniff::sniff(&plain, true) != Sniffed::Playlist {
                return Err(SourceError::NotAStream { what: "data compressed with gzip".into() });
            }
            return Ok(plain);
        }
        match sniff::sniff(&text, true) {
            Sniffed::Playlist => Ok(text),
            Sniffed::Empty => Err(SourceError::Ended),
            Sniffed::Other(what) => Err(SourceError::NotAStream { what: format!("{what} in place of a playlist") }),
            _ => Err(SourceError::NotAStream { what: "something else in place of a playlist".into() }),
        }
    }

    /// Reads until it is clear what this is. The bytes stay to be read.
    async fn sniff(&mut self) -> Result<Sniffed, SourceError> {
        let mut look_at = 0;
        loop {
            let ended = self.response.is_none();
            if self.head.len() >= look_at || ended {
                if let Some(icy) = icy(&self.head) {
                    let status = icy?;
                    self.head = self.head.split_off(status);
                    look_at = 0;
                    continue;
                }
                let sniffed = sniff::sniff(&self.head, ended);
                if sniffed != Sniffed::More {
                    return Ok(sniffed);
                }
                // A body that comes byte by byte is not looked at for every byte.
                look_at = self.head.len() + self.head.len() / 8 + 1;
            }
            let mut head = std::mem::take(&mut self.head);
            let next = self.next().await;
            if let Ok(Some(bytes)) = &next {
                head.extend_from_slice(bytes);
            }
            self.head = head;
            next?;
        }
    }
}

/// A SHOUTcast server begins its answer with `ICY 200 OK`, which is no HTTP: what follows is then all body. Gives the length
/// of that head.
fn icy(bytes: &[u8]) -> Option<Result<usize, SourceError>> {
    let rest = bytes.strip_prefix(b"ICY ")?;
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let status = rest.get(..3).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u16>().ok()).unwrap_or(0);
    Some(if (200..300).contains(&status) { Ok(end) } else { Err(SourceError::Status { status, retry_after: None }) })
}
