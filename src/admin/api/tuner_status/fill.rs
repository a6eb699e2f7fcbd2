//! From tuners, sessions and their history to the status. Pure.

use std::time::Duration;

use super::{Churn, ClientStream, Keepalive, Profile, Snapshot, SourceStartup, Subscriber, Transition, Tuner};
use crate::model::{Moment, SessionHistory, SourceHistory};
use crate::session::{FillerStats, SessionStats, TunerView};

/// As the reference has it.
const RESELECT_ALERT: i64 = 3;

/// The one way in which sources follow one another.
const SPLICE: &str = "splice";

/// Puts it together. `history` has the newest first.
pub fn snapshot(tuners: &[TunerView], sessions: &[SessionStats], history: Vec<SessionHistory>, now: Moment) -> Snapshot {
    let record = |session: &SessionStats| history.iter().find(|record| record.active && record.session_id == session.id.0);
    let mut rows: Vec<Tuner> = tuners
        .iter()
        .filter(|view| view.taken_for.is_some())
        .map(|view| tuner(view, view.session.as_ref().and_then(record), now))
        .collect();
    let in_use = rows.len();
    let shown = |view: &TunerView| view.session.as_ref().map(|session| session.id);
    // A session may be shown on several tuners.
    let first = tuners.iter().enumerate().filter(|(at, view)| !tuners.iter().take(*at).any(|other| shown(other) == shown(view)));
    rows.extend(first.filter_map(|(_, view)| standby(view)));
    let mut streams: Vec<ClientStream> = rows.iter().flat_map(streams).collect();
    streams.sort_by_key(|stream| (stream.tuner_id, stream.connected_at));
    let churn = churn(sessions.iter().map(|session| (session, record(session))));
    Snapshot {
        generated_at: now,
        tuner_count: count(tuners.len()),
        in_use_count: count(in_use),
        idle_count: count(tuners.len() - in_use),
        churn,
        tuners: rows,
        client_streams: streams,
        session_history: history,
        ..Snapshot::default()
    }
}

fn tuner(view: &TunerView, record: Option<&SessionHistory>, now: Moment) -> Tuner {
    let kind = if view.probing { "probe" } else { "client" };
    let mut row = Tuner {
        tuner_id: view.number.into(),
        kind: kind.to_owned(),
        state: state(view).to_owned(),
        lease_client_addr: view.client.map(|client| client.to_canonical().to_string()).unwrap_or_default(),
        lease_started_at: view.taken_for.map(|taken| Moment(now.0.saturating_sub(millis(taken)))),
        channel_id: view.channel.map_or(0, |channel| channel.0),
        ..Tuner::default()
    };
    if let Some(session) = &view.session {
        of_session(&mut row, session, view);
    }
    if let Some(record) = record {
        of_record(&mut row, record, now);
    }
    row
}

/// What a session keeps ready, in a row of its own beside that of its tuner: it has a connection, but no tuner.
fn standby(view: &TunerView) -> Option<Tuner> {
    let session = view.session.as_ref()?;
    let spare = session.spare.as_ref()?;
    Some(Tuner {
        tuner_id: view.number.into(),
        kind: "standby".to_owned(),
        state: match (spare.go_back, spare.ready) {
            (true, _) => "fail_back_pending",
            (false, true) => "standby_ready",
            (false, false) => "standby_waiting",
        }
        .to_owned(),
        guide_number: session.number.to_string(),
        guide_name: session.name.clone(),
        channel_id: session.channel.0,
        source_id: spare.source.0,
        source_stream_url: spare.url.clone(),
        ..Tuner::default()
    })
}

/// The words of the reference.
fn state(view: &TunerView) -> &'static str {
    match &view.session {
        _ if view.probing => "probe",
        None => "allocating_session",
        Some(_) if view.viewers.is_empty() => "idle_grace_no_subscribers",
        Some(_) => "active_subscribers",
    }
}

fn of_session(row: &mut Tuner, session: &SessionStats, view: &TunerView) {
    let time = |ms: i64| (ms > 0).then_some(Moment(ms));
    row.guide_number = session.number.to_string();
    row.guide_name.clone_from(&session.name);
    row.channel_id = session.channel.0;
    row.source_id = session.source.map_or(0, |source| source.0);
    row.source_stream_url = session.source_url.clone().unwrap_or_default();
    row.profile = profile(session);
    row.session_started_at = Some(session.started_at.into());
    (row.last_byte_at, row.last_push_at) = (time(session.last_byte_ms), time(session.last_push_ms));
    (row.bytes_read, row.bytes_pushed) = (signed(session.bytes_read), signed(session.bytes_pushed));
    row.chunks_pushed = signed(session.chunks_pushed);
    row.stall_count = signed(session.stalls);
    row.subscriber_write_blocked_duration_us = u64::try_from(session.write_blocked.as_micros()).unwrap_or(u64::MAX);
    row.subscriber_write_blocked_duration_ms = u64::try_from(session.write_blocked.as_millis()).unwrap_or(u64::MAX);
    row.last_error = session.last_error.clone().unwrap_or_default();
    row.keepalive = session.filler.as_ref().map(keepalive).unwrap_or_default();
    let ours = session.subscribers.iter().filter(|viewer| view.viewers.contains(&viewer.id));
    row.subscribers = ours
        .map(|viewer| Subscriber {
            subscriber_id: viewer.id.0,
            client_addr: viewer.addr.to_canonical().to_string(),
            started_at: viewer.started_at.into(),
        })
        .collect();
}

/// Of the last gap.
fn keepalive(filler: &FillerStats) -> Keepalive {
    let (rate, expected) = (filler.rate(), filler.programme_bps as f64 / 8.0);
    let held_back = if filler.guardrail > 0 { "pictures held back: the programme's rate is low" } else { "" };
    Keepalive {
        mode: filler.mode.name().to_owned(),
        fallback_count: signed(filler.fallbacks),
        fallback_reason: filler.fallback_reason.unwrap_or_default().to_owned(),
        started_at: Some(filler.started_at.into()),
        stopped_at: filler.stopped_at.map(Moment::from),
        duration: spoken(millis(filler.lasted)),
        bytes: signed(filler.bytes),
        chunks: signed(filler.chunks),
        rate_bytes_per_second: rate,
        expected_rate_bytes_per_second: expected,
        realtime_multiplier: if expected > 0.0 { rate / expected } else { 0.0 },
        guardrail_count: signed(filler.guardrail),
        guardrail_reason: held_back.to_owned(),
    }
}

fn profile(session: &SessionStats) -> Profile {
    let mut seen = SourceHistory::default();
    crate::session::history::seen(&mut seen, &session.info);
    Profile {
        resolution: seen.resolution,
        frame_rate: seen.frame_rate,
        video_codec: seen.video_codec,
        audio_codec: seen.audio_codec,
        current_bitrate_bps: signed(session.bitrate_bps),
        profile_bitrate_bps: seen.profile_bitrate_bps,
        producer: session.producer.unwrap_or_default().to_owned(),
    }
}

fn of_record(row: &mut Tuner, record: &SessionHistory, now: Moment) {
    if let Some(source) = record.sources.last() {
        row.source_item_key.clone_from(&source.item_key);
        row.startup = startup(source);
    }
    row.slow_skip_events_total = record.slow_skip_events_total;
    row.slow_skip_lag_chunks_total = record.slow_skip_lag_chunks_total;
    row.slow_skip_lag_bytes_total = record.slow_skip_lag_bytes_total;
    row.slow_skip_max_lag_chunks = record.slow_skip_max_lag_chunks;
    row.subscriber_write_deadline_timeouts_total = record.subscriber_write_deadline_timeouts_total;
    row.recovery_cycle = record.recovery_cycle_count;
    if record.recovery_cycle_count > 0 {
        row.transition = Transition {
            mode: SPLICE.to_owned(),
            effective_mode: SPLICE.to_owned(),
            stitch_applied: true,
            ..Transition::default()
        };
    }
    row.recovery_reason.clone_from(&record.last_recovery_reason);
    row.source_select_count = record.source_select_count;
    row.same_source_reselect_count = record.same_source_reselect_count;
    row.last_source_selected_at = record.last_source_selected_at;
    row.last_source_select_reason.clone_from(&record.last_source_select_reason);
    let since = record.last_source_selected_at.map(|at| now.0.saturating_sub(at.0).max(0));
    row.since_last_source_select = since.map(spoken).unwrap_or_default();
}

fn startup(source: &SourceHistory) -> SourceStartup {
    let startup = &source.startup;
    SourceStartup {
        probe_raw_bytes: startup.raw_bytes,
        probe_bytes: startup.raw_bytes,
        random_access_ready: startup.random_access_ready,
        random_access_codec: startup.random_access_codec.clone(),
        inventory_method: startup.inventory_method.clone(),
        video_streams: startup.video_streams,
        audio_streams: startup.audio_streams,
        video_codecs: startup.video_codecs.clone(),
        audio_codecs: startup.audio_codecs.clone(),
        component_state: startup.component_state.clone(),
        ..SourceStartup::default()
    }
}

fn streams(row: &Tuner) -> impl Iterator<Item = ClientStream> {
    row.subscribers.iter().map(|viewer| ClientStream {
        tuner_id: row.tuner_id,
        kind: row.kind.clone(),
        channel_id: row.channel_id,
        guide_number: row.guide_number.clone(),
        guide_name: row.guide_name.clone(),
        source_id: row.source_id,
        source_item_key: row.source_item_key.clone(),
        source_stream_url: row.source_stream_url.clone(),
        profile: row.profile.clone(),
        subscriber_id: viewer.subscriber_id,
        client_addr: viewer.client_addr.clone(),
        connected_at: viewer.started_at,
    })
}

fn churn<'a>(sessions: impl Iterator<Item = (&'a SessionStats, Option<&'a SessionHistory>)>) -> Churn {
    let mut churn = Churn { reselect_alert_threshold: RESELECT_ALERT, ..Churn::default() };
    for (session, record) in sessions {
        churn.session_count += 1;
        churn.recovering_session_count += i64::from(session.recovering);
        let Some(record) = record else { continue };
        let again = record.same_source_reselect_count;
        churn.sessions_with_reselect_count += i64::from(again > 0);
        churn.sessions_over_reselect_threshold += i64::from(again >= RESELECT_ALERT);
        churn.total_recovery_cycles += record.recovery_cycle_count;
        churn.total_source_select_count += record.source_select_count;
        churn.total_same_source_reselect_count += again;
        if again > churn.max_same_source_reselect_count {
            churn.max_same_source_reselect_count = again;
            churn.max_reselect_channel_id = record.channel_id;
            churn.max_reselect_guide_number.clone_from(&record.guide_number);
        }
    }
    churn
}

/// A span as the reference writes it: `1h2m3.4s`.
pub(super) fn spoken(ms: i64) -> String {
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let seconds = format!("{}s", (ms % 60_000) as f64 / 1000.0);
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, _) => format!("{minutes}m{seconds}"),
        _ => format!("{hours}h{minutes}m{seconds}"),
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
