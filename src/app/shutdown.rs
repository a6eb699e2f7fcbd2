//! When to end: SIGTERM or SIGINT; a second one ends at once. SIGHUP, by which some services read their settings again, ends nothing.
//! A person may ask for another start; where systemd runs it, that makes it.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A signal ended it.
    Stopped,
    /// It is to be started again.
    ForRestart,
}

/// Whether systemd runs this process as a service, and so starts it again.
pub fn is_service() -> bool {
    let var = |name| std::env::var(name).ok();
    let pid = std::process::id().to_string();
    supervised(var("INVOCATION_ID").is_some(), var("SYSTEMD_EXEC_PID").as_deref(), &pid, var("NOTIFY_SOCKET").is_some())
}

/// systemd.exec(5): a shell that a service started has `INVOCATION_ID`, too, but is another process than `SYSTEMD_EXEC_PID` says.
/// Before version 248 there is no such variable; what is asked to tell that it is ready is a service then. Pure.
fn supervised(invocation: bool, exec_pid: Option<&str>, pid: &str, notify: bool) -> bool {
    invocation && exec_pid.map_or(notify, |exec_pid| exec_pid == pid)
}

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

#[cfg(test)]
mod tests {
    use super::supervised;

    #[rstest::rstest]
    #[case(true, Some("7"), true, true)]
    #[case(true, Some("7"), false, true)]
    #[case(true, Some("8"), true, false)]
    #[case(true, None, true, true)]
    #[case(true, None, false, false)]
    #[case(false, Some("7"), true, false)]
    fn only_a_service_is_started_again(
        #[case] invocation: bool,
        #[case] exec_pid: Option<&str>,
        #[case] notify: bool,
        #[case] expected: bool,
    ) {
        assert_eq!(supervised(invocation, exec_pid, "7", notify), expected);
    }
}
