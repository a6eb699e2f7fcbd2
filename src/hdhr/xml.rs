//! Text for XML. Pure.

use std::borrow::Cow;

/// Escapes `text` for content and attribute values, and leaves out what XML 1.0 (2.2) cannot hold in any form.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_char) {
        return quick_xml::escape::escape(text);
    }
    let kept: String = text.chars().filter(|c| is_char(*c)).collect();
    Cow::Owned(quick_xml::escape::escape(&kept).into_owned())
}

fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_impossible_characters() {
        assert_eq!(escape("Tom & <Jerry> \"Ü\" '1'"), "Tom &amp; &lt;Jerry&gt; &quot;Ü&quot; &apos;1&apos;");
        assert_eq!(escape("a\u{1}b\u{FFFE}c"), "abc");
    }
}
