//! What the page of inputs shows of what is in one: picture, groups of pictures, how far picture and sound are apart.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::parts;
use crate::ingest::registry::Shown;

/// Ready to be put on the page.
pub(super) struct View {
    /// Where its newest keyframe is.
    pub still: String,
    /// What there is to say: of what, and what.
    pub facts: Vec<(&'static str, String)>,
}

impl View {
    /// Of an input; none while nothing of it can be shown.
    pub fn of(input: &Shown) -> Option<Self> {
        let seen = &input.seen;
        if seen.buffer.gops == 0 {
            return None;
        }
        let video = seen.info.video.as_ref();
        let size = seen.info.resolution().zip(video).map(|(size, video)| format!("{size} {}", video.codec.name()));
        let rate = video.and_then(|video| video.frame_rate).map(|rate| format!("{rate:.2}"));
        let group = (seen.gops.average_size > 0.0)
            .then(|| format!("{:.0} frames, {:.1} s", seen.gops.average_size, seen.gops.average_duration.as_secs_f64()));
        let offset = seen.offset_us().map(|us| format!("{:+.0} ms", us as f64 / 1e3));
        let dropped = (seen.buffer.dropped_frames > 0).then(|| parts::count(seen.buffer.dropped_frames));
        let facts = [
            ("Picture", size),
            ("Frames a second", rate),
            ("Group of pictures", group),
            ("Picture ahead of sound", offset),
            ("Frames not kept", dropped),
        ];
        let id = utf8_percent_encode(&input.id, NON_ALPHANUMERIC);
        Some(Self {
            still: format!("/api/v1/streams/{id}/iframe"),
            facts: facts.into_iter().filter_map(|(of, what)| Some((of, what?))).collect(),
        })
    }
}
