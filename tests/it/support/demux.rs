//! What ffmpeg takes out of a transport stream: of each elementary stream of the programme, what
//! `ffmpeg -c copy -f framehash` writes, and from ffprobe the places where its units begin.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::process::run;

/// One packet of an elementary stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// SHA-256 of its payload.
    pub hash: String,
    /// Bytes of its payload.
    pub size: usize,
    /// Presentation time in units of 90 kHz.
    pub pts: Option<i64>,
    /// Decoding time in units of 90 kHz.
    pub dts: Option<i64>,
    /// Byte at which its PES packet begins; none where several units lie in one and this is not the first, and of sections.
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
    /// Whether these are sections, which have no times of their own.
    pub sections: bool,
    /// Its packets, from the first random access point of the stream on: ffmpeg copies none before.
    pub units: Vec<Unit>,
}

/// The streams of the programme with a picture, or else with sound, or else the first; those without a single packet are left out.
pub fn demux(path: &Path) -> Vec<Stream> {
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "quiet", "-f", "mpegts", "-show_streams", "-show_programs", "-show_packets"]);
    probe.args(["-show_data_hash", "SHA256", "-of", "json"]);
    let output = run(probe.arg(path), Duration::from_secs(60));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let chosen = chosen(&document);
    let mut streams: Vec<(usize, Stream)> = document["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let pid = u16::from_str_radix(row["id"].as_str().unwrap_or("0x0").trim_start_matches("0x"), 16).unwrap();
            let (kind, codec) = (text(&row["codec_type"]), text(&row["codec_name"]));
            (row["index"].as_u64().unwrap() as usize, Stream { kind, codec, pid, sections: false, units: Vec::new() })
        })
        .collect();
    for row in document["packets"].as_array().into_iter().flatten() {
        let index = row["stream_index"].as_u64().unwrap() as usize;
        streams[index].1.units.push(Unit {
            hash: text(&row["data_hash"]).trim_start_matches("SHA256:").to_owned(),
            size: row["size"].as_str().and_then(|size| size.parse().ok()).unwrap_or(0),
            pts: None,
            dts: None,
            pos: row["pos"].as_str().and_then(|pos| pos.parse().ok()),
            key: row["flags"].as_str().is_some_and(|flags| flags.starts_with('K')),
        });
    }
    streams.retain(|(index, stream)| chosen.contains(index) && !stream.units.is_empty());
    let indexes: Vec<usize> = streams.iter().map(|(index, _)| *index).collect();
    for ((_, stream), copied) in streams.iter_mut().zip(framehash(path, &indexes)) {
        stream.sections = stream.units.iter().all(|unit| unit.pos.is_none());
        // What was not copied comes before what was.
        let left_out = stream.units.len().checked_sub(copied.len()).expect("ffmpeg copies what it reads");
        stream.units.drain(..left_out);
        for (unit, (hash, dts, pts)) in stream.units.iter_mut().zip(copied) {
            assert_eq!(unit.hash, hash, "{}: ffprobe and ffmpeg read PID {:#x} differently", path.display(), stream.pid);
            (unit.dts, unit.pts) = (dts, pts);
        }
    }
    streams.into_iter().map(|(_, stream)| stream).collect()
}

/// Indexes of the streams of the programme that a tuner plays.
fn chosen(document: &Value) -> HashSet<usize> {
    let programmes: Vec<&Vec<Value>> =
        document["programs"].as_array().into_iter().flatten().filter_map(|programme| programme["streams"].as_array()).collect();
    let has =
        |kind: &str| programmes.iter().find(|streams| streams.iter().any(|stream| stream["codec_type"].as_str() == Some(kind)));
    let first = || programmes.iter().find(|streams| !streams.is_empty());
    let programme = has("video").or_else(|| has("audio")).or_else(first);
    programme.into_iter().flat_map(|streams| streams.iter()).map(|stream| stream["index"].as_u64().unwrap() as usize).collect()
}

type Copied = (String, Option<i64>, Option<i64>);

/// `ffmpeg -c copy -f framehash` of these streams. They are all that have packets: `-map 0` itself refuses a file that announces a
/// stream it never sends (no dimensions), and streams of private types unless told to copy them.
fn framehash(path: &Path, indexes: &[usize]) -> Vec<Vec<Copied>> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-f", "mpegts", "-i"]).arg(path).args(["-c", "copy", "-copy_unknown"]);
    for index in indexes {
        command.args(["-map", &format!("0:{index}")]);
    }
    let output = run(command.args(["-f", "framehash", "-hash", "sha256", "-"]), Duration::from_secs(60));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut streams = vec![Vec::new(); indexes.len()];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [stream, dts, pts, _duration, _size, hash, ..] = fields[..] else { panic!("framehash says {line:?}") };
        streams[stream.parse::<usize>().unwrap()].push((hash.to_owned(), dts.parse().ok(), pts.parse().ok()));
    }
    let in_90k = text.lines().filter(|line| line.starts_with("#tb ")).all(|line| line.ends_with("1/90000"));
    assert!(in_90k && !text.is_empty(), "{}: {text:.500} {}", path.display(), output.stderr);
    streams
}
