//! Playlists as a household has them.

use std::fmt::Write;

/// An entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Number wished for.
    pub number: String,
    /// Its name.
    pub name: String,
    /// Further attributes, written as they are: `tvg-logo="…"`.
    pub attributes: String,
    /// Address.
    pub url: String,
}

/// An entry with a number, a name and an address.
pub fn entry(number: &str, name: &str, url: &str) -> Entry {
    Entry { number: number.into(), name: name.into(), attributes: String::new(), url: url.into() }
}

impl Entry {
    /// With more attributes.
    pub fn with(mut self, attributes: &str) -> Self {
        self.attributes = attributes.into();
        self
    }
}

/// An M3U of them.
pub fn m3u(entries: &[Entry]) -> String {
    let mut text = String::from("#EXTM3U\n");
    for Entry { number, name, attributes, url } in entries {
        let id = if attributes.contains("tvg-id") { String::new() } else { format!("tvg-id=\"id{number}\" ") };
        writeln!(text, "#EXTINF:-1 {id}tvg-chno=\"{number}\" {attributes},{name}\n{url}").unwrap();
    }
    text
}
