//! When to end: SIGTERM or SIGINT; a second one ends at once.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the wish to end.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes over the signals.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> anyhow::Result<Self> {
        let handler = |kind| signal(kind).context("cannot handle signals");
        Ok(Self { terminate: handler(SignalKind::terminate())?, interrupt: handler(SignalKind::interrupt())? })
    }

    /// Returns at the next signal, with its name. Cancel-safe.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
