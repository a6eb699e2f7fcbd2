//! Which line of an SDP says what: the parser keeps the order of the lines of each kind, not their numbers.

use sdp_types::ParserError;

use super::{SdpError, bad};

/// The lines of one section, numbered as in the whole text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Section {
    /// Of its m=; 1 for the session itself.
    pub line: usize,
    /// Of its a=, in their order.
    pub attributes: Vec<usize>,
    /// Of its c=, in their order.
    pub connections: Vec<usize>,
}

/// The lines of a description.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Lines before the text.
    before: usize,
    session: Section,
    media: Vec<Section>,
}

impl<'a> Lines<'a> {
    /// Of a description, from its v= on.
    pub fn of(text: &'a str) -> Option<Self> {
        let text = text.trim_start_matches('\u{FEFF}');
        let mut before = 0;
        let mut rest = text;
        while !rest.starts_with("v=") {
            (_, rest) = rest.split_once('\n')?;
            before += 1;
        }
        let mut session = Section { line: before + 1, ..Section::default() };
        let mut media: Vec<Section> = Vec::new();
        for (n, line) in rest.split('\n').enumerate() {
            let number = before + n + 1;
            let section = media.last_mut().unwrap_or(&mut session);
            match line.get(..2) {
                Some("m=") => media.push(Section { line: number, ..Section::default() }),
                Some("a=") => section.attributes.push(number),
                Some("c=") => section.connections.push(number),
                _ => {}
            }
        }
        Some(Self { text: rest, before, session, media })
    }

    /// The description itself.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// What stands before all media.
    pub fn session(&self) -> &Section {
        &self.session
    }

    /// A medium, by its place.
    pub fn media(&self, n: usize) -> Option<&Section> {
        self.media.get(n)
    }

    /// The parser's error in words.
    pub fn error(&self, error: &ParserError) -> SdpError {
        let (line, what, remedy) = match error {
            ParserError::InvalidLineFormat(line, what) => (line, (*what).to_owned(), "every line is a letter, = and a value"),
            ParserError::InvalidFieldEncoding(line, field) => (line, format!("{field} is no UTF-8"), "save it as UTF-8"),
            ParserError::InvalidFieldFormat(line, field) => (line, format!("{field} cannot be read"), "correct it"),
            ParserError::MissingField(line, field) => (line, format!("{field} is missing"), "complete the line"),
            ParserError::FieldTrailingData(line, field) => (line, format!("too much behind {field}"), "shorten the line"),
            ParserError::InvalidVersion(line, _) => (line, "the version is not 0".to_owned(), "the first line has to be v=0"),
            ParserError::RepeatWithoutTime(line) => (line, "r= without t=".to_owned(), "remove the line"),
            ParserError::MultipleVersions(line)
            | ParserError::MultipleOrigins(line)
            | ParserError::MultipleSessionNames(line)
            | ParserError::MultipleSessionDescription(line)
            | ParserError::MultipleUris(line)
            | ParserError::MultipleConnections(line)
            | ParserError::MultipleTimeZones(line)
            | ParserError::MultipleMediaTitles(line)
            | ParserError::MultipleKeys(line) => (line, "there may be only one line like this".to_owned(), "remove one of them"),
            _ => return SdpError::NotSdp,
        };
        bad(self.before.saturating_add(*line), what, remedy)
    }
}
