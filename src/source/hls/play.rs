//! From the events of one or two playlists to the chunks of a source.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::Sender;

use super::playlist::broken;
use super::reader::{Event, Reader};
use crate::source::sniff::{self, Sniffed};
use crate::source::{Chunk, SourceError};

/// Whoever reads is gone.
struct Gone;

/// Why playing stops.
enum Stop {
    Gone,
    Failed(SourceError),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// Plays until the end, an error, or until nobody reads any more.
pub async fn play(main: Reader, audio: Option<Reader>, to: Sender<Result<Chunk, SourceError>>) {
    let out = Out { to, begun: false };
    let ended = match audio {
        None => single(main, out.clone()).await,
        Some(_) => Err(broken("audio in a playlist of its own").into()),
    };
    if let Err(Stop::Failed(error)) = ended {
        let _ = out.to.send(Err(error)).await;
    }
}

#[derive(Clone)]
struct Out {
    to: Sender<Result<Chunk, SourceError>>,
    begun: bool,
}

impl Out {
    async fn bytes(&mut self, bytes: Bytes) -> Result<(), Gone> {
        self.begun = true;
        self.to.send(Ok(Chunk::Bytes(bytes))).await.map_err(|_| Gone)
    }

    /// What is first of all is another beginning to nobody.
    async fn discontinuity(&mut self) -> Result<(), Gone> {
        if !self.begun {
            return Ok(());
        }
        self.to.send(Ok(Chunk::Discontinuity)).await.map_err(|_| Gone)
    }
}

/// One playlist of transport streams, passed as they are.
async fn single(mut reader: Reader, mut out: Out) -> Result<(), Stop> {
    // Of the segment that has just begun, until it is known what it is.
    let mut head: Option<BytesMut> = None;
    while let Some(event) = reader.next().await? {
        match event {
            Event::Segment { map: Some(_), at, .. } => {
                return Err(broken(format!("fragments of MP4, from byte {at} of their file on")).into());
            }
            Event::Segment { discontinuity, .. } => {
                if discontinuity {
                    out.discontinuity().await?;
                }
                head = Some(BytesMut::new());
            }
            Event::Data(bytes) => {
                let Some(begun) = &mut head else {
                    out.bytes(bytes).await?;
                    continue;
                };
                begun.extend_from_slice(&bytes);
                match sniff::sniff(begun, false) {
                    Sniffed::More => {}
                    Sniffed::TransportStream => {
                        reader.accept();
                        out.bytes(head.take().unwrap_or_default().freeze()).await?;
                    }
                    other => {
                        head = None;
                        reader.reject(SourceError::NotAStream { what: describe(other) })?;
                    }
                }
            }
            Event::End => {
                if let Some(begun) = head.take()
                    && !begun.is_empty()
                {
                    match sniff::sniff(&begun, true) {
                        Sniffed::TransportStream => {
                            reader.accept();
                            out.bytes(begun.freeze()).await?;
                        }
                        other => reader.reject(SourceError::NotAStream { what: describe(other) })?,
                    }
                }
            }
        }
    }
    Ok(())
}

fn describe(sniffed: Sniffed) -> String {
    match sniffed {
        Sniffed::Other(what) => format!("a segment that is {what}"),
        Sniffed::Playlist => "a segment that is a playlist".into(),
        Sniffed::Audio { .. } => "a segment of bare audio".into(),
        _ => "a segment of an unknown kind".into(),
    }
}
