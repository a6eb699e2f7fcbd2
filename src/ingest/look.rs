//! What an input carries: codecs, size, frame rate. Looked at until it is known, and again where the stream begins anew.

use crate::model::StreamInfo;
use crate::ts::RawPacket;
use crate::ts::input::{Input, Mark, Proof, Sink};
use crate::ts::programme::Programme;

/// Bytes after which what is not known yet will not be: a minute of 8 Mbit/s.
const MOST: usize = 60 * 1024 * 1024;
/// Bytes that are looked at in any case: a rate by media time needs a second or so.
const LEAST: usize = 512 * 1024;

/// Takes no packets: everything that is wanted, the input knows.
struct Nobody;

impl Sink for Nobody {
    fn programme(&mut self, _programme: &Programme) {}
    fn packet(&mut self, _packet: &RawPacket, _mark: Mark) {}
}

/// See above.
#[derive(Debug, Default)]
pub(super) struct Look {
    input: Option<Box<Input>>,
    seen: usize,
    done: bool,
}

impl Look {
    /// Looks at a piece; gives what is known when that may have become more.
    pub(super) fn at(&mut self, piece: &[u8]) -> Option<StreamInfo> {
        if self.done {
            return None;
        }
        let input = self.input.get_or_insert_default();
        input.push(piece, &mut Nobody);
        self.seen += piece.len();
        let info = input.info();
        if self.seen >= MOST || (self.seen >= LEAST && input.proof() == Proof::Proven && is_whole(&info)) {
            self.done = true;
            self.input = None;
        }
        Some(info)
    }
}

fn is_whole(info: &StreamInfo) -> bool {
    let video = info.video.as_ref();
    video.is_none_or(|video| video.width.is_some() && video.frame_rate.is_some()) && (video.is_some() || !info.audio.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_looked_at_for_a_while_only() {
        let mut look = Look::default();
        let piece = vec![0x55; 1024 * 1024];
        let looked = (0..100).filter(|_| look.at(&piece).is_some_and(|info| info.video.is_none())).count();
        assert_eq!(looked, MOST / piece.len());
        assert!(look.input.is_none());
    }
}
