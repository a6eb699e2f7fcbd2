//! A household: its playlists and its store, and what people have set there.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::super::*;
use super::checks;
use super::lists::{Entry, Offer, Seen};
use super::{Act, Arrival, Step};
use crate::model::{Automatic, ChannelId, GuideId, GuideNumber, SourceId};
use crate::playlist::{identity, items};
use crate::store::guides::NewGuide;
use crate::store::items::Browse;
use crate::store::{ChannelEdit, NewPlaylist, OwnSource};

/// A source as its playlist's last good version left it.
#[derive(Debug, Clone)]
pub struct Row {
    pub seen: Seen,
    pub active: bool,
    pub channel: ChannelId,
}

/// A playlist of the household.
pub struct Feed {
    pub id: ProviderId,
    pub offer: Offer,
    /// Whether there is a good version.
    pub is_read: bool,
    /// What it has.
    pub good: Vec<Seen>,
    pub held: Option<Vec<Seen>>,
    pub automatic: Automatic,
    pub groups: Vec<usize>,
    /// By entry.
    pub rows: HashMap<usize, Row>,
    place: Place,
}

enum Place {
    File(PathBuf),
    Server(Arc<ArcSwap<Vec<u8>>>, #[expect(dead_code, reason = "ends when it is dropped")] Task<()>),
}

/// What must stay as it is.
#[derive(Default)]
pub struct Kept {
    /// What each channel was made for.
    pub shows: HashMap<ChannelId, usize>,
    pub numbers: HashMap<ChannelId, GuideNumber>,
    pub retired: HashSet<GuideNumber>,
    pub names: HashMap<ChannelId, String>,
    pub disabled: HashSet<ChannelId>,
    pub removed: HashSet<ChannelId>,
    /// Entries of playlists that a person gave to a channel, in that order.
    pub pins: Vec<((usize, usize), ChannelId)>,
    pub orders: HashMap<ChannelId, Vec<SourceId>>,
    pub mapped: HashMap<ChannelId, Option<(GuideId, String)>>,
}

pub struct House {
    dir: tempfile::TempDir,
    store: Option<Store>,
    pub feeds: Vec<Feed>,
    pub kept: Kept,
    guide: GuideId,
    made: usize,
}

impl Feed {
    /// Whether its rules make an entry a channel.
    pub fn wants(&self, seen: &Seen) -> bool {
        match self.automatic {
            Automatic::All => true,
            Automatic::Groups => self.groups.contains(&seen.entry.group),
            Automatic::None => false,
        }
    }

    fn arrives(&self, body: Option<&[u8]>) {
        match &self.place {
            Place::File(path) => {
                let _ = std::fs::remove_file(path);
                let Some(body) = body else { return };
                std::fs::write(path, body).unwrap();
                // A file that is new is waited for.
                let file = std::fs::File::options().write(true).open(path).unwrap();
                file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
            }
            Place::Server(answers, _) => answers.store(Arc::new(match body {
                Some(body) => answer("200 OK", body),
                None => answer("403 Forbidden", b""),
            })),
        }
    }

    fn is_remote(&self) -> bool {
        matches!(self.place, Place::Server(..))
    }
}

fn packed(list: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(list).unwrap();
    packed.finish().unwrap()
}

impl House {
    pub async fn new(playlists: &[(bool, Vec<u8>)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("data")).unwrap();
        let mut feeds = Vec::new();
        for (index, (remote, shows)) in playlists.iter().enumerate() {
            let (place, location) = if *remote {
                let answers = Arc::new(ArcSwap::from_pointee(Vec::new()));
                let (task, url) = serve(Arc::clone(&answers)).await;
                (Place::Server(answers, task), url)
            } else {
                let path = dir.path().join(format!("list{index}.m3u"));
                (Place::File(path.clone()), path.display().to_string())
            };
            let new = NewPlaylist {
                key: given::key(&location),
                name: format!("List {index}"),
                location,
                max_connections: None,
                access: Default::default(),
                rules: Default::default(),
                refresh_h: 0,
            };
            let id = store.add_playlist(new).await.unwrap();
            let offer = Offer::new(index, shows);
            let (good, rows) = (Vec::new(), HashMap::new());
            feeds.push(Feed {
                id,
                offer,
                is_read: false,
                good,
                held: None,
                automatic: Automatic::All,
                groups: Vec::new(),
                rows,
                place,
            });
        }
        let guide = NewGuide {
            key: "guide".into(),
            name: "Guide".into(),
            location: "/nowhere".into(),
            playlist: None,
            access: Default::default(),
            refresh_h: 0,
        };
        let guide = store.add_guide(guide).await.unwrap();
        Self { dir, store: Some(store), feeds, kept: Kept::default(), guide, made: 0 }
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub async fn restart(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.dir.path().join("data")).unwrap());
        checks::no_file_is_left(self).await;
    }

    pub async fn step(&mut self, step: &Step) {
        let before = self.store().catalog();
        match step {
            Step::Read(playlist, changes, arrival) => {
                let playlist = usize::from(*playlist) % self.feeds.len();
                for (change, which) in changes {
                    self.feeds[playlist].offer.change(change, *which);
                }
                if !self.read(playlist, arrival).await {
                    checks::same(&before, &self.store().catalog());
                }
            }
            Step::Act(act) => self.act(act).await,
        }
        checks::all(self).await;
    }

    /// Whether a new version is served.
    async fn read(&mut self, playlist: usize, arrival: &Arrival) -> bool {
        let feed = &self.feeds[playlist];
        let (list, all) = feed.offer.list();
        let (body, seen) = match arrival {
            Arrival::Whole => (Some(list), all),
            Arrival::Packed => (Some(packed(&list)), all),
            Arrival::Hostile(bytes) => {
                let (list, seen) = feed.offer.hostile(bytes);
                (Some(list), seen)
            }
            Arrival::Cut(which, far) => {
                let known = |entry: &Entry| {
                    let row = feed.rows.get(&entry.id).filter(|row| row.active && !row.seen.is_twin());
                    row.is_some_and(|row| row.seen.entry.name == entry.name && row.seen.entry.tvg == entry.tvg)
                };
                let (list, seen) = feed.offer.cut(*which, *far, known);
                (Some(list), seen)
            }
            Arrival::Shrunk(most) => {
                let mut offer = feed.offer.clone();
                offer.entries.truncate(usize::from(*most));
                let (list, seen) = offer.list();
                (Some(list), seen)
            }
            Arrival::Page => (Some(b"<!DOCTYPE html><html><body>Your account has expired.</body></html>".to_vec()), Vec::new()),
            Arrival::Empty => (Some(Vec::new()), Vec::new()),
            Arrival::PackedAndCut => {
                let mut packed = packed(&list);
                packed.truncate(packed.len() - 6);
                (Some(packed), Vec::new())
            }
            Arrival::Bytes(bytes) => (Some([b"\0", bytes.as_slice()].concat()), Vec::new()),
            Arrival::Refused => (None, Vec::new()),
        };
        feed.arrives(body.as_deref());
        let good = feed.good.len();
        let held = !seen.is_empty() && feed.is_remote() && seen.len() * 100 < good * 40;
        let done = refresh(self.store(), feed.id, How { anyway: true }, &Progress::default()).await;
        match done {
            Ok(Outcome::Published(report)) => {
                assert!(!held && !seen.is_empty(), "{arrival:?} was taken: {report:?}");
                assert_eq!(report.counts.items, seen.len() as u64, "{:?}", report.counts);
                self.published(playlist, seen, true).await;
                true
            }
            Ok(Outcome::Held { reason }) => {
                assert!(held || (seen.is_empty() && good > 0), "{reason}: {arrival:?}, {} of {good}", seen.len());
                self.feeds[playlist].held = Some(seen);
                false
            }
            Ok(Outcome::Unchanged) => panic!("it was to be read anyway"),
            Err(error) => {
                assert!(seen.is_empty(), "{arrival:?}: {}", crate::base::chain::Chain(&error));
                false
            }
        }
    }

    /// A version is the current one now: `fresh`, or the rules alone have changed.
    async fn published(&mut self, playlist: usize, seen: Vec<Seen>, fresh: bool) {
        if fresh {
            self.feeds[playlist].held = None;
        }
        checks::became(self, playlist, &seen).await;
        self.feeds[playlist].good = seen;
        self.feeds[playlist].is_read = true;
    }

    async fn act(&mut self, act: &Act) {
        let living = self.store().all_channels().await.unwrap();
        let pick = |which: u8| living.get(usize::from(which) % living.len().max(1)).map(|channel| channel.id);
        let playlist = |which: u8| usize::from(which) % self.feeds.len();
        match act {
            Act::Number(which, number) => {
                let Some(channel) = pick(*which) else { return };
                let number =
                    GuideNumber::whole(if number % 2 == 0 { 1 + u32::from(*number) % 12 } else { 95 + u32::from(*number) % 20 });
                let taken = living.iter().any(|other| other.id != channel && other.number == number);
                let edit = ChannelEdit { number: Some(number.clone()), ..ChannelEdit::default() };
                let done = match which % 2 {
                    0 => self.store().set_channel_number(channel, number.clone()).await,
                    _ => self.store().edit_channels(vec![(channel, edit)]).await,
                };
                assert_eq!(done.is_err(), taken, "{done:?}");
                if !taken {
                    let old = self.kept.numbers.insert(channel, number.clone()).unwrap();
                    self.kept.retired.insert(old);
                    self.kept.retired.remove(&number);
                }
            }
            Act::Name(which) => {
                let Some(channel) = pick(*which) else { return };
                self.made += 1;
                let name = format!("Mine {}", self.made);
                let edit = ChannelEdit { name: Some(Some(name.clone())), ..ChannelEdit::default() };
                self.store().edit_channels(vec![(channel, edit)]).await.unwrap();
                self.kept.names.insert(channel, name);
            }
            Act::Pin(which, item, channel) => {
                if let Some(channel) = pick(*channel) {
                    self.pin(playlist(*which), usize::from(*item), channel).await;
                }
            }
            Act::Order(which) => {
                let Some(channel) = pick(*which) else { return };
                let mut sources: Vec<_> = self.store().catalog().sources_of(channel).iter().map(|source| source.id).collect();
                sources.reverse();
                self.store().order_sources(channel, sources.clone()).await.unwrap();
                self.kept.orders.insert(channel, sources);
            }
            Act::Enabled(which, enabled) => {
                let Some(channel) = pick(*which) else { return };
                let edit = ChannelEdit { enabled: Some(*enabled), ..ChannelEdit::default() };
                self.store().edit_channels(vec![(channel, edit)]).await.unwrap();
                if *enabled {
                    self.kept.disabled.remove(&channel)
                } else {
                    self.kept.disabled.insert(channel)
                };
            }
            Act::Remove(which) => {
                let Some(channel) = pick(*which) else { return };
                self.store().remove_channel(channel).await.unwrap();
                self.kept.removed.insert(channel);
                self.kept.retired.insert(self.kept.numbers[&channel].clone());
            }
            Act::Map(which) => {
                let Some(channel) = pick(*which) else { return };
                self.made += 1;
                let to = (which % 3 > 0).then(|| (self.guide, format!("mine{}", self.made)));
                self.store().set_mapping(channel, to.clone(), 60).await.unwrap();
                self.kept.mapped.insert(channel, to);
            }
            Act::Rules(which, rules) => self.rules(playlist(*which), *rules).await,
            Act::Accept(which) => {
                let playlist = playlist(*which);
                let held = self.feeds[playlist].held.take();
                let done = accept(self.store(), self.feeds[playlist].id).await;
                match held {
                    Some(held) => {
                        done.unwrap();
                        self.published(playlist, held, true).await;
                    }
                    None => assert!(matches!(done, Err(RefreshError::NothingHeld)), "{done:?}"),
                }
            }
            Act::Discard(which) => {
                let playlist = playlist(*which);
                let there_was = self.feeds[playlist].held.take().is_some();
                let feed = FeedId::Playlist(self.feeds[playlist].id);
                assert_eq!(self.store().discard_held(feed).await.unwrap(), there_was);
            }
            Act::Restart => self.restart().await,
        }
    }

    /// Gives an item to a channel, as the page does it.
    async fn pin(&mut self, playlist: usize, item: usize, channel: ChannelId) {
        let feed = &self.feeds[playlist];
        let found = feed.good.get(item % feed.good.len().max(1)).filter(|seen| !seen.is_twin());
        let Some(seen) = found.cloned() else { return };
        let current = self.store().playlist(feed.id).await.unwrap().versions.current.unwrap();
        let stored = Items::open(&self.store().feeds_dir().join(&current.version.file)).unwrap();
        let page = stored.browse(&Browse::default()).unwrap();
        let found = page.into_iter().find(|found| found.item.url == seen.url).unwrap();
        let keys = identity::keys(found.item.guide_id.as_deref(), &found.item.name, &found.item.url);
        let source = OwnSource::Item(feed.id, Box::new(items::import_item(&found.item, keys)));
        let source = self.store().add_source(channel, source).await.unwrap();
        let entry = seen.entry.id;
        let ordered = self.kept.orders.get(&channel).is_some_and(|order| !order.is_empty());
        self.kept.orders.values_mut().for_each(|order| order.retain(|other| *other != source));
        if ordered {
            self.kept.orders.entry(channel).or_default().push(source);
        }
        self.kept.pins.retain(|(pinned, _)| *pinned != (playlist, entry));
        self.kept.pins.push(((playlist, entry), channel));
        self.feeds[playlist].rows.insert(entry, Row { seen, active: true, channel });
    }

    async fn rules(&mut self, playlist: usize, rules: u8) {
        let mut changed = self.store().playlist(self.feeds[playlist].id).await.unwrap();
        let feed = &mut self.feeds[playlist];
        feed.automatic = [Automatic::All, Automatic::Groups, Automatic::None][usize::from(rules) % 3];
        feed.groups = (0..3).filter(|group| rules >> 2 & 1 << group != 0).collect();
        changed.rules.channels = Some(feed.automatic);
        changed.rules.groups = feed.groups.iter().map(|group| format!("g{group}")).collect();
        let (id, is_read, good) = (feed.id, feed.is_read, feed.good.clone());
        self.store().update_playlist(changed).await.unwrap();
        let applied = apply_rules(self.store(), id).await.unwrap();
        assert_eq!(applied.is_some(), is_read);
        if applied.is_some() {
            self.published(playlist, good, false).await;
        }
    }
}
