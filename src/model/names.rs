//! Names of channels, so that two spellings of one name can be seen to be the same: "US| Court TV ᶠᴴᴰ" and "CourtTV (backup)".
//!
//! Pure. What says how the channel is sent (quality, country, the hour of its shift) is set aside and told apart from the name. What
//! is left is compared without case, accents, punctuation and spaces. Names in any script survive.

mod countries;
mod fold;
mod quality;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

pub use countries::Country;
pub use quality::Quality;

use fold::Folded;

/// A name taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name {
    /// What is compared: letters and digits of the words, together. Empty only if the name had none.
    pub key: String,
    /// The words of the key, apart by single spaces.
    pub words: String,
    /// Hours that the channel is later than the one of the same key: `+1`. Another programme at the same time, so two channels of
    /// one key and different shifts are not the same to watch.
    pub shift_h: i8,
    /// The country said in front, behind or by a flag: `US: `, ` (US)`. Not part of the key.
    pub country: Option<Country>,
    /// A country that the name ends with, as a part of it: "CNN Portugal". It is part of the key.
    pub edition: Option<Country>,
    /// What it says of its picture.
    pub quality: Quality,
    /// It says that it is a spare.
    pub backup: bool,
}

impl Name {
    /// How good a source of this name is held to be among those of one channel; the greater the better. Spares come last.
    pub fn rank(&self) -> u8 {
        self.quality as u8 + if self.backup { 0 } else { 10 }
    }

    /// Whether both are called the same and are shown at the same time; what they say of country and quality may differ.
    pub fn same(&self, other: &Self) -> bool {
        !self.key.is_empty() && self.key == other.key && self.shift_h == other.shift_h
    }

    /// Takes another name apart, in the space of this one.
    pub fn read(&mut self, name: &str) {
        thread_local! {
            static FOLDED: RefCell<Folded> = RefCell::default();
        }
        FOLDED.with_borrow_mut(|folded| {
            folded.read(name);
            self.take(folded);
        });
    }

    fn take(&mut self, folded: &Folded) {
        (self.country, self.edition, self.quality, self.backup) = (folded.flag, None, Quality::Unsaid, false);
        self.shift_h = folded.shift_h;
        let mut first = 0;
        let mut end = folded.words.len();
        // The front: "US: ", "4K | ", "[DE] ". One word of the name always stays.
        while let Some(length) = self.tag_in_front(folded, first, end) {
            first += length;
        }
        while let Some(length) = self.tag_behind(folded, first, end) {
            end -= length;
        }
        self.write(folded, first, end);
        self.edition = (1..=3).filter(|length| first + length < end).find_map(|length| named(folded, end - length, end));
    }

    /// Words of a tag that begins the name and is set apart from what follows.
    fn tag_in_front(&mut self, folded: &Folded, first: usize, end: usize) -> Option<usize> {
        let length = (1..=3).find(|length| folded.words.get(first + length).is_some_and(|next| next.apart))?;
        if first + length >= end {
            return None;
        }
        if (first..first + length).all(|at| quality::is_tag(folded.word(at))) {
            for at in first..first + length {
                self.quality_word(folded, at, true);
            }
            return Some(length);
        }
        if length == 2 && quality::pair(folded.word(first), folded.word(first + 1)).is_some_and(|quality| self.better(quality)) {
            return Some(2);
        }
        let country = country(folded, first, first + length)?;
        if self.country.is_some_and(|known| known != country) {
            return None;
        }
        self.country = Some(country);
        Some(length)
    }

    /// Words of a tag that ends the name.
    fn tag_behind(&mut self, folded: &Folded, first: usize, end: usize) -> Option<usize> {
        // The last word of the name stays.
        let last = end.checked_sub(1).filter(|last| *last > first)?;
        let word = folded.words.get(last)?;
        let (before, text) = (folded.word(last - 1), folded.word(last));
        if last > first + 1 && quality::pair(before, text).is_some_and(|quality| self.better(quality)) {
            return Some(2);
        }
        if self.quality_word(folded, last, word.apart || word.bracketed) {
            return Some(1);
        }
        if before == "backup" && last > first + 1 && text.bytes().all(|c| c.is_ascii_digit()) {
            self.backup = true;
            return Some(2);
        }
        if self.shift_h == 0 && !folded.words.get(last - 1).is_some_and(|word| word.sign) {
            // "Bravo PLUS 1". Only one hour is ever written so, and the sign of "Canal+ 1" is its name's.
            if text == "1" && before == "plus" && last > first + 1 || text == "plus1" {
                self.shift_h = 1;
                return Some(if text == "1" { 2 } else { 1 });
            }
        }
        let (country, length) = self.country_behind(folded, first, end)?;
        let word = folded.words.get(end - length)?;
        let alone = length == 1 && word.capitals && word.spaced && countries::stands_alone(text);
        if self.country.is_some_and(|known| known != country) || !(word.apart || word.bracketed || alone) {
            return None;
        }
        self.country = Some(country);
        Some(length)
    }

    /// The country that the words before `end` are, if something is left before them.
    fn country_behind(&self, folded: &Folded, first: usize, end: usize) -> Option<(Country, usize)> {
        (1..=3)
            .filter(|length| first + length < end)
            .find_map(|length| country(folded, end - length, end).map(|country| (country, length)))
    }

    /// Takes a word about the picture.
    fn quality_word(&mut self, folded: &Folded, at: usize, apart: bool) -> bool {
        let (text, word) = (folded.word(at), folded.words.get(at).copied().unwrap_or_default());
        if quality::is_spare(text) {
            self.backup = true;
            return true;
        }
        quality::word(text, word.capitals || apart).is_some_and(|quality| self.better(quality))
    }

    fn better(&mut self, quality: Quality) -> bool {
        if self.quality == Quality::Unsaid || quality > self.quality && quality != Quality::Unsaid {
            self.quality = quality;
        }
        true
    }

    fn write(&mut self, folded: &Folded, first: usize, end: usize) {
        self.key.clear();
        self.words.clear();
        for at in first..end {
            let mut word = folded.word(at);
            // HD in the midst of a name: "Sport HD 1".
            if at > first && at + 1 < end && quality::is_never_a_name(word) {
                quality::word(word, true).map(|quality| self.better(quality));
                continue;
            }
            if at + 1 == end && self.shift_h == 0 {
                // "ThreePlus1".
                if let Some(stem) = word.strip_suffix("plus1").filter(|stem| stem.contains(char::is_alphabetic)) {
                    (word, self.shift_h) = (stem, 1);
                }
            }
            if word == "ch" && end - first > 1 {
                word = "channel";
            }
            if !self.words.is_empty() {
                self.words.push(' ');
            }
            self.words.push_str(word);
            // "24/7" is not 247.
            let digits = self.key.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit());
            if digits {
                self.key.push('.');
            }
            self.key.push_str(word);
        }
    }
}

/// The country that these words are. A code is written in capitals or in small letters: "It" is a word.
fn country(folded: &Folded, start: usize, end: usize) -> Option<Country> {
    let first = folded.words.get(start).filter(|word| end - start == 1 && (word.capitals || word.small));
    first.and_then(|_| Country::of_code(folded.word(start))).or_else(|| named(folded, start, end))
}

/// The country of which these words are the name.
fn named(folded: &Folded, start: usize, end: usize) -> Option<Country> {
    if end - start == 1 {
        return Country::of_name(folded.word(start));
    }
    let words: Vec<&str> = (start..end).map(|at| folded.word(at)).collect();
    Country::of_name(&words.join(" "))
}

/// Takes a name apart.
pub fn normalise(name: &str) -> Name {
    let mut taken = Name::default();
    taken.read(name);
    taken
}

/// The country that a group of a playlist is of: "Germany", "UK | Sports", "VOD Italy", "日本 / Japan".
///
/// A code counts only at the beginning: that in brackets is more often a language ("News (ES)").
pub fn country_of_group(group: &str) -> Option<Country> {
    let mut folded = Folded::default();
    folded.read(group);
    let end = folded.words.len();
    let first = folded.words.first()?;
    let set_apart = folded.words.get(1).is_none_or(|next| next.apart);
    let code = (first.capitals && (set_apart || countries::stands_alone(folded.word(0))))
        .then(|| Country::of_code(folded.word(0)))
        .flatten();
    let of_length = |length: usize| (0..end.saturating_sub(length - 1)).find_map(|at| named(&folded, at, at + length));
    folded.flag.or(code).or_else(|| [3, 2, 1].into_iter().find_map(of_length))
}
