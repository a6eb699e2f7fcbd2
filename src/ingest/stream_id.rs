//! What an SRT caller says it wants: the stream id, in the syntaxes people use. Pure.
//!
//! `#!::r=NAME,m=publish,u=USER,s=PASSWORD` (SRT Access Control Guidelines), `publish:NAME[:USER:PASSWORD]` and `read:NAME…` (as
//! other media servers have it), or just a name.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::base::secret::Secret;
use crate::model::input::LONGEST_STREAM_ID;

/// What is to be done with the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The caller sends it.
    Publish,
    /// The caller wants it.
    Request,
}

/// A stream id, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamId {
    /// The stream's name; `None`: the caller left it to the port.
    pub name: Option<String>,
    /// What for.
    pub mode: Mode,
    /// User and password, as far as they came.
    pub user: Option<String>,
    /// See above.
    pub password: Option<Secret<String>>,
}

/// Why one cannot be used. The texts are for people; the codes are those of the SRT Access Control Guidelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadStreamId {
    /// Not one of the syntaxes.
    #[error("the stream id cannot be read: give a name, publish:NAME, or #!::r=NAME,m=publish")]
    Syntax,
    /// Longer than 512 bytes, or with control characters.
    #[error("the stream id is longer than 512 bytes, not UTF-8, or has control characters")]
    Text,
    /// `m=` of another kind.
    #[error("the stream id asks for a mode that there is not: m is publish or request")]
    Mode,
    /// `t=` of another kind.
    #[error("the stream id asks for something else than a live stream")]
    Type,
}

/// The id as it was meant: some programs send what stands in an address as it stands there, percent signs and all. Undone only
/// where it makes one of the syntaxes; a name may well have percent signs.
pub fn decoded(text: &str) -> Cow<'_, str> {
    let is_syntax = |text: &str| ["#!", "publish:", "read:", "request:"].iter().any(|prefix| text.starts_with(prefix));
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if !is_syntax(text) && is_syntax(&decoded) => decoded,
        _ => Cow::Borrowed(text),
    }
}

impl StreamId {
    /// Takes one apart.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn parse(text: &str) -> Result<Self, BadStreamId> {
        let text = &*decoded(text);
        // The replacement character stands for what was no UTF-8.
        if text.len() > LONGEST_STREAM_ID || text.contains(|char: char| char.is_control() || char == '\u{FFFD}') {
            return Err(BadStreamId::Text);
        }
        if let Some(pairs) = text.strip_prefix("#!::") {
            return Self::access_control(pairs);
        }
        if text.starts_with("#!") {
            return Err(BadStreamId::Syntax);
        }
        let (mode, rest) = match text.split_once(':') {
            Some(("publish", rest)) => (Mode::Publish, Some(rest)),
            Some(("read" | "request", rest)) => (Mode::Request, Some(rest)),
            _ => (Mode::Publish, None),
        };
        let Some(rest) = rest else { return Ok(Self::named(text, mode)) };
        let mut parts = rest.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let (user, password) = (parts.next(), parts.next());
        let given = |part: Option<&str>| part.filter(|part| !part.is_empty()).map(str::to_owned);
        Ok(Self { user: given(user), password: given(password).map(Secret::new), ..Self::named(name, mode) })
    }

    fn named(name: &str, mode: Mode) -> Self {
        Self { name: Some(name).filter(|name| !name.is_empty()).map(str::to_owned), mode, user: None, password: None }
    }

    fn access_control(pairs: &str) -> Result<Self, BadStreamId> {
        // What `m` is where it is not said, the guidelines leave to the resource; a caller who says nothing wants to watch.
        let mut id = Self::named("", Mode::Request);
        for pair in pairs.split(',').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or(BadStreamId::Syntax)?;
            match key {
                "r" => id.name = Some(value.to_owned()).filter(|name| !name.is_empty()),
                "m" => {
                    id.mode = match value {
                        "publish" => Mode::Publish,
                        "request" => Mode::Request,
                        _ => return Err(BadStreamId::Mode),
                    };
                }
                "u" => id.user = Some(value.to_owned()).filter(|user| !user.is_empty()),
                "s" => id.password = Some(value.to_owned()).filter(|password| !password.is_empty()).map(Secret::new),
                "t" if value != "stream" => return Err(BadStreamId::Type),
                // `h` is the name under which we were called; others may mean something to somebody else.
                _ => {}
            }
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name mode user password`, `-` for nothing.
    fn read(text: &str) -> String {
        let id = match StreamId::parse(text) {
            Ok(id) => id,
            Err(error) => return format!("{error:?}"),
        };
        let or = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let password = id.password.map(|password| password.expose().clone());
        format!("{} {:?} {} {}", or(id.name), id.mode, or(id.user), or(password))
    }

    #[rstest::rstest]
    #[case("", "- Publish - -")]
    #[case("studio", "studio Publish - -")]
    #[case("live/studio 1", "live/studio 1 Publish - -")]
    #[case("rtmp:x", "rtmp:x Publish - -")]
    #[case("publish:studio", "studio Publish - -")]
    #[case("publish:studio:me:secret:with:colons", "studio Publish me secret:with:colons")]
    #[case("publish:", "- Publish - -")]
    #[case("publish%3Astudio%3Ame%3Apw%25", "studio Publish me pw%")]
    #[case("%23%21%3A%3Ar%3Da%2Cm%3Dpublish", "a Publish - -")]
    #[case("50%25", "50%25 Publish - -")]
    #[case("publish:50%25", "50%25 Publish - -")]
    #[case("read:5.1", "5.1 Request - -")]
    #[case("#!::r=studio,m=publish", "studio Publish - -")]
    #[case("#!::m=publish,u=me,s=pw,h=box,x=y,r=a/b", "a/b Publish me pw")]
    #[case("#!::r=5.1", "5.1 Request - -")]
    #[case("#!::", "- Request - -")]
    #[case("#!::m=publish", "- Publish - -")]
    #[case("#!::r=a=b,m=publish", "a=b Publish - -")]
    #[case("#!::r", "Syntax")]
    #[case("#!:{r=a}", "Syntax")]
    #[case("#!::r=a,m=bidirectional", "Mode")]
    #[case("#!::r=a,t=file,m=publish", "Type")]
    #[case("a\nb", "Text")]
    #[case("a\u{FFFD}b", "Text")]
    fn what_is_asked_for(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(read(text), expected);
    }

    #[test]
    fn five_hundred_and_twelve_bytes_are_the_most() {
        assert!(StreamId::parse(&"ü".repeat(256)).is_ok());
        assert_eq!(StreamId::parse(&"a".repeat(513)), Err(BadStreamId::Text));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics_and_names_stay_within_bounds(text in "(#!::|publish:|read:)?.{0,80}") {
            if let Ok(id) = StreamId::parse(&text) {
                proptest::prop_assert!(id.name.is_none_or(|name| !name.is_empty() && decoded(&text).contains(&name)));
            }
        }
    }
}
