//! Sessions, tuners and connections as metrics, looked up when somebody asks.

use std::sync::Arc;

use super::Backend;
use crate::base::metrics::{Labels, Reading, Readings};
use crate::session::{Manager, SessionStats};

pub struct Sessions {
    pub backend: Arc<dyn Backend>,
    pub manager: Manager,
}

impl Readings for Sessions {
    fn read(&self) -> Vec<Reading> {
        let catalog = self.backend.catalog();
        let sessions = self.manager.snapshot();
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let of_device = |value: fn(usize, usize) -> usize| {
            let (catalog, manager) = (&catalog, &self.manager);
            catalog.devices.iter().map(move |device| {
                let used = manager.tuners(device.row).iter().filter(|tuner| tuner.session.is_some() || tuner.probing).count();
                (vec![("device", device.id.to_string())], number(value(used, usize::from(device.tuner_count))))
            })
        };
        let providers = self.manager.pool().providers();
        let of_provider = |value: fn(u32, u32) -> u32| {
            providers.iter().map(move |provider| {
                (vec![("provider", provider.id.0.to_string())], u64::from(value(provider.in_use, provider.limit)))
            })
        };
        let spare = providers.iter().map(|one| (vec![("provider", one.id.0.to_string())], u64::from(one.spare)));
        let (totals, events) = (self.manager.journal().totals(), self.backend.viewing_totals());
        vec![
            Reading::gauge("channels", "Channels in the lineup", number(catalog.channels.len())),
            Reading::gauge("sources", "Sources of those channels", number(catalog.sources.values().map(Vec::len).sum())),
            Reading::gauges("tuners", "Tuners of each device", of_device(|_, all| all)),
            Reading::gauges("tuners_in_use", "Tuners in use", of_device(|used, _| used)),
            Reading::gauges("provider_connections", "Open connections to each provider", of_provider(|used, _| used)),
            Reading::gauges("provider_connections_limit", "Most connections to each provider", of_provider(|_, limit| limit)),
            Reading::gauge("sessions", "Running sessions", number(sessions.len())),
            Reading::gauge(
                "viewers",
                "Viewers of all sessions",
                number(sessions.iter().map(|session| session.subscribers.len()).sum()),
            ),
            of_session(&sessions, "session_viewers", "Viewers", |session| session.subscribers.len() as u64),
            of_session(&sessions, "session_bits_per_second", "Rate now", |session| session.bitrate_bps),
            of_session(&sessions, "session_ring_bytes", "Bytes kept for viewers", |session| session.ring_bytes as u64),
            of_session(&sessions, "session_live", "1 while its source delivers", |session| u64::from(session.live)),
            counted("sessions_opened", "Sessions begun", totals.sessions),
            counted("sessions_failed", "Sessions that ended by a failure", totals.sessions_failed),
            counted("sessions_truncated", "Sessions the history let go of", totals.sessions_truncated),
            counted("sessions_unstored", "Sessions the history let go of before they were stored", totals.sessions_unstored),
            counted("viewers_joined", "Viewers that came", totals.subscribers),
            counted("viewers_slow", "Viewers let go because they took nothing", totals.subscribers_slow),
            counted("viewer_skips", "Times a viewer skipped to a newer picture", totals.slow_skips),
            counted("viewer_bytes", "Bytes given to viewers that have left", totals.bytes),
            counted("source_selections", "Sources that came on air", totals.selections),
            counted("source_reselections", "Sources that came on air again at once", totals.reselections),
            counted("source_losses", "Sources lost while on air", totals.recoveries),
            counted("source_stalls", "Sources lost because media time stood still", totals.stalls),
            counted("viewing_events", "Events of viewers that were kept", events.0),
            counted("viewing_events_lost", "Events of viewers that were lost", events.1),
            growing(&sessions, "session_read_bytes", "Bytes read from sources", |session| session.bytes_read),
            growing(&sessions, "session_pushed_bytes", "Bytes published to viewers", |session| session.bytes_pushed),
            of_session(&sessions, "session_spare_ready", "1 while another source is kept ready", |session| {
                u64::from(session.spare.as_ref().is_some_and(|spare| spare.ready))
            }),
            Reading::gauges("provider_spare_connections", "Connections of each provider that keep sources ready", spare),
            growing(&sessions, "session_takeovers", "Losses that a source kept ready made good", |session| session.takeovers),
            growing(&sessions, "session_fail_backs", "Changes back to a source that comes first", |session| session.fail_backs),
            growing(&sessions, "session_write_blocked_ms", "How long viewers held up what was written to them", |session| {
                u64::try_from(session.write_blocked.as_millis()).unwrap_or(u64::MAX)
            }),
            growing(&sessions, "session_filler_bytes", "Bytes that filled gaps between sources", |session| session.filler_bytes),
            growing(&sessions, "session_failovers", "Changes of source", |session| session.failovers),
            growing(&sessions, "session_continuity_errors", "Packets missing", |session| session.info.continuity_errors),
        ]
    }
}

fn of_session(sessions: &[SessionStats], name: &'static str, help: &'static str, value: fn(&SessionStats) -> u64) -> Reading {
    Reading::gauges(name, help, sessions.iter().map(|session| (labels(session), value(session))))
}

fn growing(sessions: &[SessionStats], name: &'static str, help: &'static str, value: fn(&SessionStats) -> u64) -> Reading {
    Reading::counters(name, help, sessions.iter().map(|session| (labels(session), value(session))))
}

fn counted(name: &'static str, help: &'static str, value: u64) -> Reading {
    Reading::counters(name, help, [(Vec::new(), value)])
}

fn labels(session: &SessionStats) -> Labels {
    vec![("channel", session.number.to_string()), ("session", session.id.0.to_string())]
}
