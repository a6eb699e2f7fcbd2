//! Countries as playlists, guides and ids write them: codes of ISO 3166 and usual words.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

/// A country, by its two letters (ISO 3166-1). `EU` and `LA` stand for Europe and Latin America, which have feeds of their own too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// The country of a code in lower case: `de`, `ger`, `deu`.
    pub fn of_code(code: &str) -> Option<Self> {
        matches!(code.len(), 2..=3).then(|| TABLES.codes.get(code).copied()).flatten()
    }

    /// The country of a name in lower case without accents, its words apart by single spaces: `new zealand`.
    pub fn of_name(name: &str) -> Option<Self> {
        TABLES.names.get(name).copied()
    }

    /// The two letters, upper case.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whether a code in capitals at the end of a name, with nothing but a space before it, is a country: "TLC US", but not
/// "CSI LA" or "BE IN". The others need a bracket or a bar.
pub(super) fn stands_alone(code: &str) -> bool {
    const ALONE: [&str; 46] = [
        "us", "usa", "uk", "gb", "gbr", "nz", "nzl", "au", "aus", "de", "ger", "deu", "fr", "fra", "ita", "it", "esp", "es",
        "nl", "pl", "pol", "se", "swe", "dk", "fi", "br", "bra", "mx", "mex", "ca", "can", "tr", "tur", "ro", "hu", "cz", "gr",
        "pt", "por", "ie", "ind", "jp", "kr", "ru", "za", "ua",
    ];
    ALONE.contains(&code)
}

struct Tables {
    codes: HashMap<&'static str, Country>,
    names: HashMap<&'static str, Country>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let (mut codes, mut names) = (HashMap::new(), HashMap::new());
    for (spellings, called) in COUNTRIES {
        let mut spellings = spellings.split(' ');
        let &[first, second, ..] = spellings.next().unwrap_or_default().as_bytes() else { continue };
        let country = Country([first, second]);
        codes.extend(spellings.map(|code| (code, country)));
        names.extend(called.split(',').map(|name| (name, country)));
    }
    Tables { codes, names }
});

/// The ISO code, then the codes that are read as it; names in English, in the country's own language and of its adjectives those
/// that lists use for groups. Not here: `tv`, `fm`, `hd` and the like, which are never meant as Tuvalu or Micronesia.
const COUNTRIES: &[(&str, &str)] = &[
    ("AE ae are uae", "united arab emirates,emirates"),
    ("AF af afg", "afghanistan"),
    ("AL al alb", "albania,shqiperia"),
    ("AM am arm", "armenia"),
    ("AO ao ago", "angola"),
    ("AR ar arg", "argentina"),
    ("AT at aut", "austria,osterreich"),
    ("AU au aus", "australia,australian"),
    ("AZ az aze", "azerbaijan,azerbaycan"),
    ("BA ba bih", "bosnia and herzegovina,bosnia,bosna i hercegovina,bosna"),
    ("BD bd bgd", "bangladesh"),
    ("BE be bel", "belgium,belgique,belgie"),
    ("BG bg bgr bul", "bulgaria"),
    ("BO bo bol", "bolivia"),
    ("BR br bra", "brazil,brasil"),
    ("BY by blr", "belarus"),
    ("CA ca can", "canada,canadian"),
    ("CH ch che sui", "switzerland,schweiz,suisse,svizzera"),
    ("CL cl chl", "chile"),
    ("CM cm cmr", "cameroon"),
    ("CN cn chn", "china"),
    ("CO co col", "colombia"),
    ("CR cr cri", "costa rica"),
    ("CU cu cub", "cuba"),
    ("CY cy cyp", "cyprus"),
    ("CZ cz cze", "czech republic,czechia,cesko"),
    ("DE de ger deu", "germany,deutschland,german"),
    ("DK dk dnk den", "denmark,danmark"),
    ("DO do dom", "dominican republic"),
    ("DZ dz dza", "algeria,algerie"),
    ("EC ec ecu", "ecuador"),
    ("EE ee est", "estonia,eesti"),
    ("EG eg egy", "egypt"),
    ("ES es esp", "spain,espana"),
    ("EU eu eur", "europe,europa"),
    ("FI fi fin", "finland,suomi"),
    ("FR fr fra fre", "france,french"),
    ("GB gb uk gbr", "united kingdom,great britain,britain,british,england"),
    ("GE ge geo", "georgia"),
    ("GH gh gha", "ghana"),
    ("GR gr gre grc", "greece,hellas"),
    ("GT gt gtm", "guatemala"),
    ("HK hk hkg", "hong kong"),
    ("HN hn hnd", "honduras"),
    ("HR hr hrv cro", "croatia,hrvatska"),
    ("HU hu hun", "hungary,magyarorszag"),
    ("ID id idn", "indonesia"),
    ("IE ie irl", "ireland"),
    ("IL il isr", "israel"),
    ("IN in ind", "india,indian"),
    ("IQ iq irq", "iraq"),
    ("IR ir irn", "iran"),
    ("IS is isl", "iceland"),
    ("IT it ita", "italy,italia"),
    ("JM jm jam", "jamaica"),
    ("JO jo jor", "jordan"),
    ("JP jp jpn", "japan"),
    ("KE ke ken", "kenya"),
    ("KP kp prk", "north korea"),
    ("KR kr kor", "korea,south korea"),
    ("KW kw kwt", "kuwait"),
    ("KZ kz kaz", "kazakhstan"),
    ("LA lat latam", "latin america,latino,latinoamerica,latam"),
    ("LB lb lbn", "lebanon"),
    ("LK lk lka", "sri lanka"),
    ("LT lt ltu", "lithuania,lietuva"),
    ("LU lu lux", "luxembourg"),
    ("LV lv lva", "latvia,latvija"),
    ("LY ly lby", "libya"),
    ("MA ma mar", "morocco,maroc"),
    ("MC mc mco", "monaco"),
    ("MD md mda", "moldova"),
    ("ME me mne", "montenegro,crna gora"),
    ("MK mk mkd", "north macedonia,macedonia"),
    ("MN mn mng", "mongolia"),
    ("MT mt mlt", "malta"),
    ("MX mx mex", "mexico"),
    ("MY my mys", "malaysia"),
    ("NG ng nga", "nigeria"),
    ("NI ni nic", "nicaragua"),
    ("NL nl nld ned", "netherlands,nederland,holland"),
    ("NO no nor", "norway,norge"),
    ("NP np npl", "nepal"),
    ("NZ nz nzl", "new zealand"),
    ("OM om omn", "oman"),
    ("PA pa pan", "panama"),
    ("PE pe per", "peru"),
    ("PH ph phl", "philippines,pilipinas"),
    ("PK pk pak", "pakistan"),
    ("PL pl pol", "poland,polska"),
    ("PR pr pri", "puerto rico"),
    ("PT pt prt por", "portugal"),
    ("PY py pry", "paraguay"),
    ("QA qa qat", "qatar"),
    ("RO ro rou rom", "romania"),
    ("RS rs srb", "serbia,srbija"),
    ("RU ru rus", "russia"),
    ("SA sa sau ksa", "saudi arabia"),
    ("SE se swe", "sweden,sverige"),
    ("SG sg sgp", "singapore"),
    ("SI si svn", "slovenia,slovenija"),
    ("SK sk svk", "slovakia,slovensko"),
    ("SM sm smr", "san marino"),
    ("SN sn sen", "senegal"),
    ("SO so som", "somalia"),
    ("SV sv slv", "el salvador"),
    ("SY sy syr", "syria"),
    ("TD td tcd", "chad"),
    ("TH th tha", "thailand"),
    ("TN tn tun", "tunisia,tunisie"),
    ("TR tr tur", "turkey,turkiye"),
    ("TT tt tto", "trinidad,trinidad and tobago"),
    ("TW tw twn", "taiwan"),
    ("UA ua ukr", "ukraine,ukraina"),
    ("US us usa", "united states,united states of america,america,american"),
    ("UY uy ury", "uruguay"),
    ("UZ uz uzb", "uzbekistan"),
    ("VA va vat", "vatican"),
    ("VE ve ven", "venezuela"),
    ("VN vn vnm", "vietnam"),
    ("XK xk xkx", "kosovo"),
    ("YE ye yem", "yemen"),
    ("ZA za zaf rsa", "south africa"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_spelling_is_one_countrys() {
        let codes: Vec<&str> = COUNTRIES.iter().flat_map(|(codes, _)| codes.split(' ').skip(1)).collect();
        let names: Vec<&str> = COUNTRIES.iter().flat_map(|(_, names)| names.split(',')).collect();
        assert_eq!(codes.len(), codes.iter().collect::<HashSet<_>>().len());
        assert_eq!(names.len(), names.iter().collect::<HashSet<_>>().len());
        assert!(["us", "ger", "nz"].iter().all(|code| Country::of_code(code).is_some()));
        assert_eq!(Country::of_code("uk").map(|country| country.to_string()).as_deref(), Some("GB"));
        assert_eq!(Country::of_name("new zealand"), Country::of_code("nz"));
        assert_eq!(Country::of_code("tv"), None);
    }
}
