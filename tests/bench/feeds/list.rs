//! A playlist of any size, as resellers of IPTV write them: groups in runs, one country and kind after the other, the same channel in
//! several qualities, logos from a few servers, and addresses that hold the account.

use std::io::{self, Write};

/// Channels of one name, one after the other.
const QUALITIES: [&str; 6] = ["SD", "HD", "FHD", "UHD", "HEVC", "4K"];
/// Entries of a group are at least so many …
const RUN: usize = 80;
/// … and by less than this more.
const SPREAD: usize = 700;

/// Writes a list of so many entries: 910,000 are about 260 MB. The same seed writes the same bytes.
///
/// One of forty is a plain HLS address, one of two hundred a radio station, and one of four has no `tvg-id`.
///
/// # Errors
/// Those of `out`.
pub fn list(out: &mut impl Write, entries: u32, seed: u64) -> io::Result<()> {
    let mut chance = Chance(seed);
    writeln!(out, "#EXTM3U url-tvg=\"http://guide.example/all.xml.gz\"")?;
    let (mut country, mut kind, mut left) = ("", "", 0);
    let mut name = String::new();
    let mut quality = QUALITIES.len();
    for entry in 1..=entries {
        if left == 0 {
            (country, kind) = (chance.one_of(&COUNTRIES), chance.one_of(&KINDS));
            left = RUN + chance.below(SPREAD);
        }
        left -= 1;
        if quality >= QUALITIES.len() || name.is_empty() {
            name = format!("{} {} {}", chance.one_of(&WORDS), kind, 1 + chance.below(400));
            quality = chance.below(4);
        }
        let title = format!("{country}: {name} {}", QUALITIES[quality]);
        quality += 1 + chance.below(3);
        let id = match chance.below(4) {
            0 => String::new(),
            _ => format!("{}.{}", name.replace(' ', ""), country.to_ascii_lowercase()),
        };
        let radio = if chance.below(200) == 0 { " radio=\"true\"" } else { "" };
        let logo = chance.one_of(&["http://logo.host.example:8080/images", "https://pictures.example/tv/logos"]);
        writeln!(
            out,
            "#EXTINF:-1 tvg-id=\"{id}\" tvg-name=\"{title}\" tvg-logo=\"{logo}/{:016x}{entry:020}.png\" \
             group-title=\"{country} | {kind}\"{radio},{title}",
            chance.next(),
        )?;
        match chance.below(40) {
            0 => writeln!(out, "https://cdn-{}.example/hls/{entry}/index.m3u8", chance.below(9))?,
            _ => writeln!(out, "http://line.host.example:8080/live/customer0815/Ab3dEf6hIj/{entry}.ts")?,
        }
    }
    Ok(())
}

/// SplitMix64: the same everywhere, and fast.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const COUNTRIES: [&str; 24] = [
    "DE", "AT", "CH", "FR", "IT", "ES", "PT", "UK", "IE", "NL", "BE", "DK", "SE", "NO", "FI", "PL", "CZ", "GR", "TR", "US", "CA",
    "BR", "MX", "AR",
];

const KINDS: [&str; 12] = [
    "News",
    "Sports",
    "Cinema",
    "Series",
    "Kids",
    "Música",
    "Documentaries",
    "Général",
    "Regional",
    "Shopping",
    "Pay per view",
    "24/7",
];

const WORDS: [&str; 24] = [
    "Harbour",
    "Evening",
    "Zürich",
    "River",
    "Garden",
    "Winter",
    "Village",
    "Captain",
    "Midnight",
    "Orchestra",
    "Journey",
    "Mountain",
    "Telegram",
    "Island",
    "Railway",
    "Château",
    "Doctor",
    "Thunder",
    "Señor",
    "Lighthouse",
    "Shadow",
    "Theatre",
    "Silver",
    "Planet",
];
