//! Encoders that push by RTP: ffmpeg, GStreamer, and one of our own that does what a network and other encoders do. Its packets are
//! built by the crate `rtp`, the code under test reads them with another.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rtp::header::Header;
use rtp::packet::Packet;
use webrtc_util::marshal::Marshal;

use super::media::Kind;
use super::netns::Netns;
use super::process::{Running, start};
use super::random::Random;

/// Sends a fixture by ffmpeg, as it is and in real time.
pub fn ffmpeg(netns: &Netns, kind: Kind, to: &str) -> Running {
    let mut ffmpeg = netns.command("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(kind.path());
    ffmpeg.args(["-map", "0", "-c", "copy", "-mpegts_muxer_options", "pes_payload_size=16", "-f", "rtp_mpegts"]);
    start(ffmpeg.arg(format!("rtp://{to}?pkt_size=1328")))
}

/// The same by GStreamer, once.
pub fn gstreamer(netns: &Netns, kind: Kind, host: &str, port: u16) -> Running {
    let mut launch = netns.command("gst-launch-1.0");
    launch.args(["-q", "filesrc"]).arg(format!("location={}", kind.path().display()));
    launch.args(["!", "tsparse", "set-timestamps=true", "smoothing-latency=1000", "!", "rtpmp2tpay", "!", "udpsink"]);
    start(launch.args([format!("host={host}"), format!("port={port}"), "auto-multicast=true".into()]))
}

/// In which order packets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they are numbered.
    Straight,
    /// Every eight of them by chance, one of eight twice.
    Shuffled(u64),
}

/// A sender of ours, while it sends: RTP from one port, RTCP from the one beside it.
pub struct Sender {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    control: UdpSocket,
    to: SocketAddr,
    ssrc: u32,
}

impl Sender {
    /// Sends a fixture for ever, in real time, from this port of 10.77.0.1.
    pub fn start(netns: &Netns, kind: Kind, from: u16, to: &str, ssrc: u32, order: Order) -> Self {
        let bind = |port| netns.udp(&format!("10.77.0.1:{port}")).unwrap();
        let (media, control) = (bind(from), bind(from + 1));
        let to: SocketAddr = to.parse().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || send(&media, kind, to, ssrc, order, &stop)
        });
        Self { stop, thread: Some(thread), control, to, ssrc }
    }

    /// Sends no more, without a word.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Sends no more, and says so (RFC 3550, 6.6: an empty receiver report, and BYE).
    pub fn say_goodbye(mut self) {
        self.stop();
        let ssrc = self.ssrc.to_be_bytes();
        let compound = [&[0x80, 201, 0, 1], &ssrc[..], &[0x81, 203, 0, 1], &ssrc[..]].concat();
        self.control.send_to(&compound, SocketAddr::new(self.to.ip(), self.to.port() + 1)).unwrap();
    }

    /// What the receiver reports of it (6.4.2): fraction lost in 256ths, and all that was lost, in 24 bits with a sign.
    pub fn report(&self, limit: Duration) -> (u8, i32) {
        let (report, _) = super::udp::receive(&self.control, limit).expect("a receiver report");
        assert_eq!((report[0], report[1]), (0x81, 201), "{report:02x?}");
        assert_eq!(report[8..12], self.ssrc.to_be_bytes(), "{report:02x?}");
        (report[12], i32::from_be_bytes([report[13], report[14], report[15], 0]) >> 8)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A packet with this number and payload.
pub fn packet(ssrc: u32, sequence_number: u16, timestamp: u32, payload: Vec<u8>) -> Vec<u8> {
    let header = Header { version: 2, payload_type: 33, sequence_number, timestamp, ssrc, ..Header::default() };
    Packet { header, payload: payload.into() }.marshal().unwrap().to_vec()
}

fn send(socket: &UdpSocket, kind: Kind, to: SocketAddr, ssrc: u32, order: Order, stop: &AtomicBool) {
    let media = kind.media();
    let (mut player, begun) = (media.play(Duration::ZERO), Instant::now());
    let mut random = Random::new(if let Order::Shuffled(seed) = order { seed } else { 0 });
    let (mut number, mut waiting) = (65_500u16, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let due = player.due();
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        let payload = (0..7).flat_map(|_| player.next_packet()).collect();
        waiting.push(packet(ssrc, number, (due.as_millis() * 90) as u32, payload));
        number = number.wrapping_add(1);
        // The first ones say where a stream begins.
        let shuffled = order != Order::Straight && due > Duration::from_millis(500);
        if shuffled && waiting.len() < 8 {
            continue;
        }
        if shuffled {
            waiting.push(waiting[random.below(8) as usize].clone());
            (1..waiting.len()).rev().for_each(|last| waiting.swap(last, random.below(last as u64 + 1) as usize));
        }
        for packet in waiting.drain(..) {
            // Nobody listens any more: then the test has seen enough.
            let _ = socket.send_to(&packet, to);
        }
    }
}
