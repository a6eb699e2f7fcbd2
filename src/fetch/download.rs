//! Gets a feed from a server, in as many pieces as its connections hold.

use std::io::Seek;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};

use super::ask::{Answer, Asker, innermost};
use super::error::FetchError;
use super::fetched::{Fetched, Name, Spooled};
use super::part::{Part, Spool};
use super::resume::{Mark, Meaning, judge};
use super::{CRAWL, Limits, Outcome, Request, unpack};
use crate::base::backoff::Backoff;
use crate::base::clock::Instant;
use crate::base::progress::Progress;
use crate::base::{clock, tasks};
use crate::model::Validators;

/// How often a broken download is gone on with in one call.
const RETRIES: u32 = 5;
/// What is written at a time. One block is written while the next one comes.
const BLOCK: usize = 1 << 20;
/// What has come is written after this, also if it is less.
const GATHER: Duration = Duration::from_millis(250);

/// Why an attempt ended.
enum Broken {
    /// Another one may go better.
    Again(FetchError),
    /// It would not.
    Final(FetchError),
}

/// What is true of the whole download.
struct Download<'a> {
    request: Request<'a>,
    progress: &'a Progress,
    limits: &'a Limits,
    asker: Asker<'a>,
    spool: Spool,
    part: Option<Part>,
    /// Of the version that is coming.
    about: About,
    resumed_at: Option<u64>,
}

#[derive(Default)]
struct About {
    validators: Validators,
    media_type: Option<String>,
    served_from: String,
    gzip: bool,
}

/// Gets it.
pub async fn download(request: Request<'_>, progress: &Progress, limits: &Limits) -> Result<Outcome, FetchError> {
    let asker = Asker::new(request.location, request.access, limits)?;
    progress.step("fetching", None);
    let spool = Spool::new(request.spool, request.key, request.location);
    let part = spool.find().await.map_err(FetchError::Spool)?;
    let about = About::default();
    let mut download = Download { request, progress, limits, asker, spool, part, about, resumed_at: None };
    let mut backoff = Backoff::new(limits.pause, limits.pause * 10).map_err(|error| FetchError::Lost(error.to_string()))?;
    let mut known = request.known.filter(|known| !known.is_empty());
    let mut tries = 0;
    loop {
        let error = match download.attempt(known, tries > 0).await {
            Ok(Some(())) => return download.finish().await.map(Outcome::Fetched),
            Ok(None) => return Ok(Outcome::NotModified),
            Err(Broken::Final(error)) => return Err(error),
            Err(Broken::Again(error)) => error,
        };
        if tries == RETRIES {
            return Err(error);
        }
        tries += 1;
        // That there is another version is settled.
        known = None;
        let at = download.part.as_ref().map_or(0, |part| part.bytes);
        tracing::debug!(%error, bytes = at, tries, "a download broke off and is gone on with");
        clock::sleep(backoff.wait()).await;
    }
}

impl Download<'_> {
    /// One connection. `Some`: all of it is there; `None`: there is no other version.
    async fn attempt(&mut self, known: Option<&Validators>, again: bool) -> Result<Option<()>, Broken> {
        let (answer, meaning) = loop {
            let headers = self.headers(known);
            let answer = self.asker.get(&headers).await.map_err(|error| unanswered(error, again))?;
            let have = self.part.as_ref().and_then(Part::have);
            match judge(&answer.head, &answer.served, have, known.is_some()) {
                // The next time there is no part to go on from.
                Meaning::Anew => self.discard(),
                meaning => break (answer, meaning),
            }
        };
        match meaning {
            Meaning::NotModified => {
                self.discard();
                Ok(None)
            }
            Meaning::Whole(length) => {
                answer.head.understood().map_err(Broken::Final)?;
                self.fits(length.unwrap_or(0))?;
                self.discard();
                let mark = Mark::of(&answer.head, &answer.served);
                let part = self.spool.begin(mark).await.map_err(|error| Broken::Final(FetchError::Spool(error)))?;
                self.about = About::of(&answer);
                self.resumed_at = None;
                self.receive(answer, part, length, length).await
            }
            Meaning::Rest { until, total } => {
                self.fits(total)?;
                let Some(part) = self.part.take() else { return Err(Broken::Again(answer.refused())) };
                if let Some(have) = part.have() {
                    self.about = About::resumed(have.mark, &answer);
                }
                self.resumed_at = Some(part.bytes);
                self.receive(answer, part, Some(until), Some(total)).await
            }
            Meaning::Anew | Meaning::Refused => Err(unanswered(answer.refused(), again)),
        }
    }

    fn headers(&self, known: Option<&Validators>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut say = |name, value: &str| headers.extend(HeaderValue::from_str(value).map(|value| (name, value)));
        if let Some(etag) = known.and_then(|known| known.etag.as_deref()) {
            say(header::IF_NONE_MATCH, etag);
        }
        if let Some(date) = known.and_then(|known| known.last_modified.as_deref()) {
            say(header::IF_MODIFIED_SINCE, date);
        }
        if let Some(have) = self.part.as_ref().and_then(Part::have) {
            say(header::RANGE, &format!("bytes={}-", have.bytes));
            say(header::IF_RANGE, &have.mark.if_range);
        }
        headers
    }

    fn fits(&mut self, bytes: u64) -> Result<(), Broken> {
        if bytes > self.request.most_bytes {
            self.discard();
            return Err(Broken::Final(FetchError::TooLarge(self.request.most_bytes)));
        }
        Ok(())
    }

    fn discard(&mut self) {
        if let Some(part) = self.part.take() {
            part.discard();
        }
    }

    /// Takes the body: the answer ends at `until`, the feed at `total`, as far as that is known.
    async fn receive(
        &mut self,
        answer: Answer,
        mut part: Part,
        until: Option<u64>,
        total: Option<u64>,
    ) -> Result<Option<()>, Broken> {
        self.progress.step("fetching", total);
        self.progress.set_bytes(part.bytes);
        let (progress, limits) = (self.progress, self.limits);
        let mark = (clock::now(), part.bytes);
        let mut body = Body { response: answer.response, come: part.bytes, progress, limits, mark };
        let (mut full, mut end) = body.fill(Vec::with_capacity(BLOCK)).await;
        let mut spare = Vec::with_capacity(BLOCK);
        loop {
            let grown = part.bytes.saturating_add(full.len() as u64);
            if grown > self.request.most_bytes {
                part.discard();
                return Err(Broken::Final(FetchError::TooLarge(self.request.most_bytes)));
            }
            if until.is_some_and(|until| grown > until) {
                part.discard();
                return Err(Broken::Again(FetchError::Lost("more came than the server said".to_owned())));
            }
            let going_on = end.is_none();
            let fill = async { Ok(if going_on { body.fill(std::mem::take(&mut spare)).await } else { (Vec::new(), None) }) };
            let next = match futures_util::future::try_join(part.write(full), fill).await {
                Ok((block, next)) => {
                    spare = block;
                    next
                }
                Err(error) => {
                    part.discard();
                    return Err(Broken::Final(FetchError::Spool(error)));
                }
            };
            match end {
                None => (full, end) = next,
                Some(End::Broken(error)) => {
                    self.part = Some(part);
                    return Err(Broken::Again(error));
                }
                Some(End::Whole) => break,
            }
        }
        let bytes = part.bytes;
        self.part = Some(part);
        match total {
            Some(total) if bytes < total => Err(Broken::Again(FetchError::Lost(format!("only {bytes} of {total} bytes came")))),
            _ => Ok(Some(())),
        }
    }

    async fn finish(self) -> Result<Fetched, FetchError> {
        let Self { request, progress, part, about, resumed_at, .. } = self;
        let Some(part) = part else { return Err(FetchError::Cancelled) };
        let bytes = part.bytes;
        let (file, names) = part.finish();
        let name = names.map(Name);
        let (spool, progress) = (request.spool.to_owned(), progress.clone());
        let ready = tasks::blocking(move || {
            if about.gzip
                && let Some((file, bytes)) = unpack::inner(&file, &spool, request.most_bytes, &progress)?
            {
                return Ok((file, bytes, Spooled::Nameless, about));
            }
            // All writes are done, and nobody else has it.
            let mut file = Arc::try_unwrap(file).or_else(|file| file.try_clone()).map_err(FetchError::Spool)?;
            file.rewind().map_err(FetchError::Spool)?;
            Ok((file, bytes, name.map_or(Spooled::Nameless, Spooled::Named), about))
        });
        let (file, bytes, spooled, about) = ready.await.map_err(|error| FetchError::Spool(std::io::Error::other(error)))??;
        let About { validators, media_type, served_from, .. } = about;
        Ok(Fetched { spooled, file, bytes, validators, media_type, served_from, resumed_at })
    }
}

impl About {
    fn of(answer: &Answer) -> Self {
        Self {
            validators: answer.head.validators.clone(),
            media_type: answer.head.media_type.clone(),
            served_from: answer.shown.clone(),
            gzip: answer.head.is_gzip(),
        }
    }

    /// An answer that brings the rest may leave out what was said of the whole.
    fn resumed(mark: &Mark, answer: &Answer) -> Self {
        Self {
            validators: mark.validators.clone(),
            media_type: mark.media_type.clone(),
            served_from: answer.shown.clone(),
            gzip: mark.is_gzip(),
        }
    }
}

/// The first question of a call is not put twice; what was begun is worth more patience.
fn unanswered(error: FetchError, again: bool) -> Broken {
    let passing = match &error {
        FetchError::Connect { .. } | FetchError::TimedOut(_) => true,
        FetchError::Status { status, retry_after } => retry_after.is_none() && matches!(status, 206 | 408 | 429 | 500..),
        _ => false,
    };
    if again && passing { Broken::Again(error) } else { Broken::Final(error) }
}

/// How a body ended.
enum End {
    Whole,
    Broken(FetchError),
}

/// The body of an answer.
struct Body<'a> {
    response: reqwest::Response,
    /// Bytes of the feed that have come.
    come: u64,
    progress: &'a Progress,
    limits: &'a Limits,
    /// When the last stretch began that had to bring [`CRAWL`] bytes, and what had come then.
    mark: (Instant, u64),
}

impl Body<'_> {
    /// Whether too little has come in the stretch that ends now.
    fn crawls(&mut self, now: Instant) -> Option<FetchError> {
        let (began, come) = self.mark;
        if now.saturating_duration_since(began) < self.limits.crawl {
            return None;
        }
        let came = self.come.saturating_sub(come);
        self.mark = (now, self.come);
        (came < CRAWL).then(|| FetchError::Lost(format!("only {came} bytes came in {:?}", self.limits.crawl)))
    }

    /// Fills `block` with what comes, until it is full, or something has waited for long enough.
    async fn fill(&mut self, mut block: Vec<u8>) -> (Vec<u8>, Option<End>) {
        let mut last = clock::now();
        let soon = last + GATHER;
        loop {
            let patience = last + self.limits.patience;
            let until = if block.is_empty() { patience } else { soon.min(patience) };
            let piece = tokio::select! {
                biased;
                piece = self.response.chunk() => piece,
                () = clock::sleep_until(until) => {
                    let late = clock::now() >= patience;
                    return (block, late.then_some(End::Broken(FetchError::TimedOut(self.limits.patience))));
                }
            };
            match piece {
                Err(error) => return (block, Some(End::Broken(FetchError::Lost(innermost(&error))))),
                Ok(None) => return (block, Some(End::Whole)),
                Ok(Some(piece)) => {
                    block.extend_from_slice(&piece);
                    self.come = self.come.saturating_add(piece.len() as u64);
                    self.progress.set_bytes(self.come);
                    last = clock::now();
                    if let Some(error) = self.crawls(last) {
                        return (block, Some(End::Broken(error)));
                    }
                    if block.len() >= BLOCK || last >= soon {
                        return (block, None);
                    }
                }
            }
        }
    }
}
