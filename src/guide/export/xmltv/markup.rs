//! Elements and attributes, with their text cleaned and escaped.

use std::borrow::Cow;
use std::fmt::Write;

use quick_xml::escape::escape;

/// Adds ` name="value"`.
pub(super) fn attribute(out: &mut String, name: &str, value: &str) {
    let _ = write!(out, " {name}=\"{}\"", escape(one_line(value)));
}

/// The same for an attribute that may be absent, as it is when nothing is left of its value.
pub(super) fn optional(out: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value.map(one_line).filter(|value| !value.is_empty()) {
        attribute(out, name, &value);
    }
}

/// Adds an element on a line of its own, within `channel` or `programme`, unless its text is empty; whether it did. The text must be
/// clean.
pub(super) fn element(out: &mut String, tag: &str, with: Option<(&str, &str)>, text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    let _ = write!(out, "    <{tag}");
    if let Some((name, value)) = with {
        optional(out, name, Some(value));
    }
    let _ = writeln!(out, ">{}</{tag}>", escape(text));
    true
}

/// Text as most elements may have it: trimmed, without line breaks, and without what XML 1.0 (2.2) cannot hold in any form.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let spaced = text.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c });
    Cow::Owned(spaced.filter(|c| is_plain(*c)).collect::<String>().trim().to_owned())
}

/// The same for text that may have several lines: a description.
pub(super) fn paragraph(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.chars().all(|c| c == '\n' || is_plain(c)) {
        return Cow::Borrowed(text);
    }
    let spaced = text.chars().map(|c| if c == '\t' { ' ' } else { c });
    Cow::Owned(spaced.filter(|c| *c == '\n' || is_plain(*c)).collect::<String>().trim().to_owned())
}

/// Control characters beyond those that XML forbids are of no use to anybody.
fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}')
}
