//! The lineup that most checks use: an origin, a server, and channels that show what clients stumble over.

use std::sync::Arc;
use std::time::Duration;

use super::app::{App, STREAM, Setup};
use super::http::Request;
use super::media::Kind;
use super::netns::Netns;
use super::playlist::{Entry, entry};
use super::upstream::{Live, Origin, Script};
use super::viewer::Viewer;

/// Numbers and paths of the standard lineup.
pub const LINEUP: [(&str, &str, Kind); 6] = [
    ("1", "/one", Kind::H264),
    ("2", "/two", Kind::Small),
    ("3", "/three", Kind::Mpeg2),
    ("4.1", "/four-one", Kind::Small),
    ("4.10", "/four-ten", Kind::Hevc),
    ("5", "/five", Kind::Radio),
];
/// The name of 4.1: more than one byte a letter, and what XML and M3U must escape.
pub const ODD_NAME: &str = "Ärger & <Söhne>, \u{65e5}\u{672c}";

/// A server with the standard lineup, and the origin it plays from.
pub struct Rig {
    /// The server. Declared first: it ends before its origin.
    pub app: App,
    /// Where its channels come from.
    pub origin: Origin,
    /// The network of both.
    pub netns: Arc<Netns>,
}

impl Rig {
    /// With four tuners.
    pub fn standard() -> Self {
        Self::with(|setup| setup)
    }

    /// With changes to how the server is started.
    pub fn with(change: impl FnOnce(Setup) -> Setup) -> Self {
        let netns = Arc::new(Netns::new());
        let origin = Origin::start(&netns);
        for (_, path, kind) in LINEUP {
            origin.set(path, Live::new(&kind.media()).script());
        }
        let app = change(Setup::new(&netns).playlist_each(&entries(&origin))).start();
        Self { app, origin, netns }
    }

    /// With channels of its own instead: number, path, what the origin does.
    pub fn of(channels: &[(&str, &str, Script)], change: impl FnOnce(Setup) -> Setup) -> Self {
        let netns = Arc::new(Netns::new());
        let origin = Origin::start(&netns);
        let entries: Vec<Entry> = channels
            .iter()
            .map(|(number, path, script)| {
                origin.set(path, script.clone());
                entry(number, &format!("Channel {number}"), &origin.url(path))
            })
            .collect();
        let app = change(Setup::new(&netns).playlist_each(&entries)).start();
        Self { app, origin, netns }
    }

    /// Asks for a stream and must be refused: status and `X-HDHomeRun-Error`, with a body of no bytes (Jellyfin takes any
    /// byte for video).
    pub fn refused(&self, request: &Request) -> (u16, String) {
        let response = request.send(&self.netns, STREAM).unwrap();
        let error = response.header("X-HDHomeRun-Error").unwrap_or("").to_owned();
        assert_ne!(response.status, 200, "{request:?} was not refused");
        assert_eq!(response.header("Content-Length"), Some("0"), "{request:?}: {:?}", response.headers);
        (response.status, error)
    }

    /// A viewer of a channel that has received something.
    pub fn watch(&self, number: &str) -> Viewer {
        let viewer = Viewer::open(&self.netns, &format!("/auto/v{number}"));
        viewer.more(10 * 188, Duration::from_secs(5));
        viewer
    }
}

fn entries(origin: &Origin) -> Vec<Entry> {
    LINEUP
        .iter()
        .map(|(number, path, _)| {
            let name = match *number {
                "1" => "One HD".to_owned(),
                "4.1" => ODD_NAME.to_owned(),
                number => format!("Channel {number}"),
            };
            entry(number, &name, &origin.url(path)).with("group-title=\"All\"")
        })
        .collect()
}
