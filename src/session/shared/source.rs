//! The source of a session: what is on air, that it was lost, and that a person wants another.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::{Phase, Shared};
use crate::model::{SourceId, StreamInfo};
use crate::session::events::{Event, Selected};
use crate::session::filler::FillerStats;
use crate::session::recovery::{NoRecovery, Stage};
use crate::session::spare::SpareStats;

impl Shared {
    pub(in crate::session) fn set_source(&self, source: Selected) {
        let mut state = self.state();
        let again = state.source.as_ref().is_some_and(|(before, ..)| *before == source.source);
        self.reopened.fetch_add(u64::from(again), Ordering::Relaxed);
        state.source = Some((source.source, source.url.clone(), source.producer));
        (state.stage, state.info_told) = (Stage::OnAir, false);
        drop(state);
        self.journal.note(Event::SourceSelected { session: self.id, source });
    }

    pub(in crate::session) fn source_left(&self, source: SourceId, reason: String, stalled: bool, lived: Duration) {
        self.set_last_error(&reason);
        self.stalls.fetch_add(u64::from(stalled), Ordering::Relaxed);
        let mut state = self.state();
        (state.stage, state.asked) = (Stage::Recovering, None);
        drop(state);
        self.journal.note(Event::SourceLeft { session: self.id, source, reason, stalled, lived });
    }

    /// A person wants another source.
    ///
    /// # Errors
    /// When one is looked for already.
    pub(in crate::session) fn ask_recovery(&self, reason: String) -> Result<(), NoRecovery> {
        let live = *self.phase.borrow() == Phase::Live;
        let mut state = self.state();
        let stage = if live { state.stage } else { Stage::Opening };
        state.stage = stage.ask()?;
        state.asked = Some(reason);
        drop(state);
        self.asked.notify_one();
        Ok(())
    }

    /// Waits until a person wants another source. Cancel-safe.
    pub(in crate::session) async fn recovery_asked(&self) -> String {
        loop {
            if let Some(reason) = self.state().asked.take() {
                return reason;
            }
            self.asked.notified().await;
        }
    }

    /// What is kept ready beside the source on air.
    pub(in crate::session) fn set_spare(&self, spare: Option<SpareStats>) {
        self.state().spare = spare;
    }

    /// What viewers are given in a gap.
    pub(in crate::session) fn set_filler(&self, filler: &FillerStats) {
        let mut state = self.state();
        let before = state.filler.as_ref().filter(|last| last.started_at == filler.started_at).map_or(0, |last| last.bytes);
        state.filler = Some(filler.clone());
        self.filler_bytes.fetch_add(filler.bytes.saturating_sub(before), Ordering::Relaxed);
    }

    /// The gap is over.
    pub(in crate::session) fn filler_over(&self, now: SystemTime, lasted: Duration) {
        if let Some(filler) = self.state().filler.as_mut().filter(|filler| filler.stopped_at.is_none()) {
            filler.stopped_at = Some(now);
            filler.lasted = lasted;
        }
    }

    pub(in crate::session) fn set_info(&self, info: StreamInfo) {
        let mut state = self.state();
        let news = !state.info_told || info.is_news_to(&state.info);
        state.info_told = true;
        state.info.clone_from(&info);
        drop(state);
        if news {
            self.journal.note(Event::SourceSeen { session: self.id, info });
        }
    }
}
