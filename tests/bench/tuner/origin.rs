//! The upstream: one stream of constant rate made by ffmpeg, sent by the clock.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// By what comes from here on a packet is known.
pub const TAIL: usize = 88;

type Error = Box<dyn std::error::Error>;

const SECONDS: u32 = 60;
/// Keyframes come every second; a client that starts here waits for the next.
const START_MS: f64 = 700.0;

/// A transport stream of constant rate.
#[derive(Clone)]
pub struct Stream {
    bytes: Arc<Vec<u8>>,
    kbps: u32,
}

impl Stream {
    pub fn bytes_per_second(&self) -> f64 {
        f64::from(self.kbps) * 1000.0 / 8.0
    }

    /// Where the first keyframe begins that a client of [`Origin::from_start`] gets, and the bytes by which it is known: the end
    /// of its first packet.
    pub fn first_keyframe(&self) -> Result<(usize, Vec<u8>), Error> {
        let from = (START_MS / 1e3 * self.bytes_per_second() / 188.0) as usize;
        let packets = self.bytes.as_chunks::<188>().0.iter().enumerate().skip(from);
        // A unit begins, and random_access_indicator is set.
        let begins =
            |packet: &[u8; 188]| packet[1] & 0x40 != 0 && packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x40 != 0;
        let video = |packet: &[u8; 188]| packet.windows(4).any(|four| four == [0, 0, 1, 0xE0]);
        let (at, packet) = packets.into_iter().find(|(_, packet)| begins(packet) && video(packet)).ok_or("no keyframe")?;
        Ok((at * 188, packet[TAIL..].to_vec()))
    }

    /// Where each packet lies, by its end, where no other one ends like it.
    pub fn places(&self) -> HashMap<Vec<u8>, usize> {
        let mut places = HashMap::new();
        for (at, packet) in self.bytes.as_chunks::<188>().0.iter().enumerate() {
            let tail = packet.get(TAIL..).unwrap_or_default().to_vec();
            places.entry(tail).and_modify(|place| *place = usize::MAX).or_insert(at);
        }
        places.retain(|_, place| *place != usize::MAX);
        places
    }
}

/// Makes one of so many kilobits a second, or takes the one made before.
pub fn stream(kbps: u32) -> Result<Stream, Error> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{kbps}.ts"));
    if !path.exists() {
        let part = path.with_extension("part.ts");
        let size = format!("testsrc2=s=1280x720:r=25:d={SECONDS}");
        let (rate, video) = (format!("{kbps}k"), format!("{}k", kbps * 8 / 9));
        let sound = format!("sine=f=440:d={SECONDS}");
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", &size, "-f", "lavfi", "-i", &sound])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0"])
            .args(["-b:v", &video, "-minrate", &video, "-maxrate", &video, "-bufsize", "2M", "-x264-params", "nal-hrd=cbr"])
            .args(["-c:a", "aac", "-b:a", "128k", "-muxrate", &rate, "-f", "mpegts"])
            .arg(&part)
            .status()?;
        if !status.success() {
            return Err("ffmpeg could not make the test stream".into());
        }
        std::fs::rename(&part, &path)?;
    }
    Ok(Stream { bytes: Arc::new(std::fs::read(path)?), kbps })
}

/// How a source is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    End,
    Stall,
}

/// An HTTP server of the stream.
pub struct Origin {
    address: SocketAddr,
    lists: tempfile::TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What has happened to those who came before that.
    lost: Option<(Instant, Fault)>,
    /// Who is served, and since when.
    served: Vec<Instant>,
    /// When each request came, and its first keyframe was sent.
    keyframes: Vec<(Instant, Instant)>,
}

#[derive(Clone, Copy)]
enum Mode {
    /// Every client sees the same moment.
    Live(Instant),
    /// Every client sees it from the same place.
    FromStart,
}

impl Origin {
    pub fn live(stream: &Stream) -> Result<Self, Error> {
        Self::start(stream, Mode::Live(Instant::now()), stream.bytes_per_second())
    }

    pub fn from_start(stream: &Stream) -> Result<Self, Error> {
        Self::start(stream, Mode::FromStart, stream.bytes_per_second())
    }

    fn start(stream: &Stream, mode: Mode, bytes_per_second: f64) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let state = Arc::new(Mutex::new(State::default()));
        let origin = Self { address: listener.local_addr()?, lists: tempfile::tempdir()?, state: Arc::clone(&state) };
        let bytes = stream.bytes.clone();
        let keyframe = stream.first_keyframe()?.0;
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (bytes, state) = (bytes.clone(), Arc::clone(&state));
                std::thread::spawn(move || {
                    let begun = Instant::now();
                    if let Ok(mut state) = state.lock() {
                        state.served.push(begun);
                    }
                    send(client, begun, &bytes, mode, bytes_per_second, keyframe, &state);
                    if let Ok(mut state) = state.lock() {
                        state.served.retain(|other| *other != begun);
                    }
                });
            }
        });
        Ok(origin)
    }

    /// This happens to all who are served now.
    pub fn lose(&self, fault: Fault) {
        if let Ok(mut state) = self.state.lock() {
            state.lost = Some((Instant::now(), fault));
        }
    }

    /// This happens to whoever has been served longest.
    pub fn lose_oldest(&self, fault: Fault) {
        if let Ok(mut state) = self.state.lock() {
            state.lost = state.served.iter().min().map(|oldest| (*oldest, fault));
        }
    }

    /// When somebody came after that, and when the first keyframe was sent there.
    pub fn first_keyframe_after(&self, moment: Instant) -> Option<(Instant, Instant)> {
        self.state.lock().ok()?.keyframes.iter().copied().find(|(_, at)| *at >= moment)
    }

    pub fn address(&self, channel: usize) -> String {
        format!("http://{}/{channel}.ts", self.address)
    }

    /// A playlist of so many channels.
    pub fn playlist(&self, channels: usize) -> Result<PathBuf, Error> {
        let path = self.lists.path().join(format!("{channels}.m3u"));
        let entry = |n| format!("#EXTINF:-1 tvg-id=\"c{n}\" tvg-chno=\"{}\",Channel {n}\n{}\n", n + 1, self.address(n));
        std::fs::write(&path, format!("#EXTM3U\n{}", (0..channels).map(entry).collect::<String>()))?;
        Ok(path)
    }

    /// A playlist of one source of a channel, which is an account of its own.
    pub fn playlist_of(&self, channel: &str, n: usize) -> Result<PathBuf, Error> {
        let path = self.lists.path().join(format!("{channel}-{n}.m3u"));
        std::fs::write(
            &path,
            format!("#EXTM3U\n#EXTINF:-1 tvg-id=\"{channel}\" tvg-chno=\"1\",{channel}\n{}\n", self.address(n)),
        )?;
        Ok(path)
    }

    /// A playlist of one channel, which is an account of its own.
    pub fn playlist_from(&self, n: usize) -> Result<PathBuf, Error> {
        let path = self.lists.path().join(format!("only-{n}.m3u"));
        let entry = format!("#EXTINF:-1 tvg-id=\"c{n}\" tvg-chno=\"{}\",Channel {n}\n{}\n", n + 1, self.address(n));
        std::fs::write(&path, format!("#EXTM3U\n{entry}"))?;
        Ok(path)
    }
}

/// Sends by the clock, in pieces of whole packets every 2 ms; ends when the client does.
fn send(
    mut client: TcpStream,
    begun: Instant,
    bytes: &[u8],
    mode: Mode,
    bytes_per_second: f64,
    keyframe: usize,
    state: &Mutex<State>,
) {
    let mut request = [0; 2048];
    if client.read(&mut request).is_err() || client.set_nodelay(true).is_err() {
        return;
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n";
    if client.write_all(head.as_bytes()).is_err() {
        return;
    }
    let packets = |seconds: f64| (seconds * bytes_per_second / 188.0) as usize * 188;
    let (epoch, mut at) = match mode {
        Mode::Live(epoch) => (epoch, packets(epoch.elapsed().as_secs_f64())),
        Mode::FromStart => (Instant::now() - Duration::from_secs_f64(START_MS / 1e3), packets(START_MS / 1e3)),
    };
    loop {
        let lost = state.lock().ok().and_then(|state| state.lost).filter(|(at, _)| *at >= begun);
        match lost {
            Some((_, Fault::End)) => return,
            Some((_, Fault::Stall)) => {
                // Until the client goes.
                while client.read(&mut request).is_ok_and(|n| n > 0) {}
                return;
            }
            None => {}
        }
        let until = packets(epoch.elapsed().as_secs_f64());
        while at < until {
            let from = at % bytes.len();
            let len = (until - at).min(bytes.len() - from).min(188 * 340);
            let Some(piece) = bytes.get(from..from + len) else { return };
            if client.write_all(piece).is_err() {
                return;
            }
            at += len;
            // The first time, in the first turn.
            if (at - len..at).contains(&keyframe)
                && let Ok(mut state) = state.lock()
            {
                state.keyframes.push((begun, Instant::now()));
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
