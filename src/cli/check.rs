//! `rooftop check`: the settings in force, and what stands in the way of serving with them.

mod obstacles;
mod report;

use std::process::ExitCode;

use self::report::Report;
use super::args::Serve;

pub(super) fn run(args: &Serve, as_json: bool) -> anyhow::Result<ExitCode> {
    let resolved = args.resolve()?;
    let findings = super::small_runtime()?.block_on(obstacles::find(&resolved));
    let report = Report { settings: &resolved.shown, findings: &findings };
    if as_json {
        super::print_json(&report.json());
    } else {
        print!("{}", report.text());
    }
    Ok(if report.would_serve() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
