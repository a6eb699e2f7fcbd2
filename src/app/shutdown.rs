//! When to end: SIGTERM or SIGINT; a second one ends at once. SIGHUP, by which some services read their settings again, ends nothing.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the wish to end.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes over the signals.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> anyhow::Result<Self> {
        let handler = |kind| signal(kind).context("cannot handle signals");
        let (terminate, interrupt) = (handler(SignalKind::terminate())?, handler(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hangup: handler(SignalKind::hangup())? })
    }

    /// Returns at the next signal, with its name. Cancel-safe.
    pub async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => tracing::info!("SIGHUP does nothing: settings are read at the start, so restart for others"),
            }
        }
    }
}
