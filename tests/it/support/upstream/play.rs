//! Bodies, byte by byte and on time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::Sent;
use super::script::{Body, Cue, Live, Tweak};
use crate::support::packets::{Packet, SIZE, pat_programmes, whole_section};

/// A page as providers send it instead of a stream.
pub const HTML: &str = "<!DOCTYPE html><html><head><title>Error</title></head><body>Your subscription has ended.</body></html>";

/// Where a body goes.
pub struct Sink<'a, W> {
    pub writer: &'a mut W,
    pub chunked: bool,
    pub sent: &'a Sent,
}

impl<W: AsyncWrite + Unpin> Sink<'_, W> {
    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.chunked {
            let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
            self.writer.write_all(&framed).await?;
        } else {
            self.writer.write_all(bytes).await?;
        }
        self.sent.all.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(())
    }
}

/// Sends a body; returns at its end.
pub async fn body<W: AsyncWrite + Unpin>(
    sink: &mut Sink<'_, W>,
    body: Body,
    mut cue: watch::Receiver<Cue>,
    epoch: Instant,
) -> std::io::Result<()> {
    match body {
        Body::Live(programme) => live(sink, programme, &mut cue, epoch).await?,
        Body::ThenSilence(bytes) => {
            sink.send(&bytes).await?;
            std::future::pending::<()>().await;
        }
        Body::Bytes(bytes, write) => {
            for part in bytes.chunks(write) {
                sink.send(part).await?;
            }
        }
        Body::Noise => {
            let mut state = 0x2545_F491_4F6C_DD1D_u64;
            loop {
                let noise: Vec<u8> = std::iter::repeat_with(|| step(&mut state)).take(12_500).collect();
                sink.send(&noise).await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Body::Html => sink.send(HTML.as_bytes()).await?,
    }
    if sink.chunked {
        sink.writer.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}

/// xorshift64.
fn step(state: &mut u64) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 32) as u8
}

async fn live<W: AsyncWrite + Unpin>(
    sink: &mut Sink<'_, W>,
    programme: Live,
    cue: &mut watch::Receiver<Cue>,
    epoch: Instant,
) -> std::io::Result<()> {
    let begun = Instant::now();
    let zero = if programme.played_from_start { begun } else { epoch };
    let mut player = programme.media.play(zero.elapsed());
    let mut then = programme.then;
    let mut filter = Filter::new(programme.tweak);
    let mut pending = Vec::new();
    let mut leap = true;
    let mut noise = 0x9E37_79B9_7F4A_7C15;
    loop {
        let now = *cue.borrow_and_update();
        match now {
            Cue::Run => {}
            Cue::Stall => {
                if cue.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                player = programme.media.play(zero.elapsed());
                continue;
            }
            Cue::End | Cue::Reset => return Ok(()),
            Cue::Garbage | Cue::Nulls => {
                sink.send(&instead(now, &mut noise)).await?;
                if is_cued(cue, Duration::from_millis(20)).await {
                    player = programme.media.play(zero.elapsed());
                }
                continue;
            }
            Cue::Leap => player.leap(3600 * 90_000 * u64::from(std::mem::replace(&mut leap, false))),
            Cue::Trickle => {
                sink.send(&player.next_packet()).await?;
                if is_cued(cue, Duration::from_millis(250)).await {
                    player = programme.media.play(zero.elapsed());
                }
                continue;
            }
        }
        if let Some((_, media)) = then.take_if(|(after, _)| begun.elapsed() >= *after) {
            player = media.play(zero.elapsed());
        }
        // What is due within the next 10 ms goes out now; a stream at 2 Mbit/s has 13 packets in that time.
        let horizon = zero.elapsed() + Duration::from_millis(10);
        while player.due() <= horizon {
            filter.pass(&player.next_packet(), &mut pending);
            if pending.len() >= 64 * SIZE {
                break;
            }
        }
        for part in pending.chunks(programme.write) {
            sink.send(part).await?;
            if !leap {
                sink.sent.leapt.fetch_add(part.len(), Ordering::Relaxed);
            }
        }
        pending.clear();
        let wait = player.due().saturating_sub(zero.elapsed());
        is_cued(cue, wait).await;
    }
}

/// Waits for so long, or for a cue if that comes first; says whether it did. Once another script is set none will come.
async fn is_cued(cue: &mut watch::Receiver<Cue>, wait: Duration) -> bool {
    let cued = tokio::time::timeout(wait, async {
        if cue.changed().await.is_err() {
            std::future::pending().await
        }
    });
    cued.await.is_ok()
}

/// What comes instead of a programme in 20 ms, at about 1 Mbit/s.
fn instead(cue: Cue, noise: &mut u64) -> Vec<u8> {
    if cue == Cue::Garbage {
        return std::iter::repeat_with(|| step(noise)).take(2500).collect();
    }
    let mut null = [0xFF; SIZE];
    null[..4].copy_from_slice(&[0x47, 0x1F, 0xFF, 0x10]);
    null.repeat(13)
}

/// Applies a tweak, packet by packet.
struct Filter {
    tweak: Tweak,
    count: u64,
    pmt_pids: Vec<u16>,
}

impl Filter {
    fn new(tweak: Tweak) -> Self {
        Self { tweak, count: 0, pmt_pids: Vec::new() }
    }

    fn pass(&mut self, bytes: &[u8; SIZE], out: &mut Vec<u8>) {
        let packet = Packet(bytes);
        self.count += 1;
        if packet.pid() == 0
            && let Some(section) = whole_section(packet)
        {
            self.pmt_pids = pat_programmes(section).into_iter().map(|(_, pid)| pid).collect();
        }
        let psi = packet.pid() < 0x20 || self.pmt_pids.contains(&packet.pid());
        match self.tweak {
            Tweak::NoPsi if psi => {}
            Tweak::Scrambled if !psi && packet.has_payload() => {
                let mut scrambled = *bytes;
                scrambled[3] |= 0x80;
                let payload_at = SIZE - packet.payload().len();
                scrambled[payload_at..].iter_mut().for_each(|byte| *byte ^= 0xA5);
                out.extend_from_slice(&scrambled);
            }
            Tweak::HalfPackets if self.count.is_multiple_of(500) => out.extend_from_slice(&bytes[..SIZE / 2]),
            Tweak::Loss if self.count.is_multiple_of(40) => {}
            Tweak::Repeats if self.count.is_multiple_of(30) && packet.has_payload() && packet.pcr().is_none() => {
                out.extend_from_slice(bytes);
                out.extend_from_slice(bytes);
            }
            _ => out.extend_from_slice(bytes),
        }
    }
}
