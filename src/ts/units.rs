//! A transport stream taken apart into the units that a [`super::mux::Muxer`] writes: for streams whose parts come from several
//! places. A unit is what a PES packet holds, with those behind it that have no time of their own.

use super::RawPacket;
use super::input::{Choice, Input, Mark, Sink};
use super::mux::{Track, Unit};
use super::packet;
use super::pes;
use super::programme::Programme;
use super::time::Pts90k;

/// The longest unit; longer ones are cut there.
const LONGEST: usize = 16 * 1024 * 1024;

/// Takes one transport stream apart.
#[derive(Debug)]
pub struct Units {
    input: Input,
    taken: Taken,
}

#[derive(Debug, Default)]
struct Taken {
    tracks: Option<Vec<Track>>,
    /// The unit of each stream that is not whole yet.
    open: Vec<Option<Unit>>,
    whole: Vec<Unit>,
}

impl Default for Units {
    fn default() -> Self {
        Self { input: Input::new(Choice::First), taken: Taken::default() }
    }
}

impl Units {
    /// Takes bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.push(bytes, &mut self.taken);
    }

    /// No unit goes on from here: what is open is whole.
    pub fn segment_over(&mut self) {
        self.taken.close_all();
    }

    /// The stream is over.
    pub fn finish(&mut self) {
        self.input.finish(&mut self.taken);
        self.taken.close_all();
    }

    /// The streams of the programme, if they became known or changed since this was asked. Units of [`Units::take`] belong to
    /// what was given last.
    pub fn tracks(&mut self) -> Option<Vec<Track>> {
        self.taken.tracks.take()
    }

    /// The units that are whole by now, in the order in which they ended.
    pub fn take(&mut self) -> std::vec::Drain<'_, Unit> {
        self.taken.whole.drain(..)
    }
}

impl Taken {
    fn close(&mut self, stream: usize) {
        if let Some(unit) = self.open.get_mut(stream).and_then(Option::take) {
            self.whole.push(unit);
        }
    }

    fn close_all(&mut self) {
        (0..self.open.len()).for_each(|stream| self.close(stream));
    }
}

impl Sink for Taken {
    fn programme(&mut self, programme: &Programme) {
        let track = |stream: &super::programme::Stream| Track {
            codec: stream.codec,
            stream_type: stream.stream_type,
            descriptors: stream.descriptors.clone(),
        };
        // What is open belongs to streams that may be others now.
        self.open = programme.streams.iter().map(|_| None).collect();
        self.whole.clear();
        self.tracks = Some(programme.streams.iter().map(track).collect());
    }

    fn packet(&mut self, packet: &RawPacket, mark: Mark) {
        let stream = usize::from(mark.stream);
        let payload = packet::payload(packet);
        let mut body = payload;
        if mark.unit_start
            && let Some(header) = pes::Header::parse(payload)
        {
            body = payload.get(header.body_at..).unwrap_or_default();
            if let (Some(pts), Some(dts)) = (header.pts, header.decoding_time()) {
                self.close(stream);
                if let Some(open) = self.open.get_mut(stream) {
                    *open = Some(begun(stream, pts, dts, mark, header.length));
                }
            }
        }
        if let Some(Some(unit)) = self.open.get_mut(stream) {
            let room = LONGEST.saturating_sub(unit.data.len()).min(body.len());
            unit.data.extend_from_slice(body.get(..room).unwrap_or_default());
        }
    }
}

fn begun(track: usize, pts: Pts90k, dts: Pts90k, mark: Mark, length: u16) -> Unit {
    Unit { track, pts, dts, random_access: mark.random_access, data: Vec::with_capacity(usize::from(length)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Codec;
    use crate::ts::mux::Muxer;

    fn stream(units: &[Unit]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut muxer = Muxer::new(&[Track::new(Codec::Ac3, None).unwrap()]);
        units.iter().for_each(|unit| muxer.write(unit, &mut out));
        out
    }

    fn unit(at: u64, size: usize) -> Unit {
        Unit { track: 0, pts: Pts90k(at), dts: Pts90k(at), random_access: true, data: vec![at as u8; size] }
    }

    #[test]
    fn what_has_no_time_belongs_to_what_came_before() {
        // Too long for one PES packet.
        let units = [unit(1, 100_000), unit(2, 50)];
        let mut apart = Units::default();
        apart.push(&stream(&units));
        assert_eq!(apart.take().count(), 1, "the last may go on");
        apart.segment_over();
        assert_eq!(apart.take().map(|unit| unit.data.len()).collect::<Vec<_>>(), [50]);
    }

    proptest! {
        #[test]
        fn damage_is_survived(
            breaks in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40), cut in 1usize..900,
        ) {
            let mut bytes = stream(&(0..20).map(|n| unit(n * 2880, 700)).collect::<Vec<_>>());
            for (at, byte) in breaks {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let mut apart = Units::default();
            bytes.chunks(cut).for_each(|piece| apart.push(piece));
            apart.finish();
            let tracks = apart.tracks().map_or(0, |tracks| tracks.len());
            let found: Vec<Unit> = apart.take().collect();
            prop_assert!(found.iter().all(|unit| unit.track < tracks.max(1)));
            prop_assert!(found.iter().map(|unit| unit.data.len()).sum::<usize>() <= bytes.len());
        }
    }
}
