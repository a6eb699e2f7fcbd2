//! Texts of a guide: bytes to characters, what is markup and what only looks like it, entities, white space, lengths. Pure.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use quick_xml::escape::resolve_html5_entity;

/// The encoding that a declaration names, where its bytes below 128 are ASCII, as they must be here. `None`: UTF-8, with single
/// bytes of Windows-1252 among it. Latin-1 is that too: what is UTF-8 throughout a text is UTF-8, whatever was declared.
pub(super) fn encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.as_bytes())
        .filter(|encoding| encoding.is_ascii_compatible() && *encoding != UTF_8 && *encoding != WINDOWS_1252)
}

/// Characters of `bytes`. Whatever the bytes are, there is something to show.
pub(super) fn decode<'a>(bytes: &'a [u8], encoding: Option<&'static Encoding>) -> Cow<'a, str> {
    if let Some(encoding) = encoding {
        return encoding.decode_without_bom_handling(bytes).0;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    Cow::Owned(text)
}

/// Makes `&lt;` of every `<` that begins no markup, as in "Tom < Jerry" or "I <3 you", so that what follows it is not lost.
pub(super) fn mend(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut mended = String::new();
    // Up to where `text` is in `mended`, and up to where it was looked at.
    let (mut kept, mut at) = (0, 0);
    let mut instructions = true;
    while let Some(found) = memchr::memchr(b'<', bytes.get(at..).unwrap_or_default()) {
        let here = at + found;
        let after = bytes.get(here + 1..).unwrap_or_default();
        let spans = |begin: &[u8], end: &[u8]| {
            let rest = after.strip_prefix(begin)?;
            Some(begin.len() + memchr::memmem::find(rest, end)? + end.len())
        };
        let length = match after.first() {
            Some(b'!') => spans(b"!--", b"-->").or_else(|| spans(b"![CDATA[", b"]]>")),
            Some(b'?') if instructions => {
                let length = spans(b"?", b"?>");
                instructions = length.is_some();
                length
            }
            Some(b'/') if after.get(1).is_some_and(begins_name) => closes(after),
            Some(byte) if begins_name(byte) => closes(after),
            _ => None,
        };
        at = here + 1 + length.unwrap_or(0);
        if length.is_none() {
            mended.push_str(text.get(kept..here).unwrap_or_default());
            mended.push_str("&lt;");
            kept = here + 1;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(mended)
}

fn begins_name(byte: &u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || !byte.is_ascii()
}

/// Whether a tag ends before the next one begins. What is looked for next lies behind its name, not behind its end, which
/// may be within quotes.
fn closes(after: &[u8]) -> Option<usize> {
    let end = memchr::memchr2(b'<', b'>', after)?;
    (after.get(end) == Some(&b'>')).then_some(1)
}

/// Adds what `&name;` stands for, or the very text where that is nothing known.
pub(super) fn push_reference(text: &mut String, name: &str) {
    if let Some(number) = name.strip_prefix('#') {
        text.extend(numbered(number));
    } else if let Some(known) = resolve_html5_entity(name) {
        text.push_str(known);
    } else {
        text.extend(["&", name, ";"]);
    }
}

/// The character of `#8217` or `#x2019`. Numbers from 128 to 159 are meant as Windows-1252, as browsers have it.
fn numbered(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    match u8::try_from(code) {
        Ok(byte @ 128..160) => WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next(),
        _ => char::from_u32(code),
    }
}

/// The value of an attribute with its references resolved.
pub(super) fn unescape(value: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', value.as_bytes()).is_none() {
        return Cow::Borrowed(value);
    }
    let mut parts = value.split('&');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(';') {
            Some((name, rest)) => {
                push_reference(&mut text, name);
                text.push_str(rest);
            }
            None => text.extend(["&", part]),
        }
    }
    Cow::Owned(text)
}

/// `raw` trimmed, with single spaces for white space, without control characters, and cut to `most` bytes.
pub(super) fn clean(raw: &str, most: usize) -> Cow<'_, str> {
    if raw.len() <= most && is_clean(raw) {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len().min(most));
    let mut space = false;
    for c in raw.chars() {
        if c.is_whitespace() {
            space = !text.is_empty();
        } else if c.is_control() || matches!(c, '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}') {
            // No XML may hold these (XML 1.0, section 2.2), or nobody sees them.
        } else if text.len() + usize::from(space) + c.len_utf8() > most {
            break;
        } else {
            if std::mem::take(&mut space) {
                text.push(' ');
            }
            text.push(c);
        }
    }
    Cow::Owned(text)
}

/// Whether there is surely nothing to clean.
fn is_clean(text: &str) -> bool {
    let mut before = b' ';
    for byte in text.bytes() {
        if !(byte.is_ascii_graphic() || (byte == b' ' && before != b' ')) {
            return false;
        }
        before = byte;
    }
    before != b' ' || text.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[rstest::rstest]
    #[case("a < b", "a &lt; b")]
    #[case("I <3 you", "I &lt;3 you")]
    #[case("a <b and c<i>d</i>", "a &lt;b and c<i>d</i>")]
    #[case("end <", "end &lt;")]
    #[case("< </", "&lt; &lt;/")]
    #[case("a </ b>", "a &lt;/ b>")]
    #[case("<!-- < --> <", "<!-- < --> &lt;")]
    #[case("<![CDATA[ <b ]]><b>", "<![CDATA[ <b ]]><b>")]
    #[case("<!DOCTYPE a> <?pi < ?> <? <", "&lt;!DOCTYPE a> <?pi < ?> &lt;? &lt;")]
    #[case("<icon src='a>b'/>", "<icon src='a>b'/>")]
    #[case("ü<ü>", "ü<ü>")]
    fn what_only_looks_like_markup(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(mend(text), expected);
    }

    #[rstest::rstest]
    #[case("A &amp; B &lt;&gt;&quot;&apos;", "A & B <>\"'")]
    #[case("&#65;&#x42;&#X43;&#8217;&#146;", "ABC\u{2019}\u{2019}")]
    #[case("&eacute;&nbsp;&Uuml;", "é\u{A0}Ü")]
    #[case("AT&T; &unknown; & done;", "AT&T; &unknown; & done;")]
    #[case("a & b &", "a & b &")]
    #[case("&#xD83D;&#1114112;&#x;&#-1;x", "x")]
    #[case("&amp;amp;", "&amp;")]
    fn references(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(unescape(text), expected);
    }

    #[rstest::rstest]
    #[case("  a \r\n\t b ", "a b")]
    #[case("a\u{A0}\u{A0}b\u{85}c", "a b c")]
    #[case("Bel\u{7}\u{0} Air\u{9B}", "Bel Air")]
    #[case("\u{FEFF}a\u{FFFF}", "a")]
    #[case("", "")]
    #[case(" ", "")]
    #[case("äöü", "äöü")]
    #[case("0123456789012", "0123456789")]
    #[case("012345678ä", "012345678")]
    #[case("012345678 9", "012345678")]
    fn texts(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(clean(text, 10), expected);
    }

    #[rstest::rstest]
    #[case(b"Z\xC3\xBCrich", "utf-8", "Zürich")]
    #[case(b"Z\xFCrich \xC3\xBC \x80", "utf-8", "Zürich ü €")]
    #[case(b"Z\xFCrich", "iso-8859-1", "Zürich")]
    #[case(b"Z\xC3\xBCrich", "iso-8859-1", "Zürich")]
    #[case(b"\xC3\xBC", "windows-1251", "Гј")]
    #[case(b"plain", "utf-16", "plain")]
    #[case(b"plain", "no such thing", "plain")]
    fn encodings(#[case] bytes: &[u8], #[case] label: &str, #[case] expected: &str) {
        assert_eq!(decode(bytes, encoding(label)), expected);
    }

    proptest! {
        #[test]
        fn clean_texts_stay(text in "[ -~\\n\\u{80}-\\u{A0}äあ]{0,40}", most in 0usize..40) {
            let once = clean(&text, most).into_owned();
            prop_assert!(once.len() <= most && once.trim() == once && !once.contains("  ") && !once.contains(char::is_control));
            prop_assert_eq!(clean(&once, most), once.as_str());
        }
    }
}
