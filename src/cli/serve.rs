//! `rooftop serve`: runs the tuner until a signal ends it.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context;

use super::args::Serve;
use crate::app;
use crate::base::telemetry;
use crate::config::env::Stray;

/// Says to systemd that it wants to be started again (`EX_TEMPFAIL` of sysexits(3)); the unit knows it.
const RESTART: u8 = 75;

/// Threads for blocking work end after this long without any. Small work comes every two seconds and wakes them in turn: with tokio's
/// ten seconds, eight or so would stay for ever after a rush.
const IDLE: Duration = Duration::from_secs(1);

pub(super) fn run(args: &Serve) -> anyhow::Result<ExitCode> {
    let resolved = args.resolve()?;
    let config = &resolved.config;
    telemetry::init(telemetry::filter(&config.log).context("cannot log")?, config.log_format);
    for stray in &resolved.stray {
        tracing::warn!("{}", told(stray));
    }
    // Asked now: once a newer version is installed in its place, nobody knows where this one came from.
    let program = std::env::current_exe().context("cannot find its own program")?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_keep_alive(IDLE).build().context("cannot start")?;
    let ended = runtime.block_on(app::run(resolved));
    // What still blocks is not waited for: everything that must be kept is. Workers are ended with what holds them.
    runtime.shutdown_timeout(IDLE);
    match ended? {
        app::Ended::Stopped => Ok(ExitCode::SUCCESS),
        app::Ended::ForRestart if app::is_service() => Ok(ExitCode::from(RESTART)),
        app::Ended::ForRestart => Err(start_again(program)),
    }
}

/// Becomes a new process with the same number, in a terminal or a container, where nobody else would start it. Gives why not.
fn start_again(program: PathBuf) -> anyhow::Error {
    // The new one would not know of them.
    while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
    let mut command = Command::new(&program);
    command.args(std::env::args_os().skip(1));
    anyhow::Error::new(command.exec()).context(format!("cannot start {} again; start it by hand", program.display()))
}

/// A variable that looks like a setting, in words.
pub(super) fn told(Stray { name, meant }: &Stray) -> String {
    let meant = meant.as_ref().map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    format!("environment variable {name} is no setting and is ignored{meant}")
}
