//! Where the log goes: to stderr, for people, for journald, or as JSON; the last of it stays in memory. A panic is logged like
//! everything else.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

mod journal;
pub mod recent;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For journald if it listens on stderr, else for people.
    #[default]
    Auto,
    /// For people: with the time, and with colours on a terminal.
    Human,
    /// For journald: `<6>` and the like in front (sd-daemon(3)), no time, no colours.
    Journal,
    /// One JSON object a line.
    Json,
}

/// Not a way that log lines can look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of auto, human, journal, json")]
pub struct BadFormat(String);

impl std::str::FromStr for Format {
    type Err = BadFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "human" => Ok(Self::Human),
            "journal" => Ok(Self::Journal),
            "json" => Ok(Self::Json),
            other => Err(BadFormat(other.chars().take(32).collect())),
        }
    }
}

/// Reads a filter: a level, or a list as in `info,rooftop::session=debug`. A level that stands alone is Rooftop's: the libraries
/// it is made of say nothing below warnings unless they are named, for they know no secrets.
///
/// # Errors
/// When it is neither.
pub fn filter(text: &str) -> Result<EnvFilter, ParseError> {
    let directives: Vec<String> = text.split(',').map(ours).collect();
    EnvFilter::builder().parse(directives.join(","))
}

fn ours(directive: &str) -> String {
    match directive.trim().parse::<LevelFilter>() {
        Ok(level) => format!("{},rooftop={level}", level.min(LevelFilter::WARN)),
        Err(_) => directive.to_owned(),
    }
}

/// Starts logging, for the whole process; later calls change nothing.
pub fn init(filter: EnvFilter, format: Format) {
    let log = tracing_subscriber::registry().with(filter).with(recent::recent());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = match format.resolve(journal_listens()) {
        Format::Json => log.with(lines.json().flatten_event(true)).try_init(),
        Format::Journal => log.with(lines.with_ansi(false).event_format(journal::Lines)).try_init(),
        Format::Human | Format::Auto => log.with(lines.with_ansi(coloured())).try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

impl Format {
    /// What it comes to. Pure.
    fn resolve(self, journal_listens: bool) -> Self {
        match self {
            Self::Auto if journal_listens => Self::Journal,
            Self::Auto => Self::Human,
            said => said,
        }
    }
}

/// Whether stderr is the socket that systemd names in `JOURNAL_STREAM` (systemd.exec(5)): a shell that a service started has
/// the variable too, but may write elsewhere.
fn journal_listens() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(std::io::stderr()).is_ok_and(|stat| named == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Colours are for terminals, and not for those who refuse them (no-color.org).
fn coloured() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let reason = info.payload_as_str().unwrap_or("no reason given");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or("without a name").to_owned();
    let backtrace = std::backtrace::Backtrace::capture();
    let backtrace = matches!(backtrace.status(), std::backtrace::BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(panic.place = %place, panic.thread = %thread, panic.backtrace = backtrace, "panicked: {reason}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("auto", true, Format::Journal)]
    #[case("auto", false, Format::Human)]
    #[case("human", true, Format::Human)]
    #[case("journal", false, Format::Journal)]
    #[case("json", true, Format::Json)]
    fn formats(#[case] setting: &str, #[case] journal_listens: bool, #[case] expected: Format) {
        assert_eq!(setting.parse::<Format>().unwrap().resolve(journal_listens), expected);
    }

    #[rstest::rstest]
    #[case("debug", "warn,rooftop=debug")]
    #[case("ERROR", "error,rooftop=error")]
    #[case("info,rooftop::session=debug", "warn,rooftop=info,rooftop::session=debug")]
    #[case("h2=trace", "h2=trace")]
    fn libraries_stay_quiet_unless_named(#[case] text: &str, #[case] expected: &str) {
        let sorted = |text: &str| {
            let mut parts: Vec<String> = text.split(',').map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert_eq!(sorted(&filter(text).unwrap().to_string()), sorted(expected));
    }

    #[test]
    fn what_is_no_format_or_filter_is_refused() {
        let error = "xml".parse::<Format>().unwrap_err().to_string();
        assert!(error.contains("xml") && error.contains("human"), "{error}");
        for good in ["info", "warn,rooftop::session=debug", "off", "rooftop[session{channel.number=5}]=trace"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        assert!(filter("rooftop=loud").is_err());
    }
}
