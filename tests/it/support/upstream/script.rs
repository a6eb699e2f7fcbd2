//! What an origin can be told to do with a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::{Sent, play};
use crate::support::restamp::Media;

/// A cue for what is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// Go on.
    Run,
    /// Send nothing, keep the connection.
    Stall,
    /// End the body.
    End,
    /// Reset the connection.
    Reset,
    /// Noise instead of the programme.
    Garbage,
    /// Null packets instead of the programme.
    Nulls,
    /// Four packets of the programme a second.
    Trickle,
    /// The programme's times leap ahead by an hour, and it goes on there.
    Leap,
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Script {
    /// 200 and a body.
    Ok(Body),
    /// 200, chunked, and a body.
    Chunked(Body),
    /// A status with more header fields, and a page of HTML.
    Status(u16, Vec<(&'static str, String)>),
    /// 302 to there.
    Redirect(String),
    /// No answer at all.
    Hang,
    /// A head that comes at four bytes a second.
    SlowHead,
    /// The connection is closed without an answer.
    Close,
    /// Nothing for so long, then this.
    Late(Duration, Box<Script>),
    /// This for so many at a time, and for more of them 509.
    Limited(usize, Box<Script>),
}

/// The body of a 200.
#[derive(Debug, Clone)]
pub enum Body {
    /// An endless live programme.
    Live(Live),
    /// Bytes at full speed, then silence on an open connection.
    ThenSilence(Arc<Vec<u8>>),
    /// Bytes at full speed, in writes of at most so many, then the end.
    Bytes(Arc<Vec<u8>>, usize),
    /// Noise for ever, at about 1 Mbit/s.
    Noise,
    /// A web page that says something is wrong, although with 200.
    Html,
}

/// A live programme and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Live {
    /// What is played, in real time, at the same place for everybody.
    pub media: Media,
    /// Bytes of one write.
    pub write: usize,
    /// What is done to its packets.
    pub tweak: Tweak,
    /// After so long, this programme is played instead.
    pub then: Option<(Duration, Media)>,
    /// Every request begins at the beginning of the media, instead of where the programme is now.
    pub played_from_start: bool,
    /// The answer says how long it is, as that of a file does.
    pub of_length: bool,
}

/// What is done to the packets of a programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tweak {
    /// Nothing.
    None,
    /// PAT and PMT are left out.
    NoPsi,
    /// Everything but PSI carries `transport_scrambling_control` 2.
    Scrambled,
    /// Of every 500th packet, the second half is missing.
    HalfPackets,
    /// Of each 40 packets one is lost.
    Loss,
    /// Every 30th packet comes twice (13818-1, 2.4.3.3 allows it).
    Repeats,
}

impl Script {
    /// A live programme.
    pub fn live(media: &Media) -> Self {
        Self::Ok(Body::Live(Live::new(media)))
    }
}

impl Live {
    /// As a good provider sends it.
    pub fn new(media: &Media) -> Self {
        Self { media: media.clone(), write: 7 * 188, tweak: Tweak::None, then: None, played_from_start: false, of_length: false }
    }

    /// With a fault in its packets.
    pub fn tweak(mut self, tweak: Tweak) -> Self {
        self.tweak = tweak;
        self
    }

    /// In writes of so many bytes.
    pub fn write(mut self, bytes: usize) -> Self {
        self.write = bytes;
        self
    }

    /// Replaced by another programme after so long.
    pub fn then(mut self, after: Duration, media: &Media) -> Self {
        self.then = Some((after, media.clone()));
        self
    }

    /// From the beginning of the media for every request.
    pub fn played_from_start(mut self) -> Self {
        self.played_from_start = true;
        self
    }

    /// With a length, which it does not reach in days.
    pub fn of_length(mut self) -> Self {
        self.of_length = true;
        self
    }

    /// A 200 of it.
    pub fn script(self) -> Script {
        Script::Ok(Body::Live(self))
    }
}

/// Does it. `sent` counts body bytes.
pub async fn perform(
    writer: &mut (impl AsyncWrite + Unpin),
    script: Script,
    cue: watch::Receiver<Cue>,
    epoch: Instant,
    sent: &Sent,
) -> std::io::Result<()> {
    match script {
        Script::Ok(body) => {
            let kind = if matches!(body, Body::Html) { "text/html" } else { "video/mp2t" };
            let length =
                if matches!(&body, Body::Live(live) if live.of_length) { "Content-Length: 1000000000000\r\n" } else { "" };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{length}Connection: close\r\n\r\n");
            writer.write_all(head.as_bytes()).await?;
            play::body(&mut play::Sink { writer, chunked: false, sent }, body, cue, epoch).await
        }
        Script::Chunked(body) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
            writer.write_all(head.as_bytes()).await?;
            play::body(&mut play::Sink { writer, chunked: true, sent }, body, cue, epoch).await
        }
        Script::Status(status, headers) => {
            let page = play::HTML;
            let mut head = format!("HTTP/1.1 {status} Told so\r\nContent-Length: {}\r\nConnection: close\r\n", page.len());
            for (name, value) in headers {
                head += &format!("{name}: {value}\r\n");
            }
            writer.write_all(format!("{head}\r\n{page}").as_bytes()).await
        }
        Script::Redirect(to) => {
            let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            writer.write_all(head.as_bytes()).await
        }
        Script::Hang => std::future::pending().await,
        Script::SlowHead => {
            for byte in b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" {
                writer.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            std::future::pending().await
        }
        Script::Close => Ok(()),
        Script::Late(wait, script) => {
            tokio::time::sleep(wait).await;
            Box::pin(perform(writer, *script, cue, epoch, sent)).await
        }
        Script::Limited(_, script) => Box::pin(perform(writer, *script, cue, epoch, sent)).await,
    }
}
