//! An upstream that serves a small stream of its own making, by the clock, and counts its connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::base::{clock, tasks};

/// What every client gets.
#[derive(Debug, Clone, Copy)]
pub enum Play {
    Endless,
    /// Closes after so many bytes.
    EndAfter(usize),
    /// Closes after so many bytes, the next time at once, and is well from then on.
    AwayOnce(usize),
    /// Says nothing more after so many bytes.
    StallAfter(usize),
    /// Answers 200 and then nothing.
    Silence,
    /// A transport stream of PAT and PMT.
    Tables,
    /// Answers 429: too many requests of this account.
    Refuse,
}

pub struct Origin {
    address: SocketAddr,
    opened: Arc<AtomicUsize>,
    live: Arc<AtomicUsize>,
    end: watch::Sender<()>,
    _task: tasks::Task<()>,
}

impl Origin {
    pub async fn start(play: Play) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (opened, live) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counters = (opened.clone(), live.clone());
        let end = watch::Sender::new(());
        let ends = end.clone();
        let task = tasks::spawn("origin", async move {
            let mut clients = Vec::new();
            while let Ok((client, _)) = listener.accept().await {
                let (opened, live) = (counters.0.clone(), counters.1.clone());
                let play = match (play, opened.fetch_add(1, Ordering::SeqCst)) {
                    (Play::AwayOnce(bytes), 0) => Play::EndAfter(bytes),
                    (Play::AwayOnce(_), 1) => Play::EndAfter(0),
                    (Play::AwayOnce(_), _) => Play::Endless,
                    (play, _) => play,
                };
                let ended = ends.subscribe();
                live.fetch_add(1, Ordering::SeqCst);
                clients.push(tasks::spawn("origin client", async move {
                    serve(client, play, ended).await;
                    live.fetch_sub(1, Ordering::SeqCst);
                }));
            }
        });
        Self { address, opened, live, end, _task: task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/live.ts", self.address)
    }

    /// Ends what it sends now.
    pub fn end(&self) {
        self.end.send_replace(());
    }

    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    pub fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }
}

async fn serve(mut client: TcpStream, play: Play, mut ended: watch::Receiver<()>) {
    let (mut reader, mut client) = client.split();
    let mut request = [0; 2048];
    let _ = reader.read(&mut request).await;
    let head: &[u8] = match play {
        Play::Refuse => b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
        _ => b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n",
    };
    if client.write_all(head).await.is_err() {
        return;
    }
    let most = match play {
        Play::Endless | Play::AwayOnce(_) | Play::Tables => usize::MAX,
        Play::EndAfter(bytes) | Play::StallAfter(bytes) => bytes,
        Play::Silence | Play::Refuse => 0,
    };
    let mut sent = 0;
    let mut frame = 0;
    while sent < most {
        let mut bytes = picture(frame);
        if matches!(play, Play::Tables) {
            bytes.truncate(if frame.is_multiple_of(10) { 2 * 188 } else { 0 });
        }
        tokio::select! {
            biased;
            _ = ended.changed() => return,
            done = client.write_all(&bytes) => if done.is_err() { return },
            _ = reader.read(&mut request) => return,
        }
        sent += bytes.len();
        frame += 1;
        clock::sleep(Duration::from_millis(10)).await;
    }
    if !matches!(play, Play::EndAfter(_)) {
        // Until the client goes.
        let _ = reader.read(&mut request).await;
    }
}

/// One picture of a radio-like programme of MPEG audio: PAT and PMT now and then, then a PES packet with PCR. Each lasts
/// 10 ms; continuity counters run over all of them.
fn picture(n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    if n.is_multiple_of(10) {
        let counter = (n / 10 % 16) as u8;
        out.extend(section(0, counter, &[0x00, 0xB0, 13, 0, 1, 0xC1, 0, 0, 0, 1, 0xE1, 0x00]));
        out.extend(section(0x100, counter, &[0x02, 0xB0, 18, 0, 1, 0xC1, 0, 0, 0xE1, 0x01, 0xF0, 0, 0x03, 0xE1, 0x01, 0xF0, 0]));
    }
    let base = n * 900;
    let mut first = vec![0x47, 0x41, 0x01, 0x30 | ((n * 40 % 16) as u8), 7, 0x50];
    first.extend([
        (base >> 25) as u8,
        (base >> 17) as u8,
        (base >> 9) as u8,
        (base >> 1) as u8,
        ((base & 1) << 7) as u8 | 0x7E,
        0,
    ]);
    first.extend([0, 0, 1, 0xC0, 0, 0, 0x80, 0x80, 5]);
    let pts = base + 9000;
    first.extend([
        0x21 | ((pts >> 29) as u8 & 0x0E),
        (pts >> 22) as u8,
        (pts >> 14) as u8 | 1,
        (pts >> 7) as u8,
        (pts << 1) as u8 | 1,
    ]);
    first.resize(188, 0x55);
    out.extend(first);
    for k in 1..40u64 {
        let mut packet = vec![0x47, 0x01, 0x01, 0x10 | (((n * 40 + k) % 16) as u8)];
        packet.resize(188, 0x55);
        out.extend(packet);
    }
    out
}

fn section(pid: u16, counter: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x47, 0x40 | (pid >> 8) as u8, pid as u8, 0x10 | counter, 0];
    packet.extend(body);
    packet.extend(crc32(body).to_be_bytes());
    packet.resize(188, 0xFF);
    packet
}

/// CRC of PSI (13818-1, annex A), bit by bit, so as not to test our own code with itself.
fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| (crc << 1) ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 })
    })
}
