//! What comes to RTP and RTCP ports: datagrams of any kind, the payloads of every format, session descriptions.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rooftop::base::clock;
use rooftop::ingest::depay::{Depacketiser, Packet as Plain};
use rooftop::ingest::sdp::{Description, Format, Parameters};
use rooftop::ingest::video::{Depacketizer, Output, Packet, Settings};
use rooftop::model::Codec;
use rooftop::rtp::header::{self, Datagram};
use rooftop::rtp::table::{ReportTo, Table};

const CONFIG: &str = "mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=1190";

fn format(encoding: &str) -> Format {
    let parameters = Parameters::parse(CONFIG);
    Format { payload_type: 96, encoding: encoding.into(), clock_rate: 90_000, channels: Some(2), parameters, line: 1 }
}

/// Datagrams: a byte that says how, one that says how long, and so many bytes.
fn datagrams(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[how, length], rest) = bytes.split_first_chunk()?;
        let (datagram, rest) = rest.split_at_checked(usize::from(length)).unwrap_or((rest, &[]));
        bytes = rest;
        Some((how, datagram))
    })
}

fuzz_target!(|bytes: &[u8]| {
    let mut now = clock::now();
    let from = ([192, 0, 2, 1], 5000).into();
    let mut table = Table::new(rooftop::rtp::Settings::default());
    let encodings = ["mpeg4-generic", "mp4a-latm", "opus", "mpv", "mpa", "ac3", "av1", "jxsv"];
    let mut others: Vec<Depacketiser> = encodings.iter().filter_map(|name| Depacketiser::new(&format(name)).ok()).collect();
    let video = |codec| Depacketizer::new(codec, None, Settings::default());
    let (mut h264, mut hevc) = (video(Codec::H264), video(Codec::Hevc));
    let mut output = Output::default();
    for (number, (how, datagram)) in datagrams(bytes).enumerate() {
        now += Duration::from_millis(u64::from(how & 0x3F));
        match how >> 6 {
            0 => {
                if let Datagram::Rtp(packet) = header::read(datagram) {
                    table.packet(now, from, &packet, &mut |_| {});
                }
            }
            1 => table.rtcp(now, ReportTo { to: from, multiplexed: false }, datagram),
            _ => {
                let (sequence, marker) = (number as u16, how & 1 == 0);
                let (timestamp, payload) = (u32::from(how) * 90, datagram);
                for other in &mut others {
                    let _ = other.push(Plain { sequence, timestamp, marker, payload }, &mut |_| {});
                }
                let (sequence, timestamp) = (sequence.into(), timestamp.into());
                let packet = Packet { sequence, timestamp, marker, lost_before: how & 2 == 0, payload };
                h264.push(&packet, now, &mut output);
                hevc.push(&packet, now, &mut output);
                output.drain().for_each(drop);
            }
        }
        table.tick(now, &mut |_| {});
        table.reports(now, &mut |_, _| {});
        assert!(table.held_bytes() < 64 * 1024 * 1024);
    }
    let _ = std::str::from_utf8(bytes).map(Description::parse);
});
