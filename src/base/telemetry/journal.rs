//! Lines for journald: the priority in front, no time of its own, no line break within an entry.

use std::fmt::{self, Write};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// The format: `<6>rooftop::app::wire: ready channels=3`.
pub(super) struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = format!("{}: ", event.metadata().target());
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            if let Some(fields) = extensions.get::<FormattedFields<N>>().filter(|fields| !fields.is_empty()) {
                write!(text, "{}{{{fields}}}: ", span.name())?;
            }
        }
        context.format_fields(Writer::new(&mut text), event)?;
        let priority = priority(*event.metadata().level());
        for line in text.lines() {
            writeln!(writer, "<{priority}>{line}")?;
        }
        Ok(())
    }
}

/// syslog(3): `LOG_ERR`, `LOG_WARNING`, `LOG_INFO`, `LOG_DEBUG`. journald knows nothing below debug.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_line_has_its_priority_and_the_fields_of_its_spans() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_ansi(false)
            .event_format(Lines)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(channels = 3, "ready");
            let _span = tracing::info_span!("session", session.id = 7).entered();
            tracing::warn!("slow");
            tracing::error!("two\nlines");
            tracing::debug!("detail");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let place = module_path!();
        let expected = [
            format!("<6>{place}: ready channels=3"),
            format!("<4>{place}: session{{session.id=7}}: slow"),
            format!("<3>{place}: session{{session.id=7}}: two"),
            "<3>lines".to_owned(),
            format!("<7>{place}: session{{session.id=7}}: detail"),
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }
}
