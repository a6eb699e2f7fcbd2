//! Which variant of a master playlist is played, and which audio with it. Pure.

use url::Url;

use super::language::three_letters;
use super::playlist::{Master, Rendition, Variant};

/// What to fetch.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Media playlist of the variant.
    pub main: Url,
    /// Media playlist of its audio, where that is not in the variant's own segments.
    pub audio: Option<Url>,
    /// Language of that audio (ISO 639-2), if the playlist says.
    pub language: Option<String>,
}

/// All that can be played, the best first; what follows is for when that fails. `max_bandwidth` is in bits a second.
///
/// The best is the one of most bits a second within the limit. Variants that say they have no picture, or one that no
/// transport stream carries, come after all others.
pub fn select(master: &Master, max_bandwidth: Option<u64>) -> Vec<Selection> {
    let mut variants: Vec<&Variant> = master.variants.iter().collect();
    let within = |variant: &Variant| max_bandwidth.is_none_or(|max| variant.bandwidth <= max);
    // Of those beyond the limit the smallest is nearest to it.
    let rank = |variant: &Variant| if within(variant) { variant.bandwidth as i128 } else { -(variant.bandwidth as i128) };
    variants.sort_by_key(|variant| std::cmp::Reverse((fitness(variant), within(variant), rank(variant))));
    let selection = |variant: &Variant| {
        // The same list twice is one list.
        let chosen = audio(master, variant).filter(|rendition| rendition.url.as_ref().is_some_and(|url| *url != variant.url));
        Selection {
            main: variant.url.clone(),
            audio: chosen.and_then(|rendition| rendition.url.clone()),
            language: chosen.and_then(|rendition| three_letters(rendition.language.as_deref()?)),
        }
    };
    variants.into_iter().map(selection).collect()
}

/// 2: a picture, or nothing known; 1: sound only; 0: a codec that is not carried.
fn fitness(variant: &Variant) -> u8 {
    let Some(codecs) = &variant.codecs else { return 2 };
    let known = |codec: &str, names: &[&str]| names.iter().any(|name| codec.trim().starts_with(name));
    if codecs.split(',').any(|codec| known(codec, &["av01", "vp08", "vp09", "vp8", "vp9", "dvav", "dvh1", "dvhe", "dav1"])) {
        return 0;
    }
    let picture = variant.picture || codecs.split(',').any(|codec| known(codec, &["avc", "hvc", "hev", "mp4v", "mp2v", "vvc"]));
    if picture { 2 } else { 1 }
}

/// The rendition of the variant's group: the default one, or else one that may be chosen by itself, or else the first. If any
/// rendition of the group is in the variant itself and no other is the default, that is the one.
fn audio<'a>(master: &'a Master, variant: &Variant) -> Option<&'a Rendition> {
    let group = variant.audio.as_ref()?;
    let members: Vec<_> = master.audio.iter().filter(|rendition| rendition.group == *group).collect();
    let by = |wanted: fn(&&&Rendition) -> bool| members.iter().find(wanted);
    by(|r| r.default).or(by(|r| r.url.is_none())).or(by(|r| r.autoselect)).or(members.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::super::playlist::{Playlist, parse};
    use super::*;
    use rstest::rstest;

    fn choose(text: &str, max: Option<u64>) -> Vec<(String, Option<String>)> {
        let base = Url::parse("http://h/").unwrap();
        let Ok(Playlist::Master(master)) = parse(format!("#EXTM3U\n{text}").as_bytes(), &base) else { panic!() };
        let path = |url: &Url| url.path().trim_start_matches('/').to_owned();
        select(&master, max).iter().map(|s| (path(&s.main), s.audio.as_ref().map(path))).collect()
    }

    const THREE: &str =
        "#EXT-X-STREAM-INF:BANDWIDTH=1000\nlow\n#EXT-X-STREAM-INF:BANDWIDTH=5000\nhigh\n#EXT-X-STREAM-INF:BANDWIDTH=3000\nmid\n";

    #[rstest]
    #[case::no_limit(None, &["high", "mid", "low"])]
    #[case::limit(Some(4000), &["mid", "low", "high"])]
    #[case::just_within(Some(5000), &["high", "mid", "low"])]
    #[case::none_within(Some(10), &["low", "mid", "high"])]
    fn by_bandwidth(#[case] max: Option<u64>, #[case] order: &[&str]) {
        assert_eq!(choose(THREE, max).into_iter().map(|(main, _)| main).collect::<Vec<_>>(), order);
    }

    #[test]
    fn pictures_that_can_be_carried_come_first() {
        let text = "#EXT-X-STREAM-INF:BANDWIDTH=9000,CODECS=\"av01.0.04M.08,mp4a.40.2\"\nav1\n\
            #EXT-X-STREAM-INF:BANDWIDTH=8000,CODECS=\"mp4a.40.2\"\nsound\n#EXT-X-STREAM-INF:BANDWIDTH=10,CODECS=\"mp4a.40.2,avc1.42c00d\"\npicture\n";
        let order: Vec<_> = choose(text, None).into_iter().map(|(main, _)| main).collect();
        assert_eq!(order, ["picture", "sound", "av1"]);
    }

    #[rstest]
    #[case::default("NAME=\"1\",URI=\"en\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",DEFAULT=YES,URI=\"de\"", Some("de"))]
    #[case::muxed("URI=\"en\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",NAME=\"in\"", None)]
    #[case::first("URI=\"en\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",URI=\"fr\"", Some("en"))]
    #[case::another_group("URI=\"en\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"h\",DEFAULT=YES,URI=\"fr\"", Some("en"))]
    #[case::itself("URI=\"v\"", None)]
    fn audio_of_its_group(#[case] media: &str, #[case] audio: Option<&str>) {
        let text = format!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",{media}\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"g\"\nv\n");
        assert_eq!(choose(&text, None), [("v".to_owned(), audio.map(str::to_owned))]);
    }
}
