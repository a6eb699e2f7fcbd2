//! A transport stream that is made of one elementary stream, of which nobody has said what else belongs to it. When its sender begins
//! anew, so does this: by another one.

use std::time::Duration;

use bytes::BytesMut;

use super::assembly::Assembly;
use crate::base::clock::Instant;
use crate::ingest::depay::Refusal;
use crate::ingest::sdp::Format;
use crate::rtp::Ordered;

/// The assembly is asked so often what is due.
const OFTEN: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Made {
    assembly: Assembly,
    often: Instant,
}

impl Made {
    /// Of packets of this format.
    ///
    /// # Errors
    /// When it cannot be a track.
    pub(super) fn new(now: Instant, format: &Format) -> Result<Self, Refusal> {
        let assembly = Assembly::new(std::slice::from_ref(format))?;
        Ok(Self { assembly, often: now + OFTEN })
    }

    /// Takes a packet; what is whole by now is appended.
    pub(super) fn packet(&mut self, now: Instant, packet: &Ordered<'_>, out: &mut BytesMut) {
        self.assembly.packet(now, 0, packet, None);
        out.extend_from_slice(self.assembly.take().as_slice());
    }

    /// Does what time asks for, from [`Self::due`] on.
    pub(super) fn tick(&mut self, now: Instant, out: &mut BytesMut) {
        if now >= self.often {
            self.often = now + OFTEN;
            self.assembly.tick(now);
            out.extend_from_slice(self.assembly.take().as_slice());
        }
    }

    pub(super) fn due(&self) -> Instant {
        self.often
    }

    /// Whether its sender is to be asked for a picture to begin at; `overdue`: there has been none for long.
    pub(super) fn wants_picture(&self, overdue: bool) -> bool {
        self.assembly.wants_picture(0) || (overdue && self.assembly.is_video(0))
    }
}
