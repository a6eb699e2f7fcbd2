//! Encoders that push by SRT, as Debian has them.

use super::media::Kind;
use super::netns::Netns;
use super::process::{Running, start};

/// A passphrase.
pub const PASSPHRASE: &str = "a_good_passphrase";
/// Where srt-live-transmit gets its stream from.
const FEED: &str = "udp://127.0.0.1:6002";

/// A program that calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// ffmpeg.
    Ffmpeg,
    /// libsrt's own tool, fed by ffmpeg.
    Transmit,
    /// GStreamer, which plays a fixture once.
    Gstreamer,
}

/// The options of a call: a stream id, and a key of so many bytes, 0 for none.
pub fn call(stream_id: &str, key: u8) -> String {
    match key {
        0 => format!("streamid={stream_id}"),
        _ => format!("streamid={stream_id}&passphrase={PASSPHRASE}&pbkeylen={key}"),
    }
}

/// Sends a fixture, as it is and in real time, to a port of 10.77.0.1. The first of the programs is the one that calls.
pub fn send(netns: &Netns, tool: Tool, kind: Kind, port: u16, options: &str) -> Vec<Running> {
    let to = format!("srt://10.77.0.1:{port}?{options}");
    match tool {
        Tool::Ffmpeg => vec![ffmpeg(netns, kind, &to)],
        Tool::Transmit => {
            let mut transmit = netns.command("srt-live-transmit");
            transmit.args(["-q", "-a:no", "-chunk:1316", FEED, &to]);
            vec![start(&mut transmit), ffmpeg(netns, kind, &format!("{FEED}?pkt_size=1316"))]
        }
        Tool::Gstreamer => {
            let mut launch = netns.command("gst-launch-1.0");
            launch.args(["-q", "filesrc"]).arg(format!("location={}", kind.path().display()));
            launch.args(["!", "tsparse", "set-timestamps=true", "smoothing-latency=1000", "!", "srtsink"]);
            launch.arg(format!("uri=srt://10.77.0.1:{port}?mode=caller")).arg("wait-for-connection=false");
            vec![start(launch.args(options.split('&')))]
        }
    }
}

fn ffmpeg(netns: &Netns, kind: Kind, to: &str) -> Running {
    let mut ffmpeg = netns.command("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(kind.path());
    start(ffmpeg.args(["-map", "0", "-c", "copy", "-pes_payload_size", "16", "-f", "mpegts", to]))
}

/// Offers a fixture, as it is and in real time, to whoever calls `at`, or is met there. The first of the programs is the one that
/// listens.
pub fn offer(netns: &Netns, tool: Tool, kind: Kind, at: &str) -> Vec<Running> {
    match tool {
        Tool::Ffmpeg => vec![ffmpeg(netns, kind, at)],
        Tool::Transmit => {
            let mut transmit = netns.command("srt-live-transmit");
            transmit.args(["-q", "-a:yes", "-chunk:1316", FEED, at]);
            vec![start(&mut transmit), ffmpeg(netns, kind, &format!("{FEED}?pkt_size=1316"))]
        }
        Tool::Gstreamer => Vec::new(),
    }
}
