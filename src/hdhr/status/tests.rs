use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use super::*;
use crate::model::{ChannelId, SessionId, StreamInfo, SubscriberId};
use crate::session::SubscriberStats;

fn view(index: u8, session: Option<SessionStats>) -> TunerView {
    let client = session.is_some().then(|| IpAddr::from([10, 77, 0, 9]));
    TunerView {
        index,
        number: index.into(),
        taken_for: None,
        channel: None,
        lock_owner: None,
        client,
        session,
        viewers: Vec::new(),
        probing: false,
    }
}

fn session(live: bool, watched: bool) -> SessionStats {
    let subscriber = SubscriberStats {
        id: SubscriberId(1),
        addr: IpAddr::from([10, 77, 0, 9]),
        agent: "VLC".into(),
        started_at: SystemTime::UNIX_EPOCH,
        bytes: 0,
        skips: 0,
    };
    SessionStats {
        id: SessionId(1),
        channel: ChannelId(1),
        number: "5.1".parse().unwrap(),
        name: "Tom & Jerry".into(),
        live,
        source: None,
        source_url: None,
        producer: None,
        info: StreamInfo::default(),
        started_at: SystemTime::UNIX_EPOCH,
        bitrate_bps: 8_000_000,
        packets_per_second: 5000,
        bytes_read: 0,
        bytes_pushed: 0,
        last_byte_ms: 0,
        last_push_ms: 0,
        chunks_pushed: 0,
        recovering: false,
        stalls: 0,
        ring_bytes: 0,
        failovers: 0,
        reopened: 0,
        takeovers: 0,
        filler: None,
        filler_bytes: 0,
        fail_backs: 0,
        spare: None,
        write_blocked: Duration::ZERO,
        last_error: None,
        subscribers: if watched { vec![subscriber] } else { Vec::new() },
    }
}

#[test]
fn tuners_in_use_are_told_from_idle_ones() {
    let probe = TunerView { probing: true, ..view(3, Some(session(true, true))) };
    let tuners = [view(0, Some(session(true, true))), view(1, Some(session(true, false))), view(2, None), probe];
    insta::assert_snapshot!(serde_json::to_string_pretty(&tuner_status(5, &tuners)).unwrap(), @r#"
    [
      {
        "Resource": "tuner0",
        "VctNumber": "5.1",
        "VctName": "Tom & Jerry",
        "Frequency": 503000000,
        "SignalStrengthPercent": 100,
        "SignalQualityPercent": 100,
        "SymbolQualityPercent": 100,
        "NetworkRate": 8000000,
        "TargetIP": "10.77.0.9"
      },
      {
        "Resource": "tuner1"
      },
      {
        "Resource": "tuner2"
      },
      {
        "Resource": "tuner3"
      },
      {
        "Resource": "tuner4"
      }
    ]
    "#);
    insta::assert_snapshot!(tuners_html(2, &tuners), @r"
    <!DOCTYPE html>
    <html><head><title>Tuners</title></head><body><table>
    <tr><td>Tuner 0 Channel</td><td>5.1 Tom &amp; Jerry</td></tr>
    <tr><td>Tuner 1 Channel</td><td>not in use</td></tr>
    </table></body></html>
    ");
}

#[test]
fn a_tuner_is_in_use_while_its_channel_opens() {
    let status = serde_json::to_value(tuner_status(1, &[view(0, Some(session(false, false)))])).unwrap();
    assert_eq!(status[0]["VctNumber"], "5.1");
}

#[rstest::rstest]
#[case(None, r#"{"ScanInProgress":0,"ScanPossible":1,"Source":"Antenna","SourceList":["Antenna","Cable"]}"#)]
#[case(
    Some(370),
    r#"{"ScanInProgress":1,"ScanPossible":1,"Source":"Antenna","SourceList":["Antenna","Cable"],"Progress":37,"Found":3}"#
)]
#[case(Some(1000), r#"{"ScanInProgress":0,"ScanPossible":1,"Source":"Antenna","SourceList":["Antenna","Cable"]}"#)]
#[case(Some(u64::MAX), r#"{"ScanInProgress":0,"ScanPossible":1,"Source":"Antenna","SourceList":["Antenna","Cable"]}"#)]
fn a_scan_runs_for_a_second(#[case] since_ms: Option<u64>, #[case] json: &str) {
    let status = LineupStatus::new(since_ms.map(Duration::from_millis), 10);
    assert_eq!(serde_json::to_string(&status).unwrap(), json);
}
