//! `rooftop serve`: runs the tuner until a signal ends it.

use std::process::ExitCode;

use anyhow::Context;

use super::args::Serve;
use crate::app;
use crate::base::telemetry;
use crate::config::env::Stray;

/// Says that it wants to be started again (`EX_TEMPFAIL` of sysexits(3)); the unit knows it.
const RESTART: u8 = 75;

pub(super) fn run(args: &Serve) -> anyhow::Result<ExitCode> {
    let resolved = args.resolve()?;
    let config = &resolved.config;
    telemetry::init(telemetry::filter(&config.log).context("cannot log")?, config.log_format);
    for stray in &resolved.stray {
        tracing::warn!("{}", told(stray));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    let ended = runtime.block_on(app::run(resolved));
    // What still blocks is not waited for: everything that must be kept is.
    runtime.shutdown_background();
    ended.map(|ended| match ended {
        app::Ended::Stopped => ExitCode::SUCCESS,
        app::Ended::ForRestart => ExitCode::from(RESTART),
    })
}

/// A variable that looks like a setting, in words.
pub(super) fn told(Stray { name, meant }: &Stray) -> String {
    let meant = meant.as_ref().map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    format!("environment variable {name} is no setting and is ignored{meant}")
}
