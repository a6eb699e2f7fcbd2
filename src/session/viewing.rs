//! What viewers go through, made out of the events of sessions. Pure: times come with the events.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::events::Event;
use crate::model::{ChannelId, GuideNumber, Moment, SessionId, StreamInfo, SubscriberId, ViewingEvent, ViewingKind};

/// The sessions that run, as far as their viewers notice them.
#[derive(Debug, Default)]
pub struct Viewing {
    sessions: BTreeMap<SessionId, Session>,
}

#[derive(Debug)]
struct Session {
    channel: ChannelId,
    number: GuideNumber,
    viewers: BTreeMap<SubscriberId, Viewer>,
    on_air: bool,
    /// Since when there is no source.
    lost: Option<(Moment, String)>,
    quality: String,
    over: bool,
}

#[derive(Debug)]
struct Viewer {
    addr: IpAddr,
    agent: String,
    /// Since when it sees something.
    started: Option<Moment>,
}

impl Viewing {
    /// Some events were lost: what they said of running sessions is unknown, so these begin anew with their next event.
    pub fn forget(&mut self) {
        self.sessions.clear();
    }

    /// Takes an event; gives what it means to viewers.
    pub fn apply(&mut self, event: &Event, at: Moment) -> Vec<ViewingEvent> {
        let id = event.session();
        if let Event::SessionOpened { channel, number, .. } = event {
            self.sessions.insert(id, Session::new(*channel, number.clone()));
            return Vec::new();
        }
        let Some(session) = self.sessions.get_mut(&id) else { return Vec::new() };
        let told = session.apply(id, event, at);
        if session.over && session.viewers.is_empty() {
            self.sessions.remove(&id);
        }
        told
    }
}

impl Session {
    fn new(channel: ChannelId, number: GuideNumber) -> Self {
        let (viewers, quality) = (BTreeMap::new(), String::new());
        Self { channel, number, viewers, on_air: false, lost: None, quality, over: false }
    }

    fn apply(&mut self, id: SessionId, event: &Event, at: Moment) -> Vec<ViewingEvent> {
        let told = |session: &Self, subscriber: SubscriberId, viewer: &Viewer, event_type| ViewingEvent {
            at,
            event_type,
            session_id: id.0,
            subscriber_id: subscriber.0,
            channel_id: session.channel.0,
            guide_number: session.number.to_string(),
            client_addr: viewer.addr.to_canonical().to_string(),
            user_agent: viewer.agent.clone(),
            bytes: 0,
            seconds: 0.0,
            quality: String::new(),
            reason: String::new(),
        };
        let everybody = |session: &Self, event_type| -> Vec<ViewingEvent> {
            let watching = session.viewers.iter().filter(|(_, viewer)| viewer.started.is_some());
            watching.map(|(subscriber, viewer)| told(session, *subscriber, viewer, event_type)).collect()
        };
        match event {
            Event::SessionOpened { .. } => Vec::new(),
            Event::SourceSelected { .. } => {
                self.on_air = true;
                let mut events = match self.lost.take() {
                    Some((since, reason)) => everybody(self, ViewingKind::Buffering)
                        .into_iter()
                        .map(|event| ViewingEvent { seconds: seconds(since, at), reason: reason.clone(), ..event })
                        .collect(),
                    None => Vec::new(),
                };
                let mut began = Vec::new();
                for (subscriber, viewer) in self.viewers.iter_mut().filter(|(_, viewer)| viewer.started.is_none()) {
                    viewer.started = Some(at);
                    began.push(*subscriber);
                }
                let began = began.iter().filter_map(|id| self.viewers.get_key_value(id));
                events.extend(began.map(|(subscriber, viewer)| told(self, *subscriber, viewer, ViewingKind::SessionStart)));
                events
            }
            Event::SourceSeen { info, .. } => {
                // The pictures' size comes a moment after their codec.
                let Some(quality) = quality(info) else { return Vec::new() };
                let before = std::mem::replace(&mut self.quality, quality);
                if before.is_empty() || before == self.quality {
                    return Vec::new();
                }
                let changed = everybody(self, ViewingKind::QualityChange).into_iter();
                changed.map(|event| ViewingEvent { quality: self.quality.clone(), ..event }).collect()
            }
            Event::SourceLeft { reason, .. } => {
                self.lost = Some((at, reason.clone()));
                let lost = everybody(self, ViewingKind::RebufferStart).into_iter();
                lost.map(|event| ViewingEvent { reason: reason.clone(), ..event }).collect()
            }
            Event::SubscriberJoined { subscriber, addr, agent, .. } => {
                let started = self.on_air.then_some(at);
                let viewer = Viewer { addr: *addr, agent: agent.clone(), started };
                let began = started.map(|_| told(self, *subscriber, &viewer, ViewingKind::SessionStart));
                self.viewers.insert(*subscriber, viewer);
                began.into_iter().collect()
            }
            Event::SubscriberSkipped { subscriber, .. } => {
                let Some(viewer) = self.viewers.get(subscriber) else { return Vec::new() };
                let event = told(self, *subscriber, viewer, ViewingKind::Buffering);
                vec![ViewingEvent { reason: "the viewer was too slow".to_owned(), ..event }]
            }
            Event::SubscriberLeft { subscriber, reason, bytes, .. } => {
                let Some(viewer) = self.viewers.remove(subscriber) else { return Vec::new() };
                // Who never saw anything has no session that could end.
                let Some(started) = viewer.started else { return Vec::new() };
                let event = told(self, *subscriber, &viewer, ViewingKind::SessionEnd);
                vec![ViewingEvent { bytes: *bytes, seconds: seconds(started, at), reason: reason.clone(), ..event }]
            }
            Event::SessionClosed { reason, failed, .. } => {
                self.over = true;
                if !failed {
                    return Vec::new();
                }
                let present = self.viewers.iter();
                let failed = present.map(|(subscriber, viewer)| told(self, *subscriber, viewer, ViewingKind::Error));
                failed.map(|event| ViewingEvent { reason: reason.clone(), ..event }).collect()
            }
        }
    }
}

fn seconds(from: Moment, to: Moment) -> f64 {
    to.0.saturating_sub(from.0).max(0) as f64 / 1000.0
}

/// `1920x1080 h264 aac`, once the size of the pictures is known, if there are any.
fn quality(info: &StreamInfo) -> Option<String> {
    let size = if info.video.is_some() { Some(info.resolution()?) } else { None };
    let video = info.video.as_ref().map(|video| video.codec.name().to_owned());
    let audio = info.audio.first().map(|audio| audio.codec.name().to_owned());
    Some([size, video, audio].into_iter().flatten().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{AudioInfo, Codec, SourceId};
    use crate::session::events::Selected;

    const S: SessionId = SessionId(1);

    fn opened() -> Event {
        Event::SessionOpened { session: S, channel: ChannelId(5), number: GuideNumber::whole(5), name: "Five".into() }
    }

    fn selected() -> Event {
        let (source, after) = (SourceId(1), Duration::ZERO);
        let (item_key, url) = (String::new(), String::new());
        Event::SourceSelected {
            session: S,
            source: Selected { source, item_key, url, producer: "http", after, raw_bytes: 0, fail_back: false },
        }
    }

    fn seen(codec: Codec) -> Event {
        let audio = vec![AudioInfo { codec, language: None, sample_rate: None, channels: None }];
        Event::SourceSeen { session: S, info: StreamInfo { audio, ..StreamInfo::default() } }
    }

    fn lost() -> Event {
        Event::SourceLeft { session: S, source: SourceId(1), reason: "the end".into(), stalled: false, lived: Duration::ZERO }
    }

    fn came(id: u64) -> Event {
        let (subscriber, addr) = (SubscriberId(id), IpAddr::from([10, 0, 0, 9]));
        Event::SubscriberJoined { session: S, subscriber, addr, agent: "VLC".into(), tuner: 0 }
    }

    fn gone(id: u64) -> Event {
        Event::SubscriberLeft { session: S, subscriber: SubscriberId(id), reason: "client left".into(), bytes: 77 }
    }

    fn closed(failed: bool) -> Event {
        Event::SessionClosed { session: S, channel: ChannelId(5), reason: "over".into(), failed }
    }

    /// One event a second; who, what, how long.
    fn told(events: &[Event]) -> Vec<(u64, ViewingKind, f64)> {
        let mut viewing = Viewing::default();
        let told = (0..).zip(events).flat_map(|(second, event)| viewing.apply(event, Moment(second * 1000)));
        let told = told.map(|event| (event.subscriber_id, event.event_type, event.seconds)).collect();
        if let Some(Event::SubscriberLeft { .. }) = events.last() {
            assert!(viewing.sessions.values().all(|session| !session.over), "nothing is left of what is over");
        }
        told
    }

    #[test]
    fn a_viewing_from_its_start_to_its_end() {
        use ViewingKind::*;
        let events = [opened(), came(2), selected(), came(3), lost(), selected(), gone(2), closed(false), gone(3)];
        let expected = [
            (2, SessionStart, 0.0),
            (3, SessionStart, 0.0),
            (2, RebufferStart, 0.0),
            (3, RebufferStart, 0.0),
            (2, Buffering, 1.0),
            (3, Buffering, 1.0),
            (2, SessionEnd, 4.0),
            (3, SessionEnd, 5.0),
        ];
        assert_eq!(told(&events), expected);
    }

    #[test]
    fn who_never_sees_anything_has_an_error_and_no_viewing() {
        assert_eq!(told(&[opened(), came(2), closed(true), gone(2)]), [(2, ViewingKind::Error, 0.0)]);
        assert_eq!(told(&[opened(), came(2), gone(2)]), []);
    }

    #[test]
    fn a_change_of_codec_is_told_and_the_first_one_is_none() {
        let events = [opened(), came(2), selected(), seen(Codec::Aac), seen(Codec::Aac), seen(Codec::Ac3)];
        assert_eq!(told(&events)[1..], [(2, ViewingKind::QualityChange, 0.0)]);
    }

    /// A codec is known from the PMT, the size only from the first picture.
    #[test]
    fn pictures_of_an_unknown_size_are_no_change() {
        let pictures = |width| {
            let video = crate::model::VideoInfo {
                codec: Codec::H264,
                profile: None,
                width,
                height: Some(576),
                frame_rate: None,
                interlaced: None,
                pixel_aspect: None,
            };
            Event::SourceSeen { session: S, info: StreamInfo { video: Some(video), ..StreamInfo::default() } }
        };
        let events =
            [opened(), came(2), selected(), pictures(Some(720)), lost(), selected(), pictures(None), pictures(Some(720))];
        assert!(!told(&events).iter().any(|(_, kind, _)| *kind == ViewingKind::QualityChange));
    }

    #[test]
    fn what_is_not_known_says_nothing() {
        let mut viewing = Viewing::default();
        viewing.apply(&opened(), Moment(0));
        viewing.forget();
        assert_eq!(viewing.apply(&came(2), Moment(0)), []);
    }
}
