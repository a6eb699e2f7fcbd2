//! Streams that are pushed to us: the ports they come to, and what the rest learns of them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;

use crate::ingest::srt::{self, Bound, Ports, Rules};
use crate::ingest::{Registry, Settings};

/// Binds the ports of inputs.
///
/// # Errors
/// When one that must be had cannot be.
pub fn bind(settings: &Settings) -> anyhow::Result<Vec<Bound>> {
    let mut bound = Vec::new();
    for listen in &settings.srt.listen {
        match srt::bind(listen) {
            Ok(port) => bound.push(port),
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
    Ok(bound)
}

/// Serves them. Dropping what is returned ends that.
pub fn serve(bound: Vec<Bound>, settings: &Settings, registry: &Registry, rules: &Arc<dyn Rules>) -> Ports {
    let addresses: Vec<SocketAddr> = bound.iter().filter_map(|port| port.addr().ok()).collect();
    if !addresses.is_empty() {
        tracing::info!(?addresses, "listening for streams by SRT");
    }
    Ports::serve(bound, settings.srt.clone(), registry, rules)
}
