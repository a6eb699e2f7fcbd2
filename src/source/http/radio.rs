//! Internet radio: an endless answer of bare frames of sound, as a programme without pictures. Titles (ICY metadata) are not asked
//! for, so that none lie between the frames.

use bytes::Bytes;
use futures_util::stream;

use super::Body;
use crate::source::packed::Packed;
use crate::source::{Chunk, Opened, Pace, SourceError};
use crate::ts::mux::Muxer;

/// So many bytes without a frame are no sound any more.
const MOST_JUNK: usize = 256 * 1024;

/// Plays a body whose first bytes were frames of sound. One of known length is a file, and comes as fast as it is read.
pub fn open(body: Body, finite: bool) -> Opened {
    let radio = Radio { body, packed: Packed::default(), muxer: None, ended: false };
    let next = |mut radio: Radio| async move {
        match radio.next().await {
            Ok(bytes) => bytes.map(|bytes| (Ok(Chunk::Bytes(bytes)), radio)),
            Err(error) => {
                radio.ended = true;
                Some((Err(error), radio))
            }
        }
    };
    Opened {
        bytes: Box::pin(stream::unfold(radio, next)),
        pace: if finite { Pace::Bursty } else { Pace::Live },
        producer: "radio",
        stall_after: None,
    }
}

struct Radio {
    body: Body,
    packed: Packed,
    muxer: Option<Muxer>,
    ended: bool,
}

impl Radio {
    /// The next packets; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        let (mut units, mut out, mut junk) = (Vec::new(), Vec::new(), 0);
        while !self.ended && out.is_empty() {
            match self.body.next().await? {
                Some(bytes) => {
                    junk += bytes.len();
                    self.packed.push(&bytes, &mut units);
                }
                None => {
                    self.ended = true;
                    self.packed.segment_over(&mut units);
                }
            }
            if let Some(track) = self.packed.track() {
                let muxer = self.muxer.get_or_insert_with(|| Muxer::new(std::slice::from_ref(track)));
                units.drain(..).for_each(|unit| muxer.write(&unit, &mut out));
            }
            if out.is_empty() && junk > MOST_JUNK {
                return Err(SourceError::NotAStream { what: "sound of an unknown kind".into() });
            }
        }
        Ok((!out.is_empty()).then(|| out.into()))
    }
}
