//! Letters: a name as words in lower case without accents, with what stood between them. Knows nothing of what words mean.

use unicode_normalization::char::decompose_compatible;

use super::countries::Country;

/// Letters of a name that are looked at. Longer ones are titles of films with their description.
const LETTERS: usize = 320;
/// Words of a name that are looked at.
const WORDS: usize = 40;

/// A word of a name, and how it stood there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Word {
    pub start: usize,
    pub end: usize,
    /// Something that separates stood before it: a bar, a colon, a bracket, a dash between spaces.
    pub apart: bool,
    /// A space stood before it, not a dash or a dot.
    pub spaced: bool,
    /// It stands in brackets.
    pub bracketed: bool,
    /// All of its letters are capitals.
    pub capitals: bool,
    /// All of its letters are small.
    pub small: bool,
    /// It is the sign `+`.
    pub sign: bool,
}

/// A name taken apart. Reused from name to name, so that nothing is allocated for most.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub text: String,
    pub words: Vec<Word>,
    /// Hours of `+1`.
    pub shift_h: i8,
    /// The country of a flag.
    pub flag: Option<Country>,
}

impl Folded {
    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).and_then(|word| self.text.get(word.start..word.end)).unwrap_or_default()
    }

    /// Takes `name` apart.
    pub fn read(&mut self, name: &str) {
        self.text.clear();
        self.words.clear();
        (self.shift_h, self.flag) = (0, None);
        let mut state = State { apart: false, depth: 0, open: false, raised: false, spaced: true, half_flag: None };
        let mut letters = name.char_indices().take(LETTERS);
        while let Some((at, c)) = letters.next() {
            let rest = name.get(at + c.len_utf8()..).unwrap_or_default();
            match c {
                '0'..='9' | 'a'..='z' | 'A'..='Z' => {
                    self.letter(c.to_ascii_lowercase(), c.is_ascii_uppercase(), c.is_ascii_lowercase(), false, &mut state)
                }
                ' ' | '\t' | '.' | '_' | ',' | '!' | '?' | '"' | '#' | '*' | '/' | '\u{a0}' => state.open = false,
                // They belong into a word: America's, Yu-Gi-Oh!'s.
                '\'' | '’' | '‘' | '`' | '´' | 'ʼ' => {}
                '-' | '–' | '—' => {
                    state.open = false;
                    state.apart |= state.spaced && rest.starts_with([' ', '-', '=']);
                }
                '(' | '[' | '{' => {
                    (state.open, state.apart) = (false, true);
                    state.depth += 1;
                }
                ')' | ']' | '}' => {
                    (state.open, state.apart) = (false, true);
                    state.depth = state.depth.saturating_sub(1);
                }
                '&' => self.sign("and", &mut state),
                '+' => match self.shift(rest, state.spaced) {
                    Some((hours, length)) => {
                        self.shift_h = hours;
                        (state.open, state.apart) = (false, true);
                        // What is skipped is ASCII.
                        for _ in 0..length {
                            letters.next();
                        }
                    }
                    None => self.sign("plus", &mut state),
                },
                _ if c.is_ascii() => (state.open, state.apart) = (false, true),
                _ => self.beyond_ascii(c, &mut state),
            }
            state.spaced = c.is_whitespace() || matches!(c, '(' | '[' | '{');
        }
    }

    /// Hours of a shift that follows a `+`, and how long it is. "1+1" and "2+2" are names: nothing but a number is before the sign.
    /// "Canal+ 1" is the first of its channels: its sign belongs to the word before.
    fn shift(&self, rest: &str, spaced: bool) -> Option<(i8, usize)> {
        if !self.text.contains(|c: char| c.is_alphabetic()) {
            return None;
        }
        let digits = rest.trim_start_matches(' ');
        if !spaced && digits.len() < rest.len() {
            return None;
        }
        let after = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        let hours = digits.get(..digits.len() - after.len())?.parse().ok().filter(|hours| (1..=24).contains(hours))?;
        let letters = after.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let unit = after.get(..after.len() - letters.len())?;
        let known = unit.is_empty() || ["h", "hr", "hrs", "hour", "hours"].iter().any(|hour| hour.eq_ignore_ascii_case(unit));
        (known && !letters.starts_with(char::is_alphanumeric)).then(|| (hours, rest.len() - letters.len()))
    }

    fn sign(&mut self, word: &str, state: &mut State) {
        state.open = false;
        word.chars().for_each(|c| self.letter(c, false, true, false, state));
        if let Some(word) = self.words.last_mut() {
            word.sign = true;
        }
        state.open = false;
    }

    fn letter(&mut self, c: char, capital: bool, small: bool, raised: bool, state: &mut State) {
        if !state.open || state.raised != raised {
            if self.words.len() >= WORDS {
                return;
            }
            // What is written high says something about the name.
            state.apart |= state.raised != raised;
            let start = self.text.len();
            let bracketed = state.depth > 0;
            self.words.push(Word {
                start,
                end: start,
                apart: state.apart,
                spaced: state.spaced,
                bracketed,
                capitals: true,
                small: true,
                sign: false,
            });
            (state.open, state.apart, state.raised) = (true, false, raised);
        }
        self.text.push(c);
        let end = self.text.len();
        if let Some(word) = self.words.last_mut() {
            word.end = end;
            word.capitals &= !small;
            word.small &= !capital;
        }
    }

    fn beyond_ascii(&mut self, c: char, state: &mut State) {
        match c {
            // Circled and boxed letters are marks that a list explains in its legend.
            'Ⓐ'..='ⓩ' | '\u{1F110}'..='\u{1F19A}' | '™' | '®' | '©' | '℠' => (state.open, state.apart) = (false, true),
            // A flag is two regional indicators.
            '\u{1F1E6}'..='\u{1F1FF}' => {
                let letter = char::from_u32(u32::from(c) - 0x1F1E6 + u32::from('a')).unwrap_or('a');
                (state.open, state.apart) = (false, true);
                match state.half_flag.take() {
                    Some(first) => self.flag = self.flag.or_else(|| Country::of_code(&String::from_iter([first, letter]))),
                    None => state.half_flag = Some(letter),
                }
            }
            // Hangul would fall into its parts, which is of no use.
            '가'..='힣' => self.letter(c, false, false, false, state),
            _ => {
                let raised = is_raised(c);
                match plain(c) {
                    Some(letters) => letters.chars().for_each(|letter| self.letter(letter, false, false, raised, state)),
                    None => decompose_compatible(c, |part| self.part(part, c, raised, state)),
                }
            }
        }
    }

    /// A part of a letter that was taken apart.
    fn part(&mut self, part: char, whole: char, raised: bool, state: &mut State) {
        match part {
            // Accents; marks of other scripts are vowels and stay. Also joiners, and what chooses a form.
            '\u{300}'..='\u{36F}' | '\u{200B}'..='\u{200F}' | '\u{FE00}'..='\u{FE0F}' | '\u{AD}' | '\u{640}' => {}
            _ if part.is_alphanumeric() || is_vowel_sign(part) => {
                let (capital, small) = (whole.is_uppercase() || raised, whole.is_lowercase() && !raised);
                for letter in part.to_lowercase() {
                    match plain(letter) {
                        Some(letters) => letters.chars().for_each(|letter| self.letter(letter, capital, small, raised, state)),
                        None if ('\u{300}'..='\u{36F}').contains(&letter) => {}
                        None => self.letter(letter, capital, small, raised, state),
                    }
                }
            }
            _ if part.is_whitespace() => state.open = false,
            _ => (state.open, state.apart) = (false, true),
        }
    }
}

struct State {
    /// The next word stands apart.
    apart: bool,
    /// Brackets that are open.
    depth: usize,
    /// The next letter goes on with the word.
    open: bool,
    /// The word is written high.
    raised: bool,
    /// A space or a bracket was before this letter.
    spaced: bool,
    half_flag: Option<char>,
}

/// Letters written high or as small capitals, as lists write HD: a word of their own even when they touch the name.
fn is_raised(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '\u{2B0}'..='\u{2B8}' | '\u{2E0}'..='\u{2E4}' | '\u{1D2C}'..='\u{1D6A}' | '\u{1D78}' | '\u{1D9B}'..='\u{1DBF}' | '\u{2070}'..='\u{209C}' | '\u{2C7D}')
        || matches!(c, '\u{1D00}'..='\u{1D22}' | 'ʜ' | 'ɪ' | 'ʟ' | 'ɴ' | 'ʀ' | 'ʏ' | 'ɢ' | 'ʙ' | 'ꜰ' | 'ꜱ')
}

/// Signs of vowels in the scripts of India and of south-east Asia, and the marks of kana.
fn is_vowel_sign(c: char) -> bool {
    matches!(c, '\u{900}'..='\u{DFF}' | '\u{E30}'..='\u{E4E}' | '\u{EB0}'..='\u{ECD}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17D3}' | '\u{3099}' | '\u{309A}')
}

/// Letters that Unicode does not take apart, as they are written by who has no such key.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' | 'ẞ' => "ss",
        'ø' | 'Ø' | 'ᴏ' => "o",
        'ł' | 'Ł' | 'ʟ' => "l",
        'đ' | 'Đ' | 'ð' | 'Ð' | 'ᴅ' => "d",
        'þ' | 'Þ' => "th",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ı' | 'ɪ' => "i",
        'ə' | 'Ə' | 'ᴇ' => "e",
        'ħ' | 'Ħ' | 'ʜ' => "h",
        'ᴀ' => "a",
        'ʙ' => "b",
        'ᴄ' => "c",
        'ꜰ' => "f",
        'ɢ' => "g",
        'ᴋ' => "k",
        'ᴍ' => "m",
        'ɴ' => "n",
        'ᴘ' => "p",
        'ʀ' => "r",
        'ꜱ' => "s",
        'ᴛ' => "t",
        'ᴜ' => "u",
        'ᴠ' => "v",
        'ᴡ' => "w",
        _ => return None,
    })
}
