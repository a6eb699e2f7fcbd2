//! What a panel says of an account and of itself.

use std::io::{BufReader, Read};

use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};

use super::error::XtreamError;
use super::loose::{Anything, Loose};
use super::mended::Mended;

/// Largest answer.
const MOST: u64 = 1 << 20;
/// Longest text that is kept of it.
const LONGEST: usize = 128;

/// An account as the panel sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    /// Whether it may be used.
    pub status: Status,
    /// When it ends, in milliseconds since 1970; absent: never, or the panel does not say.
    pub expires_ms: Option<i64>,
    /// A trial.
    pub is_trial: bool,
    /// Most streams at the same time; absent: no limit, or the panel does not say.
    pub max_connections: Option<u32>,
    /// Streams that are open now, by whomever.
    pub active_connections: u32,
    /// Formats in which it may get streams, in lower case.
    pub allowed_output_formats: Vec<String>,
    /// The panel.
    pub server: ServerInfo,
}

/// A panel as it describes itself. What it says of its address is often wrong; streams are asked for where the account was
/// asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Name or address, without scheme and port.
    pub url: Option<String>,
    /// Port of `http`.
    pub port: Option<u16>,
    /// Port of `https`.
    pub https_port: Option<u16>,
    /// `http` or `https`.
    pub protocol: Option<String>,
    /// `Europe/London`.
    pub timezone: Option<String>,
    /// Its clock, in its time zone, as text.
    pub time_now: Option<String>,
    /// Its clock, in milliseconds since 1970.
    pub now_ms: Option<i64>,
}

/// What a panel calls an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It may be used.
    Active,
    /// Its time is over.
    Expired,
    /// The provider shut it out.
    Banned,
    /// The provider switched it off.
    Disabled,
    /// Something else; as it is written.
    Other(String),
}

/// In which format a live stream is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A transport stream over HTTP.
    #[default]
    Ts,
    /// HLS.
    M3u8,
}

impl Format {
    /// How its addresses end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Ts => "ts",
            Self::M3u8 => "m3u8",
        }
    }
}

impl AccountInfo {
    /// The format to ask for: a transport stream, unless only HLS is allowed.
    pub fn format(&self) -> Format {
        let allowed = |names: &[&str]| self.allowed_output_formats.iter().any(|format| names.contains(&format.as_str()));
        if !allowed(&["ts", "mpegts"]) && allowed(&["m3u8", "hls"]) { Format::M3u8 } else { Format::Ts }
    }
}

impl Status {
    fn of(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "active" | "enabled" | "trial" | "ok" | "1" | "true" => Self::Active,
            "expired" => Self::Expired,
            "banned" | "blocked" => Self::Banned,
            "disabled" | "inactive" => Self::Disabled,
            _ => Self::Other(short(text)),
        }
    }
}

/// Reads the answer of [`Account::info_url`](super::Account::info_url). Blocking.
///
/// # Errors
/// When user or password are refused, or this is no panel's answer. An account that has expired or is banned is none.
pub fn account_info(input: impl Read) -> Result<AccountInfo, XtreamError> {
    let mut mended = Mended::new(input, MOST);
    let result = {
        let mut parser = serde_json::Deserializer::from_reader(BufReader::new(&mut mended));
        Anything(3).deserialize(&mut parser)
    };
    let answer = result.map_err(|error| XtreamError::of_parser(error, &mut mended, 0))?;
    match &answer {
        Loose::Nothing | Loose::Bool(false) => return Err(XtreamError::Nothing),
        Loose::Text(text) if text.trim().is_empty() => return Err(XtreamError::Nothing),
        Loose::List(members) if members.is_empty() => return Err(XtreamError::Nothing),
        _ => {}
    }
    // Without it, some say `{"auth": 0}` at once.
    let user = match answer.field("user_info") {
        Loose::Object(_) => answer.field("user_info"),
        _ => &answer,
    };
    if let Some(refusal) = refusal(user) {
        return Err(refusal);
    }
    let status = user.field("status").text();
    if status.is_none() && user.field("auth").flag().is_none() {
        return Err(XtreamError::Unexpected("the account"));
    }
    let formats = user.field("allowed_output_formats");
    let formats: Vec<String> = match formats {
        // `"ts,m3u8"` instead of a list.
        Loose::Text(text) => text.split(',').map(str::to_owned).collect(),
        formats => formats.members().into_iter().filter_map(Loose::text).collect(),
    };
    let formats = formats.into_iter().map(|format| short(&format).to_ascii_lowercase()).filter(|format| !format.is_empty());
    Ok(AccountInfo {
        status: status.map_or(Status::Active, |status| Status::of(&status)),
        expires_ms: time_ms(user.field("exp_date")),
        is_trial: user.field("is_trial").flag() == Some(true),
        max_connections: user.field("max_connections").count().filter(|most| *most > 0),
        active_connections: user.field("active_cons").count().unwrap_or(0),
        allowed_output_formats: formats.collect(),
        server: server(answer.field("server_info")),
    })
}

/// The error that the account's fields tell, if the panel refused the login.
pub(super) fn refusal(user: &Loose) -> Option<XtreamError> {
    let refused = user.field("auth").flag() == Some(false);
    refused.then(|| XtreamError::Refused(user.field("status").text().map(|status| Status::of(&status))))
}

fn server(info: &Loose) -> ServerInfo {
    let text = |field: &str| info.field(field).text().map(|text| short(&text));
    let port = |field: &str| info.field(field).whole().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    ServerInfo {
        url: text("url"),
        port: port("port"),
        https_port: port("https_port"),
        protocol: text("server_protocol").map(|protocol| protocol.to_ascii_lowercase()),
        timezone: text("timezone"),
        time_now: text("time_now"),
        now_ms: time_ms(info.field("timestamp_now")),
    }
}

/// A time: seconds since 1970 as a number or as text, or a date (taken as UTC). Nothing for `null`, 0 and words like `Unlimited`.
fn time_ms(value: &Loose) -> Option<i64> {
    if matches!(value, Loose::Bool(_)) {
        return None;
    }
    if let Some(seconds) = value.whole() {
        // So many seconds are the year 5138, and as milliseconds they are 1973: they are milliseconds.
        let ms = if seconds >= 100_000_000_000 { seconds } else { seconds.saturating_mul(1000) };
        return Some(ms).filter(|ms| *ms > 0);
    }
    let text = value.text()?;
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let date = text.parse::<jiff::civil::DateTime>().ok().or_else(|| {
        let date = text.parse::<jiff::civil::Date>().ok();
        date.map(|date| date.at(0, 0, 0, 0))
    })?;
    date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp().as_millisecond())
}

/// Text of a panel as it can be shown.
fn short(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
