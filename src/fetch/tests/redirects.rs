//! Where requests lead, and who learns what on the way.

use rstest::rstest;

use super::super::ask::Asker;
use super::*;

fn redirect(to: &str) -> Vec<Act> {
    vec![Act::Send(whole("302 Found", &format!("Location: {to}\r\n"), b""))]
}

fn secretive() -> FetchAccess {
    let headers = headers(&[("X-Token", "geheim1"), ("Cookie", "geheim2"), ("Accept-Language", "de")]);
    FetchAccess { user_agent: Some("Box/1".to_owned()), headers, ..FetchAccess::default() }
}

#[tokio::test]
async fn credentials_stay_with_their_host() {
    let elsewhere = Server::start(|_, _| vec![Act::Send(whole("200 OK", "", b"#EXTM3U"))]).await;
    let port = elsewhere.address.port();
    let to = format!("http://localhost:{port}/there?session=geheim4#part");
    let panel = Server::start(move |head, n| match n {
        0 => redirect("/again"),
        1 if head.starts_with("GET /again ") => redirect("../once more"),
        _ => redirect(&to),
    })
    .await;
    let mut rig = Rig::new();
    rig.access = secretive();
    let url = format!("http://hugo:geheim3@{}/list", panel.address);
    let fetched = rig.fetched(&url).await;
    assert_eq!(fetched.served_from, format!("http://localhost:{port}/there?session=***"));
    let heads = panel.heads();
    assert_eq!(heads.len(), 3);
    assert!(heads[2].starts_with("GET /once%20more "), "{}", heads[2]);
    for head in heads {
        let sent = ["authorization", "x-token", "cookie", "accept-language", "user-agent"].map(|name| head_of(&head, name));
        // hugo:geheim3
        assert_eq!(sent, [Some("Basic aHVnbzpnZWhlaW0z"), Some("geheim1"), Some("geheim2"), Some("de"), Some("Box/1")]);
    }
    let head = elsewhere.heads().remove(0);
    let sent =
        ["authorization", "x-token", "cookie", "accept-language", "user-agent", "referer"].map(|name| head_of(&head, name));
    assert_eq!(sent, [None, None, None, Some("de"), Some("Box/1"), None]);
    assert!(head.starts_with("GET /there?session=geheim4 "));
}

#[tokio::test]
async fn another_port_of_the_host_is_the_same_owners() {
    let other = Server::start(|_, _| vec![Act::Send(whole("200 OK", "", b"#EXTM3U"))]).await;
    let to = other.url("/");
    let panel = Server::start(move |_, _| redirect(&to)).await;
    let mut rig = Rig::new();
    rig.access = secretive();
    rig.fetched(&panel.url("/")).await;
    assert_eq!(head_of(&other.heads()[0], "x-token"), Some("geheim1"));
}

#[rstest]
#[case::in_a_circle("/a", "too many redirects")]
#[case::for_ever("", "too many redirects")]
#[case::to_a_file("file:///etc/passwd", "scheme \"file\"")]
#[case::to_nothing("http://", "the server answered 302")]
#[tokio::test]
async fn not_every_redirect_is_followed(#[case] to: &'static str, #[case] text: &str) {
    let server = Server::start(move |_, n| redirect(if to.is_empty() { format!("/{n}") } else { to.to_owned() }.as_str())).await;
    let error = Rig::new().error(&server.url("/a")).await.to_string();
    assert!(error.contains(text), "{error}");
    assert!(server.heads().len() <= 11);
}

#[rstest]
#[case::plain("http://h/list?user=1", "http://other/", false, true)]
#[case::to_https("http://u:p@h/", "https://other/", false, true)]
#[case::nothing_to_hide("https://short.tv/list", "http://other/list", false, true)]
#[case::a_query("https://h/get?username=u&password=p", "http://h/get?username=u&password=p", false, false)]
#[case::credentials("https://u:p@h/", "http://other/", false, false)]
#[case::an_account_in_the_path("https://h/live/u/p/1.m3u", "http://h/", false, false)]
#[case::that_is_all_right("https://u:p@h/", "http://other/", true, true)]
fn encryption_is_not_lost_on_the_way(
    #[case] home: &str,
    #[case] to: &str,
    #[case] any_certificate: bool,
    #[case] followed: bool,
) {
    let access = FetchAccess { any_certificate, ..FetchAccess::default() };
    let asker = Asker::new(home, &access, &HASTY).unwrap();
    let [from, to] = [home, to].map(|url| url::Url::parse(url).unwrap());
    assert_eq!(asker.follows(&from, &to).is_ok(), followed);
    let access = FetchAccess { any_certificate, ..secretive() };
    let asker = Asker::new("https://short.tv/list", &access, &HASTY).unwrap();
    assert_eq!(asker.follows(&from, &to).is_ok(), followed && home != "https://short.tv/list", "headers are a secret, too");
}

#[tokio::test]
async fn settings_that_cannot_be_sent_are_named() {
    let mut rig = Rig::new();
    let cases = [
        FetchAccess { user_agent: Some("Box\u{1}".to_owned()), ..FetchAccess::default() },
        FetchAccess { headers: headers(&[("X", "ok"), ("geheim: x", "geheim")]), ..FetchAccess::default() },
        FetchAccess { headers: headers(&[("Range", "bytes=0-")]), ..FetchAccess::default() },
        FetchAccess { proxy: Some("ftp://u:geheim@h".to_owned()), ..FetchAccess::default() },
        FetchAccess { proxy: Some("h:3128:geheim".to_owned()), ..FetchAccess::default() },
    ];
    for (access, text) in cases.into_iter().zip(["User-Agent", "header 2", "header 1", "proxy", "proxy"]) {
        rig.access = access;
        let error = rig.error("http://127.0.0.1:1/").await;
        assert!(error.to_string().contains(text) && !format!("{error} {error:?}").contains("geheim"), "{error}");
    }
}
