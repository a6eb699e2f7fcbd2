//! Every answer with a value in every member, as the seed declares them, and what is left out while it says nothing.

use serde_json::{Value, json};

use super::*;
use crate::ingest::figures::{Connection, Figures, RtpFigures};
use crate::ingest::registry::Sender;
use crate::ingest::tap::picture::Counts;
use crate::ingest::tap::pressure::Control;
use crate::ingest::tap::sync::{drift, timeline};
use crate::ingest::tap::{Assembled, Seen, gop, gop_buffer, parameters, pressure, recovery as faults};
use crate::model::stream_info::VideoInfo;
use crate::model::{Codec, StreamInfo};

fn input(kind: Kind, status: Status) -> Shown {
    let connection = Connection {
        packets: 120,
        data_packets: 100,
        lost: 3,
        retransmitted: 7,
        undecipherable: 0,
        rtt: Duration::from_micros(12_345),
        latency: Duration::from_millis(120),
        age: Duration::from_secs(9),
        rtp: (kind == Kind::Rtp).then(|| RtpFigures { ssrc: 7, payload_type: 33, reordered: 2, ..RtpFigures::default() }),
    };
    Shown {
        id: "a/b".into(),
        role: Role::Listener,
        sender: Sender { kind, from: "192.168.1.7:4000".parse().unwrap(), proven: false },
        status,
        since_ms: 1000,
        readers: 1,
        figures: Figures { bytes: 131_600, bitrate: 5_000_000, heard_ms: 4000, connection },
        seen: Seen::default(),
        missed_bytes: 0,
    }
}

const TIME: Moment = Moment(1_766_500_000_123);
const TEXT: &str = "2025-12-23T14:26:40.123Z";

/// One of which everything is known.
fn full() -> Shown {
    let track =
        |last_pts| timeline::Statistics { last_pts, last_dts: 2, base: Some(TIME), packets: 3, wraps: 5, jumps: 6, errors: 7 };
    let video = VideoInfo {
        codec: Codec::Hevc,
        profile: None,
        width: Some(1920),
        height: Some(1080),
        frame_rate: Some(29.97),
        interlaced: None,
        pixel_aspect: None,
    };
    let seen = Seen {
        info: StreamInfo { video: Some(video), ..StreamInfo::default() },
        assembled: Assembled { frames: 180, broken: 1 },
        gops: gop::Statistics {
            counts: Counts { i: 6, p: 7, b: 8 },
            keyframes: 6,
            total: 6,
            current_size: 2,
            average_size: 2.5,
            average_duration: Duration::from_millis(500),
            i_ratio: 0.25,
            p_ratio: 0.5,
            b_ratio: 0.75,
        },
        buffer: gop_buffer::Statistics {
            gops: 1,
            frames: 20,
            most_frames: 100,
            bytes: 3,
            duration: Duration::from_millis(4),
            dropped_gops: 5,
            dropped_frames: 9,
        },
        memory_bytes: 3,
        pressure: pressure::Statistics {
            current: 0.5,
            smoothed: 0.25,
            target: 0.6,
            dropping: true,
            adjustments: 2,
            adjusted: Some(TIME),
        },
        video: Some(track(1)),
        audio: Some(track(8)),
        drift: drift::Statistics {
            status: drift::Status::Drifting,
            current_us: -1_900,
            max_us: 2_000,
            min_us: -3_000,
            average_us: 4_000,
            samples: 5,
        },
        recovery: faults::Statistics {
            state: faults::State::Resyncing,
            recovered: 1,
            corruptions: 2,
            resyncs: 3,
            recovered_at: Some(TIME),
            ..faults::Statistics::default()
        },
        parameters: parameters::Statistics {
            sequence_ids: vec![0],
            picture_ids: vec![0, 3],
            coverage: 1.0,
            updated: Some(TIME),
            ..parameters::Statistics::default()
        },
    };
    Shown { seen, missed_bytes: 600, ..input(Kind::Srt, Status::Active) }
}

fn frames_json() -> Value {
    json!({
        "capacity": 100, "used": 20, "available": 80, "frames_assembled": 180, "frames_dropped": 9, "queue_pressure": 0.5,
        "keyframes": 6, "p_frames": 7, "b_frames": 8,
    })
}

fn backpressure_json() -> Value {
    json!({
        "CurrentRate": 5_000_000, "CurrentPressure": 0.5, "SmoothedPressure": 0.25, "AdjustmentCount": 2, "GOPsDropped": 5,
        "LastAdjustment": TEXT, "TargetPressure": 0.6, "MinRate": 0, "MaxRate": 0, "GOPsPerSecond": 2.0,
    })
}

fn recovery_json() -> Value {
    json!({
        "State": "resyncing", "RecoveryCount": 1, "CorruptionCount": 2, "ResyncCount": 3, "LastRecoveryTime": TEXT,
        "IsHealthy": false,
    })
}

/// The value is written as that, and its schema knows every member of it, and no other that must be there.
fn check<T: Serialize + JsonSchema>(value: &T, expected: &Value) {
    let found = serde_json::to_value(value).unwrap();
    assert_eq!(&found, expected);
    let schema = schemars::schema_for!(T);
    let known = schema.get("properties").and_then(Value::as_object).unwrap();
    let members = found.as_object().unwrap();
    assert!(members.keys().all(|member| known.contains_key(member)), "{members:?} of {known:?}");
    let required = schema.get("required").and_then(Value::as_array).unwrap();
    assert!(required.iter().all(|member| members.contains_key(member.as_str().unwrap())), "{required:?} of {members:?}");
}

/// The same, and all members that there are have a value.
fn check_full<T: Serialize + JsonSchema>(value: &T, expected: &Value) {
    check(value, expected);
    let schema = schemars::schema_for!(T);
    let known = schema.get("properties").and_then(Value::as_object).unwrap().len();
    assert_eq!(known, expected.as_object().unwrap().len(), "members without a value");
}

#[test]
fn what_is_kept_of_an_input() {
    let mut expected = frames_json();
    let own = json!({
        "stream_id": "a/b", "codec": "hevc",
        "gop": {
            "total_gops": 6, "current_gop_size": 2, "average_gop_size": 2.5, "average_duration_ms": 500, "i_frame_ratio": 0.25,
            "p_frame_ratio": 0.5, "b_frame_ratio": 0.75,
        },
        "gop_buffer": {
            "gop_count": 1, "frame_count": 20, "total_bytes": 3, "duration_ms": 4, "dropped_gops": 5, "dropped_frames": 9,
        },
    });
    expected.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    check_full(&FrameBufferResponse::of(&full()), &expected);
    check_full(&FrameBufferStatsDto::of(&full().seen), &frames_json());
    let parameters = json!({
        "stream_id": "a/b",
        "statistics": {
            "session_duration_ms": 1000, "total_frames_processed": 180, "sps_count": 1, "pps_count": 2, "sps_ids": [0],
            "pps_ids": [0, 3], "last_parameter_update": TEXT, "parameter_set_coverage": 1.0,
        },
        "available_sps_ids": [0], "available_pps_ids": [0, 3],
    });
    check_full(&ParametersResponse::of(&full(), Moment(2000)), &parameters);
}

#[test]
fn picture_and_sound() {
    let track = |kind: &str, last_pts: u64| {
        json!({
            "type": kind, "last_pts": last_pts, "last_dts": 2, "base_time": TEXT, "packet_count": 3, "dropped_count": 0,
            "wrap_count": 5, "jump_count": 6, "error_count": 7,
        })
    };
    let expected = json!({
        "stream_id": "a/b", "status": "drifting", "video": track("video", 1), "audio": track("audio", 8),
        "drift": { "current_drift": -1, "max_drift": 2, "min_drift": -3, "avg_drift": 4, "sample_count": 5 },
        "time": TEXT,
    });
    check_full(&SyncStatusResponse::of(&full(), TIME), &expected);
    let nothing = input(Kind::Srt, Status::Active);
    check(&SyncStatusResponse::of(&nothing, TIME), &json!({ "stream_id": "a/b", "status": "unknown", "time": TEXT }));
}

#[test]
fn pressure_and_recovery() {
    let expected = json!({
        "stream_id": "a/b", "current_pressure": 0.5, "current_rate_bps": 5_000_000, "statistics": backpressure_json(),
        "should_drop_gop": true, "timestamp": TEXT,
    });
    check_full(&BackpressureResponse::of(&full(), TIME), &expected);
    let expected = json!({
        "stream_id": "a/b", "state": "resyncing", "is_healthy": false, "recovery_count": 1, "corruption_count": 2,
        "resync_count": 3, "last_recovery_time": TEXT, "statistics": recovery_json(), "timestamp": TEXT,
    });
    check_full(&RecoveryResponse::of(&full(), TIME), &expected);
}

#[rstest::rstest]
#[case(json!({ "action": "set_pressure", "pressure": 0.5 }), Some(Some(Control::SetPressure(0.5))))]
#[case(json!({ "action": "set_pressure", "pressure": 1.5 }), Some(None))]
#[case(json!({ "action": "set_pressure" }), Some(None))]
#[case(json!({ "action": "drop_gop" }), Some(Some(Control::DropGop)))]
#[case(json!({ "action": "reset", "pressure": null }), Some(Some(Control::Reset)))]
#[case(json!({ "action": "explode" }), None)]
#[case(json!({ "pressure": 0.5 }), None)]
#[case(json!({ "action": "reset", "force": true }), None)]
fn wishes(#[case] body: Value, #[case] expected: Option<Option<Control>>) {
    let wish = serde_json::from_value::<BackpressureControlRequest>(body).ok();
    assert_eq!(wish.map(|wish| wish.control()), expected);
}

#[test]
fn pictures_of_all_inputs() {
    let one = json!({
        "frames_assembled": 180, "frames_dropped": 9, "keyframes": 6, "p_frames": 7, "b_frames": 8, "gop_count": 6,
        "avg_gop_size": 2.5, "StreamID": "a/b", "Codec": "hevc", "PacketsReceived": 100, "FramesAssembled": 180,
        "FramesDropped": 9, "BytesProcessed": 131_000, "Errors": 1, "Bitrate": 5_000_000.0, "QueueDepth": 20,
        "QueuePressure": 0.5, "Backpressure": true, "Started": true, "KeyframeCount": 6, "PFrameCount": 7, "BFrameCount": 8,
        "Framerate": 29.97, "Resolution": { "Width": 1920, "Height": 1080 },
        "ConnectionStats": {
            "PacketsLost": 3, "PacketsRetrans": 7, "RTTMs": 12.345, "BandwidthMbps": 5.0, "DeliveryDelayMs": 120.0,
            "ConnectionTimeMs": 9000,
        },
        "GOPStats": {
            "StreamID": "a/b", "TotalGOPs": 6, "CurrentGOPFrames": 2, "CurrentGOPSize": 2, "AverageGOPSize": 2.5,
            "AverageDuration": 500, "IFrameRatio": 0.25, "PFrameRatio": 0.5, "BFrameRatio": 0.75,
        },
        "GOPBufferStats": {
            "StreamID": "a/b", "GOPCount": 1, "FrameCount": 20, "TotalBytes": 3, "Duration": 4, "DroppedGOPs": 5,
            "DroppedFrames": 9,
        },
        "BackpressureStats": backpressure_json(), "RecoveryStats": recovery_json(),
    });
    check_full(&video::VideoStats::of(&full()), &one);
    let all = VideoStatsResponse::of(&[full()], TIME);
    check_full(&all, &json!({ "streams": { "a/b": one }, "count": 1, "timestamp": TEXT }));
}

#[test]
fn an_input_has_the_members_of_the_reference() {
    let stats = json!({
        "bytes_received": 131_600, "packets_received": 100, "packets_lost": 3, "bitrate": 5_000_000,
        "frame_buffer_stats": {
            "capacity": 0, "used": 0, "available": 0, "frames_assembled": 0, "frames_dropped": 0, "queue_pressure": 0.0,
            "keyframes": 0, "p_frames": 0, "b_frames": 0,
        },
        "connection_stats": {
            "packets_lost": 3, "packets_retrans": 7, "rtt_ms": 12.345, "bandwidth_mbps": 5.0, "delivery_delay_ms": 120.0,
            "connection_time_ms": 9000,
        },
    });
    let whole = json!({
        "id": "a/b", "type": "srt", "source_addr": "192.168.1.7:4000", "status": "active",
        "created_at": "1970-01-01T00:00:01Z", "last_heartbeat": "1970-01-01T00:00:04Z", "video_codec": "", "resolution": "",
        "bitrate": 5_000_000, "frame_rate": 0.0, "stats": stats,
    });
    assert_eq!(serde_json::to_value(StreamDto::of(&input(Kind::Srt, Status::Active))).unwrap(), whole);
    let rtp = serde_json::to_value(StreamStatsDto::of(&input(Kind::Rtp, Status::Closed))).unwrap();
    assert_eq!(rtp["bitrate"], 0);
    assert!(rtp.get("connection_stats").is_none());
    let expected = json!({
        "ssrc": 7, "payload_type": 33, "jitter_ms": 0.0, "packets_late": 0, "packets_reordered": 2, "packets_duplicate": 0,
    });
    assert_eq!(rtp["rtp_stats"], expected);
}

#[test]
fn totals_count_what_is_on() {
    let inputs = [Status::Active, Status::Paused, Status::Closed].map(|status| input(Kind::Srt, status));
    let totals = serde_json::to_value(Ingestion::of(&inputs, (true, false), Duration::from_secs(60))).unwrap();
    for (member, value) in [("srt_sessions", 2), ("total_streams", 3), ("active_handlers", 2), ("active_streams", 1)] {
        assert_eq!(totals[member], value, "{member}");
    }
    assert_eq!((&totals["total_bitrate"], &totals["uptime"]), (&json!(10_000_000), &json!(60_000)));
    assert!(totals["cpu_usage"].as_f64().unwrap() >= 0.0);
    assert_eq!(percent(Duration::from_millis(1500), Duration::from_secs(4)), 37.5);
    assert!(totals["memory_usage"].as_u64().unwrap() > 1_000_000);
}
