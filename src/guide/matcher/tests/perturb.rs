//! Playlist spellings of real guide channels, made by a seed, each with what is right.
//!
//! Written before there was a matcher, from what playlists are seen to do to names. It knows nothing of how names are compared;
//! where it has to see whether two channels are called the same it compares nothing but letters and digits.

mod random;
mod spelling;

use std::collections::{BTreeMap, BTreeSet};

use super::guides::{Guide, guides};
use random::Random;

/// What was done to a name. The last four are other channels, which must not be matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Plain,
    Quality,
    CountryPrefix,
    CountrySuffix,
    Case,
    Accents,
    Punctuation,
    Words,
    Marks,
    Typo,
    /// A `+1` channel that the guide has, its shift written in another way.
    KeptShift,
    /// A `tvg-id` as iptv-org makes them, with a perturbed name.
    TvgId,
    /// The guide's own id in another case.
    GuideId,
    /// Two or three of the above.
    Mixed,
    /// A time shift that the guide does not have.
    OtherShift,
    /// A sister with another number.
    Sister,
    /// The channel of this name in another country.
    OtherCountry,
    /// A name with another country's in it.
    Edition,
}

impl Class {
    /// Whether the channel is none of the guides'.
    pub fn negative(self) -> bool {
        matches!(self, Self::OtherShift | Self::Sister | Self::OtherCountry | Self::Edition)
    }
}

/// A channel of a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub class: Class,
    /// The name in the guide it was made from.
    pub from: String,
    pub name: String,
    pub tvg_id: Option<String>,
    pub group: Option<String>,
    /// Guide (its place in the list) and id of the channels that are right, of which any will do; none if empty.
    pub right: Vec<(usize, String)>,
}

/// Channels called so by everybody and sent to the whole world with one programme: "DE: Al Jazeera" is no other channel, so no
/// other country's edition is made of them.
const WORLDWIDE: [&str; 6] =
    ["Al Jazeera", "Channel News Asia (CNA)", "DW English", "Redbull TV", "Sky News", "CNN Headlines International"];

/// Letters and digits in lower case; a plus is a word.
fn coarse(name: &str) -> String {
    name.replace('+', "plus").chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// [`coarse`] without words that say only that this is a channel.
fn core(name: &str) -> String {
    let words = name.split_whitespace().filter(|word| !["tv", "channel", "the"].contains(&word.to_lowercase().as_str()));
    coarse(&words.collect::<String>()).trim_end_matches("tv").to_owned()
}

fn shifted(name: &str) -> bool {
    coarse(name).ends_with("plus1")
}

/// What is known of all guides together.
struct World<'a> {
    guides: &'a [Guide],
    by_coarse: BTreeMap<String, Vec<(usize, String)>>,
    cores: BTreeSet<String>,
    shifted: BTreeSet<String>,
}

impl<'a> World<'a> {
    fn new(guides: &'a [Guide]) -> Self {
        let mut world = World { guides, by_coarse: BTreeMap::new(), cores: BTreeSet::new(), shifted: BTreeSet::new() };
        for (place, guide) in guides.iter().enumerate() {
            for channel in &guide.channels {
                let name = &channel.names[0].text;
                world.by_coarse.entry(coarse(name)).or_default().push((place, channel.id.clone()));
                world.cores.insert(core(name));
                if shifted(name) {
                    world.shifted.insert(coarse(name));
                }
            }
        }
        world
    }

    fn named(&self, name: &str) -> Vec<(usize, String)> {
        self.by_coarse.get(&coarse(name)).cloned().unwrap_or_default()
    }

    /// Whether a guide has a channel of about this name.
    fn knows(&self, name: &str) -> bool {
        self.cores.contains(&core(name))
    }

    /// Whether a guide has this channel an hour later.
    fn has_shift(&self, name: &str) -> bool {
        self.shifted.iter().any(|shifted| shifted.ends_with(&format!("{}plus1", coarse(name))))
    }
}

/// All cases of a seed: about twenty for each channel of the guides.
pub fn cases(guides: &[Guide], seed: u64) -> Vec<Case> {
    let world = World::new(guides);
    let mut random = Random::new(seed);
    let mut cases = Vec::new();
    for (place, guide) in guides.iter().enumerate() {
        for channel in &guide.channels {
            same(&world, place, guide, (&channel.id, &channel.names[0].text), &mut random, &mut cases);
            other(&world, &channel.names[0].text, &mut random, &mut cases);
        }
    }
    cases
}

/// Spellings of the channel itself.
fn same(world: &World, place: usize, guide: &Guide, (id, name): (&str, &str), random: &mut Random, cases: &mut Vec<Case>) {
    let anywhere = world.named(name);
    let here: Vec<_> = anywhere.iter().filter(|right| world.guides[right.0].country == guide.country).cloned().collect();
    let case = |class, name: String, right: &Vec<(usize, String)>| Case {
        class,
        from: name.clone(),
        name,
        tvg_id: None,
        group: None,
        right: right.clone(),
    };
    let mut made = vec![
        case(Class::Plain, name.to_owned(), &anywhere),
        case(Class::Quality, spelling::quality(name, random), &anywhere),
        case(Class::Quality, spelling::quality(name, random), &anywhere),
        case(Class::CountryPrefix, spelling::country_prefix(name, guide.country, random), &here),
        case(Class::CountrySuffix, spelling::country_suffix(name, guide.country, random), &here),
        case(Class::Case, spelling::case(name, random), &anywhere),
        case(Class::Accents, spelling::accents(name, random), &anywhere),
        case(Class::Punctuation, spelling::punctuation(name, random), &anywhere),
        case(Class::Words, spelling::words(name, random), &anywhere),
        case(Class::Marks, spelling::marks(name, random), &anywhere),
        case(Class::Mixed, spelling::mixed(name, guide.country, random), &here),
        case(Class::Mixed, spelling::mixed(name, guide.country, random), &here),
    ];
    if shifted(name) {
        made.extend(spelling::SHIFTS_OF_ONE.map(|shift| case(Class::KeptShift, spelling::reshifted(name, shift), &anywhere)));
    }
    // A letter changed in a call sign or in a short name makes another channel.
    if guide.name != "pbs-all" && name.len() >= 8 {
        let typo = spelling::typo(name, random);
        if !world.knows(&typo) {
            made.push(case(Class::Typo, typo, &anywhere));
        }
    }
    let tvg_id = spelling::tvg_id(name, guide.country, random);
    made.push(Case { tvg_id: Some(tvg_id), ..case(Class::TvgId, spelling::mixed(name, guide.country, random), &here) });
    let own = vec![(place, id.to_owned())];
    made.push(Case { tvg_id: Some(id.to_uppercase()), ..case(Class::GuideId, spelling::quality(name, random), &own) });
    cases.extend(made.into_iter().map(|case| Case { from: name.to_owned(), ..case }));
}

/// Channels that are none of the guides'.
fn other(world: &World, name: &str, random: &mut Random, cases: &mut Vec<Case>) {
    let case =
        |class, spelt: String| Case { class, from: name.to_owned(), name: spelt, tvg_id: None, group: None, right: Vec::new() };
    if !shifted(name) && !world.has_shift(name) {
        cases.push(case(Class::OtherShift, spelling::shift(name, random)));
    }
    if !shifted(name) {
        let sister = spelling::sister(name, random);
        if !world.knows(&sister) {
            cases.push(case(Class::Sister, sister));
        }
    }
    if !WORLDWIDE.contains(&name) {
        let elsewhere = random.of(spelling::COUNTRIES);
        let spelt = if random.below(2) == 0 { name.to_owned() } else { spelling::quality(name, random) };
        let tagged = case(Class::OtherCountry, spelt);
        cases.push(match random.below(4) {
            0 => Case { name: spelling::country_prefix(name, elsewhere.code, random), ..tagged },
            1 => Case { name: spelling::country_suffix(name, elsewhere.code, random), ..tagged },
            2 => Case { tvg_id: Some(spelling::tvg_id(name, elsewhere.code, random)), ..tagged },
            _ => Case { group: Some(spelling::group(elsewhere, random)), ..tagged },
        });
        let edition = format!("{name} {}", random.of(spelling::EDITIONS));
        if !world.knows(&edition) {
            cases.push(case(Class::Edition, edition));
        }
    }
}

#[test]
fn a_seed_makes_the_same_cases_and_all_classes() {
    let guides = guides();
    let made = cases(&guides, 1);
    assert_eq!(made, cases(&guides, 1));
    assert_ne!(made, cases(&guides, 2));
    let mut count = BTreeMap::<Class, usize>::new();
    for case in &made {
        *count.entry(case.class).or_default() += 1;
        assert_eq!(case.class.negative(), case.right.is_empty(), "{case:?}");
        assert!(!case.name.trim().is_empty(), "{case:?}");
        let known = |(place, id): &(usize, String)| guides[*place].channels.iter().any(|channel| channel.id == *id);
        assert!(case.right.iter().all(known), "{case:?}");
    }
    assert_eq!(count.len(), 18, "{count:?}");
    assert!(count.iter().all(|(class, cases)| *cases >= if *class == Class::KeptShift { 25 } else { 300 }), "{count:?}");
}
