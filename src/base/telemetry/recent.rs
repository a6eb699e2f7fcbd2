//! The last log records, in memory: for people who look at the log in a browser, and for the support bundle.
//!
//! What is logged holds no secrets, so neither does this. Whoever logs makes its text first and holds the lock for no longer than it takes to
//! put it in its place.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as Fields};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::base::clock;

/// Records that are kept.
pub const KEPT: usize = 2000;
/// Longest text of one, in bytes: a backtrace is longer than anybody reads here.
const LONGEST: usize = 4096;

static OF_PROCESS: LazyLock<Recent> = LazyLock::new(Recent::default);

/// What was logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Record {
    /// Counted from 1.
    pub number: u64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// How bad it is.
    #[serde(serialize_with = "word")]
    #[schemars(with = "String")]
    pub level: Level,
    /// Which part of the program says it.
    pub target: String,
    /// What it says, and its fields.
    pub text: String,
}

impl Record {
    /// Its level in small letters.
    pub fn level_word(&self) -> &'static str {
        level_word(self.level)
    }
}

/// A level in small letters.
pub fn level_word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn word<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level_word(*level))
}

/// The ring. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Recent(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    records: VecDeque<Arc<Record>>,
}

/// What this process logs, once [`super::init`] was called.
pub fn recent() -> Recent {
    OF_PROCESS.clone()
}

impl Recent {
    /// Puts a record in its place; the oldest one may go.
    pub fn push(&self, at_ms: i64, level: Level, target: &str, text: String) {
        let mut record = Record { number: 0, at_ms, level, target: target.to_owned(), text };
        let mut ring = self.lock();
        ring.last += 1;
        record.number = ring.last;
        let gone = if ring.records.len() >= KEPT { ring.records.pop_front() } else { None };
        ring.records.push_back(Arc::new(record));
        drop(ring);
        // Freed without the lock.
        drop(gone);
    }

    /// Those of `level` and worse that have `search` in them, without regard to case; the newest first, at most so many.
    pub fn find(&self, level: Level, search: &str, most: usize) -> Vec<Arc<Record>> {
        let all: Vec<Arc<Record>> = self.lock().records.iter().rev().cloned().collect();
        let wanted = search.trim().to_lowercase();
        let fits = |record: &Arc<Record>| {
            record.level <= level
                && (wanted.is_empty()
                    || record.text.to_lowercase().contains(&wanted)
                    || record.target.to_lowercase().contains(&wanted))
        };
        all.into_iter().filter(fits).take(most).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The message, then ` name=value` for each field.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to memory cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name => {
                let _ = write!(self.fields, " {name}={value}");
            }
        }
    }
}

/// The fields of a span, kept with it.
struct OfSpan(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recent {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut text = Text::default();
        attributes.record(&mut text);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(OfSpan(text.fields));
        }
    }

    fn on_record(&self, id: &Id, fields: &Fields<'_>, context: Context<'_, S>) {
        let mut text = Text::default();
        fields.record(&mut text);
        if let Some(span) = context.span(id)
            && let Some(OfSpan(known)) = span.extensions_mut().get_mut::<OfSpan>()
        {
            known.push_str(&text.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut said = Text::default();
        event.record(&mut said);
        let mut text = said.message + &said.fields;
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            if let Some(OfSpan(fields)) = extensions.get::<OfSpan>().filter(|OfSpan(fields)| !fields.is_empty()) {
                text.push_str(fields);
            }
        }
        if text.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        self.push(clock::wall_ms(), *event.metadata().level(), event.metadata().target(), text);
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn records_hold_message_fields_and_those_of_spans() {
        let recent = Recent::default();
        let subscriber = tracing_subscriber::registry().with(recent.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(channels = 3, name = "a b", "ready");
            let span = tracing::info_span!("session", session.id = 7, late = tracing::field::Empty).entered();
            span.record("late", 1);
            tracing::warn!("slow {}", 5);
            tracing::error!("{}", "x".repeat(LONGEST) + "ä");
        });
        let all = recent.find(Level::TRACE, "", 9);
        let texts: Vec<&str> = all.iter().skip(1).map(|record| record.text.as_str()).collect();
        assert_eq!(texts, ["slow 5 session.id=7 late=1", "ready channels=3 name=a b"]);
        assert!(all[0].text.len() <= LONGEST + '…'.len_utf8() && all[0].target == module_path!());
        assert_eq!(all.iter().map(|record| record.number).collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!(serde_json::to_value(&*all[1]).unwrap()["level"], "warn");
    }

    #[rstest::rstest]
    #[case(Level::ERROR, "", 9, &[3])]
    #[case(Level::WARN, "", 9, &[3, 2])]
    #[case(Level::TRACE, " DOOR ", 9, &[3, 1])]
    #[case(Level::TRACE, "house::", 1, &[3])]
    #[case(Level::TRACE, "window", 9, &[])]
    fn records_are_found(#[case] level: Level, #[case] search: &str, #[case] most: usize, #[case] numbers: &[u64]) {
        let recent = Recent::default();
        recent.push(1, Level::INFO, "house::hall", "the door is open".into());
        recent.push(2, Level::WARN, "house::hall", "cold".into());
        recent.push(3, Level::ERROR, "house::yard", "the Door is gone".into());
        let found = recent.find(level, search, most);
        assert_eq!(found.iter().map(|record| record.number).collect::<Vec<_>>(), numbers);
    }

    #[test]
    fn the_oldest_go() {
        let recent = Recent::default();
        (0..KEPT + 5).for_each(|at| recent.push(i64::try_from(at).unwrap(), Level::INFO, "t", String::new()));
        let all = recent.find(Level::TRACE, "", usize::MAX);
        assert_eq!((all.len(), all.last().unwrap().number), (KEPT, 6));
    }
}
