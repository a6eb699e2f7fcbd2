//! What is given out of the guide: an XMLTV document and a playlist, both of the same channels. Pure, over `io::Write`; whose
//! channels these are and where the programmes lie is the caller's to know.

pub mod episode;
pub mod m3u;
pub mod xmltv;

use crate::model::{GuideNumber, Programme};

/// A channel as it is given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutChannel {
    /// Its number; also its id in the guide, and `tvg-id` in the playlist, so that clients find one by the other.
    pub number: GuideNumber,
    /// Its name.
    pub name: String,
    /// Address of its logo, as clients reach it.
    pub logo: Option<String>,
    /// Its groups. Where one holds a `;` it stands for several.
    pub groups: Vec<String>,
    /// Where it streams: an address of ours, never that of a source.
    pub stream_url: String,
    /// Gracenote's id of the station, if known; Channels DVR finds its own guide by it.
    pub station_id: Option<String>,
    /// Known to have no picture.
    pub radio: bool,
}

/// The programme `offset_s` seconds later, for a channel that shows what its guide says at another time. What is on was first shown
/// when it was, so nothing else changes.
pub fn shifted(mut programme: Programme, offset_s: i64) -> Programme {
    programme.start_s = programme.start_s.saturating_add(offset_s);
    programme.stop_s = programme.stop_s.map(|stop_s| stop_s.saturating_add(offset_s));
    programme
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_moves_start_and_stop() {
        let programme = Programme { start_s: 100, stop_s: Some(200), ..Programme::default() };
        let moved = shifted(programme.clone(), -30);
        assert_eq!((moved.start_s, moved.stop_s), (70, Some(170)));
        assert_eq!(shifted(moved, 30), programme);
        let open = shifted(Programme { start_s: i64::MAX, ..Programme::default() }, 1);
        assert_eq!((open.start_s, open.stop_s), (i64::MAX, None));
    }
}
