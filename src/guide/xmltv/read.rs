//! Reads a guide and tells a sink of it.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;

use encoding_rs::Encoding;

use super::recognise::recognise;
use super::scan::{Found, Kind, Scanner};
use super::window::{Ending, Window};
use super::{Broken, Consumed, End, Flaw, KEPT, MOST, Sink, Summary, XmltvError, element, text, time, unpack};
use crate::model::Programme;

/// Reads all that `input` holds, plain or packed with gzip or xz, and tells `sink` of it. Blocking. It holds the longest
/// element, 1 MiB at most, and buffers of half a megabyte; xz takes what it was packed to need, 80 MiB at most.
///
/// # Errors
/// When it cannot be read, or is no guide. What was found before was told already. A guide that breaks off is no error, but
/// [`End::Truncated`].
pub fn read(input: impl Read, sink: &mut impl Sink) -> Result<Summary, XmltvError> {
    read_at_most(input, sink, MOST)
}

/// As [`read`], with another limit on what is unpacked.
pub(super) fn read_at_most(input: impl Read, sink: &mut impl Sink, most: u64) -> Result<Summary, XmltvError> {
    let packed = Cell::new(0);
    let unpacked = unpack::unpack(input, &packed)?;
    let reading = Reading {
        scanner: Scanner::new(Window::new(unpacked, most)),
        packed: &packed,
        sink,
        encoding: None,
        recognised: false,
        text: String::new(),
        summary: Summary {
            end: End::Truncated,
            channels: 0,
            programmes: 0,
            wanted: 0,
            without_stop: 0,
            starts_s: None,
            broken: 0,
            flaws: Vec::new(),
            consumed: Consumed::default(),
        },
    };
    reading.run()
}

struct Reading<'a, R, S> {
    scanner: Scanner<R>,
    packed: &'a Cell<u64>,
    sink: &'a mut S,
    encoding: Option<&'static Encoding>,
    /// Whether there is more than white space.
    recognised: bool,
    /// Texts on their way.
    text: String,
    summary: Summary,
}

impl<R: Read, S: Sink> Reading<'_, R, S> {
    fn run(mut self) -> Result<Summary, XmltvError> {
        let mut flow = self.begin()?;
        while flow.is_continue() {
            flow = match self.scanner.next() {
                Found::More if self.scanner.window.has_ended() => return self.finish(),
                Found::More => self.more(),
                Found::Declaration(length) => {
                    let declaration = text::decode(self.front(0, length), None);
                    self.encoding = element::declared_encoding(&declaration).and_then(|label| text::encoding(&label));
                    ControlFlow::Continue(())
                }
                Found::Foreign(from, to) => return Err(self.foreign(from, to)),
                Found::Broken(flaw) => self.broken(flaw),
                Found::Element(Kind::Channel, tag, all) => self.channel(tag, all),
                Found::Element(Kind::Programme, tag, all) => self.programme(tag, all),
            };
        }
        self.summary.end = End::Stopped;
        self.summary.consumed = self.consumed();
        Ok(self.summary)
    }

    /// Reads on until there is something to recognise, and recognises it.
    fn begin(&mut self) -> Result<ControlFlow<()>, XmltvError> {
        loop {
            if self.more().is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let window = &mut self.scanner.window;
            let marks: &[u8] = if window.total() == window.bytes().len() as u64 { b"\xEF\xBB\xBF" } else { b"" };
            let mark = if window.bytes().starts_with(marks) { marks.len() } else { 0 };
            let rest = window.bytes().get(mark..).unwrap_or_default();
            let space = mark + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            window.take(space);
            if !window.bytes().is_empty() {
                recognise(window.bytes())?;
                self.recognised = true;
                return Ok(ControlFlow::Continue(()));
            }
            if window.has_ended() {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    fn more(&mut self) -> ControlFlow<()> {
        self.scanner.window.more();
        self.sink.progress(self.consumed())
    }

    fn consumed(&self) -> Consumed {
        Consumed { packed_bytes: self.packed.get(), bytes: self.scanner.window.total() }
    }

    /// Bytes at the front of the window.
    fn front(&self, from: usize, to: usize) -> &[u8] {
        self.scanner.window.bytes().get(from..to).unwrap_or_default()
    }

    fn channel(&mut self, tag: usize, all: usize) -> ControlFlow<()> {
        let head = text::decode(self.front(0, tag), self.encoding);
        let id = element::head(&head).id.into_owned();
        if id.is_empty() {
            return self.broken(Flaw::NoId);
        }
        let mut text = std::mem::take(&mut self.text);
        let channel = element::channel(&text::decode(self.front(tag, all), self.encoding), id, &mut text);
        self.text = text;
        self.summary.channels += 1;
        self.sink.channel(channel)
    }

    fn programme(&mut self, tag: usize, all: usize) -> ControlFlow<()> {
        // Borrowed from the window, which nothing below changes.
        let bytes = self.scanner.window.bytes();
        let head = text::decode(bytes.get(..tag).unwrap_or_default(), self.encoding);
        let head = element::head(&head);
        let start_s = time::seconds(&head.start);
        let flaw = match start_s {
            _ if head.channel.is_empty() => Flaw::NoChannel,
            None if head.start.is_empty() => Flaw::NoStart,
            _ => Flaw::Start,
        };
        let Some(start_s) = start_s.filter(|_| flaw != Flaw::NoChannel) else { return self.broken(flaw) };
        let stop_s = time::seconds(&head.stop).filter(|stop_s| *stop_s > start_s);
        let mut flow = ControlFlow::Continue(());
        if self.sink.wants(&head.channel, start_s, stop_s) {
            let body = text::decode(bytes.get(tag..all).unwrap_or_default(), self.encoding);
            let Some(programme) = element::programme(&body, &mut self.text) else { return self.broken(Flaw::NoTitle) };
            flow = self.sink.programme(&head.channel, Programme { start_s, stop_s, ..programme });
            self.summary.wanted += 1;
        }
        let without_stop = stop_s.is_none() && !head.stop.is_empty();
        let summary = &mut self.summary;
        summary.programmes += 1;
        summary.without_stop += u64::from(without_stop);
        let (first, last) = summary.starts_s.unwrap_or((start_s, start_s));
        summary.starts_s = Some((first.min(start_s), last.max(start_s)));
        flow
    }

    fn broken(&mut self, flaw: Flaw) -> ControlFlow<()> {
        self.summary.broken += 1;
        if self.summary.flaws.len() < KEPT {
            let (line, byte) = self.scanner.window.place();
            self.summary.flaws.push(Broken { line, byte, flaw });
        }
        ControlFlow::Continue(())
    }

    fn foreign(&self, from: usize, to: usize) -> XmltvError {
        let name = text::decode(self.front(from, from + to), None);
        if ["html", "head", "body"].iter().any(|page| name.eq_ignore_ascii_case(page)) {
            return XmltvError::Html;
        }
        XmltvError::Foreign(text::clean(&name, 64).into_owned())
    }

    fn finish(mut self) -> Result<Summary, XmltvError> {
        self.summary.consumed = self.consumed();
        // All of it was read: there is nothing left to be stopped.
        let _ = self.sink.progress(self.summary.consumed);
        let begun = self.scanner.has_begun();
        let closed = self.scanner.has_closed();
        match self.scanner.window.into_ending() {
            Some(Ending::TooLarge) => return Err(XmltvError::TooLarge),
            Some(Ending::Failed(error)) if error.kind() != io::ErrorKind::UnexpectedEof || !begun => return Err(error.into()),
            Some(Ending::Failed(_)) | None => self.summary.end = End::Truncated,
            Some(Ending::End) if !begun => return Err(if self.recognised { XmltvError::NoGuide } else { XmltvError::Empty }),
            Some(Ending::End) => self.summary.end = if closed { End::Whole } else { End::Truncated },
        }
        Ok(self.summary)
    }
}
