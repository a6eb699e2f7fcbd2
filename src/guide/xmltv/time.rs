//! Times as guides write them (xmltv.dtd, "Time and date"), and as they write them wrong. Pure.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;

/// Names of zones with their minutes east of Greenwich. What means different things in different countries (IST) is left out:
/// no time is better than a wrong one.
const ZONES: [(&str, i32); 43] = [
    ("Z", 0),
    ("UTC", 0),
    ("UT", 0),
    ("GMT", 0),
    ("WET", 0),
    ("WEST", 60),
    ("BST", 60),
    ("CET", 60),
    ("MEZ", 60),
    ("CEST", 120),
    ("MESZ", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("SAST", 120),
    ("PKT", 300),
    ("SGT", 480),
    ("HKT", 480),
    ("AWST", 480),
    ("JST", 540),
    ("KST", 540),
    ("ACST", 570),
    ("ACDT", 630),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
    ("NST", -210),
    ("NDT", -150),
    ("AST", -240),
    ("ADT", -180),
    ("BRT", -180),
    ("ART", -180),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("HST", -600),
];

/// Largest offset from Greenwich in hours; the largest in use is 14.
const FARTHEST: i32 = 15;

/// Seconds since 1970 of `YYYYMMDDhhmmss ±hhmm`.
///
/// Also read: only the beginning, from the date on; a fraction of a second; `2026-01-31T20:15:00`; a name for the offset, or both
/// (`UTC+1`); 24:00. Without an offset it is UTC. `None`: not understood, or before 1970.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.as_bytes().get(4) == Some(&b'-') {
        return compact(&joined(text)?);
    }
    compact(text)
}

fn compact(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(8)?;
    let date = Date::new(number(date.get(..4)?)?, number(date.get(4..6)?)?, number(date.get(6..)?)?).ok()?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (clock, zone) = rest.split_at_checked(digits)?;
    let part = |at: usize| if at < digits { number(clock.get(at..at + 2)?) } else { Some(0) };
    let (hour, minute, second): (i8, i8, i8) = (part(0)?, part(2)?, part(4)?);
    if digits > 6 {
        return None;
    }
    // What ends with the day ends at 24:00 in some guides.
    let (date, hour) = if (hour, minute, second) == (24, 0, 0) { (date.tomorrow().ok()?, 0) } else { (date, hour) };
    let time = Time::new(hour, minute, if second == 60 { 59 } else { second }, 0).ok()?;
    let offset = Offset::from_seconds(minutes(without_fraction(zone))? * 60).ok()?;
    let seconds = offset.to_timestamp(date.to_datetime(time)).ok()?.as_second();
    (seconds >= 0).then_some(seconds)
}

/// `2026-01-31T20:15:00` without what separates its digits.
fn joined(text: &str) -> Option<String> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.trim_start_matches(['T', 't', ' ']);
    let clock = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b':').count();
    let (clock, zone) = rest.split_at_checked(clock)?;
    Some(format!("{}{}{zone}", date.replace('-', ""), clock.replace(':', "")))
}

fn without_fraction(text: &str) -> &str {
    text.strip_prefix('.').map_or(text, |fraction| fraction.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Minutes east of Greenwich.
fn minutes(zone: &str) -> Option<i32> {
    let zone = zone.trim();
    let letters = zone.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (name, offset) = zone.split_at_checked(letters)?;
    let named = match name {
        "" => 0,
        name => ZONES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known))?.1,
    };
    let offset = offset.trim();
    // An offset behind a name counts from Greenwich, whatever the name.
    if offset.is_empty() { Some(named) } else { numeric(offset) }
}

/// `±hhmm`, `±hh:mm`, `±hh`, `±hmm`.
fn numeric(offset: &str) -> Option<i32> {
    let (sign, digits) = match offset.as_bytes().first()? {
        b'+' => (1, offset.get(1..)?),
        b'-' => (-1, offset.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let (hours, minutes): (i32, i32) = (number(hours)?, number(minutes)?);
    (hours < FARTHEST && minutes < 60 && digits.len() < 6).then_some(sign * (hours * 60 + minutes))
}

fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    #[rstest::rstest]
    #[case("20260131201500 +0000", "2026-01-31T20:15:00Z")]
    #[case("20260131201500 +0100", "2026-01-31T19:15:00Z")]
    #[case("20260131201500 -0330", "2026-01-31T23:45:00Z")]
    #[case("20260131201500+0100", "2026-01-31T19:15:00Z")]
    #[case(" 20260131201500   +01:00 ", "2026-01-31T19:15:00Z")]
    #[case("20260131201500 +01", "2026-01-31T19:15:00Z")]
    #[case("20260131201500 +1", "2026-01-31T19:15:00Z")]
    #[case("20260131201500 +530", "2026-01-31T14:45:00Z")]
    #[case("20260131201500", "2026-01-31T20:15:00Z")]
    #[case("20260131201500.250 +0100", "2026-01-31T19:15:00Z")]
    #[case("202601312015 +0100", "2026-01-31T19:15:00Z")]
    #[case("202601312015", "2026-01-31T20:15:00Z")]
    #[case("2026013120", "2026-01-31T20:00:00Z")]
    #[case("20260131", "2026-01-31T00:00:00Z")]
    #[case("20260131 -0500", "2026-01-31T05:00:00Z")]
    #[case("20260131201500Z", "2026-01-31T20:15:00Z")]
    #[case("20260131201500 UTC", "2026-01-31T20:15:00Z")]
    #[case("20260131201500 gmt", "2026-01-31T20:15:00Z")]
    #[case("20260731201500 BST", "2026-07-31T19:15:00Z")]
    #[case("20260131201500 CET", "2026-01-31T19:15:00Z")]
    #[case("20260731201500 CEST", "2026-07-31T18:15:00Z")]
    #[case("20260131201500 EST", "2026-02-01T01:15:00Z")]
    #[case("20260131201500 PDT", "2026-02-01T03:15:00Z")]
    #[case("20260131201500 NST", "2026-01-31T23:45:00Z")]
    #[case("20260131201500 UTC+0200", "2026-01-31T18:15:00Z")]
    #[case("20260131201500 GMT -1", "2026-01-31T21:15:00Z")]
    #[case("2026-01-31T20:15:00Z", "2026-01-31T20:15:00Z")]
    #[case("2026-01-31T20:15:00.000+01:00", "2026-01-31T19:15:00Z")]
    #[case("2026-01-31 20:15 -0500", "2026-02-01T01:15:00Z")]
    #[case("2026-01-31", "2026-01-31T00:00:00Z")]
    #[case("20260131240000 +0000", "2026-02-01T00:00:00Z")]
    #[case("20261231235960", "2026-12-31T23:59:59Z")]
    #[case("20240229000000", "2024-02-29T00:00:00Z")]
    fn times(#[case] text: &str, #[case] expected: Timestamp) {
        assert_eq!(seconds(text), Some(expected.as_second()), "{text}");
    }

    #[rstest::rstest]
    #[case("")]
    #[case("2026")]
    #[case("202601")]
    #[case("2026013")]
    #[case("20260230000000 +0000")]
    #[case("20261301000000 +0000")]
    #[case("20260131250000 +0000")]
    #[case("20260131240100 +0000")]
    #[case("20260131206000 +0000")]
    #[case("202601312")]
    #[case("2026013120150")]
    #[case("202601312015000")]
    #[case("20260131201500 IST")]
    #[case("20260131201500 Europe/Berlin")]
    #[case("20260131201500 0100")]
    #[case("20260131201500 +")]
    #[case("20260131201500 +2500")]
    #[case("20260131201500 +0160")]
    #[case("20260131201500 +000100")]
    #[case("20260131201500 +-100")]
    #[case("19691231235959 +0000")]
    #[case("00000000000000 +0000")]
    #[case("-2026013120150 +0000")]
    #[case("2026é131201500")]
    #[case("tomorrow at noon")]
    fn what_is_no_time(#[case] text: &str) {
        assert_eq!(seconds(text), None, "{text}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(at in 90_000i64..16_725_225_600, minutes in -840i32..=840) {
            let offset = Offset::from_seconds(minutes * 60).unwrap();
            let text = offset.to_datetime(Timestamp::from_second(at).unwrap()).strftime("%Y%m%d%H%M%S").to_string();
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
            prop_assert_eq!(seconds(&format!("{text} {sign}{hours:02}{rest:02}")), Some(at));
            prop_assert_eq!(seconds(&format!("{text}{sign}{hours:02}:{rest:02}")), Some(at));
        }

        #[test]
        fn nothing_panics(text in "\\PC*", digits in "[0-9]{8,14}[-+ A-Z:.]{0,2}[0-9]{0,5}") {
            let _ = (seconds(&text), seconds(&digits));
        }
    }
}
