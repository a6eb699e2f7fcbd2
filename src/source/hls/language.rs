//! Languages of renditions (`LANGUAGE`, RFC 8216, 4.3.4.1: BCP 47) as transport streams have them (ISO 639-2, three letters). Pure.

/// Those that television speaks, by their two letters (ISO 639-1).
const TWO: [(&str, &str); 42] = [
    ("ar", "ara"),
    ("bg", "bul"),
    ("bs", "bos"),
    ("ca", "cat"),
    ("cs", "ces"),
    ("da", "dan"),
    ("de", "deu"),
    ("el", "ell"),
    ("en", "eng"),
    ("es", "spa"),
    ("et", "est"),
    ("eu", "eus"),
    ("fa", "fas"),
    ("fi", "fin"),
    ("fr", "fra"),
    ("ga", "gle"),
    ("gl", "glg"),
    ("he", "heb"),
    ("hi", "hin"),
    ("hr", "hrv"),
    ("hu", "hun"),
    ("id", "ind"),
    ("is", "isl"),
    ("it", "ita"),
    ("ja", "jpn"),
    ("ko", "kor"),
    ("lt", "lit"),
    ("lv", "lav"),
    ("nb", "nob"),
    ("nl", "nld"),
    ("no", "nor"),
    ("pl", "pol"),
    ("pt", "por"),
    ("ro", "ron"),
    ("ru", "rus"),
    ("sk", "slk"),
    ("sl", "slv"),
    ("sr", "srp"),
    ("sv", "swe"),
    ("tr", "tur"),
    ("uk", "ukr"),
    ("zh", "zho"),
];

/// The three letters of a language tag's language, if it is known.
pub fn three_letters(tag: &str) -> Option<String> {
    let language = tag.split(['-', '_']).next()?.trim().to_ascii_lowercase();
    match language.len() {
        2 => TWO.iter().find(|(two, _)| *two == language).map(|(_, three)| (*three).to_owned()),
        3 => language.bytes().all(|byte| byte.is_ascii_lowercase()).then_some(language),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("en", Some("eng"))]
    #[case("de-AT", Some("deu"))]
    #[case("FRA", Some("fra"))]
    #[case("xx", None)]
    #[case("", None)]
    #[case("e1g", None)]
    fn tags(#[case] tag: &str, #[case] is: Option<&str>) {
        assert_eq!(three_letters(tag).as_deref(), is);
    }
}
