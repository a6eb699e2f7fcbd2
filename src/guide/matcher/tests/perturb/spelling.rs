//! What playlists do to a channel's name.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::random::Random;

/// A country that none of the guides is for.
#[derive(Clone, Copy)]
pub struct Country {
    pub code: &'static str,
    /// What a group of the playlist is called.
    group: &'static str,
}

pub const COUNTRIES: &[Country] = &[
    Country { code: "DE", group: "Germany" },
    Country { code: "UK", group: "United Kingdom" },
    Country { code: "IT", group: "Italy" },
    Country { code: "FR", group: "France" },
    Country { code: "ES", group: "Spain" },
    Country { code: "CA", group: "Canada" },
    Country { code: "AU", group: "Australia" },
    Country { code: "BR", group: "Brazil" },
    Country { code: "NL", group: "Netherlands" },
    Country { code: "PL", group: "Poland" },
    Country { code: "IN", group: "India" },
    Country { code: "MX", group: "Mexico" },
    Country { code: "SE", group: "Sweden" },
    Country { code: "TR", group: "Turkey" },
];

/// What an edition of a channel for another country has in its name.
pub const EDITIONS: &[&str] = &[
    "Deutschland",
    "Germany",
    "Italia",
    "Italy",
    "España",
    "Latin America",
    "Brasil",
    "India",
    "Arabia",
    "Türkiye",
    "Polska",
    "France",
    "Canada",
    "Australia",
    "Japan",
    "Portugal",
    "Nederland",
    "Africa",
    "Asia",
    "Europe",
];

pub const SHIFTS_OF_ONE: [&str; 6] = ["+1", " +1", " + 1", " Plus 1", " (+1)", " +1h HD"];

/// Words about the picture or the stream.
pub fn quality(name: &str, random: &mut Random) -> String {
    let word = random.of(&[
        "HD",
        "FHD",
        "UHD",
        "4K",
        "SD",
        "HEVC",
        "H265",
        "H.265",
        "1080p",
        "720p",
        "RAW",
        "50FPS",
        "60fps",
        "VIP",
        "Backup",
        "HQ",
        "LQ",
        "FULL HD",
        "Ultra HD",
        "HDTV",
        "8K",
        "hd",
        "Fhd",
        "HD RAW",
        "UHD 3840P",
        "FHD HEVC",
    ]);
    match random.below(8) {
        0 => format!("{name} ({word})"),
        1 => format!("{name} [{word}]"),
        2 => format!("{name} - {word}"),
        3 => format!("{name} | {word}"),
        4 if !word.contains(' ') => format!("{word}: {name}"),
        5 => format!("{name} {word} (backup)"),
        _ => format!("{name} {word}"),
    }
}

fn written(code: &str, random: &mut Random) -> &'static str {
    random.of(match code {
        "US" => &["US", "USA", "us"],
        "NZ" => &["NZ", "NZ", "nz"],
        "UK" => &["UK", "GB", "uk"],
        "DE" => &["DE", "GER", "de"],
        "IT" => &["IT", "ITA", "IT"],
        "FR" => &["FR", "FRA", "fr"],
        "ES" => &["ES", "ESP", "es"],
        "CA" => &["CA", "CAN", "ca"],
        "AU" => &["AU", "AUS", "au"],
        "BR" => &["BR", "BRA", "br"],
        "NL" => &["NL", "NL", "nl"],
        "PL" => &["PL", "POL", "pl"],
        "IN" => &["IN", "IND", "IN"],
        "MX" => &["MX", "MEX", "mx"],
        "SE" => &["SE", "SWE", "se"],
        "TR" => &["TR", "TUR", "tr"],
        other => panic!("{other} has no spellings"),
    })
}

/// The country in front.
pub fn country_prefix(name: &str, code: &str, random: &mut Random) -> String {
    let country = written(code, random);
    match random.below(10) {
        0 => format!("{country}: {name}"),
        1 => format!("{country} | {name}"),
        2 => format!("|{country}| {name}"),
        3 => format!("[{country}] {name}"),
        4 => format!("{country} - {name}"),
        5 => format!("({country}) {name}"),
        6 => format!("{country}| {name}"),
        7 => format!("{country}▎ {name}"),
        8 => format!("{country} ★ {name}"),
        _ => format!("{} {name}", flag(code)),
    }
}

/// The flag of a country: its code in regional indicators.
fn flag(code: &str) -> String {
    let code = if code == "UK" { "GB" } else { code };
    code.chars().filter_map(|c| char::from_u32(0x1F1E6 + (c as u32 - 'A' as u32))).collect()
}

/// The country behind.
pub fn country_suffix(name: &str, code: &str, random: &mut Random) -> String {
    let country = written(code, random).to_uppercase();
    match random.below(6) {
        0 => format!("{name} ({country})"),
        1 => format!("{name} [{country}]"),
        2 => format!("{name} | {country}"),
        3 => format!("{name} - {country}"),
        4 => format!("{name} HD ({country})"),
        _ => format!("{name} {country}"),
    }
}

/// A group of the playlist that is a country's.
pub fn group(country: Country, random: &mut Random) -> String {
    let (name, code) = (country.group, country.code);
    match random.below(5) {
        0 => name.to_owned(),
        1 => name.to_uppercase(),
        2 => format!("{code} | Entertainment"),
        3 => format!("{name} HD"),
        _ => format!("{code}: General"),
    }
}

pub fn case(name: &str, random: &mut Random) -> String {
    let (lower, upper) = (name.to_lowercase(), name.to_uppercase());
    let title = || {
        let words = lower.split(' ').map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect::<String>())
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let title = title();
    let others: Vec<String> = [lower, upper, title].into_iter().filter(|spelt| spelt != name).collect();
    random.pick(&others).clone()
}

/// Accents away if there are any, else one more.
pub fn accents(name: &str, random: &mut Random) -> String {
    let plain: String = name.nfd().filter(|c| !is_combining_mark(*c)).collect();
    if plain != name {
        return if random.below(2) == 0 { plain } else { name.nfd().collect() };
    }
    let vowels: Vec<usize> = name.char_indices().filter(|(_, c)| "aeiouAEIOU".contains(*c)).map(|(at, _)| at).collect();
    if vowels.is_empty() {
        return name.to_owned();
    }
    let (before, rest) = name.split_at(random.of(&vowels) + 1);
    format!("{before}{}{rest}", random.of(&['\u{301}', '\u{308}', '\u{300}', '\u{302}'])).nfc().collect()
}

pub fn punctuation(name: &str, random: &mut Random) -> String {
    let spelt = match random.below(9) {
        0 => name.replace('&', "and"),
        1 => name.replace('+', " Plus"),
        2 => name.replace(' ', "."),
        3 => name.replace(' ', "-"),
        4 => name.replace([':', ',', '!', '\''], ""),
        5 => name.replace(' ', "  "),
        6 => name.replace(' ', "_"),
        7 => name.replace('\'', "’").replace('-', "–"),
        _ => name.replace(" & ", "&").replace(": ", " - "),
    };
    if spelt != name {
        return spelt;
    }
    // Call signs: "KQEDDT" is also written "KQED-DT".
    match name.strip_suffix("DT") {
        Some(sign) => format!("{sign}-DT"),
        None => random.pick(&[format!("{name}."), format!(" {name} "), format!("-= {name} =-"), format!("\"{name}\"")]).clone(),
    }
}

/// "EstrellaTV" as "Estrella TV"; "MTV" stays.
fn unglued(name: &str) -> String {
    let words = name.split(' ').map(|word| match word.strip_suffix("TV") {
        Some(stem) if stem.ends_with(char::is_lowercase) => format!("{stem} TV"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Words that are written in full or not, apart or together.
pub fn words(name: &str, random: &mut Random) -> String {
    let spelt = [
        name.replace("Channel", "Ch"),
        name.replace("Channel", "Ch."),
        name.replace(" TV", "TV"),
        unglued(name),
        name.replace(" TV", " Tv"),
        name.replace("The ", ""),
        name.replace(" and ", " & "),
        name.replace(" 24/7", " 24-7"),
        name.replace(" en español", " en Español"),
    ];
    let others: Vec<String> = spelt
        .into_iter()
        .map(|spelt| spelt.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|spelt| spelt != name && !spelt.is_empty())
        .collect();
    if others.is_empty() { name.to_owned() } else { random.pick(&others).clone() }
}

/// Signs that lists put after names (and their legends explain), and letters written high.
pub fn marks(name: &str, random: &mut Random) -> String {
    let mark = random.of(&[
        "Ⓖ",
        "Ⓨ",
        "Ⓢ",
        "Ⓢ Ⓖ",
        "ᴴᴰ",
        "ᵁᴴᴰ",
        "ᶠᴴᴰ",
        "⁴ᴷ",
        "ᴿᴬᵂ",
        "◉",
        "★",
        "®",
        "™",
        "✦",
        "ᴴᴰ ◉",
        "ᴴᴰ ⁶⁰ᶠᵖˢ",
        "🔴",
        "ⓘ",
        "ᵛⁱᵖ",
    ]);
    if random.below(6) == 0 { format!("{mark} {name}") } else { format!("{name} {mark}") }
}

/// One slip of the hand in the middle of the name.
pub fn typo(name: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let places: Vec<usize> =
        (1..letters.len() - 1).filter(|at| letters[at - 1..=at + 1].iter().all(|c| c.is_alphabetic())).collect();
    if places.is_empty() {
        return name.to_owned();
    }
    let at = random.of(&places);
    match random.below(3) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        _ => letters.swap(at, at + 1),
    }
    letters.into_iter().collect()
}

/// An id as iptv-org makes them: the name without spaces, a country, perhaps a feed.
pub fn tvg_id(name: &str, code: &str, random: &mut Random) -> String {
    let name = name.replace('+', "Plus").replace('&', "And");
    let plain: String = name.nfd().filter(char::is_ascii_alphanumeric).collect();
    format!("{plain}.{}{}", code.to_lowercase(), random.of(&["", "", "@HD", "@SD"]))
}

/// The shift of a channel written in another way.
pub fn reshifted(name: &str, shift: &str) -> String {
    let lower = name.to_lowercase();
    let end = lower.rfind("plus").or_else(|| lower.rfind('+')).unwrap_or(name.len());
    format!("{}{shift}", name[..end].trim_end())
}

/// The channel an hour or more later.
pub fn shift(name: &str, random: &mut Random) -> String {
    let shift =
        random.of(&["+1", " +1", " + 1", " Plus 1", " (+1)", " +1 HD", " +2", " +1h", " +24", " plus1", " Timeshift", " -1"]);
    format!("{name}{shift}")
}

/// A sister: the number at the end is another, or there is one.
pub fn sister(name: &str, random: &mut Random) -> String {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match name[stem.len()..].parse::<u32>() {
        Ok(number) => format!("{stem}{}", number + 1 + random.below(3) as u32),
        Err(_) => format!("{name}{}{}", random.of(&["", " ", " "]), 2 + random.below(4)),
    }
}

/// Several at once, the country always the guide's.
pub fn mixed(name: &str, code: &str, random: &mut Random) -> String {
    let spelt = match random.below(4) {
        0 => case(name, random),
        1 => accents(name, random),
        2 => punctuation(name, random),
        _ => words(name, random),
    };
    let spelt = if random.below(2) == 0 { quality(&spelt, random) } else { marks(&spelt, random) };
    match random.below(3) {
        0 => country_prefix(&spelt, code, random),
        1 => country_suffix(&spelt, code, random),
        _ => spelt,
    }
}
