//! A guide of any size, as providers write them: channels first, then programmes channel by channel, with descriptions.

use std::io::{self, Write};

use jiff::Timestamp;

/// When a guide of [`guide`] begins: 2026-01-01T00:00Z.
pub const BEGINS_S: i64 = 1_767_225_600;

/// Writes a guide of `channels` channels over `days` days. The same seed writes the same bytes. 2,000 channels over 14 days are about
/// 1.5 million programmes and 1 GB.
///
/// Ids of channels are `channel-1.example` and so on.
///
/// # Errors
/// Those of `out`.
pub fn guide(out: &mut impl Write, channels: u32, days: u32, seed: u64) -> io::Result<()> {
    guide_from(out, channels, days, seed, BEGINS_S)
}

/// As [`guide`], from another time on, in seconds since 1970.
///
/// # Errors
/// Those of `out`.
pub fn guide_from(out: &mut impl Write, channels: u32, days: u32, seed: u64, begins_s: i64) -> io::Result<()> {
    let mut chance = Chance(seed);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE tv SYSTEM \"xmltv.dtd\">")?;
    writeln!(out, "<tv source-info-name=\"Made up\" generator-info-name=\"feeds\">")?;
    for channel in 1..=channels {
        let (word, quality) = (chance.one_of(&WORDS), chance.one_of(&["", " HD", " UHD", " +1"]));
        writeln!(
            out,
            "  <channel id=\"channel-{channel}.example\">\n    <display-name>{word} {channel}{quality}</display-name>"
        )?;
        writeln!(out, "    <display-name>{channel}</display-name>")?;
        writeln!(out, "    <icon src=\"https://pictures.example/logo/{channel}.png\" />\n  </channel>")?;
    }
    let ends_s = begins_s + i64::from(days) * 86_400;
    let mut description = String::new();
    for channel in 1..=channels {
        let mut start_s = begins_s;
        while start_s < ends_s {
            let stop_s = start_s + 60 * [5, 15, 25, 30, 30, 30, 45, 60][chance.below(8)];
            let (start, stop) = (time(start_s), time(stop_s));
            writeln!(out, "  <programme start=\"{start}\" stop=\"{stop}\" channel=\"channel-{channel}.example\">")?;
            programme(out, &mut chance, &mut description)?;
            writeln!(out, "  </programme>")?;
            start_s = stop_s;
        }
    }
    writeln!(out, "</tv>")
}

fn programme(out: &mut impl Write, chance: &mut Chance, description: &mut String) -> io::Result<()> {
    let (one, other) = (chance.one_of(&WORDS), chance.one_of(&WORDS));
    writeln!(out, "    <title lang=\"en\">{one} &amp; {other}</title>")?;
    if chance.below(3) > 0 {
        writeln!(out, "    <sub-title lang=\"en\">The {} of {}</sub-title>", chance.one_of(&WORDS), chance.one_of(&WORDS))?;
    }
    description.clear();
    for word in 0..20 + chance.below(50) {
        description.push_str(if word > 0 { " " } else { "" });
        description.push_str(chance.one_of(&WORDS));
    }
    writeln!(out, "    <desc lang=\"en\">{description}.</desc>")?;
    if chance.below(4) == 0 {
        writeln!(out, "    <credits>\n      <director>{} {}</director>", chance.one_of(&WORDS), chance.one_of(&WORDS))?;
        for _ in 0..chance.below(4) {
            writeln!(out, "      <actor role=\"{other}\">{} {}</actor>", chance.one_of(&WORDS), chance.one_of(&WORDS))?;
        }
        writeln!(out, "    </credits>\n    <date>{}</date>", 1950 + chance.below(77))?;
    }
    writeln!(out, "    <category lang=\"en\">{}</category>", chance.one_of(&["News", "Series", "Film", "Sports", "Children"]))?;
    let (season, episode) = (chance.below(20), chance.below(24));
    writeln!(out, "    <icon src=\"https://pictures.example/{:016x}.jpg\" />", chance.next())?;
    writeln!(out, "    <episode-num system=\"xmltv_ns\">{season}.{episode}.</episode-num>")?;
    writeln!(out, "    <episode-num system=\"onscreen\">S{:02}E{:02}</episode-num>", season + 1, episode + 1)?;
    match chance.below(3) {
        0 => writeln!(out, "    <new />")?,
        1 => writeln!(out, "    <previously-shown />")?,
        _ => {}
    }
    writeln!(out, "    <rating system=\"FSK\">\n      <value>{}</value>\n    </rating>", chance.one_of(&["0", "6", "12", "16"]))
}

fn time(at_s: i64) -> String {
    Timestamp::from_second(at_s).map_or_else(|_| String::new(), |at| at.strftime("%Y%m%d%H%M%S +0000").to_string())
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

const WORDS: [&str; 40] = [
    "harbour",
    "evening",
    "Zürich",
    "detective",
    "river",
    "garden",
    "winter",
    "stranger",
    "village",
    "captain",
    "letter",
    "midnight",
    "orchestra",
    "journey",
    "kitchen",
    "mountain",
    "secret",
    "telegram",
    "island",
    "railway",
    "château",
    "doctor",
    "thunder",
    "neighbour",
    "programme",
    "market",
    "señor",
    "lighthouse",
    "season",
    "brother",
    "shadow",
    "theatre",
    "window",
    "forest",
    "question",
    "silver",
    "teacher",
    "weather",
    "yesterday",
    "zoo",
];
