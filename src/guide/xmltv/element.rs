//! One element of a guide, as text, to what it says (xmltv.dtd). Pure.
//!
//! It goes by names rather than by nesting: where an end is missing, what cannot be within the element ends it.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::attributes::{Attribute, Attributes};
use quick_xml::events::{BytesStart, Event};

use super::text::{clean, mend, push_reference, unescape};
use crate::model::programme::{Credit, EpisodeNumber, PreviouslyShown, Rating, Text};
use crate::model::{GuideChannel, Programme};

/// Longest description in bytes.
pub(super) const LONG: usize = 16 * 1024;
/// Longest of all other texts.
pub(super) const SHORT: usize = 1024;
/// Longest address.
const ADDRESS: usize = 8 * 1024;
/// Longest id of a channel.
const ID: usize = 256;
/// Longest name of a language, of an element, of a system of counting.
const NAME: usize = 64;
/// Most people who took part.
const CREDITS: usize = 256;
/// Most categories and keywords.
const WORDS: usize = 64;
/// Most of everything else.
const FEW: usize = 16;
/// Most attributes of a tag.
const ATTRIBUTES: usize = 64;

/// Who may take part, in the order of the DTD.
const ROLES: [&str; 10] =
    ["director", "actor", "writer", "adapter", "producer", "composer", "editor", "presenter", "commentator", "guest"];

/// What the start tag of an element says.
#[derive(Debug, Default)]
pub(super) struct Head<'a> {
    pub id: Cow<'a, str>,
    pub channel: Cow<'a, str>,
    pub start: Cow<'a, str>,
    pub stop: Cow<'a, str>,
}

/// Reads `<programme …>` or `<channel …>`. What is missing is empty.
pub(super) fn head(tag: &str) -> Head<'_> {
    let mut head = Head::default();
    let tag = tag.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/');
    let name = tag.find(|c: char| c.is_ascii_whitespace()).unwrap_or(tag.len());
    for attribute in attributes(Attributes::html(tag, name)) {
        let place = match attribute.key.into_inner() {
            "id" => &mut head.id,
            "channel" => &mut head.channel,
            "start" => &mut head.start,
            "stop" => &mut head.stop,
            _ => continue,
        };
        *place = attribute_text(attribute.value, ID);
    }
    head
}

/// The encoding that `<?xml … ?>` names.
pub(super) fn declared_encoding(declaration: &str) -> Option<Cow<'_, str>> {
    let content = declaration.trim_start_matches("<?xml").trim_end_matches("?>");
    attributes(Attributes::html(content, 0)).find(|attribute| attribute.key.into_inner() == "encoding").map(|found| found.value)
}

fn attributes<'a>(mut all: Attributes<'a>) -> impl Iterator<Item = Attribute<'a>> {
    all.with_checks(false);
    all.take(ATTRIBUTES).filter_map(Result::ok)
}

fn attribute(tag: &BytesStart<'_>, name: &str, most: usize) -> Option<String> {
    let found = attributes(tag.html_attributes()).find(|attribute| attribute.key.into_inner() == name)?;
    Some(attribute_text(found.value, most).into_owned()).filter(|text| !text.is_empty())
}

/// Borrowed where it is plain.
fn attribute_text(value: Cow<'_, str>, most: usize) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(value) => match unescape(value) {
            Cow::Borrowed(value) => clean(value, most),
            Cow::Owned(value) => Cow::Owned(clean(&value, most).into_owned()),
        },
        Cow::Owned(value) => Cow::Owned(clean(&unescape(&value), most).into_owned()),
    }
}

/// What lies within `<channel>`.
pub(super) fn channel(content: &str, id: String, text: &mut String) -> GuideChannel {
    let mut channel = GuideChannel { id, ..GuideChannel::default() };
    let mut lang = None;
    walk(content, |piece| match piece {
        Piece::Begin(tag) => match tag.name().into_inner() {
            "display-name" => {
                text.clear();
                lang = language(&tag);
            }
            "icon" if channel.icon.is_none() => channel.icon = address(&tag),
            _ => {}
        },
        Piece::End("display-name") => push_text(&mut channel.names, FEW, text, SHORT, lang.take()),
        Piece::End(_) => {}
        Piece::Text(part) => text.push_str(part),
        Piece::Reference(name) => push_reference(text, name),
    });
    channel
}

/// What lies within `<programme>`; `None`: it has no title. `text` is used on the way. Times are left to the caller.
pub(super) fn programme(content: &str, text: &mut String) -> Option<Programme> {
    text.clear();
    let mut builder = Builder::new(text);
    walk(content, |piece| match piece {
        Piece::Begin(tag) => builder.begin(&tag),
        Piece::End(name) => builder.end(name),
        Piece::Text(part) if builder.hidden == 0 => builder.text.push_str(part),
        Piece::Reference(name) if builder.hidden == 0 => push_reference(builder.text, name),
        Piece::Text(_) | Piece::Reference(_) => {}
    });
    builder.finish();
    Some(builder.programme).filter(|programme| !programme.titles.is_empty())
}

enum Piece<'a> {
    Begin(BytesStart<'a>),
    End(&'a str),
    Text(&'a str),
    Reference(&'a str),
}

/// Tells of everything up to the end, or up to where it can no longer be read.
fn walk(content: &str, mut each: impl FnMut(Piece<'_>)) {
    let content = mend(content);
    let mut reader = Reader::from_str(&content);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => each(Piece::Begin(tag)),
            Ok(Event::Empty(tag)) => {
                each(Piece::Begin(tag.borrow()));
                each(Piece::End(tag.name().into_inner()));
            }
            Ok(Event::End(tag)) => each(Piece::End(tag.name().into_inner())),
            Ok(Event::Text(text)) => each(Piece::Text(&text)),
            Ok(Event::CData(text)) => each(Piece::Text(&text)),
            Ok(Event::GeneralRef(name)) => each(Piece::Reference(&name)),
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// Children of `<programme>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Title,
    SubTitle,
    Description,
    Credits,
    Date,
    Category,
    Keyword,
    Language,
    Country,
    Icon,
    Url,
    Episode,
    Video,
    Previously,
    Premiere,
    New,
    Live,
    Rating,
    Stars,
    Other,
}

impl Field {
    fn of(name: &str) -> Self {
        match name {
            "title" => Self::Title,
            "sub-title" => Self::SubTitle,
            "desc" => Self::Description,
            "credits" => Self::Credits,
            "date" => Self::Date,
            "category" => Self::Category,
            "keyword" => Self::Keyword,
            "language" => Self::Language,
            "country" => Self::Country,
            "icon" => Self::Icon,
            "url" => Self::Url,
            "episode-num" => Self::Episode,
            "video" => Self::Video,
            "previously-shown" => Self::Previously,
            "premiere" => Self::Premiere,
            "new" => Self::New,
            "live" => Self::Live,
            "rating" => Self::Rating,
            "star-rating" => Self::Stars,
            _ => Self::Other,
        }
    }

    /// Whether it cannot lie within another child: languages lie within subtitles, addresses within reviews.
    fn ends_others(self) -> bool {
        !matches!(self, Self::Language | Self::Icon | Self::Url | Self::Premiere | Self::New | Self::Live | Self::Other)
    }
}

/// A programme on its way.
struct Builder<'a> {
    programme: Programme,
    field: Option<Field>,
    /// Name of a child that is not known.
    other: String,
    text: &'a mut String,
    lang: Option<String>,
    system: Option<String>,
    /// Who is being told of in `credits`.
    role: Option<Credit>,
    /// How deep in pictures and addresses of people.
    hidden: u32,
    /// `value` of a rating, `quality` of the video.
    value: Option<String>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a mut String) -> Self {
        Self {
            programme: Programme::default(),
            field: None,
            other: String::new(),
            text,
            lang: None,
            system: None,
            role: None,
            hidden: 0,
            value: None,
        }
    }

    fn begin(&mut self, tag: &BytesStart<'_>) {
        let name = tag.name().into_inner();
        let field = Field::of(name);
        match self.field {
            Some(within) if !field.ends_others() => return self.begin_within(within, name, tag),
            Some(_) => self.finish(),
            None => {}
        }
        self.text.clear();
        self.field = Some(field);
        match field {
            Field::Title | Field::SubTitle | Field::Description | Field::Category | Field::Keyword => self.lang = language(tag),
            Field::Language | Field::Country => self.lang = language(tag),
            Field::Episode | Field::Rating | Field::Stars => self.system = attribute(tag, "system", NAME),
            Field::Icon => push(&mut self.programme.icons, FEW, address(tag)),
            Field::Previously => {
                self.programme.previously_shown = Some(PreviouslyShown { start: attribute(tag, "start", NAME) });
            }
            Field::Premiere => self.programme.premiere = true,
            Field::New => self.programme.new = true,
            Field::Live => self.programme.live = true,
            Field::Credits | Field::Date | Field::Url | Field::Video => {}
            Field::Other => name.clone_into(&mut self.other),
        }
    }

    fn begin_within(&mut self, field: Field, name: &str, tag: &BytesStart<'_>) {
        match (field, name) {
            (Field::Credits, "image" | "url") => self.hidden = self.hidden.saturating_add(1),
            (Field::Credits, name) if self.role.is_none() || ROLES.contains(&name) => {
                self.finish_role();
                self.text.clear();
                let character = attribute(tag, "role", SHORT);
                self.role = Some(Credit { role: clean(name, NAME).into_owned(), name: String::new(), character });
            }
            (Field::Rating | Field::Stars, "value") | (Field::Video, "quality") => self.text.clear(),
            (_, "br" | "p" | "div" | "li") => self.text.push(' '),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        let Some(field) = self.field else { return };
        match (field, name) {
            (Field::Other, name) if name != self.other => {}
            (field, name) if field == Field::of(name) && self.hidden == 0 => self.finish(),
            (Field::Credits, "image" | "url") => self.hidden = self.hidden.saturating_sub(1),
            (Field::Credits, name) if self.role.as_ref().is_some_and(|credit| credit.role == name) => self.finish_role(),
            (Field::Rating | Field::Stars, "value") | (Field::Video, "quality") => {
                self.value = Some(clean(self.text, SHORT).into_owned());
            }
            _ => {}
        }
    }

    fn finish_role(&mut self) {
        self.hidden = 0;
        let Some(credit) = self.role.take() else { return };
        let name = clean(self.text, SHORT).into_owned();
        push(&mut self.programme.credits, CREDITS, (!name.is_empty()).then_some(Credit { name, ..credit }));
    }

    /// The child that is open ends.
    fn finish(&mut self) {
        let Some(field) = self.field.take() else { return };
        let (lang, system, value) = (self.lang.take(), self.system.take(), self.value.take());
        let Self { programme, text, .. } = self;
        let short = |most| Some(clean(text, most).into_owned()).filter(|text| !text.is_empty());
        match field {
            Field::Title => push_text(&mut programme.titles, FEW, text, SHORT, lang),
            Field::SubTitle => push_text(&mut programme.sub_titles, FEW, text, SHORT, lang),
            Field::Description => push_text(&mut programme.descriptions, FEW, text, LONG, lang),
            Field::Category => push_text(&mut programme.categories, WORDS, text, SHORT, lang),
            Field::Keyword => push_text(&mut programme.keywords, WORDS, text, SHORT, lang),
            Field::Country => push_text(&mut programme.countries, FEW, text, SHORT, lang),
            Field::Language => {
                let spoken = short(NAME).map(|text| Text { text, lang });
                programme.language = programme.language.take().or(spoken);
            }
            Field::Date => programme.date = programme.date.take().or_else(|| short(NAME)),
            Field::Url => push(&mut programme.urls, FEW, (text.len() <= ADDRESS).then(|| short(ADDRESS)).flatten()),
            Field::Episode => {
                let system = system.unwrap_or_else(|| "onscreen".to_owned());
                push(&mut programme.episodes, FEW, short(SHORT).map(|value| EpisodeNumber { system, value }));
            }
            Field::Video => programme.quality = programme.quality.take().or(value).filter(|quality| !quality.is_empty()),
            Field::Rating | Field::Stars => {
                let list = if field == Field::Rating { &mut programme.ratings } else { &mut programme.star_ratings };
                // Some leave `value` out.
                let value = value.or_else(|| short(SHORT)).filter(|value| !value.is_empty());
                push(list, FEW, value.map(|value| Rating { system, value }));
            }
            Field::Credits => self.finish_role(),
            Field::Icon | Field::Previously | Field::Premiere | Field::New | Field::Live | Field::Other => {}
        }
    }
}

fn language(tag: &BytesStart<'_>) -> Option<String> {
    attribute(tag, "lang", NAME).or_else(|| attribute(tag, "xml:lang", NAME))
}

/// `src`, if it is not too long to be one.
fn address(tag: &BytesStart<'_>) -> Option<String> {
    attribute(tag, "src", ADDRESS + 1).filter(|address| address.len() <= ADDRESS)
}

fn push<T>(list: &mut Vec<T>, most: usize, item: Option<T>) {
    if list.len() < most {
        list.extend(item);
    }
}

fn push_text(list: &mut Vec<Text>, most: usize, text: &str, longest: usize, lang: Option<String>) {
    let text = clean(text, longest).into_owned();
    push(list, most, (!text.is_empty()).then_some(Text { text, lang }));
}
