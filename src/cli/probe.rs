//! `rooftop probe`: opens one address and reports what is in it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use serde_json::json;

use super::args::Probe;
use crate::base::clock;
use crate::base::secret::{SafeUrl, Secret};
use crate::ingest::Registry;
use crate::ingest::settings::SrtSettings;
use crate::ingest::srt::Calls;
use crate::model::{Headers, Route, StreamInfo};
use crate::source::{Chunk, Opened, Opener, Target};
use crate::ts::RawPacket;
use crate::ts::input::{Choice, Input, Mark, Proof, Sink, Stats};
use crate::ts::programme::Programme;

/// After the proof, this much more media for the rate and the sound.
const MORE: Duration = Duration::from_secs(2);

struct Report {
    producer: &'static str,
    info: StreamInfo,
    stats: Stats,
    proof: Proof,
    bytes: u64,
    first_byte_ms: Option<u128>,
    proven_ms: Option<u128>,
    ended: Option<String>,
}

pub(super) fn run(args: &Probe, as_json: bool) -> anyhow::Result<ExitCode> {
    let target = target(args)?;
    let shown = SafeUrl(&args.url).to_string();
    let report = super::small_runtime()?.block_on(look(&target, Duration::from_secs(args.seconds)))?;
    if as_json {
        super::print_json(&to_json(&shown, &report));
    } else {
        print(&shown, &report);
    }
    Ok(if report.proof == Proof::Proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn target(args: &Probe) -> anyhow::Result<Target> {
    let mut headers = Vec::new();
    if let Some(agent) = &args.user_agent {
        headers.push(("User-Agent".to_owned(), agent.clone()));
    }
    for header in &args.header {
        let Some((name, value)) = header.split_once(':') else { bail!("header {header:?} is not of the form `Name: value`") };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let route = Route { proxy: args.proxy.clone(), any_certificate: args.any_certificate };
    Ok(Target { url: Secret::new(args.url.clone()), headers: Headers(headers), route })
}

async fn look(target: &Target, limit: Duration) -> anyhow::Result<Report> {
    let settings = crate::source::Settings::default();
    let calls = Arc::new(Calls::new(&SrtSettings::default(), &Registry::default(), settings.connect_timeout));
    let opener = Opener::new(settings).context("cannot prepare to open sources")?.with_calls(calls.clone());
    let began = clock::now();
    let Opened { mut bytes, producer, .. } = clock::timeout(limit, opener.open(target))
        .await
        .context("nothing answered in time")?
        .context("cannot open the source")?;
    let mut input = Input::new(Choice::First);
    let mut report = Report {
        producer,
        info: StreamInfo::default(),
        stats: Stats::default(),
        proof: Proof::Nothing,
        bytes: 0,
        first_byte_ms: None,
        proven_ms: None,
        ended: None,
    };
    let mut enough_at = None;
    loop {
        let left = limit.saturating_sub(clock::now() - began);
        match clock::timeout(left, bytes.next()).await {
            Err(_) => break,
            Ok(None) => {
                report.ended = Some("the stream ended".into());
                break;
            }
            Ok(Some(Err(error))) => {
                report.ended = Some(error.to_string());
                break;
            }
            Ok(Some(Ok(Chunk::Discontinuity { .. }))) => {}
            Ok(Some(Ok(Chunk::Bytes(chunk)))) => {
                let elapsed = (clock::now() - began).as_millis();
                report.first_byte_ms.get_or_insert(elapsed);
                report.bytes += chunk.len() as u64;
                input.push(&chunk, &mut Discard);
                if input.proof() == Proof::Proven && report.proven_ms.is_none() {
                    report.proven_ms = Some(elapsed);
                    enough_at = input.media_time().map(|media| media + MORE);
                }
                if enough_at.is_some_and(|enough| input.media_time().is_some_and(|media| media >= enough)) {
                    break;
                }
            }
        }
    }
    // Who was called is told that it is over: it may serve one at a time.
    drop(bytes);
    calls.close().await;
    (report.info, report.stats, report.proof) = (input.info(), input.stats(), input.proof());
    Ok(report)
}

struct Discard;

impl Sink for Discard {
    fn programme(&mut self, _: &Programme) {}
    fn packet(&mut self, _: &RawPacket, _: Mark) {}
}

fn verdict(proof: Proof) -> &'static str {
    match proof {
        Proof::Nothing => "no transport stream",
        Proof::Transport => "a transport stream without PAT and PMT",
        Proof::Programme => "a programme without a point to begin at",
        Proof::Proven => "plays",
    }
}

fn to_json(url: &str, report: &Report) -> serde_json::Value {
    json!({
        "url": url,
        "producer": report.producer,
        "plays": report.proof == Proof::Proven,
        "verdict": verdict(report.proof),
        "first_byte_ms": report.first_byte_ms,
        "proven_ms": report.proven_ms,
        "bytes": report.bytes,
        "ended": report.ended,
        "stream": report.info,
        "packets": report.stats.packets,
        "junk_bytes": report.stats.junk_bytes,
        "continuity_errors": report.stats.continuity_errors,
        "transport_errors": report.stats.transport_errors,
        "scrambled_packets": report.stats.scrambled_packets,
        "crc_errors": report.stats.crc_errors,
    })
}

fn print(url: &str, report: &Report) {
    let info = &report.info;
    println!("{url}: {} ({})", verdict(report.proof), report.producer);
    let ms = |ms: Option<u128>| ms.map_or_else(|| "never".into(), |ms| format!("{ms} ms"));
    println!("  first byte {}, ready to play {}, {} bytes read", ms(report.first_byte_ms), ms(report.proven_ms), report.bytes);
    if let Some(number) = info.program {
        let name = info.service_name.as_deref().unwrap_or("without a name");
        println!("  programme {number} of {}, {name}", info.program_count);
    }
    if let Some(video) = &info.video {
        let mut line = format!("  video {}", video.codec.name());
        if let Some(profile) = &video.profile {
            line += &format!(" {profile}");
        }
        if let Some(resolution) = info.resolution() {
            line += &format!(", {resolution}{}", if video.interlaced == Some(true) { " interlaced" } else { "" });
        }
        if let Some(rate) = video.frame_rate {
            line += &format!(", {rate:.3} frames/s");
        }
        println!("{line}");
    }
    for audio in &info.audio {
        let language = audio.language.as_deref().unwrap_or("und");
        let rate = audio.sample_rate.map_or(String::new(), |rate| format!(", {rate} Hz"));
        let channels = audio.channels.map_or(String::new(), |channels| format!(", {channels} channels"));
        println!("  audio {} ({language}){rate}{channels}", audio.codec.name());
    }
    for subtitle in &info.subtitles {
        println!("  subtitles {} ({})", subtitle.codec.name(), subtitle.language.as_deref().unwrap_or("und"));
    }
    if let Some(bps) = info.bitrate_bps {
        println!("  {:.2} Mbit/s", bps as f64 / 1e6);
    }
    if info.scrambled {
        println!("  scrambled: clients will see nothing");
    }
    let stats = &report.stats;
    if stats.continuity_errors + stats.junk_bytes + stats.transport_errors + stats.crc_errors > 0 {
        println!(
            "  damage: {} packets missing, {} marked broken, {} bytes of junk, {} tables broken",
            stats.continuity_errors, stats.transport_errors, stats.junk_bytes, stats.crc_errors
        );
    }
    if let Some(ended) = &report.ended {
        println!("  it ended: {ended}");
    }
}
