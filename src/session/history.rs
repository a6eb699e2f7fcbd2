//! The history of sessions, in memory and bounded: what the events add up to. Pure: times come with the events.

use std::collections::VecDeque;

use super::events::{Event, Selected};
use crate::model::{Moment, SessionHistory, SessionId, SourceHistory, Startup, StreamInfo, SubscriberHistory, SubscriberId};

/// How whoever writes to a client says that it took nothing (`http::End::reason`).
const SLOW: &str = "slow client";

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sessions.
    pub sessions: usize,
    /// Source windows of each.
    pub sources: usize,
    /// Subscribers of each.
    pub subscribers: usize,
}

impl Limits {
    /// The same for all, within 16 and 4096.
    pub fn of(limit: usize) -> Self {
        let limit = limit.clamp(16, 4096);
        Self { sessions: limit, sources: limit, subscribers: limit }
    }
}

/// What was counted since the start, over all sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions that ended because something went wrong.
    pub sessions_failed: u64,
    /// Sessions no longer kept, for want of room.
    pub sessions_truncated: u64,
    /// Of those, how many had changed and were not stored yet.
    pub sessions_unstored: u64,
    /// Viewers.
    pub subscribers: u64,
    /// Viewers let go because they took nothing.
    pub subscribers_slow: u64,
    /// Times a viewer skipped to a newer picture.
    pub slow_skips: u64,
    /// Sources lost while on air.
    pub recoveries: u64,
    /// Those of them that had stalled.
    pub stalls: u64,
    /// Sources that came on air.
    pub selections: u64,
    /// Those of them that were the one just lost.
    pub reselections: u64,
    /// Bytes given to viewers that have left.
    pub bytes: u64,
}

/// The history.
#[derive(Debug)]
pub struct History {
    limits: Limits,
    /// The oldest first.
    kept: VecDeque<Kept>,
    totals: Totals,
}

#[derive(Debug)]
struct Kept {
    session: SessionHistory,
    /// Of this run of the process, whose ids alone are our events'.
    ours: bool,
    changed: bool,
    lost: Option<i64>,
}

impl History {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self { limits, kept: VecDeque::new(), totals: Totals::default() }
    }

    /// What is kept at most.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What was counted.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Puts sessions of earlier runs, the oldest first, behind those of this one.
    pub fn restore(&mut self, earlier: Vec<SessionHistory>) {
        for session in earlier.into_iter().rev() {
            if self.kept.len() >= self.limits.sessions {
                break;
            }
            self.kept.push_front(Kept { session, ours: false, changed: false, lost: None });
        }
    }

    /// All of them.
    pub fn newest_first(&self) -> impl Iterator<Item = &SessionHistory> {
        self.kept.iter().rev().map(|kept| &kept.session)
    }

    /// One of this run.
    pub fn session(&self, id: SessionId) -> Option<&SessionHistory> {
        self.kept.iter().rev().find(|kept| kept.ours && kept.session.session_id == id.0).map(|kept| &kept.session)
    }

    /// Those that have changed since they were last taken, the oldest first.
    pub fn take_changed(&mut self) -> Vec<SessionHistory> {
        let changed = self.kept.iter_mut().filter_map(|kept| std::mem::take(&mut kept.changed).then(|| kept.session.clone()));
        changed.collect()
    }

    /// They were taken in vain.
    pub fn put_back(&mut self, sessions: &[SessionHistory]) {
        for session in sessions {
            let same = |kept: &&mut Kept| {
                kept.ours && (kept.session.session_id, kept.session.opened_at) == (session.session_id, session.opened_at)
            };
            match self.kept.iter_mut().find(same) {
                Some(kept) => kept.changed = true,
                None => self.totals.sessions_unstored += 1,
            }
        }
    }

    /// Adds an event.
    pub fn apply(&mut self, event: &Event, at: Moment) {
        self.count(event);
        if let Event::SessionOpened { session, channel, number, name } = event {
            let session = SessionHistory {
                session_id: session.0,
                channel_id: channel.0,
                guide_number: number.to_string(),
                guide_name: name.clone(),
                opened_at: at,
                active: true,
                source_history_limit: number_of(self.limits.sources),
                subscriber_history_limit: number_of(self.limits.subscribers),
                ..SessionHistory::default()
            };
            self.kept.push_back(Kept { session, ours: true, changed: true, lost: None });
            self.make_room();
            return;
        }
        let id = event.session().0;
        let limits = self.limits;
        let Some(kept) = self.kept.iter_mut().rev().find(|kept| kept.ours && kept.session.session_id == id) else { return };
        kept.changed = true;
        match event {
            Event::SessionOpened { .. } => {}
            Event::SourceSelected { source, .. } => {
                let again = kept.lost.take();
                self.totals.reselections += u64::from(again == Some(source.source.0));
                selected(&mut kept.session, source, again, limits.sources, at);
            }
            Event::SourceSeen { info, .. } => {
                if let Some(source) = kept.session.sources.last_mut() {
                    seen(source, info);
                }
            }
            Event::SourceLeft { source, reason, .. } => {
                kept.lost = Some(source.0);
                kept.session.recovery_cycle_count += 1;
                kept.session.last_recovery_reason.clone_from(reason);
                kept.session.last_error.clone_from(reason);
                deselect(&mut kept.session, at);
            }
            Event::SubscriberJoined { subscriber, addr, tuner, .. } => {
                let subscriber = SubscriberHistory {
                    subscriber_id: subscriber.0,
                    client_addr: addr.to_canonical().to_string(),
                    connected_at: at,
                    ..SubscriberHistory::default()
                };
                joined(&mut kept.session, subscriber, *tuner, limits.subscribers);
            }
            Event::SubscriberSkipped { chunks, bytes, .. } => {
                let session = &mut kept.session;
                session.slow_skip_events_total += 1;
                session.slow_skip_lag_chunks_total += chunks;
                session.slow_skip_lag_bytes_total += bytes;
                session.slow_skip_max_lag_chunks = session.slow_skip_max_lag_chunks.max(*chunks);
            }
            Event::SubscriberLeft { subscriber, reason, .. } => left(&mut kept.session, *subscriber, reason, at),
            Event::SessionClosed { reason, failed, .. } => {
                let session = &mut kept.session;
                session.active = false;
                session.closed_at = Some(at);
                session.terminal_status = if *failed { "error".to_owned() } else { reason.clone() };
                if *failed {
                    session.terminal_error.clone_from(reason);
                    session.last_error.clone_from(reason);
                }
                deselect(session, at);
            }
        }
    }

    fn count(&mut self, event: &Event) {
        let totals = &mut self.totals;
        match event {
            Event::SessionOpened { .. } => totals.sessions += 1,
            Event::SourceSelected { .. } => totals.selections += 1,
            Event::SourceSeen { .. } => {}
            Event::SourceLeft { stalled, .. } => {
                totals.recoveries += 1;
                totals.stalls += u64::from(*stalled);
            }
            Event::SubscriberJoined { .. } => totals.subscribers += 1,
            Event::SubscriberSkipped { .. } => totals.slow_skips += 1,
            Event::SubscriberLeft { reason, bytes, .. } => {
                totals.bytes += bytes;
                totals.subscribers_slow += u64::from(reason == SLOW);
            }
            Event::SessionClosed { failed, .. } => totals.sessions_failed += u64::from(*failed),
        }
    }

    /// The oldest that is over goes first; if all run, the oldest.
    fn make_room(&mut self) {
        while self.kept.len() > self.limits.sessions {
            let over = self.kept.iter().position(|kept| !kept.session.active).unwrap_or(0);
            let gone = self.kept.remove(over);
            self.totals.sessions_truncated += 1;
            self.totals.sessions_unstored += u64::from(gone.is_some_and(|gone| gone.changed));
        }
    }
}

fn number_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn selected(session: &mut SessionHistory, source: &Selected, lost: Option<i64>, most: usize, at: Moment) {
    deselect(session, at);
    let reason = match lost {
        Some(_) => format!("recovery: {}", session.last_recovery_reason),
        None if source.fail_back => "fail_back".to_owned(),
        None => "start".to_owned(),
    };
    session.source_select_count += 1;
    session.same_source_reselect_count += i64::from(lost == Some(source.source.0));
    session.last_source_selected_at = Some(at);
    session.last_source_select_reason.clone_from(&reason);
    session.sources.push(SourceHistory {
        source_id: source.source.0,
        item_key: source.item_key.clone(),
        stream_url: source.url.clone(),
        selected_at: at,
        selection_reason: reason,
        producer: source.producer.to_owned(),
        startup: Startup { raw_bytes: i64::try_from(source.raw_bytes).unwrap_or(i64::MAX), ..Startup::default() },
        ..SourceHistory::default()
    });
    if session.sources.len() > most {
        session.sources.remove(0);
        session.source_history_truncated += 1;
    }
}

fn deselect(session: &mut SessionHistory, at: Moment) {
    if let Some(source) = session.sources.last_mut() {
        source.deselected_at.get_or_insert(at);
    }
}

fn joined(session: &mut SessionHistory, subscriber: SubscriberHistory, tuner: u32, most: usize) {
    if session.total_subscribers == 0 {
        session.tuner_id = i64::from(tuner);
    }
    session.total_subscribers += 1;
    session.peak_subscribers = session.peak_subscribers.max(session.total_subscribers - session.completed_subscribers);
    session.subscribers.push(subscriber);
    if session.subscribers.len() > most {
        let over = session.subscribers.iter().position(|viewer| viewer.closed_at.is_some()).unwrap_or(0);
        session.subscribers.remove(over);
        session.subscriber_history_truncated += 1;
    }
}

fn left(session: &mut SessionHistory, id: SubscriberId, reason: &str, at: Moment) {
    session.completed_subscribers += 1;
    session.subscriber_write_deadline_timeouts_total += u64::from(reason == SLOW);
    if let Some(viewer) = session.subscribers.iter_mut().rev().find(|viewer| viewer.subscriber_id == id.0) {
        viewer.closed_at = Some(at);
        reason.clone_into(&mut viewer.close_reason);
    }
}

/// What is seen in a stream, in the words of the history.
pub fn seen(source: &mut SourceHistory, info: &StreamInfo) {
    let video: Vec<&str> = info.video.iter().map(|video| video.codec.name()).collect();
    let audio: Vec<&str> = info.audio.iter().map(|audio| audio.codec.name()).collect();
    source.resolution = info.resolution().unwrap_or_default();
    // Thousandths are enough, and 30000/1001 is not a number that people want to read.
    source.frame_rate =
        info.video.as_ref().and_then(|video| video.frame_rate).map_or(0.0, |rate| (rate * 1000.0).round() / 1000.0);
    source.video_codec = video.first().copied().unwrap_or_default().to_owned();
    source.audio_codec = audio.first().copied().unwrap_or_default().to_owned();
    source.profile_bitrate_bps = info.bitrate_bps.map_or(0, |bps| i64::try_from(bps).unwrap_or(i64::MAX));
    source.startup = Startup {
        raw_bytes: source.startup.raw_bytes,
        random_access_ready: !video.is_empty(),
        random_access_codec: source.video_codec.clone(),
        inventory_method: "psi".to_owned(),
        video_streams: number_of(video.len()),
        audio_streams: number_of(audio.len()),
        video_codecs: video.join(","),
        audio_codecs: audio.join(","),
        component_state: match (video.is_empty(), audio.is_empty()) {
            (false, false) => "video_audio",
            (false, true) => "video_only",
            (true, false) => "audio_only",
            (true, true) => "",
        }
        .to_owned(),
        ..Startup::default()
    };
}

#[cfg(test)]
mod tests;
