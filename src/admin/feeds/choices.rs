//! What a person sees while choosing a channel's guide: whether something is still being read.

use super::Feeds;
use crate::model::GuideId;

impl Feeds {
    /// The newest job that may bring programmes of this guide, or, without one, a guide.
    pub fn guide_job(&self, guide: Option<GuideId>) -> Option<u64> {
        let brings = |kind: &str, subject: i64| match kind {
            "guide.map" => true,
            kind => kind.starts_with("guide.") && guide.is_none_or(|guide| guide.0 == subject),
        };
        let running = self.jobs.list().into_iter().find(|job| !job.state.is_over() && brings(job.kind, job.subject));
        running.map(|job| job.id)
    }
}
