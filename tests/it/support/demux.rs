//! What ffmpeg's demultiplexer takes out of a transport stream: per stream, the packets with the hashes of their payloads
//! (the same that `-c copy -f framehash` writes) and the places where their units begin.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::process::run;

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Hash of its payload.
    pub hash: String,
    /// Presentation time in units of 90 kHz.
    pub pts: Option<i64>,
    /// Decoding time in units of 90 kHz.
    pub dts: Option<i64>,
    /// Byte at which its PES packet or section begins.
    pub pos: Option<u64>,
    /// Random access point.
    pub key: bool,
}

/// One elementary stream.
#[derive(Debug, Clone)]
pub struct Stream {
    /// `video`, `audio` …
    pub kind: String,
    /// ffmpeg's name of its codec.
    pub codec: String,
    /// Its PID.
    pub pid: u16,
    /// Its packets.
    pub units: Vec<Unit>,
}

/// Demultiplexes a file.
pub fn demux(path: &Path) -> Vec<Stream> {
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "quiet", "-f", "mpegts", "-show_streams", "-show_packets", "-show_data_hash", "SHA160", "-of", "json"]);
    let output = run(probe.arg(path), Duration::from_secs(60));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let mut streams: Vec<Stream> = document["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| Stream {
            kind: text(&row["codec_type"]),
            codec: text(&row["codec_name"]),
            pid: u16::from_str_radix(row["id"].as_str().unwrap_or("0x0").trim_start_matches("0x"), 16).unwrap(),
            units: Vec::new(),
        })
        .collect();
    for row in document["packets"].as_array().into_iter().flatten() {
        let index = row["stream_index"].as_u64().unwrap() as usize;
        streams[index].units.push(Unit {
            hash: text(&row["data_hash"]),
            pts: row["pts"].as_i64(),
            dts: row["dts"].as_i64(),
            pos: row["pos"].as_str().and_then(|pos| pos.parse().ok()),
            key: row["flags"].as_str().is_some_and(|flags| flags.starts_with('K')),
        });
    }
    streams
}
