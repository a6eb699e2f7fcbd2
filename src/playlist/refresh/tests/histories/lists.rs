//! What a provider offers, how it changes from day to day, and how it looks as a list.

use std::collections::HashSet;

use super::Change;

/// What several channels are called, which only their `tvg-id` tells apart when they come and go.
const TWIN: &str = "Event";

/// An entry of a list. Nothing that tells channels apart is ever used by two, but the name of twins.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The entry, whatever becomes of it.
    pub id: usize,
    /// What it shows.
    pub shows: usize,
    pub tvg: Option<String>,
    pub name: String,
    pub host: u32,
    pub path: u32,
    pub token: u32,
    pub number: Option<u32>,
    pub group: usize,
}

/// An entry as a version has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub entry: Entry,
    /// Its address, which may be cut.
    pub url: String,
}

impl Entry {
    fn url(&self) -> String {
        let Self { id, shows, host, path, token, .. } = self;
        format!("http://h{host}.example/of{shows}/i{id}/p{path}.ts?token={token}")
    }

    fn line(&self) -> String {
        let tvg = self.tvg.as_ref().map(|tvg| format!(" tvg-id=\"{tvg}\"")).unwrap_or_default();
        let number = self.number.map(|number| format!(" tvg-chno=\"{number}\"")).unwrap_or_default();
        format!("#EXTINF:-1{tvg}{number} group-title=\"G{}\",{}\n", self.group, self.name)
    }
}

impl Seen {
    /// The address without what changes from day to day.
    pub fn address(&self) -> &str {
        match self.url.split_once('?') {
            Some((address, query)) if query.is_empty() || query.starts_with("token") => address,
            _ => &self.url,
        }
    }

    /// What makes it the same without a doubt.
    pub fn key(&self) -> (Option<&str>, &str, &str) {
        let name = if self.entry.tvg.is_some() { "" } else { &self.entry.name };
        (self.entry.tvg.as_deref(), name, self.address())
    }

    /// Whether others are called the same.
    pub fn is_twin(&self) -> bool {
        self.entry.name == TWIN
    }

    /// Whether it can be told that one became the other. `alone`: only one of its playlist's entries has its `tvg-id` each time. Of
    /// what a person put somewhere, the `tvg-id` is not known any more.
    pub fn became(&self, now: &Self, alone: bool, pinned: bool) -> bool {
        let tvg = |seen: &Self| seen.entry.tvg.clone();
        let other = tvg(self).zip(tvg(now)).is_some_and(|(old, new)| old != new);
        self.key() == now.key()
            || self.address() == now.address()
            || alone && !pinned && tvg(self).is_some() && tvg(self) == tvg(now)
            || self.entry.name == now.entry.name && !self.is_twin() && (pinned || !other)
    }
}

/// A provider's list.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    pub entries: Vec<Entry>,
    absent: Vec<Entry>,
    made: u32,
}

impl Offer {
    pub fn new(playlist: usize, shows: &[u8]) -> Self {
        let mut offer = Self { made: (playlist as u32 + 1) * 10_000, ..Self::default() };
        for shows in shows {
            offer.add(usize::from(*shows));
        }
        offer
    }

    fn fresh(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    fn add(&mut self, shows: usize) {
        let id = self.fresh();
        self.entries.push(Entry {
            id: id as usize,
            shows,
            tvg: (shows.is_multiple_of(2)).then(|| format!("t{shows}")),
            name: if shows % 10 == 4 { TWIN.to_owned() } else { format!("Channel {shows} {id}") },
            host: self.made / 10_000,
            path: id,
            token: 0,
            number: (shows.is_multiple_of(3)).then_some(shows as u32 % 7),
            group: shows % 3,
        });
    }

    /// One of the many things that providers do.
    pub fn change(&mut self, change: &Change, which: u8) {
        let fresh = self.fresh();
        let at = usize::from(which) % self.entries.len().max(1);
        match change {
            Change::Tokens => self.entries.iter_mut().for_each(|entry| entry.token = fresh),
            Change::Host => self.entries.iter_mut().for_each(|entry| entry.host = fresh),
            Change::Order if self.entries.is_empty() => {}
            Change::Order => {
                self.entries.rotate_left(at);
                self.entries.swap(0, at);
            }
            Change::Add => self.add(usize::from(which % 40)),
            Change::Return => self.entries.append(&mut self.absent),
            Change::Numbers => {
                self.entries.iter_mut().for_each(|entry| entry.number = Some(entry.number.map_or(1, |number| (number + 1) % 9)));
            }
            _ => {
                let Some(entry) = self.entries.get_mut(at) else { return };
                match change {
                    Change::Name => entry.name = format!("Channel {} {fresh}", entry.shows),
                    Change::Move => entry.path = fresh,
                    Change::Tvg => entry.tvg = Some(format!("t{}-{fresh}", entry.shows)),
                    Change::NoTvg if entry.name == TWIN => {}
                    // With another name, or it could be once more what it was in a version long gone.
                    Change::NoTvg => {
                        entry.tvg = None;
                        entry.name = format!("Channel {} {fresh}", entry.shows);
                    }
                    Change::Repeat => {
                        let again = Entry { token: fresh, ..entry.clone() };
                        self.entries.push(again);
                    }
                    Change::Backup => {
                        let name = format!("Channel {} {fresh}", entry.shows);
                        let backup = Entry { id: fresh as usize, path: fresh, name, ..entry.clone() };
                        self.entries.push(backup);
                    }
                    _ => {
                        let gone = self.entries.remove(at);
                        // Repetitions go with it: what is repeated later would be the same entry twice.
                        self.entries.retain(|entry| entry.id != gone.id);
                        self.absent.push(gone);
                    }
                }
            }
        }
        // A repetition that is changed is no repetition any more, but it is no entry of its own either.
        let mut seen = HashSet::new();
        let same = |entry: &Entry| {
            (
                entry.id,
                Seen { url: entry.url(), entry: entry.clone() }.address().to_owned(),
                entry.tvg.clone(),
                entry.name.clone(),
            )
        };
        let first: Vec<_> = self.entries.iter().filter(|entry| seen.insert(entry.id)).map(same).collect();
        self.entries.retain(|entry| first.contains(&same(entry)));
    }

    /// The list as text, and what is in it.
    pub fn list(&self) -> (Vec<u8>, Vec<Seen>) {
        let entries = self.entries.iter();
        let text: String = entries.map(|entry| format!("{}{}\n", entry.line(), entry.url())).collect();
        (format!("#EXTM3U\n{text}").into_bytes(), Self::seen(self.entries.iter().map(|entry| (entry, entry.url()))))
    }

    /// The list, as far as it came: it ends in the middle of a line of the entry at `which`; of its address only where `known` says
    /// that it is still recognised by its name. Else it would be another entry for once, and itself again afterwards.
    pub fn cut(&self, which: u8, far: u8, known: impl Fn(&Entry) -> bool) -> (Vec<u8>, Vec<Seen>) {
        let at = usize::from(which) % self.entries.len().max(1);
        let mut text = "#EXTM3U\n".to_owned();
        let mut whole = Vec::new();
        for entry in self.entries.iter().take(at) {
            text += &format!("{}{}\n", entry.line(), entry.url());
            whole.push((entry, entry.url()));
        }
        if let Some(entry) = self.entries.get(at) {
            let (line, url) = (entry.line(), entry.url());
            let begun = format!("http://h{}.example/", entry.host).len();
            // Of a repetition the rest would be another entry of the same name.
            let again = whole.iter().any(|(other, _): &(&Entry, String)| other.id == entry.id);
            if far.is_multiple_of(2) || again || !known(entry) {
                text += &line[..usize::from(far) % line.len()];
            } else {
                let cut = &url[..begun + usize::from(far) % (url.len() - begun)];
                text += &format!("{line}{cut}");
                whole.push((entry, cut.to_owned()));
            }
        }
        (text.into_bytes(), Self::seen(whole.into_iter()))
    }

    /// The list with lines in between that nobody understands.
    pub fn hostile(&self, bytes: &[u8]) -> (Vec<u8>, Vec<Seen>) {
        let (list, seen) = self.list();
        let line: Vec<u8> = bytes.iter().copied().filter(|byte| ![b'\n', b'\r'].contains(byte)).collect();
        let mut text = Vec::new();
        for part in list.split_inclusive(|byte| *byte == b'\n') {
            text.extend_from_slice(part);
            if !part.starts_with(b"#EXTINF") {
                text.extend_from_slice(b"#");
                text.extend_from_slice(&line);
                text.extend_from_slice(b"\n");
            }
        }
        (text, seen)
    }

    fn seen<'a>(entries: impl Iterator<Item = (&'a Entry, String)>) -> Vec<Seen> {
        let mut keys = HashSet::new();
        let key = |seen: &Seen| {
            let (tvg, name, address) = seen.key();
            (tvg.map(str::to_owned), name.to_owned(), address.to_owned())
        };
        entries.map(|(entry, url)| Seen { entry: entry.clone(), url }).filter(|seen| keys.insert(key(seen))).collect()
    }
}
