use super::*;

#[rstest::rstest]
#[case("Court TV", "courttv", 0, None)]
#[case("US: Court TV FHD", "courttv", 0, Some("US"))]
#[case("|US| CourtTV ᴴᴰ ◉", "courttv", 0, Some("US"))]
#[case("🇺🇸 court.tv (backup 2)", "courttv", 0, Some("US"))]
#[case("[DE] Das Erste H.265", "daserste", 0, Some("DE"))]
#[case("UK▎ BBC One UHD 3840P", "bbcone", 0, Some("GB"))]
#[case("4K | USA - HBO", "hbo", 0, Some("US"))]
#[case("GERMANY: ZDF", "zdf", 0, Some("DE"))]
#[case("New Zealand | Three", "three", 0, Some("NZ"))]
#[case("ᴴᴰ ⁶⁰ᶠᵖˢ RUSH", "rush", 0, None)]
#[case("PLUTO TV SCI-FI", "plutotvscifi", 0, None)]
#[case("HD RAW: Court TV", "courttv", 0, None)]
#[case("Sketchy AF", "sketchyaf", 0, None)]
#[case("ʀᴀᴡ Court TVᴴᴰ", "courttv", 0, None)]
#[case("TLC US", "tlc", 0, Some("US"))]
#[case("TVNZ 1 +1", "tvnz1", 1, None)]
#[case("TVNZ 1+1", "tvnz1", 1, None)]
#[case("ThreePlus1", "three", 1, None)]
#[case("Bravo PLUS 1", "bravo", 1, None)]
#[case("ITV2 (+1h) HD", "itv2", 1, None)]
#[case("1+1 Ukraina Ⓢ", "1plus1ukraina", 0, None)]
#[case("2+2", "2plus2", 0, None)]
#[case("Canal+ 1", "canalplus1", 0, None)]
#[case("Paramount+ Picks", "paramountpluspicks", 0, None)]
#[case("CBS News 24/7", "cbsnews24.7", 0, None)]
#[case("A&E", "aande", 0, None)]
#[case("Whakaata Māori", "whakaatamaori", 0, None)]
#[case("Dla Ciebie – Łódź", "dlaciebielodz", 0, None)]
#[case("Xəzər Xəbər", "xezerxeber", 0, None)]
#[case("It: The Channel", "itthechannel", 0, None)]
#[case("Беларусь 1 HD", "беларусь1", 0, None)]
#[case("DW العربية", "dwالعربية", 0, None)]
#[case("CCTV-1 综合", "cctv1综合", 0, None)]
#[case("テレビ東京", "テレヒ\u{3099}東京", 0, None)]
#[case("한국방송", "한국방송", 0, None)]
#[case("WWE Raw", "wweraw", 0, None)]
#[case("HD", "hd", 0, None)]
#[case("US", "us", 0, None)]
#[case("NFL Ch.", "nflchannel", 0, None)]
#[case("Sport HD 1", "sport1", 0, None)]
fn names_are_taken_apart(#[case] name: &str, #[case] key: &str, #[case] shift_h: i8, #[case] country: Option<&str>) {
    let name = normalise(name);
    assert_eq!((name.key.as_str(), name.shift_h, name.country.as_ref().map(Country::code)), (key, shift_h, country));
}

#[rstest::rstest]
#[case("Court TV", Quality::Unsaid, false)]
#[case("HD: Court TV", Quality::High, false)]
#[case("Court TV FHD HEVC", Quality::Full, false)]
#[case("Court TV Ultra HD (backup)", Quality::Ultra, true)]
#[case("Court TV [LQ]", Quality::Low, false)]
#[case("Bloomberg TV Mongolia HD (720p)", Quality::High, false)]
fn what_a_name_says_of_its_picture(#[case] name: &str, #[case] quality: Quality, #[case] backup: bool) {
    let name = normalise(name);
    assert_eq!((name.quality, name.backup), (quality, backup));
}

#[test]
fn spares_come_after_all_others_and_the_best_picture_first() {
    let mut names = ["X SD", "X HD backup", "X FHD", "X", "X 4K", "X HD"].map(normalise);
    names.sort_by_key(|name| std::cmp::Reverse(name.rank()));
    let ranks: Vec<Quality> = names.iter().map(|name| name.quality).collect();
    assert_eq!(ranks, [Quality::Ultra, Quality::Full, Quality::High, Quality::Unsaid, Quality::Standard, Quality::High]);
}

#[test]
fn an_hour_later_is_another_channel() {
    assert!(normalise("Court TV HD").same(&normalise("US: COURT.TV")));
    assert!(!normalise("Court TV +1").same(&normalise("Court TV")));
    assert!(!normalise("★").same(&normalise("|")));
}

#[rstest::rstest]
#[case("Germany", Some("DE"))]
#[case("Bosnia and Herzegovina", Some("BA"))]
#[case("日本 / Japan", Some("JP"))]
#[case("VOD Italy", Some("IT"))]
#[case("UK | Sports", Some("GB"))]
#[case("USA Movies", Some("US"))]
#[case("News (ES)", None)]
#[case("IN THE MOVIES", None)]
#[case("VOD Movies (EN)", None)]
#[case("", None)]
fn groups_name_countries(#[case] group: &str, #[case] country: Option<&str>) {
    assert_eq!(country_of_group(group).as_ref().map(Country::code), country);
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd(name in "\\PC{0,60}") {
        let taken = normalise(&name);
        proptest::prop_assert_eq!(taken.key.replace('.', ""), taken.words.replace([' ', '.'], ""));
        // Reading in the space of another name leaves nothing of that.
        let mut reused = normalise("US: Court TV +1 FHD backup");
        reused.read(&name);
        proptest::prop_assert_eq!(reused, taken);
    }

    #[test]
    fn what_is_set_aside_makes_no_other_name(name in "[A-Za-z]{4,9} [a-z]{4,9}( [0-9])?", front in 0..5_usize, behind in 0..7_usize) {
        let plain = normalise(&name);
        let front = ["", "US: ", "|DE| ", "4K | ", "[FR] HD: "][front];
        let behind = ["", " HD", " (UK)", " ᶠᴴᴰ", " [NZ] Ⓖ", " HEVC (backup)", " - 4K"][behind];
        // Two countries are no tag: the second is a part of the name.
        proptest::prop_assume!(!(front.contains(['U', 'D', 'F']) && behind.contains(['U', 'N'])) || front == "4K | ");
        proptest::prop_assert!(plain.same(&normalise(&format!("{front}{name}{behind}"))), "{front}{name}{behind}");
    }
}
