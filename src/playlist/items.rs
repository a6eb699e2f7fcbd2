//! From entries of a playlist to items for the store. Pure.

use std::path::{Path, PathBuf};

use url::Url;

use super::identity;
use super::m3u::{Attributes, Broken, Entry, Event};
use crate::model::{GuideNumber, NewChannel, NewSource};
use crate::store::ImportItem;

/// Most flaws that are kept to be shown; all are counted.
const SHOWN: usize = 20;
/// Schemes that some source can read.
const SCHEMES: [&str; 6] = ["http", "https", "udp", "rtp", "file", "demo"];
/// Endings of files that are films, not channels.
const VOD_ENDINGS: [&str; 12] = ["mp4", "mkv", "avi", "mov", "m4v", "wmv", "flv", "webm", "mpg", "mpeg", "3gp", "vob"];

/// Where a playlist was read, which is what addresses in it are relative to.
#[derive(Debug, Clone)]
pub enum Base {
    /// An address.
    Remote(Url),
    /// A directory, absolute.
    Local(PathBuf),
}

/// All that a playlist holds.
#[derive(Debug)]
pub struct Collected {
    base: Base,
    /// Items in the playlist's order.
    pub items: Vec<ImportItem>,
    /// Entries with an address, whatever became of them.
    pub entries: usize,
    /// Of these, films and series, which were left out.
    pub vod: usize,
    /// Of these, with addresses that nothing here can read; left out.
    pub unsupported: usize,
    /// Lines that were not understood.
    pub broken: usize,
    /// The first of them.
    pub first_broken: Vec<Broken>,
    /// Addresses of guides.
    pub guides: Vec<String>,
}

impl Collected {
    /// Nothing yet.
    pub fn new(base: Base) -> Self {
        Self {
            base,
            items: Vec::new(),
            entries: 0,
            vod: 0,
            unsupported: 0,
            broken: 0,
            first_broken: Vec::new(),
            guides: Vec::new(),
        }
    }

    /// Takes what the parser found.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Header(header) => {
                let new: Vec<String> = header.guides().into_iter().filter(|guide| !self.guides.contains(guide)).collect();
                self.guides.extend(new);
            }
            Event::Broken(broken) => {
                self.broken += 1;
                if self.first_broken.len() < SHOWN {
                    self.first_broken.push(broken);
                }
            }
            Event::Entry(entry) => {
                self.entries += 1;
                match address(&entry.url, &self.base) {
                    None => self.unsupported += 1,
                    Some(url) if is_vod(&url, &entry.attributes) => self.vod += 1,
                    Some(url) => self.items.push(item(&entry, url)),
                }
            }
        }
    }
}

/// The whole address, if some source can read it. A list from the network may not name files of this machine.
fn address(text: &str, base: &Base) -> Option<String> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match (scheme, base) {
        (Some(scheme), _) if scheme.len() > 1 && text.contains("://") || scheme == "demo" => {
            let local = ["file", "demo"].contains(&scheme.as_str());
            let allowed = SCHEMES.contains(&scheme.as_str()) && (!local || matches!(base, Base::Local(_)));
            allowed.then(|| text.to_owned())
        }
        (_, Base::Remote(url)) => url.join(text).ok().filter(|url| ["http", "https"].contains(&url.scheme())).map(Into::into),
        (_, Base::Local(dir)) => Url::from_file_path(dir.join(text)).ok().map(Into::into),
    }
}

fn is_vod(url: &str, attributes: &Attributes) -> bool {
    if attributes.get("tvg-type").is_some_and(|kind| ["movie", "movies", "series", "vod"].contains(&&*kind.to_ascii_lowercase()))
    {
        return true;
    }
    let Ok(url) = Url::parse(url) else { return false };
    if !url.has_host() {
        return false;
    }
    let mut segments = url.path_segments().into_iter().flatten();
    let first = segments.next().unwrap_or_default();
    let last = segments.next_back().unwrap_or(first);
    let ending = last.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("ts" | "m3u8" | "m3u" | "mpd") => false,
        Some(ending) if VOD_ENDINGS.contains(&ending) => true,
        _ => ["movie", "series"].contains(&first),
    }
}

fn item(entry: &Entry, url: String) -> ImportItem {
    let attribute = |name: &str| entry.attributes.get(name).map(str::trim).filter(|value| !value.is_empty());
    let guide_id = attribute("tvg-id");
    let name = [Some(entry.name.as_str()), attribute("tvg-name"), guide_id];
    let name = name.into_iter().flatten().find(|name| !name.is_empty()).map_or_else(|| stem(&url), str::to_owned);
    let number = ["tvg-chno", "channel-number"].into_iter().filter_map(attribute).find_map(|number| {
        let number: Option<GuideNumber> = number.parse().ok();
        number.filter(|number| number.major() > 0)
    });
    let group = attribute("group-title").map(str::to_owned).or_else(|| entry.group.clone());
    let item_key = identity::item_key(guide_id, &name, &url);
    ImportItem {
        channel_key: identity::channel_key(guide_id, &item_key),
        url_key: identity::url_key(&url),
        channel: NewChannel {
            number,
            name: name.clone(),
            logo: attribute("tvg-logo").filter(|logo| logo.starts_with("http")).map(str::to_owned),
            guide_id: guide_id.map(str::to_owned),
            group,
            favorite: attribute("favorite").is_some_and(is_true),
            drm: attribute("drm").is_some_and(is_true) || is_protected(entry),
        },
        source: NewSource { name, headers: entry.headers(), item_key, url, priority: 0 },
    }
}

fn is_true(value: &str) -> bool {
    ["1", "true", "yes"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

/// Kodi is told how to get a licence only for what is encrypted.
fn is_protected(entry: &Entry) -> bool {
    let licence = |name: &str| name == "inputstream.adaptive.license_type" || name == "inputstream.adaptive.license_key";
    entry.kodi_properties.iter().any(|(name, value)| licence(name) && !value.is_empty())
}

/// The last word of a path, for what has no name at all.
fn stem(url: &str) -> String {
    let path = Url::parse(url).map(|url| url.path().to_owned()).unwrap_or_default();
    let stem = Path::new(&path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if stem.is_empty() { "Unnamed".to_owned() } else { stem.chars().take(64).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::m3u;

    fn collected(text: &str, base: Base) -> Collected {
        let mut collected = Collected::new(base);
        m3u::read(text.as_bytes(), |event| collected.take(event)).unwrap();
        collected
    }

    fn remote() -> Base {
        Base::Remote(Url::parse("http://h/lists/get.m3u?x=1").unwrap())
    }

    fn local() -> Base {
        Base::Local("/srv/tv".into())
    }

    #[rstest::rstest]
    #[case("http://x/1", remote(), Some("http://x/1"))]
    #[case("1.ts", remote(), Some("http://h/lists/1.ts"))]
    #[case("/1.ts", remote(), Some("http://h/1.ts"))]
    #[case("1.ts", local(), Some("file:///srv/tv/1.ts"))]
    #[case("/x/1.ts", local(), Some("file:///x/1.ts"))]
    #[case("file:///x/1.ts", local(), Some("file:///x/1.ts"))]
    #[case("file:///etc/passwd", remote(), None)]
    #[case("demo:clock", remote(), None)]
    #[case("demo:clock", local(), Some("demo:clock"))]
    #[case("udp://@239.0.0.1:5000", remote(), Some("udp://@239.0.0.1:5000"))]
    #[case("rtmp://h/live", local(), None)]
    fn addresses(#[case] text: &str, #[case] base: Base, #[case] whole: Option<&str>) {
        assert_eq!(address(text, &base).as_deref(), whole);
    }

    #[rstest::rstest]
    #[case("http://h/movie/u/p/1.mkv", true)]
    #[case("http://h/series/u/p/1", true)]
    #[case("http://h/a/b.MP4?x=1", true)]
    #[case("http://h/live/u/p/1.ts", false)]
    #[case("http://h/movie/index.m3u8", false)]
    #[case("http://h/cinema/movie", false)]
    #[case("file:///srv/clip.mp4", false)]
    #[case("udp://239.0.0.1:5000", false)]
    fn films_are_no_channels(#[case] url: &str, #[case] vod: bool) {
        assert_eq!(is_vod(url, &Attributes::default()), vod);
    }

    #[test]
    fn an_entry_becomes_a_channel_and_a_source() {
        let text = "#EXTM3U tvg-url=\"http://g/\"\n#EXTINF:-1 tvg-id=\" a.b \" tvg-chno=\"5.1\" tvg-logo=\"http://l/\" drm=\"1\",One, HD\n\
                    #EXTGRP:News\n#EXTVLCOPT:http-user-agent=X\nhttp://h/1\n#EXTINF:-1 tvg-id=\"\" tvg-chno=\"0\" channel-number=\"7\" tvg-name=\"T\",\n\
                    http://h/two.ts\n#EXTINF:-1,Film\nhttp://h/movie/u/p/1.mp4\n#EXTINF:-1,R\nrtsp://h/x\nhttp://h/bare.ts\n";
        let collected = collected(text, local());
        assert_eq!((collected.entries, collected.vod, collected.unsupported, collected.broken), (5, 1, 1, 0));
        assert_eq!(collected.guides, ["http://g/"]);
        let [one, two, bare] = collected.items.as_slice() else { panic!("{:?}", collected.items) };
        let channel = NewChannel {
            number: Some("5.1".parse().unwrap()),
            name: "One, HD".into(),
            logo: Some("http://l/".into()),
            guide_id: Some("a.b".into()),
            group: Some("News".into()),
            favorite: false,
            drm: true,
        };
        assert_eq!(one.channel, channel);
        assert_eq!((one.channel_key.as_str(), one.source.url.as_str()), ("id:a.b", "http://h/1"));
        assert_eq!(one.source.headers.0, [("User-Agent".into(), "X".into())]);
        assert_eq!((two.channel.name.as_str(), two.channel.number.clone()), ("T", Some(GuideNumber::whole(7))));
        assert_eq!(
            (two.channel.guide_id.as_deref(), two.channel_key.as_str()),
            (None, &*format!("item:{}", two.source.item_key))
        );
        assert_eq!(bare.channel.name, "bare");
    }

    #[test]
    fn protected_channels_are_marked() {
        let text = "#EXTINF:-1,A\n#KODIPROP:inputstream.adaptive.license_type=com.widevine.alpha\nhttp://h/1\n";
        assert!(collected(text, local()).items[0].channel.drm);
    }
}
