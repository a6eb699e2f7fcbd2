//! From entries of a playlist to items, and from items to what the store imports. Pure.

use std::path::{Path, PathBuf};

use url::Url;

use super::identity::{self, Keys};
use super::m3u::{Attributes, Entry};
use crate::model::{GuideNumber, ItemKind, NewChannel, NewSource, PlaylistItem};
use crate::store::ImportItem;

/// Schemes that some source can read.
const SCHEMES: [&str; 8] = ["http", "https", "udp", "rtp", "srt", "push", "file", "demo"];
/// Endings of files that are films, not channels.
const VOD_ENDINGS: [&str; 12] = ["mp4", "mkv", "avi", "mov", "m4v", "wmv", "flv", "webm", "mpg", "mpeg", "3gp", "vob"];
/// Attributes that are kept in places of their own.
const PLACED: [&str; 4] = ["tvg-id", "tvg-logo", "group-title", "tvg-chno"];

/// Where a playlist was read, which is what addresses in it are relative to.
#[derive(Debug, Clone)]
pub enum Base {
    /// An address.
    Remote(Url),
    /// A directory, absolute.
    Local(PathBuf),
}

/// The item that an entry is. `None`: nothing here can read its address.
pub fn item(mut entry: Entry, base: &Base) -> Option<PlaylistItem> {
    let url = address(std::mem::take(&mut entry.url), base)?;
    let headers = entry.headers();
    let drm = entry.attributes.get("drm").is_some_and(is_true) || is_protected(&entry);
    let kind = kind(&url, &entry.attributes);
    let attribute = |name: &str| entry.attributes.get(name).map(str::trim).filter(|value| !value.is_empty());
    let number = ["tvg-chno", "channel-number"].into_iter().filter_map(attribute).find(|number| wish(number).is_some());
    let number = number.map(str::to_owned);
    let favorite = attribute("favorite").is_some_and(is_true);
    let named =
        (!entry.name.is_empty()).then(|| std::mem::take(&mut entry.name)).or_else(|| attribute("tvg-name").map(str::to_owned));
    let guide_id = placed(&mut entry.attributes, "tvg-id");
    let name = named.or_else(|| guide_id.clone()).unwrap_or_else(|| stem(&url));
    let group = placed(&mut entry.attributes, "group-title").or_else(|| entry.group.take());
    let logo = placed(&mut entry.attributes, "tvg-logo").filter(|logo| logo.starts_with("http"));
    let mut more = std::mem::take(&mut entry.attributes.0);
    // Empty ones say nothing, and headers are kept where they are not shown.
    more.retain(|(name, value)| !value.is_empty() && !PLACED.contains(&name.as_str()) && !Entry::is_header(name));
    let options = |prefix: &str, options: Vec<(String, String)>| {
        let shown = options.into_iter().filter(|(name, _)| !Entry::is_header(name) && !name.contains("licen"));
        shown.map(|(name, value)| (format!("{prefix}:{name}"), value)).collect::<Vec<_>>()
    };
    more.extend(options("vlc", std::mem::take(&mut entry.vlc_options)));
    more.extend(options("kodi", std::mem::take(&mut entry.kodi_properties)));
    Some(PlaylistItem { line: entry.line, kind, name, group, guide_id, logo, number, drm, favorite, url, headers, more })
}

/// Takes the value of an attribute out: it has a place of its own.
fn placed(attributes: &mut Attributes, name: &str) -> Option<String> {
    let (_, value) = attributes.0.iter_mut().find(|(known, value)| known == name && !value.is_empty())?;
    let value = std::mem::take(value);
    let trimmed = value.trim();
    if trimmed.len() == value.len() { Some(value) } else { Some(trimmed.to_owned()).filter(|value| !value.is_empty()) }
}

/// What an item is to the store, as a source and a channel.
pub fn import_item(item: &PlaylistItem, keys: Keys) -> ImportItem {
    ImportItem {
        channel_key: identity::channel_key(item.guide_id.as_deref(), keys.item),
        url_key: keys.url.to_string(),
        channel: NewChannel {
            number: item.number.as_deref().and_then(wish),
            name: item.name.clone(),
            logo: item.logo.clone(),
            guide_id: item.guide_id.clone(),
            group: item.group.clone(),
            favorite: item.favorite,
            drm: item.drm,
            station_id: item.more.iter().find(|(name, _)| name == "tvc-guide-stationid").map(|(_, value)| value.clone()),
        },
        source: NewSource {
            name: item.name.clone(),
            headers: item.headers.clone(),
            item_key: keys.item.to_string(),
            url: item.url.clone(),
            priority: 0,
        },
        ..ImportItem::default()
    }
}

/// A number that a channel can have. 0 is what playlists write for "none".
fn wish(number: &str) -> Option<GuideNumber> {
    number.parse().ok().filter(|number: &GuideNumber| number.major() > 0)
}

fn kind(url: &str, attributes: &Attributes) -> ItemKind {
    let of_type = attributes.get("tvg-type").map(str::to_ascii_lowercase);
    if attributes.get("radio").is_some_and(is_true) || of_type.as_deref() == Some("radio") {
        ItemKind::Radio
    } else if is_vod(url, of_type.as_deref()) {
        ItemKind::Vod
    } else {
        ItemKind::Live
    }
}

/// The whole address, if some source can read it. A list from the network may not name files of this machine.
fn address(text: String, base: &Base) -> Option<String> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let is = |known: &str| scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(known));
    match base {
        _ if scheme.is_some_and(|scheme| scheme.len() > 1) && text.contains("://") || is("demo") || is("push") => {
            let local = is("file") || is("demo") || is("push");
            let allowed = SCHEMES.into_iter().any(is) && (!local || matches!(base, Base::Local(_)));
            allowed.then_some(text)
        }
        Base::Remote(url) => url.join(&text).ok().filter(|url| ["http", "https"].contains(&url.scheme())).map(Into::into),
        Base::Local(dir) => Url::from_file_path(dir.join(&text)).ok().map(Into::into),
    }
}

fn is_vod(url: &str, of_type: Option<&str>) -> bool {
    if of_type.is_some_and(|kind| ["movie", "movies", "series", "vod"].contains(&kind)) {
        return true;
    }
    // Films by their path are named by one of these; to take the others apart would be in vain.
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| ending.len() <= 4);
    let named = ending.is_some_and(|ending| VOD_ENDINGS.iter().any(|vod| ending.eq_ignore_ascii_case(vod)));
    if !named && !path.contains("/movie/") && !path.contains("/series/") {
        return false;
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

    fn items(text: &str, base: &Base) -> Vec<Option<PlaylistItem>> {
        let mut found = Vec::new();
        m3u::read(text.as_bytes(), |event| {
            if let m3u::Event::Entry(entry) = event {
                found.push(item(entry, base));
            }
        })
        .unwrap();
        found
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
    #[case("srt://h:1?streamid=#!::r=a", remote(), Some("srt://h:1?streamid=#!::r=a"))]
    #[case("rtmp://h/live", local(), None)]
    fn addresses(#[case] text: &str, #[case] base: Base, #[case] whole: Option<&str>) {
        assert_eq!(address(text.to_owned(), &base).as_deref(), whole);
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
        assert_eq!(is_vod(url, None), vod);
    }

    #[test]
    fn an_entry_becomes_a_channel_and_a_source() {
        let text = "#EXTINF:-1 tvg-id=\" a.b \" tvg-chno=\"5.1\" tvg-logo=\"http://l/\" drm=\"1\" user-agent=\"Y\" catchup=\"x\" tvc-guide-stationid=\"11331\",One, HD\n\
                    #EXTGRP:News\n#EXTVLCOPT:http-user-agent=X\n#EXTVLCOPT:network-caching=300\nhttp://h/1\n\
                    #EXTINF:-1 tvg-id=\"\" tvg-chno=\"0\" channel-number=\"7\" tvg-name=\"T\" radio=\"true\",\n\
                    http://h/two.ts\n#EXTINF:-1,Film\nhttp://h/movie/u/p/1.mp4\n#EXTINF:-1,R\nrtsp://h/x\nhttp://h/bare.ts\n";
        let items = items(text, &local());
        let [Some(one), Some(two), Some(film), None, Some(bare)] = items.as_slice() else { panic!("{items:?}") };
        let keys = identity::keys(Some("a.b"), "One, HD", "http://h/1");
        let imported = import_item(one, keys);
        let channel = NewChannel {
            number: Some("5.1".parse().unwrap()),
            name: "One, HD".into(),
            logo: Some("http://l/".into()),
            guide_id: Some("a.b".into()),
            group: Some("News".into()),
            favorite: false,
            drm: true,
            station_id: Some("11331".into()),
        };
        assert_eq!(imported.channel, channel);
        assert_eq!((imported.channel_key.as_str(), imported.source.url.as_str()), ("id:a.b", "http://h/1"));
        assert_eq!(imported.source.headers.0, [("User-Agent".into(), "X".into())]);
        let more = |item: &PlaylistItem| item.more.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        assert_eq!(more(one), ["drm=1", "catchup=x", "tvc-guide-stationid=11331", "vlc:network-caching=300"]);
        let number = import_item(two, identity::keys(None, "T", "http://h/two.ts")).channel.number;
        assert_eq!((two.name.as_str(), number, two.kind), ("T", Some(GuideNumber::whole(7)), ItemKind::Radio));
        assert_eq!((two.guide_id.as_deref(), film.kind, bare.name.as_str()), (None, ItemKind::Vod, "bare"));
        assert_eq!(more(two), ["channel-number=7", "tvg-name=T", "radio=true"]);
    }

    #[test]
    fn protected_channels_are_marked() {
        let text = "#EXTINF:-1,A\n#KODIPROP:inputstream.adaptive.license_type=com.widevine.alpha\nhttp://h/1\n";
        let items = items(text, &local());
        let item = items[0].as_ref().unwrap();
        assert!(item.drm && item.more.is_empty());
    }
}
