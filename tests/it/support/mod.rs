//! What the black-box tests stand on. Nothing here uses the library under test: the tests know `rooftop` by its executable
//! and its wire formats only.

pub mod app;
pub mod browser;
pub mod control;
pub mod demux;
pub mod http;
pub mod lossy;
pub mod media;
pub mod netns;
pub mod numbered;
pub mod packets;
pub mod pes_units;
pub mod playlist;
pub mod process;
pub mod random;
pub mod restamp;
pub mod rig;
pub mod rtp;
pub mod shelf;
pub mod srt;
pub mod ts_oracle;
pub mod udp;
pub mod upstream;
pub mod viewer;
pub mod wait;
pub mod watcher;
pub mod xtream;

use std::path::PathBuf;

/// The address of the server in its namespace.
pub const IP: &str = "10.77.0.1";

/// A file or folder of the test data beside the clone; the test fails where it is missing.
pub fn data(path: &str) -> PathBuf {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")).join(path);
    assert!(path.exists(), "the test data lies beside the clone, and {} is missing", path.display());
    path
}

/// A script of the client contract.
pub fn script(name: &str) -> String {
    data("hdhr").join(name).display().to_string()
}
