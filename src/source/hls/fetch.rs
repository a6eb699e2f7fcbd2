//! Requests of HLS: playlists, keys, initialisation sections and segments, with the source's identity and its own few
//! connections. Knows nothing of the order of segments.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use url::Url;

use super::playlist::{self, Encryption, Map, Playlist, Range, broken};
use crate::base::clock;
use crate::source::SourceError;
use crate::source::http::Body;
use crate::source::http::dial::{Dialer, Part};
use crate::source::http::identity::Identity;

/// For the head of an answer, and for each further piece of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tries for one request.
const TRIES: u32 = 3;
/// Times that a broken segment is taken up again where it broke.
const RESUMES: u32 = 2;
/// Keys that are remembered.
const KEYS: usize = 8;
/// Longest initialisation section.
const MAP_BYTES: usize = 1024 * 1024;

/// Makes the requests of one source.
pub struct Fetcher {
    dialer: Dialer,
    identity: Identity,
    keys: Mutex<VecDeque<(Url, [u8; 16])>>,
}

impl Fetcher {
    /// For a source.
    pub fn new(dialer: Dialer, identity: Identity) -> Self {
        Self { dialer, identity, keys: Mutex::default() }
    }

    /// Reads a playlist. One try: its reader knows when the next is due.
    ///
    /// # Errors
    /// When it does not come within 10 s, or is none.
    pub async fn playlist(&self, url: &Url) -> Result<Playlist, SourceError> {
        let read = async {
            let answer = self.dialer.get(&self.identity, url, None).await?;
            let base = answer.url.clone();
            playlist::parse(&Body::new(answer).text(playlist::MOST_BYTES).await?, &base)
        };
        clock::timeout(PATIENCE, read).await.map_err(|_| SourceError::TimedOut(PATIENCE))?
    }

    /// The 16 bytes of a key.
    ///
    /// # Errors
    /// When they do not come, or are not 16.
    pub async fn key(&self, url: &Url) -> Result<[u8; 16], SourceError> {
        let known = |keys: &VecDeque<(Url, [u8; 16])>| keys.iter().find(|(known, _)| known == url).map(|(_, key)| *key);
        if let Some(key) = known(&self.keys.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(key);
        }
        let bytes = self.whole(url, None, 4096).await?;
        let key = <[u8; 16]>::try_from(bytes.as_slice());
        let key = key.map_err(|_| broken(format!("a key of {} bytes instead of 16", bytes.len())))?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS {
            keys.pop_front();
        }
        keys.push_back((url.clone(), key));
        Ok(key)
    }

    /// An initialisation section, decrypted.
    ///
    /// # Errors
    /// When it does not come or cannot be decrypted.
    pub async fn map(&self, map: &Map) -> Result<Vec<u8>, SourceError> {
        let bytes = self.whole(&map.url, map.range, MAP_BYTES).await?;
        let Some(mut decryptor) = self.decryptor(&map.encryption, None).await? else { return Ok(bytes) };
        let mut plain = decryptor.push(&bytes).to_vec();
        plain.extend_from_slice(&decryptor.finish().ok_or_else(|| broken("an initialisation section of broken length"))?);
        Ok(plain)
    }

    /// What decrypts a segment of this number; `None` where nothing needs to.
    ///
    /// # Errors
    /// When the key does not come, or the method is not known.
    pub async fn decryptor(
        &self,
        encryption: &Encryption,
        sequence: Option<u64>,
    ) -> Result<Option<super::decrypt::Decryptor>, SourceError> {
        match encryption {
            Encryption::Clear => Ok(None),
            Encryption::Other(method) => Err(broken(format!("encrypted with {method}, which is not supported"))),
            Encryption::Aes128(key) => {
                let iv = key.iv.or(sequence.map(super::decrypt::Decryptor::iv_of));
                let iv = iv.ok_or_else(|| broken("an encrypted initialisation section without a vector"))?;
                Ok(Some(super::decrypt::Decryptor::new(&self.key(&key.url).await?, &iv)))
            }
        }
    }

    async fn whole(&self, url: &Url, range: Option<Range>, most: usize) -> Result<Vec<u8>, SourceError> {
        let mut resource = self.resource(url, range).await?;
        let mut bytes = Vec::new();
        while let Some(more) = resource.next(self).await? {
            bytes.extend_from_slice(&more);
            if bytes.len() > most {
                return Err(broken("a key or initialisation section that is far too long"));
            }
        }
        Ok(bytes)
    }

    /// Asks for a resource or part of it; tries again what may be a passing fault.
    ///
    /// # Errors
    /// When all tries failed.
    pub async fn resource(&self, url: &Url, range: Option<Range>) -> Result<Resource, SourceError> {
        let part = range.map(|range| Part { first: range.first, count: Some(range.count) });
        let mut tried = 0;
        loop {
            tried += 1;
            match self.once(url, part).await {
                Err(error) if tried < TRIES && passing(&error) => {
                    let wait = match &error {
                        SourceError::Status { retry_after: Some(after), .. } => (*after).min(PATIENCE),
                        _ => Duration::from_millis(250) * 2u32.pow(tried - 1),
                    };
                    clock::sleep(wait).await;
                }
                Err(error) => return Err(error),
                Ok((body, skip)) => {
                    let left = range.map(|range| range.count);
                    let first = range.map_or(0, |range| range.first);
                    return Ok(Resource { url: url.clone(), body, skip, at: first, left, resumes: 0 });
                }
            }
        }
    }

    /// The body, and how much of it comes before what was asked for.
    async fn once(&self, url: &Url, part: Option<Part>) -> Result<(Body, u64), SourceError> {
        let asked = self.dialer.get(&self.identity, url, part);
        let answer = clock::timeout(PATIENCE, asked).await.map_err(|_| SourceError::TimedOut(PATIENCE))??;
        let partial = answer.response.status().as_u16() == 206;
        Ok((Body::new(answer), part.filter(|_| !partial).map_or(0, |part| part.first)))
    }
}

/// What may be gone at the next try. A segment that is not there *yet* is one such thing.
fn passing(error: &SourceError) -> bool {
    match error {
        SourceError::Status { status, .. } => matches!(status, 404 | 408 | 425 | 429 | 500..=599),
        SourceError::Connect { .. } | SourceError::Lost { .. } | SourceError::TimedOut(_) => true,
        _ => false,
    }
}

/// A segment (or key, or map) on its way in.
#[derive(Debug)]
pub struct Resource {
    url: Url,
    body: Body,
    /// Bytes still to be dropped, because the server sends the whole although a part was asked for.
    skip: u64,
    /// Position of the next byte.
    at: u64,
    /// Bytes still wanted.
    left: Option<u64>,
    resumes: u32,
}

impl Resource {
    /// The next bytes; `None` at the end. A connection that breaks is taken up again where it broke.
    ///
    /// # Errors
    /// When it breaks for good.
    pub async fn next(&mut self, fetcher: &Fetcher) -> Result<Option<Bytes>, SourceError> {
        loop {
            if self.left == Some(0) {
                return Ok(None);
            }
            let next = clock::timeout(PATIENCE, self.body.next()).await.unwrap_or(Err(SourceError::TimedOut(PATIENCE)));
            let mut bytes = match next {
                Ok(Some(bytes)) => bytes,
                Ok(None) if self.left.is_some() => {
                    return Err(SourceError::Lost { reason: "part of a segment is missing".into() });
                }
                Ok(None) => return Ok(None),
                Err(error) if self.resumes < RESUMES => {
                    self.resumes += 1;
                    tracing::debug!(error = %error, segment.at_bytes = self.at, "segment broken off, asking for the rest");
                    let part = Part { first: self.at, count: self.left };
                    (self.body, self.skip) = fetcher.once(&self.url, Some(part)).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let dropped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            bytes.advance(dropped);
            self.skip -= dropped as u64;
            if let Some(left) = &mut self.left {
                bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= bytes.len() as u64;
            }
            if !bytes.is_empty() {
                self.at += bytes.len() as u64;
                return Ok(Some(bytes));
            }
        }
    }
}
