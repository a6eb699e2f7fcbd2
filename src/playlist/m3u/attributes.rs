//! `#EXTINF:-1 key="value" key=value,Name`: everybody writes it, nobody has specified it.
//!
//! The name begins after the comma behind the last attribute, and may hold commas itself. Values may hold commas and even
//! quotes: a quote ends a value only where something sensible follows.

use super::entry::{Attributes, Entry, clean_name};

/// Longest name of an attribute.
const NAME: usize = 64;
/// Longest value that is kept: logos given as `data:` are longer, and of no use here.
const VALUE: usize = 4096;

/// Reads what follows `#EXTINF:`.
pub(super) fn extinf(text: &str, entry: &mut Entry) {
    let duration = |c: char| c.is_ascii_digit() || ['-', '+', '.'].contains(&c);
    let rest = text.trim_start().trim_start_matches(duration);
    let name = pairs(rest, VALUE, &mut entry.attributes);
    entry.name = clean_name(name);
}

/// Reads the attributes of a line that has no name, however long (lists of guides are).
pub(super) fn all(text: &str) -> Attributes {
    let mut attributes = Attributes::default();
    pairs(text, usize::MAX, &mut attributes);
    attributes
}

/// Takes attributes off the front, those with values of up to `longest` bytes; gives what follows the comma behind them.
fn pairs<'a>(text: &'a str, longest: usize, attributes: &mut Attributes) -> &'a str {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(',') {
            // Some lists have a comma in front of the attributes too.
            match key(after.trim_start()) {
                Some((_, value)) if value.starts_with('"') && closing(value.get(1..).unwrap_or_default()).is_some() => {
                    rest = after;
                }
                _ => return after,
            }
        } else if let Some((name, after)) = key(rest) {
            let (value, after) = value(after);
            if value.len() <= longest {
                attributes.add(name, value);
            }
            rest = after;
        } else if rest.is_empty() {
            return rest;
        } else {
            // A stray word: what a broken quote left over.
            let end = rest.char_indices().skip(1).find(|(_, c)| c.is_whitespace() || *c == ',').map_or(rest.len(), |(at, _)| at);
            rest = rest.get(end..).unwrap_or_default();
        }
    }
}

/// `name=` at the front, and what follows it.
fn key(text: &str) -> Option<(&str, &str)> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    let end = text.bytes().position(|byte| !sound(byte))?;
    let (name, rest) = text.split_at_checked(end)?;
    let after = rest.trim_start().strip_prefix('=')?;
    // Where it stands counts with the spaces in front of it.
    let at = text.len() - after.len() - 1;
    (!name.is_empty() && at <= NAME).then_some((name, after))
}

/// A value at the front, and what follows it.
fn value(text: &str) -> (&str, &str) {
    let trimmed = text.trim_start();
    if trimmed.len() < text.len() && key(trimmed).is_some() {
        return ("", trimmed);
    }
    let text = trimmed;
    if let Some(quoted) = text.strip_prefix('"') {
        return match closing(quoted) {
            Some(end) => {
                let (value, after) = quoted.split_at(end);
                (value, after.get(1..).unwrap_or_default())
            }
            // Never closed properly: it ends at the last quote in front of the name, or where the name begins.
            None => match quoted.rfind(',') {
                Some(end) => {
                    let (value, after) = quoted.split_at(end);
                    (value.rsplit_once('"').map_or(value, |(value, _)| value), after)
                }
                None => (quoted, ""),
            },
        };
    }
    // Without quotes it ends at a comma, or where the next attribute begins.
    for (at, c) in text.char_indices() {
        if c == ',' || (c.is_whitespace() && key(text.get(at..).unwrap_or_default().trim_start()).is_some()) {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// Where a quoted value ends: at a quote behind which the line ends, a comma or another attribute follows.
fn closing(text: &str) -> Option<usize> {
    let ends = |after: &str| {
        let next = after.trim_start();
        next.is_empty() || next.starts_with(',') || key(next).is_some()
    };
    memchr::memchr_iter(b'"', text.as_bytes()).find(|at| ends(text.get(at + 1..).unwrap_or_default()))
}
