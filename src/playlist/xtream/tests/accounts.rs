//! Accounts and their addresses.

use proptest::prelude::*;

use super::*;
use crate::base::secret::SafeUrl;
use crate::playlist::identity;

#[rstest::rstest]
#[case("http://host:8080", "http://host:8080/")]
#[case("host:8080", "http://host:8080/")]
#[case("host", "http://host/")]
#[case(" Host:8080/ \n", "http://host:8080/")]
#[case("\u{FEFF}http://ho\nst:8080", "http://host:8080/")]
#[case("\"http://host:8080\"", "http://host:8080/")]
#[case("<http://host:8080/>", "http://host:8080/")]
#[case("//host:8080", "http://host:8080/")]
#[case("http://host:80", "http://host/")]
#[case("HTTPS://host", "https://host/")]
#[case("host:443", "https://host/")]
#[case("http://host:443", "http://host:443/")]
#[case("host:8080/c/", "http://host:8080/")]
#[case("http://host:8080/c", "http://host:8080/")]
#[case("http://host/stalker_portal/c/", "http://host/")]
#[case("http://host:8080/get.php?username=a&password=b&type=m3u_plus&output=ts", "http://host:8080/")]
#[case("host:8080/player_api.php?username=a&password=b#x", "http://host:8080/")]
#[case("http://host/panel_api.php", "http://host/")]
#[case("http://host/XMLTV.php?username=a", "http://host/")]
#[case("http://host/live/a/b/5.ts", "http://host/")]
#[case("http://host/tv/panel/player_api.php", "http://host/tv/panel/")]
#[case("http://host//tv//", "http://host/tv/")]
#[case("http://a:b@host:8080", "http://host:8080/")]
#[case("xtreams://host:8443", "https://host:8443/")]
#[case("10.0.0.9:8080", "http://10.0.0.9:8080/")]
#[case("[fd00::9]:8080", "http://[fd00::9]:8080/")]
fn servers_as_they_are_pasted(#[case] pasted: &str, #[case] server: &str) {
    let account = Account::new(pasted, " hugo ", "geheim77").unwrap();
    assert_eq!(account.server().as_str(), server);
    assert_eq!((account.username().expose().as_str(), account.password().expose().as_str()), ("hugo", "geheim77"));
}

#[rstest::rstest]
#[case("", "u", "p", AccountError::Server)]
#[case("http://", "u", "p", AccountError::Server)]
#[case("http://ho st:port", "u", "p", AccountError::Server)]
#[case("host:99999", "u", "p", AccountError::Server)]
#[case("ftp://host", "u", "p", AccountError::Scheme)]
#[case("host", "", "p", AccountError::User)]
#[case("host", " ", "", AccountError::User)]
#[case("host", "u", "", AccountError::Password)]
#[case("host", "u", "p\u{7}p", AccountError::Unusable)]
#[case("host", "..", "p", AccountError::Unusable)]
fn what_is_no_account(#[case] server: &str, #[case] user: &str, #[case] password: &str, #[case] error: AccountError) {
    assert_eq!(Account::new(server, user, password), Err(error));
}

#[rstest::rstest]
#[case("http://h/get.php?username=hugo&password=a%20b%2Fc&type=m3u_plus", Some(("hugo", "a b/c")))]
#[case(" http://h:8080/GET.PHP?output=ts&Password=p&USERNAME=hugo ", Some(("hugo", "p")))]
#[case("https://h/xmltv.php?username=hugo&password=p", Some(("hugo", "p")))]
#[case("http://h/player_api.php?username=hugo&password=p&action=get_live_streams", Some(("hugo", "p")))]
#[case("http://h/get.php?username=hugo", None)]
#[case("http://h/get.php?username=&password=", None)]
#[case("http://h/list.m3u?username=hugo&password=p", None)]
#[case("http://h/live/hugo/p/5.ts", None)]
#[case("/srv/get.php?username=hugo&password=p", None)]
#[case("xtream://hugo:p@h/", None)]
fn accounts_in_addresses(#[case] address: &str, #[case] expected: Option<(&str, &str)>) {
    let found = Account::in_address(address);
    let found = found.as_ref().map(|account| (account.username().expose().as_str(), account.password().expose().as_str()));
    assert_eq!(found, expected);
}

#[rstest::rstest]
#[case("http://a%40b:c%3Ad@h/")]
#[case("http://h/get.php?username=a%40b&password=c:d")]
#[case("http://h/live/a@b/c%3Ad/5.ts")]
fn the_address_alone_will_do(#[case] pasted: &str) {
    assert_eq!(Account::new(pasted, "", ""), Account::new("h", "a@b", "c:d"));
}

#[test]
fn addresses_follow_from_it() {
    let account = Account::new("http://h:8080", "hu go", "ge/h&|m77").unwrap();
    let query = "username=hu+go&password=ge%2Fh%26%7Cm77";
    assert_eq!(account.info_url().as_str(), format!("http://h:8080/player_api.php?{query}"));
    assert_eq!(account.categories_url().as_str(), format!("http://h:8080/player_api.php?{query}&action=get_live_categories"));
    assert_eq!(account.streams_url().as_str(), format!("http://h:8080/player_api.php?{query}&action=get_live_streams"));
    assert_eq!(account.guide_url().as_str(), format!("http://h:8080/xmltv.php?{query}"));
    assert_eq!(account.stream_url("5", Format::Ts).as_str(), "http://h:8080/live/hu%20go/ge%2Fh%26%7Cm77/5.ts");
    assert_eq!(account.stream_url("5", Format::M3u8).as_str(), "http://h:8080/live/hu%20go/ge%2Fh%26%7Cm77/5.m3u8");
    let below = Account::new("https://h/tv/", "u", "p").unwrap();
    assert_eq!(below.info_url().as_str(), "https://h/tv/player_api.php?username=u&password=p");
    assert_eq!(below.stream_url("5", Format::Ts).as_str(), "https://h/tv/live/u/p/5.ts");
}

#[test]
fn locations_are_told_from_those_of_playlists() {
    let location = Account::new("https://h:8443/tv", "hugo", "geheim 77+").unwrap().location();
    assert_eq!(location, "xtreams://hugo:geheim%2077%2B@h:8443/tv/");
    assert!(Account::is_location(&location) && Account::is_location("XTREAM://x"));
    for playlist in ["http://h/get.php?username=a&password=b", "/srv/xtream.m3u", "xtream", "file:///xtream://a", ""] {
        assert!(!Account::is_location(playlist), "{playlist}");
        assert_eq!(Account::from_location(playlist), Err(AccountError::Scheme));
    }
    assert_eq!(Account::from_location("xtream://hugo@h"), Err(AccountError::Password));
    assert_eq!(Account::from_location("xtream://h"), Err(AccountError::User));
}

#[test]
fn playlists_of_accounts_are_told_apart_by_server_and_user() {
    let key = |server: &str, user: &str, password: &str| {
        identity::location_key(&Account::new(server, user, password).unwrap().location())
    };
    assert_eq!(key("h:8080", "a", "1"), key("http://H:8080/c/", "a", "2"));
    assert_ne!(key("h:8080", "a", "1"), key("h:8080", "b", "1"));
    assert_ne!(key("h:8080", "a", "1"), key("h:8081", "a", "1"));
    assert_ne!(key("h", "a", "1"), key("i", "a", "1"));
    assert_ne!(key("h", "a", "1"), key("https://h", "a", "1"));
}

#[test]
fn debug_shows_neither_user_nor_password() {
    let text = format!("{:?}", account());
    assert!(text.contains("http://h:8080/") && !text.contains("hugo") && !text.contains("geheim77"), "{text}");
}

proptest! {
    #[test]
    fn a_location_is_read_as_what_it_was(user in "[^\\p{Cc}\\s]{1,20}", password in "[^\\p{Cc}\\s]([^\\p{Cc}]{0,20}[^\\p{Cc}\\s])?",
        server in "(https?://)?[a-z]{1,9}(\\.[a-z]{2,3})?(:[1-9][0-9]{0,3})?(/tv)?/?") {
        prop_assume!(![".", ".."].contains(&user.as_str()) && ![".", ".."].contains(&password.as_str()));
        let account = Account::new(&server, &user, &password).unwrap();
        prop_assert_eq!(Account::from_location(&account.location()), Ok(account.clone()));
        let address = account.streams_url();
        prop_assert_eq!(Account::in_address(address.as_str()), Some(account));
    }

    #[test]
    fn nothing_of_an_account_is_shown(user in "[a-zA-Z0-9@:/?#|%& ._-]{0,9}", password in "[a-zA-Z0-9@:/?#|%& ._-]{0,9}") {
        let (user, password) = (format!("hugo{user}x"), format!("geheim77{password}x"));
        let account = Account::new("http://h:8080/tv", &user, &password).unwrap();
        prop_assert_eq!(SafeUrl(&account.location()).to_string(), "xtream://***@h:8080/tv/");
        for url in [account.info_url(), account.streams_url(), account.guide_url(), account.stream_url("5", Format::Ts)] {
            let shown = SafeUrl(url.as_str()).to_string();
            prop_assert!(!shown.contains("hugo") && !shown.contains("geheim"), "{}", shown);
        }
    }

    #[test]
    fn an_item_is_the_same_with_another_account(a in "[^\\p{Cc}\\s]{1,9}", b in "[^\\p{Cc}\\s]{1,9}", id in 0u64..u64::MAX) {
        prop_assume!([&a, &b].iter().all(|text| ![".", ".."].contains(&text.as_str())));
        let of = |user: &str, password: &str, format| {
            let url = Account::new("http://h:8080", user, password).unwrap().stream_url(&id.to_string(), format);
            let keys = identity::keys(None, "One", url.as_str());
            (keys.item, keys.url)
        };
        prop_assert_eq!(of(&a, &b, Format::Ts), of("hugo", "geheim77", Format::Ts));
        prop_assert_eq!(of(&a, &b, Format::M3u8), of(&b, &a, Format::M3u8));
    }

    #[test]
    fn nothing_that_is_pasted_makes_it_panic(server in "\\PC{0,40}", user in "\\PC{0,9}", password in "\\PC{0,9}") {
        let _ = Account::new(&server, &user, &password);
        let _ = Account::new(&server, "", "");
        let _ = Account::in_address(&server);
        let _ = Account::from_location(&format!("xtream://{server}"));
    }
}
