//! Streams that are pushed to us: the ports they come to, and what the rest learns of them.

use std::net::SocketAddr;
use std::sync::Arc;

use std::collections::HashSet;

use anyhow::Context;

use super::ports::StorePorts;
use crate::admin::Feeds;
use crate::admin::feeds::edits::{NewChannelRequest, SourceRequest};
use crate::base::chain::Chain;
use crate::base::machine;
use crate::hdhr::target::outlet::{self, SharedPort};
use crate::ingest::registry::{Role, Shown, Status};
use crate::ingest::rtp::{
    self,
    port::{Describing, Short},
};
use crate::ingest::srt::{self, Rules};
use crate::ingest::taps::{Looking, Taps};
use crate::ingest::watch::Watch;
use crate::ingest::{Registry, Settings};
use crate::model::{InputRule, SourceId};
use crate::source::pushed;
use crate::store::Store;

/// Ports that are ours.
#[derive(Debug)]
pub struct Bound {
    srt: Vec<srt::Bound>,
    rtp: Vec<rtp::Bound>,
    described: Vec<rtp::Described>,
    /// What comes to the ports of RTP and is too short for it.
    short: Short,
}

/// Ports that are served. Dropping it ends that.
#[derive(Debug)]
pub struct Ports {
    srt: srt::Ports,
    rtp: rtp::Ports,
}

impl Ports {
    /// For streams that are described later on.
    pub fn describing(&self) -> &Describing {
        self.rtp.describing()
    }

    /// Ends them; senders are told, where they can be.
    pub async fn close(self) {
        drop(self.rtp);
        self.srt.close().await;
    }
}

/// Binds the ports of inputs.
///
/// # Errors
/// When one that must be had cannot be.
pub fn bind(settings: &Settings) -> anyhow::Result<Bound> {
    let mut bound = Bound { srt: Vec::new(), rtp: Vec::new(), described: Vec::new(), short: Short::new(64) };
    for listen in &settings.srt.listen {
        match srt::bind(listen) {
            Ok(port) => bound.srt.push(port),
            Err(error) if listen.optional => {
                tracing::warn!(srt.listen = %listen.addr, %error, "an optional SRT port is not available; no stream can be pushed to it");
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("cannot listen for SRT on {}; stop what uses it, or choose another port with srt.listen", listen.addr)
                });
            }
        }
    }
    let (groups, addresses): (Vec<_>, Vec<_>) = settings.rtp.listen.iter().partition(|listen| listen.is_group());
    for listen in addresses.into_iter().chain(groups) {
        match rtp::bind(listen, settings.rtp.buffer_size) {
            Ok(port) => bound.rtp.push(port),
            Err(error) if listen.optional => {
                tracing::warn!(rtp.listen = %listen.addr, %error, "an optional RTP port is not available; no stream can be pushed to it");
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("cannot listen for RTP on {}; stop what uses it, or choose another port with rtp.listen", listen.addr)
                });
            }
        }
    }
    // A port that is asked for is not to be the one beside another.
    bound.rtp = bound.rtp.into_iter().map(|port| port.with_control(settings.rtp.buffer_size)).collect();
    for sdp in &settings.rtp.sdp {
        let read = std::fs::read_to_string(&sdp.path).map_err(|error| error.to_string());
        match read.and_then(|text| rtp::described::bind(&sdp.stream, &text, settings.rtp.buffer_size)) {
            Ok(described) => bound.described.push(described),
            Err(reason) => {
                tracing::warn!(rtp.sdp = %sdp.path.display(), "a stream that is described cannot be received: {reason}");
            }
        }
    }
    Ok(bound)
}

/// Frames of so many bytes are looked at in any case.
const LEAST_FRAME: usize = 1024 * 1024;

/// What knows all inputs, and looks into them until the other is dropped.
///
/// # Errors
/// When the system has no thread for it.
pub fn registry(settings: &Settings) -> anyhow::Result<(Registry, Looking)> {
    let limits = settings.memory.limits(machine::memory_bytes());
    // The frames at hand come on top of what is kept; on a small machine they are small, too.
    let mut tap = settings.tap;
    let share = usize::try_from(limits.per_stream / 8).unwrap_or(usize::MAX);
    tap.frames.most_bytes = tap.frames.most_bytes.min(share.max(LEAST_FRAME));
    let (taps, looking) = Taps::start(tap, limits).context("cannot start the thread that looks into inputs")?;
    Ok((Registry::with_taps(taps), looking))
}

impl Bound {
    /// UDP 5004, which RTP and the HDHomeRun protocol both want, for the streams that leave there.
    pub fn shared_port(&self) -> SharedPort {
        SharedPort {
            socket: self.rtp.iter().find_map(|port| port.on_all(outlet::PORT)),
            single: self.rtp.iter().any(|port| port.holds(outlet::PORT))
                || self.described.iter().any(|described| described.holds(outlet::PORT)),
            short: self.short.clone(),
        }
    }

    /// Serves them.
    pub fn serve(self, settings: &Settings, registry: &Registry, rules: &Arc<dyn Rules>, watch: &Arc<dyn Watch>) -> Ports {
        let addresses: Vec<SocketAddr> = self.srt.iter().filter_map(|port| port.addr().ok()).collect();
        if !addresses.is_empty() {
            tracing::info!(?addresses, "listening for streams by SRT");
        }
        if let Some(granted) = self.srt.iter().filter_map(srt::Bound::clipped).min() {
            tracing::info!(
                granted_kib = granted / 1024,
                "the kernel grants SRT a small receive buffer; should streams of a high bit rate lose packets, set net.core.rmem_max to \
                 8388608"
            );
        }
        registry.listens(addresses);
        let addresses: Vec<SocketAddr> = self.rtp.iter().map(rtp::Bound::addr).collect();
        if !addresses.is_empty() {
            tracing::info!(?addresses, "listening for streams by RTP");
        }
        registry.listens_for_rtp(addresses);
        Ports {
            srt: srt::Ports::serve(self.srt, settings.srt.clone(), registry, rules, watch),
            rtp: rtp::Ports::serve(self.rtp, self.described, &settings.rtp, registry, &self.short),
        }
    }
}

/// What people say of single streams. From memory.
#[derive(Debug)]
pub struct StoredRules(pub Store);

impl Rules for StoredRules {
    fn rule(&self, stream: &str) -> Option<InputRule> {
        self.0.catalog().input_rules.get(stream).cloned()
    }
}

/// Channels that are made by themselves while the program runs, at most: who calls under ever new names does not fill the lineup.
const MOST_CHANNELS: usize = 100;

/// What follows when a stream begins: its source is as good as new, and a channel may be made of it.
pub struct Follower {
    registry: Registry,
    ports: Arc<StorePorts>,
    feeds: Feeds,
    auto_channel: bool,
}

impl Follower {
    /// One that has seen nothing yet.
    pub fn new(registry: &Registry, ports: &Arc<StorePorts>, feeds: &Feeds, settings: &Settings) -> Self {
        let auto_channel = settings.auto_channel;
        Self { registry: registry.clone(), ports: ports.clone(), feeds: feeds.clone(), auto_channel }
    }

    /// Follows for as long as the program runs.
    pub async fn follow(self) {
        let mut changes = self.registry.changes();
        let (mut before, mut made) = (HashSet::new(), 0);
        loop {
            let now: HashSet<String> = on(&self.registry).collect();
            for id in now.difference(&before) {
                let known = self.begins(id).await;
                if known || !self.auto_channel || made > MOST_CHANNELS {
                    continue;
                }
                made += 1;
                if made > MOST_CHANNELS {
                    tracing::warn!(
                        stream = id,
                        "no channel could be made of a stream that is pushed to us: {MOST_CHANNELS} were made since the start"
                    );
                } else {
                    self.make_channel(id).await;
                }
            }
            before = now;
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// A source that failed for want of a sender need not rest any more. Whether there is one.
    async fn begins(&self, id: &str) -> bool {
        let address = pushed::address(id);
        let catalog = self.feeds.store.catalog();
        let of_it = catalog.sources.values().flatten().filter(|source| source.url == address);
        let sources: Vec<SourceId> = of_it.map(|source| source.id).collect();
        for source in &sources {
            if let Err(error) = self.ports.clear_health(Some(*source)).await {
                tracing::warn!(error = %Chain(&error), "what is known of a source could not be forgotten");
            }
        }
        !sources.is_empty()
    }

    async fn make_channel(&self, id: &str) {
        let source = SourceRequest { url: Some(pushed::address(id)), ..SourceRequest::default() };
        let name = id.chars().take(200).collect();
        let request = NewChannelRequest { name: Some(name), number: None, sources: vec![source] };
        if let Err(error) = self.feeds.add_channel(&request).await {
            tracing::warn!(stream = id, error = %Chain(&error), "no channel could be made of a stream that is pushed to us");
        }
    }
}

/// The ids of those that are pushed to us now.
fn on(registry: &Registry) -> impl Iterator<Item = String> {
    let is_on = |input: &Shown| input.status == Status::Active && input.role == Role::Listener;
    registry.all().into_iter().filter(is_on).map(|input| input.id)
}
