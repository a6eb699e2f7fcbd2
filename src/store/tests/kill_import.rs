//! kill -9 in the middle of reading playlists and guides: the database opens clean, and what is served is one version, whole.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use super::*;
use crate::base::progress::Progress;
use crate::guide::refresh as guide;
use crate::model::{Channel, FetchAccess, GuideId, PlaylistItem, PlaylistRules, Programme, ProviderId};
use crate::playlist::refresh::{self as playlist, How};
use crate::store::guides::{NewGuide, Programmes};
use crate::store::items::Items;
use crate::store::{NewPlaylist, StoreError};

/// Names the directory to the child; without it this is the test itself.
const CHILD: &str = "ROOFTOP_TEST_KILL_IMPORT";
/// Says how often; a tenth of it by itself.
const ROUNDS: &str = "ROOFTOP_TEST_KILLS";
const ENTRIES: usize = 3000;
/// Of these, as many have programmes.
const GUIDED: usize = 200;
const HOURS: usize = 20;
const PLAYLIST: ProviderId = ProviderId(1);
const GUIDE: GuideId = GuideId(1);

#[test]
fn one_version_is_served_whole_after_kill_9() {
    if let Some(dir) = std::env::var_os(CHILD) {
        read_until_killed(Path::new(&dir));
        return;
    }
    let rounds = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let (mut acknowledged, mut all, mut late) = ([0, 0], 0, 0);
    for round in 0..rounds {
        let mut child = child(dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // It begins to read right after this. Some moments are spread over the first reading, some come after several.
        lines.by_ref().map_while(Result::ok).find(|line| line.contains("ready")).expect("the child runs");
        std::thread::sleep(Duration::from_micros(u64::from(getrandom::u32().unwrap()) % [60_000, 250_000, 900_000][round % 3]));
        child.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            let Some((_, said)) = line.split_once("ack ") else { continue };
            let (feed, number) = said.split_once(' ').unwrap();
            acknowledged[usize::from(feed == "guide")] = number.parse().unwrap();
            all += 1;
        }
        child.wait().unwrap();
        let found = check(dir.path());
        for (found, acknowledged) in found.iter().zip(&mut acknowledged) {
            assert!([*acknowledged, *acknowledged + 1].contains(found), "{found} of {acknowledged} in round {round}");
            late += usize::from(found != acknowledged);
            *acknowledged = *found;
        }
    }
    println!("{rounds} kills, {all} versions acknowledged, {late} served before that was said");
    assert!(all > 0);
}

fn child(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name = "store::tests::kill_import::one_version_is_served_whole_after_kill_9";
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    command.env(CHILD, dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// What version `number` of the list says.
fn list(number: usize) -> Vec<(String, String, String)> {
    let one = |n: usize| {
        let id = format!("id{n}");
        match (number % 2, n % 10) {
            // Some come and go, the others are called something else and are somewhere else.
            (1, 9) => (format!("more{n}"), format!("More {n}"), format!("http://h/more/{n}.ts")),
            (1, _) => (id, format!("Uno {n}"), format!("http://h/odd/{n}.ts")),
            _ => (id, format!("One {n}"), format!("http://h/even/{n}.ts")),
        }
    };
    let version = ("version".to_owned(), format!("Version {number}"), "http://h/version.ts".to_owned());
    (0..ENTRIES).map(one).chain([version]).collect()
}

fn m3u(number: usize) -> String {
    list(number).into_iter().map(|(id, name, url)| format!("#EXTINF:-1 tvg-id=\"{id}\",{name}\n{url}\n")).collect()
}

fn xmltv(number: usize) -> String {
    let mut guide = format!("<tv>\n<channel id=\"version\"><display-name>Version {number}</display-name></channel>\n");
    for n in 0..GUIDED {
        guide += &format!("<channel id=\"id{n}\"><display-name>Channel {n}</display-name></channel>\n");
    }
    // All of it is about now, whenever this runs.
    let day = jiff::Timestamp::now().strftime("%Y%m%d").to_string();
    for (n, hour) in (0..GUIDED).flat_map(|n| (0..HOURS).map(move |hour| (n, hour))) {
        let times = format!("start=\"{day}{hour:02}0000 +0000\" stop=\"{day}{hour:02}5900 +0000\"");
        guide += &format!("<programme channel=\"id{n}\" {times}><title>Version {number}</title></programme>\n");
    }
    guide + "</tv>\n"
}

/// A database that knows where the feeds are, and has read a version 0 of both.
fn prepare(dir: &Path) {
    let store = Store::open(&dir.join("data")).unwrap();
    runtime().block_on(async {
        let location = |file: &str| dir.join(file).display().to_string();
        let new = NewPlaylist {
            key: "list".into(),
            name: "List".into(),
            location: location("list"),
            max_connections: None,
            access: FetchAccess::default(),
            rules: PlaylistRules::default(),
            refresh_h: 0,
        };
        assert_eq!(store.add_playlist(new).await.unwrap(), PLAYLIST);
        let new = NewGuide {
            key: "guide".into(),
            name: "Guide".into(),
            location: location("guide"),
            playlist: None,
            access: FetchAccess::default(),
            refresh_h: 0,
        };
        assert_eq!(store.add_guide(new).await.unwrap(), GUIDE);
        read(dir, &store, "list", 0).await;
        read(dir, &store, "guide", 0).await;
    });
}

/// Reads a version of a feed.
async fn read(dir: &Path, store: &Store, feed: &str, number: usize) {
    let new = dir.join("new");
    std::fs::write(&new, if feed == "list" { m3u(number) } else { xmltv(number) }).unwrap();
    // A file that is new is waited for.
    let old = SystemTime::now() - Duration::from_secs(60);
    std::fs::File::options().write(true).open(&new).unwrap().set_modified(old).unwrap();
    std::fs::rename(&new, dir.join(feed)).unwrap();
    let progress = Progress::default();
    if feed == "list" {
        let done = playlist::refresh(store, PLAYLIST, How { anyway: true }, &progress).await.unwrap();
        assert!(matches!(done, playlist::Outcome::Published(_)), "{done:?}");
    } else {
        let done = guide::refresh(store, GUIDE, true, &progress).await.unwrap();
        assert!(matches!(done, guide::GuideOutcome::Published(_)), "{done:?}");
    }
}

/// Both feeds alternately, one version after the other.
fn read_until_killed(dir: &Path) {
    let store = Store::open(&dir.join("data")).unwrap();
    runtime().block_on(async {
        let mut numbers = [list_number(&store), guide_number(&store).await];
        say("ready");
        for turn in 0.. {
            let feed = ["list", "guide"][turn % 2];
            let number = &mut numbers[turn % 2];
            *number += 1;
            read(dir, &store, feed, *number).await;
            say(&format!("ack {feed} {number}"));
        }
    });
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn number(name: &str) -> usize {
    name.strip_prefix("Version ").unwrap().parse().unwrap()
}

fn list_number(store: &Store) -> usize {
    let catalog = store.catalog();
    number(&catalog.channels.iter().find(|channel| channel.guide_id.as_deref() == Some("version")).unwrap().name)
}

/// The version of the guide that is served.
async fn guide_number(store: &Store) -> usize {
    let version = store.guide(GUIDE).await.unwrap().versions.current.unwrap().version;
    let programmes = Programmes::open(&store.feeds_dir().join(&version.file)).unwrap();
    let channels = programmes.channels().unwrap();
    assert_eq!(channels.len(), GUIDED + 1);
    number(&channels[0].names[0].text)
}

/// The versions that are served of both feeds, after it was seen that they are whole.
fn check(dir: &Path) -> [usize; 2] {
    let store = Store::open(&dir.join("data")).unwrap();
    runtime().block_on(async {
        store.verify().await.unwrap();
        let feeds = store.feeds_dir();
        let catalog = store.catalog();
        let of_list = list_number(&store);
        let source = |channel: &Channel| {
            let [source] = catalog.sources_of(channel.id) else { panic!("{channel:?}") };
            (channel.guide_id.clone().unwrap(), channel.name.clone(), source.url.clone())
        };
        let mut served: Vec<_> = catalog.channels.iter().map(source).collect();
        let mut expected = list(of_list);
        let playlist = store.playlist(PLAYLIST).await.unwrap().versions.current.unwrap().version.file;
        let mut stored = Vec::with_capacity(expected.len());
        let each = |item: PlaylistItem| {
            stored.push((item.guide_id.unwrap(), item.name, item.url));
            Ok(())
        };
        Items::open(&feeds.join(&playlist)).unwrap().each(each).unwrap();
        assert_eq!(stored, expected, "the version and what is served differ");
        served.sort_unstable();
        expected.sort_unstable();
        assert_eq!(served, expected);

        let of_guide = guide_number(&store).await;
        let guide = store.guide(GUIDE).await.unwrap().versions.current.unwrap().version.file;
        let programmes = Programmes::open(&feeds.join(&guide)).unwrap();
        let mut kept = 0;
        for n in 0..GUIDED {
            let each = |programme: Programme| {
                kept += 1;
                assert_eq!(number(programme.title()), of_guide);
                Ok::<_, StoreError>(())
            };
            programmes.each(&format!("id{n}"), 0, 1 << 40, each).unwrap();
        }
        assert_eq!(kept, GUIDED * HOURS);
        // What is kept for channels that are mapped later is not older than what is served.
        let raw = std::fs::read_to_string(feeds.join("guide-1.raw")).unwrap();
        let raw = number(raw.split("<display-name>").nth(1).unwrap().split('<').next().unwrap());
        assert!([of_guide, of_guide + 1].contains(&raw), "{raw} is kept, and {of_guide} served");

        let files = std::fs::read_dir(&feeds).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = files.filter(|file| !file.ends_with(".lock")).collect();
        files.sort_unstable();
        assert_eq!(files, [guide, "guide-1.raw".to_owned(), playlist]);
        [of_list, of_guide]
    })
}
