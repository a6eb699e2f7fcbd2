//! The members of the status, each with its type and whether it is left out while it is empty, as the reference declares them:
//! `name:type`, with `?` for `omitempty`, `*` for a list.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::fill::spoken;
use super::*;
use crate::model::{SourceHistory, SubscriberHistory};

const DECLARED: [(&str, &str); 10] = [
    (
        "TunerStatusSnapshot",
        "
        generated_at:Time tuner_count:int in_use_count:int idle_count:int churn:ChurnSummary
        drain_wait:DrainWaitTelemetry probe_close:ProbeCloseTelemetry tuners:*TunerStatus
        client_streams:*ClientStreamStatus session_history:*SharedSessionHistory? session_history_limit:int?
        session_history_truncated_count:int64?",
    ),
    (
        "ChurnSummary",
        "
        reselect_alert_threshold:int64 session_count:int recovering_session_count:int sessions_with_reselect_count:int
        sessions_over_reselect_threshold:int total_recovery_cycles:int64 total_source_select_count:int64
        total_same_source_reselect_count:int64 max_same_source_reselect_count:int64 max_reselect_channel_id:int64?
        max_reselect_guide_number:string?",
    ),
    (
        "DrainWaitTelemetry",
        "
        ok:uint64 error:uint64 wait_duration_us:uint64 wait_duration_ms:uint64",
    ),
    (
        "ProbeCloseTelemetry",
        "
        inline_count:uint64 queue_full_count:uint64",
    ),
    (
        "TunerStatus",
        "
        tuner_id:int kind:string state:string guide_number:string? lease_client_addr:string? lease_started_at:Time
        channel_id:int64? guide_name:string? source_id:int64? source_item_key:string? source_stream_url:string?
        source_startup_probe_raw_bytes:int? source_startup_probe_trimmed_bytes:int?
        source_startup_probe_cutover_offset:int? source_startup_probe_dropped_bytes:int?
        source_startup_probe_bytes:int? source_startup_random_access_ready:bool?
        source_startup_random_access_codec:string? source_startup_inventory_method:string?
        source_startup_video_streams:int? source_startup_audio_streams:int? source_startup_video_codecs:string?
        source_startup_audio_codecs:string? source_startup_component_state:string?
        source_startup_retry_relaxed_probe:bool? source_startup_retry_relaxed_probe_reason:string? resolution:string?
        frame_rate:float64? video_codec:string? audio_codec:string? current_bitrate_bps:int64?
        profile_bitrate_bps:int64? producer:string? session_started_at:Time last_byte_at:Time last_push_at:Time
        bytes_read:int64 bytes_pushed:int64 chunks_pushed:int64 slow_skip_events_total:uint64
        slow_skip_lag_chunks_total:uint64 slow_skip_lag_bytes_total:uint64 slow_skip_max_lag_chunks:uint64
        subscriber_write_deadline_timeouts_total:uint64 subscriber_write_short_writes_total:uint64
        subscriber_write_blocked_duration_us:uint64 subscriber_write_blocked_duration_ms:uint64 stall_count:int64
        recovery_cycle:int64 recovery_reason:string? recovery_transition_mode:string?
        recovery_transition_effective_mode:string? recovery_transition_signals_applied:string?
        recovery_transition_signal_skips:string? recovery_transition_fallback_count:int64?
        recovery_transition_fallback_reason:string? recovery_transition_stitch_applied:bool?
        recovery_keepalive_mode:string? recovery_keepalive_fallback_count:int64?
        recovery_keepalive_fallback_reason:string? recovery_keepalive_started_at:Time?
        recovery_keepalive_stopped_at:Time? recovery_keepalive_duration:string? recovery_keepalive_bytes:int64?
        recovery_keepalive_chunks:int64? recovery_keepalive_rate_bytes_per_second:float64?
        recovery_keepalive_expected_rate_bytes_per_second:float64? recovery_keepalive_realtime_multiplier:float64?
        recovery_keepalive_guardrail_count:int64? recovery_keepalive_guardrail_reason:string?
        source_select_count:int64 same_source_reselect_count:int64 last_source_selected_at:Time
        last_source_select_reason:string? since_last_source_select:string? last_error:string?
        source_health_persist_coalesced_total:int64? source_health_persist_dropped_total:int64?
        source_health_persist_coalesced_by_source:map? source_health_persist_dropped_by_source:map?
        subscribers:*SubscriberStats",
    ),
    (
        "SubscriberStats",
        "
        SubscriberID:uint64 ClientAddr:string StartedAt:Time",
    ),
    (
        "ClientStreamStatus",
        "
        tuner_id:int kind:string channel_id:int64? guide_number:string? guide_name:string? source_id:int64?
        source_item_key:string? source_stream_url:string? resolution:string? frame_rate:float64? video_codec:string?
        audio_codec:string? current_bitrate_bps:int64? profile_bitrate_bps:int64? producer:string?
        subscriber_id:uint64 client_addr:string? connected_at:Time",
    ),
    (
        "SharedSessionHistory",
        "
        session_id:uint64 channel_id:int64? guide_number:string? guide_name:string? tuner_id:int opened_at:Time
        closed_at:Time? active:bool terminal_status:string? terminal_error:string? peak_subscribers:int
        total_subscribers:int64 completed_subscribers:int64 slow_skip_events_total:uint64
        slow_skip_lag_chunks_total:uint64 slow_skip_lag_bytes_total:uint64 slow_skip_max_lag_chunks:uint64
        subscriber_write_deadline_timeouts_total:uint64 subscriber_write_short_writes_total:uint64
        subscriber_write_blocked_duration_us:uint64 subscriber_write_blocked_duration_ms:uint64
        recovery_cycle_count:int64 last_recovery_reason:string? source_select_count:int64
        same_source_reselect_count:int64 last_source_selected_at:Time? last_source_select_reason:string?
        last_error:string? sources:*SharedSessionSourceHistory? subscribers:*SharedSessionSubscriberHistory?
        source_history_limit:int? source_history_truncated_count:int64? subscriber_history_limit:int?
        subscriber_history_truncated_count:int64?",
    ),
    (
        "SharedSessionSourceHistory",
        "
        source_id:int64? item_key:string? stream_url:string? selected_at:Time deselected_at:Time?
        selection_reason:string? startup_probe_raw_bytes:int? startup_probe_trimmed_bytes:int?
        startup_probe_cutover_offset:int? startup_probe_dropped_bytes:int? startup_random_access_ready:bool?
        startup_random_access_codec:string? startup_inventory_method:string? startup_video_streams:int?
        startup_audio_streams:int? startup_video_codecs:string? startup_audio_codecs:string?
        startup_component_state:string? startup_retry_relaxed_probe:bool? startup_retry_relaxed_probe_reason:string?
        resolution:string? frame_rate:float64? video_codec:string? audio_codec:string? profile_bitrate_bps:int64?
        producer:string?",
    ),
    (
        "SharedSessionSubscriberHistory",
        "
        subscriber_id:uint64 client_addr:string? connected_at:Time closed_at:Time? close_reason:string?",
    ),
];
/// Times that the reference always writes, and that are left out here while there is none.
const TIMES: [&str; 5] = ["lease_started_at", "session_started_at", "last_byte_at", "last_push_at", "last_source_selected_at"];

struct Member {
    name: &'static str,
    kind: &'static str,
    may_be_left_out: bool,
}

fn members(of: &str) -> Vec<Member> {
    let (_, text) = DECLARED.iter().find(|(name, _)| *name == of).unwrap();
    let read = |word: &'static str| {
        let (name, kind) = word.split_once(':').unwrap();
        Member { name, kind: kind.trim_end_matches('?'), may_be_left_out: kind.ends_with('?') }
    };
    text.split_whitespace().map(read).collect()
}

/// With a value in every member.
fn full(of: &str) -> Value {
    let value = |member: &Member| match member.kind {
        "int" | "int64" | "uint64" => json!(member.name.len()),
        "string" => json!(member.name),
        "bool" => json!(true),
        "float64" => json!(1.5),
        "Time" => json!("2026-01-02T03:04:05.678Z"),
        "map" => json!({ "7": 8 }),
        list => match list.strip_prefix('*') {
            Some(of) => json!([full(of)]),
            None => full(list),
        },
    };
    Value::Object(members(of).iter().map(|member| (member.name.to_owned(), value(member))).collect())
}

/// Every member is there with its type and no other: what is full reads and writes the same, and what is empty has those
/// members that are never left out.
fn holds<T: DeserializeOwned + Serialize + Default>(of: &str) {
    let wanted = full(of);
    let read: T = serde_json::from_value(wanted.clone()).unwrap_or_else(|error| panic!("{of}: {error}"));
    assert_eq!(serde_json::to_value(&read).unwrap(), wanted, "{of}");
    let empty = serde_json::to_value(T::default()).unwrap();
    let found: BTreeSet<&str> = empty.as_object().map(Map::keys).unwrap().map(String::as_str).collect();
    let always = members(of).into_iter().filter(|member| !member.may_be_left_out);
    let mut always: BTreeSet<&str> = always.map(|member| member.name).collect();
    if of == "TunerStatus" {
        always.retain(|name| !TIMES.contains(name));
    }
    assert_eq!(found, always, "{of}");
}

#[test]
fn every_member_of_the_reference_is_there() {
    holds::<Snapshot>("TunerStatusSnapshot");
    holds::<Churn>("ChurnSummary");
    holds::<DrainWait>("DrainWaitTelemetry");
    holds::<ProbeClose>("ProbeCloseTelemetry");
    holds::<Tuner>("TunerStatus");
    holds::<Subscriber>("SubscriberStats");
    holds::<ClientStream>("ClientStreamStatus");
    holds::<SessionHistory>("SharedSessionHistory");
    holds::<SourceHistory>("SharedSessionSourceHistory");
    holds::<SubscriberHistory>("SharedSessionSubscriberHistory");
    let counts: Vec<usize> = DECLARED.iter().map(|(name, _)| members(name).len()).collect();
    assert_eq!(counts, [12, 11, 4, 2, 81, 3, 18, 34, 26, 5]);
}

#[rstest::rstest]
#[case(0, "0s")]
#[case(1_500, "1.5s")]
#[case(62_005, "1m2.005s")]
#[case(3_600_000, "1h0m0s")]
#[case(90_061_000, "25h1m1s")]
fn spans_are_spoken_as_the_reference_does(#[case] ms: i64, #[case] text: &str) {
    assert_eq!(spoken(ms), text);
}
