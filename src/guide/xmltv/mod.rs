//! XMLTV guides as the world writes them: read as a stream, in bounded memory, whatever their size. Knows nothing of which
//! channels are wanted, nor of what becomes of programmes: a [`Sink`] is asked, and told.
//!
//! What is broken is counted with its place, and the rest goes on. Only what is no guide at all is an error. Nothing outside is
//! read and no entity is expanded, whatever a document type declares.

mod element;
mod read;
mod recognise;
mod scan;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod unpack;
mod window;

use std::ops::ControlFlow;

use crate::model::{GuideChannel, Programme};

pub use read::read;

/// Most bytes of one guide, unpacked: against a packed bomb.
const MOST: u64 = 8 << 30;
/// Flaws that are kept with their place; the others are only counted.
const KEPT: usize = 20;

/// What wants to know of a guide. Channels and programmes come in the order of the guide, in which channels need not be first.
pub trait Sink {
    /// A channel. `Break` stops the reading.
    fn channel(&mut self, channel: GuideChannel) -> ControlFlow<()>;

    /// Whether [`Sink::programme`] is to be told of a programme of this channel (its id in the guide), seconds since 1970. A
    /// programme that nobody wants costs next to nothing.
    fn wants(&mut self, channel: &str, start_s: i64, stop_s: Option<i64>) -> bool;

    /// A programme that was wanted, with at least one title, and its channel's id in the guide. `Break` stops the reading.
    fn programme(&mut self, channel: &str, programme: Programme) -> ControlFlow<()>;

    /// How far it has come, every 64 KiB or more, and at the end. `Break` stops the reading.
    fn progress(&mut self, so_far: Consumed) -> ControlFlow<()> {
        let _ = so_far;
        ControlFlow::Continue(())
    }
}

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consumed {
    /// Bytes of the input as it is stored, packed or not: what can be compared with the size of a file.
    pub packed_bytes: u64,
    /// Bytes of XML.
    pub bytes: u64,
}

/// What was found in a guide.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Summary {
    /// How it ended. Only a [`End::Whole`] guide says what there is *not*: any other may replace nothing.
    pub end: End,
    /// Channels that were told.
    pub channels: u64,
    /// Programmes that were seen, wanted or not; broken ones not among them.
    pub programmes: u64,
    /// Programmes that were wanted and told.
    pub wanted: u64,
    /// Programmes whose end could not be read or was not after their start; they were given without one.
    pub without_stop: u64,
    /// When the first programme starts and the last one starts, seconds since 1970, of those that were seen.
    pub starts_s: Option<(i64, i64)>,
    /// Channels and programmes that were left out. What only a wanted programme can show is counted only there.
    pub broken: u64,
    /// The first of them.
    pub flaws: Vec<Broken>,
    /// How much was read.
    pub consumed: Consumed,
}

/// How a guide ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With `</tv>`.
    Whole,
    /// Before that: it, or what it is packed in, broke off.
    Truncated,
    /// The sink had enough.
    Stopped,
}

/// Something that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// The line in which it begins, counted from 1.
    pub line: u64,
    /// The byte of the XML at which it begins, counted from 0: many guides have one line only.
    pub byte: u64,
    /// Why.
    pub flaw: Flaw,
}

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// A start tag is none.
    #[error("the tag cannot be read")]
    Tag,
    /// No end tag before the next element, or before the end of the guide.
    #[error("the element has no end")]
    Unclosed,
    /// Far larger than any real one.
    #[error("the element is longer than {} KiB", scan::LONGEST >> 10)]
    TooLong,
    /// A channel without an id.
    #[error("the channel has no id")]
    NoId,
    /// A programme that belongs to no channel.
    #[error("the programme has no channel")]
    NoChannel,
    /// A programme without a start.
    #[error("the programme has no start")]
    NoStart,
    /// A programme whose start is no time.
    #[error("the start of the programme is no time that can be read")]
    Start,
    /// A programme without a title.
    #[error("the programme has no title")]
    NoTitle,
}

/// Why a guide could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XmltvError {
    /// A web page, very often a login or an error.
    #[error("this is a web page, not a guide; the address may be wrong, or the account expired")]
    Html,
    /// Something else that is well known.
    #[error("this is {0}, not an XMLTV guide")]
    Other(&'static str),
    /// XML of something else.
    #[error("this is XML, but not an XMLTV guide: it begins with <{0}>, not with <tv>")]
    Foreign(String),
    /// XML of nothing.
    #[error("this is XML, but no guide begins in it; it may have broken off")]
    NoGuide,
    /// Nothing at all.
    #[error("the guide is empty")]
    Empty,
    /// It cannot be read, or what it is packed in is damaged.
    #[error("the guide cannot be read to its end")]
    Io(#[from] std::io::Error),
    /// It is endless.
    #[error("the guide is larger than {} GiB", MOST >> 30)]
    TooLarge,
}
