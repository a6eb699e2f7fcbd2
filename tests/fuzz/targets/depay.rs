//! Payloads of RTP with elementary streams in them, of every format: whatever comes, what is kept and what is given stays within
//! bounds.
#![no_main]

mod datagrams;

use std::time::Duration;

use datagrams::datagrams;
use libfuzzer_sys::fuzz_target;
use rooftop::base::clock;
use rooftop::ingest::depay::{Depacketiser, MAX_FRAME, Packet as Plain};
use rooftop::ingest::sdp::{Format, Parameters};
use rooftop::ingest::video::decode_order::DecodeOrder;
use rooftop::ingest::video::{Depacketizer, Output, Packet, Settings};
use rooftop::model::Codec;
use rooftop::ts::time::Pts90k;

/// Encodings, with parameters.
const OTHERS: [(&str, &str); 11] = [
    ("mpeg4-generic", "mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=1190"),
    ("mpeg4-generic", "mode=AAC-lbr; sizelength=6; indexlength=2; indexdeltalength=2; ctsdeltalength=16; config=1190"),
    ("mpeg4-generic", "mode=generic; sizelength=13; indexlength=3; indexdeltalength=3; auxiliarydatasizelength=8; config=1190"),
    ("mp4a-latm", "cpresent=0; config=40002420"),
    ("mp4a-latm", "cpresent=1"),
    ("opus", "sprop-stereo=1"),
    ("mpv", ""),
    ("mpa", ""),
    ("ac3", ""),
    ("av1", ""),
    ("jxsv", "packetmode=0"),
];

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else { return };
    let settings = Settings { max_frame_bytes: 256 * 1024, ..Settings::default() };
    match which % 16 {
        0 => video(Codec::H264, "packetization-mode=1", bytes, settings),
        1 => video(Codec::H264, "packetization-mode=2; sprop-interleaving-depth=3", bytes, settings),
        2 => video(Codec::Hevc, "", bytes, settings),
        3 => video(Codec::Hevc, "sprop-max-don-diff=4; sprop-depack-buf-nalus=3", bytes, settings),
        other => {
            let (encoding, parameters) = OTHERS[usize::from(other - 4) % OTHERS.len()];
            let parameters = Parameters::parse(parameters);
            let encoding = encoding.into();
            let format = Format { payload_type: 96, encoding, clock_rate: 90_000, channels: Some(2), parameters, line: 1 };
            if let Ok(depacketiser) = Depacketiser::new(&format) {
                plain(depacketiser, bytes);
            }
        }
    }
});

/// Sequence number, time stamp and marker of each packet, and whether something is missing before it.
fn packets(bytes: &[u8]) -> impl Iterator<Item = (u64, u64, bool, bool, &[u8])> {
    let (mut sequence, mut timestamp) = (65_000, 0);
    datagrams(bytes).map(move |(how, payload)| {
        let lost = how & 0x20 != 0;
        sequence += if lost { 2 } else { 1 };
        timestamp += u64::from(how & 0x0F) * 1800;
        (sequence, timestamp, how & 0x80 != 0, lost, payload)
    })
}

fn video(codec: Codec, fmtp: &str, bytes: &[u8], settings: Settings) {
    let mut depacketizer = Depacketizer::from_fmtp(codec, &Parameters::parse(fmtp), settings);
    let (mut now, mut output, mut order) = (clock::now(), Output::default(), DecodeOrder::new(2, None));
    for (sequence, timestamp, marker, lost_before, payload) in packets(bytes) {
        now += Duration::from_millis(10);
        depacketizer.push(&Packet { sequence, timestamp, marker, lost_before, payload }, now, &mut output);
        depacketizer.expire(now, &mut output);
        let mut given = 0;
        for unit in output.drain() {
            given += unit.data.len();
            let times = order.next(Pts90k(unit.timestamp & 0x1_FFFF_FFFF));
            let _ = format!("{times:?}");
        }
        assert!(given <= 4 * settings.max_frame_bytes, "{given} bytes at once");
    }
    depacketizer.expire(now + Duration::from_secs(10), &mut output);
    output.drain().for_each(drop);
    let _ = (depacketizer.wants_random_access(), depacketizer.parameters().reordering());
}

fn plain(mut depacketiser: Depacketiser, bytes: &[u8]) {
    for (sequence, timestamp, marker, _, payload) in packets(bytes) {
        let packet = Plain { sequence: sequence as u16, timestamp: timestamp as u32, marker, payload };
        let _ = depacketiser.push(packet, &mut |frame| assert!(frame.data.len() <= MAX_FRAME));
        assert!(depacketiser.held() <= 2 * MAX_FRAME);
    }
    let _ = (depacketiser.stats(), depacketiser.codec());
}
