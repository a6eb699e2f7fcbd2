use proptest::prelude::*;

use super::SafeUrl;

fn shown(text: &str) -> String {
    SafeUrl(text).to_string()
}

#[rstest::rstest]
#[case("http://10.0.0.9/stream.ts", "http://10.0.0.9/stream.ts")]
#[case("http://hugo:geheim77@10.0.0.9:8080/basic?token=geheim77", "http://***@10.0.0.9:8080/basic?token=***")]
#[case("http://token@host/x", "http://***@host/x")]
#[case("http://h/get.php?username=hugo&password=p&type=m3u", "http://h/get.php?username=***&password=***&type=***")]
#[case("http://h/x?geheim77", "http://h/x?***")]
#[case("http://h/x?a=1;b=2#geheim77", "http://h/x?a=***&b=***#***")]
#[case("http://h/live/hugo/geheim77/1.ts", "http://h/live/***/***/1.ts")]
#[case("http://h:8000/hugo/geheim77/123", "http://h:8000/***/***/123")]
#[case("http://h/iptv/live/hugo/geheim77/news.m3u8", "http://h/iptv/live/***/***/news.m3u8")]
#[case("http://h/prefix/hugo/geheim77/123.ts", "http://h/prefix/***/***/123.ts")]
#[case("http://h/timeshift/hugo/geheim77/60/2024-01-01:10-00/5.ts", "http://h/timeshift/***/***/***/***/5.ts")]
#[case("http://h/hls/news/5.m3u8", "http://h/hls/***/5.m3u8")]
#[case("http://h/hls/news/index.m3u8", "http://h/hls/news/index.m3u8")]
#[case("http://h/auto/v5.1", "http://h/auto/v5.1")]
#[case("http://h/channel-news-1080p-25fps/index.m3u8", "http://h/channel-news-1080p-25fps/index.m3u8")]
#[case("http://h/a8f5f167f44f4964e6c998dee827110c/a.ts", "http://h/***/a.ts")]
#[case("http://h/550e8400-e29b-41d4-a716-446655440000/a.ts", "http://h/***/a.ts")]
#[case("http://h/s/aB3dE5gH7jk/a.ts", "http://h/s/***/a.ts")]
#[case("http://h/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc/a.ts", "http://h/***/a.ts")]
#[case("http://h/token=geheim77/a.ts", "http://h/token=***/a.ts")]
#[case("http://h/a;session=geheim77/b", "http://h/a;***/b")]
#[case("http://h/hugo:geheim77@x/b", "http://h/***/b")]
#[case("http://h/a.ts|Authorization=geheim77", "http://h/a.ts|***")]
#[case("http://h/a.ts?x=1|Authorization=geheim77", "http://h/a.ts?x=***|***")]
#[case("http://[fe80::1%25eth0]:80/a", "http://[fe80::1%25eth0]:80/a")]
#[case("udp://@239.0.0.1:1234", "udp://239.0.0.1:1234")]
#[case("rtp://239.0.0.1:5004?localaddr=10.0.0.1", "rtp://239.0.0.1:5004?localaddr=***")]
#[case("srt://h:1?streamid=#!::r=a,s=geheim77&passphrase=geheim77", "srt://h:1?streamid=***#***")]
#[case("srt://h:1?passphrase=geheim77&streamid=read:a:b:geheim77", "srt://h:1?passphrase=***&streamid=***")]
#[case("xtream://hugo:geheim77@10.0.0.9:8080/", "xtream://***@10.0.0.9:8080/")]
#[case("xtreams://hugo:geheim%2F77@h/panel/", "xtreams://***@h/panel/")]
#[case("xtream://hugo@h/", "xtream://***@h/")]
#[case("xtream://h/get.php?username=hugo&password=geheim77", "xtream://h/get.php?username=***&password=***")]
#[case("xtream://hugo:77/geheim@h:80/", "xtream://***")]
#[case("XTREAM://hugo:77?geheim@h:80/", "XTREAM://***")]
#[case("xtream:hugo:geheim77@h", "***")]
#[case("file:///srv/tv/demo/5.ts", "file:///srv/tv/demo/5.ts")]
#[case("demo:clock", "demo:clock")]
#[case("/srv/lists/home.m3u", "/srv/lists/home.m3u")]
#[case("list.m3u", "list.m3u")]
#[case("/live/hugo/geheim77/1.ts?token=geheim77", "/live/***/***/1.ts?token=***")]
#[case("http://hugo:geh/eim77@host/x", "http://***")]
#[case("http://hugo:geh?eim77@host/x", "http://***")]
#[case("http:hugo:geheim77@host/x", "***")]
#[case("hugo:geheim77@host/x", "***")]
#[case("{hugo}:geheim77@host", "***")]
#[case("Bearer geheim77:x", "***")]
#[case("http://h/a\nb", "http://h/a\u{FFFD}b")]
#[case("", "")]
fn addresses(#[case] url: &str, #[case] expected: &str) {
    assert_eq!(shown(url), expected);
    assert_eq!(format!("{:?}", SafeUrl(url)), expected);
}

/// A secret that cannot be mistaken for something else, among what a URL may hold unescaped in that place.
fn secret(around: &'static str) -> impl Strategy<Value = String> {
    (around, around).prop_map(|(before, after)| format!("{before}geheim77{after}"))
}

const IN_USER: &str = "[a-zA-Z0-9%!$&'()*+,;=:._~-]{0,12}";
const IN_SEGMENT: &str = "[a-zA-Z0-9%!$&'()*+,;=:@._~-]{0,12}";
const IN_VALUE: &str = "[a-zA-Z0-9%!$'()*+,/?:@._~-]{0,12}";

proptest! {
    #[test]
    fn user_password_and_query_never_show(
        user in secret(IN_USER),
        password in secret(IN_USER),
        value in secret(IN_VALUE),
        scheme in "(https?|rtsp|srt|udp|HTTP)",
        path in "(/[a-z0-9._-]{0,9}){0,5}",
    ) {
        let url = format!("{scheme}://{user}:{password}@tv.example.org:8080{path}?key={value}&b=1#{value}");
        let shown = shown(&url);
        prop_assert!(!shown.contains("geheim77"), "{shown}");
        prop_assert!(shown.contains("tv.example.org:8080"), "{}", shown);
    }

    #[test]
    fn xtream_accounts_never_show(
        user in secret(IN_SEGMENT),
        password in secret(IN_SEGMENT),
        before in "(/[a-z]{1,8}){0,2}",
        kind in "(/live|/movie|/series|/LIVE)?",
        id in "[0-9]{1,7}(\\.(ts|m3u8|mp4))?",
    ) {
        for base in ["http://tv.example.org", "https://u:p@tv.example.org:8443", ""] {
            let shown = shown(&format!("{base}{before}{kind}/{user}/{password}/{id}"));
            prop_assert!(!shown.contains("geheim77"), "{shown}");
        }
    }

    #[test]
    fn what_stands_before_an_at_never_shows(before in "[^/\\\\?#|]{0,20}", secret in secret("[^/\\\\?#|@]{0,6}"), after: String) {
        for scheme in ["http://", "http:", "", "//"] {
            let shown = shown(&format!("{scheme}{before}{secret}@{}", after.replace("geheim77", "")));
            prop_assert!(!shown.contains("geheim77"), "{}", shown);
        }
    }

    #[test]
    fn nothing_panics(text: String) {
        shown(&text);
        shown(&format!("http://{text}"));
    }
}
