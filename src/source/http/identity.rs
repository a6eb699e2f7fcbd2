//! Which request headers go to which host. Pure.
//!
//! A source's headers may hold credentials, and redirects and playlists lead to hosts that its owner never named.
//! Credentials therefore stay with the host of the source's own address.

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::model::Headers;

/// Headers that say nothing secret and that content networks ask for: they go to every host.
const PUBLIC: [HeaderName; 5] = [header::USER_AGENT, header::REFERER, header::ORIGIN, header::ACCEPT, header::ACCEPT_LANGUAGE];
/// Headers that are the connection's own business, whatever a playlist says.
const OURS: [HeaderName; 8] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::RANGE,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Who asks: the source's own address, its credentials and its headers.
#[derive(Clone)]
pub struct Identity {
    home: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    user_agent: HeaderValue,
}

impl Identity {
    /// Of the source at `home`. Headers that HTTP does not allow are left out.
    pub fn new(home: &Url, headers: &Headers, user_agent: &HeaderValue) -> Self {
        let header = |(name, value): &(String, String)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            let mut value = HeaderValue::from_bytes(value.trim().as_bytes()).ok()?;
            value.set_sensitive(!PUBLIC.contains(&name));
            (!OURS.contains(&name)).then_some((name, value))
        };
        Self { home: home.clone(), headers: headers.0.iter().filter_map(header).collect(), user_agent: user_agent.clone() }
    }

    /// The same host, and no step from encrypted to plain. Another port of it is the same owner's: panels hand over from
    /// port 80 to a streaming port all the time.
    fn trusts(&self, to: &Url) -> bool {
        self.home.host() == to.host() && (to.scheme() == "https" || self.home.scheme() == "http")
    }

    /// The address to ask, with the source's credentials in it if they may go there, and the headers to send along.
    pub fn request(&self, to: &Url) -> (Url, HeaderMap) {
        let trusted = self.trusts(to);
        let mut url = to.clone();
        if trusted && url.username().is_empty() && url.password().is_none() {
            // Neither can fail: an address of HTTP has a host.
            let _ = url.set_username(self.home.username());
            let _ = url.set_password(self.home.password());
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, self.user_agent.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in &self.headers {
            if trusted || PUBLIC.contains(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        (url, headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn identity(home: &str) -> Identity {
        let headers =
            [("Cookie", "s=1"), ("Referer", "http://site.tv/"), ("User-Agent", "Box"), ("bad name", "x"), ("Range", "bytes=0-")];
        let headers = Headers(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        Identity::new(&Url::parse(home).unwrap(), &headers, &HeaderValue::from_static("Default"))
    }

    #[rstest]
    #[case::itself("http://u:p@a.tv/1", "http://a.tv/2", true)]
    #[case::another_port("http://u:p@a.tv/1", "http://a.tv:8080/2", true)]
    #[case::encrypted("http://u:p@a.tv/1", "https://a.tv/2", true)]
    #[case::another_host("http://u:p@a.tv/1", "http://b.tv/2", false)]
    #[case::a_name_below("http://u:p@a.tv/1", "http://cdn.a.tv/2", false)]
    #[case::no_longer_encrypted("https://u:p@a.tv/1", "http://a.tv/2", false)]
    fn credentials_stay_at_home(#[case] home: &str, #[case] to: &str, #[case] trusted: bool) {
        let (url, headers) = identity(home).request(&Url::parse(to).unwrap());
        assert_eq!((url.username() == "u", url.password() == Some("p")), (trusted, trusted));
        assert_eq!(headers.contains_key("cookie"), trusted);
        assert_eq!(headers["referer"], "http://site.tv/");
        assert_eq!(headers["user-agent"], "Box");
    }

    #[test]
    fn credentials_in_the_new_address_win() {
        let (url, _) = identity("http://u:p@a.tv/1").request(&Url::parse("http://x:y@a.tv/2").unwrap());
        assert_eq!((url.username(), url.password()), ("x", Some("y")));
    }

    #[test]
    fn what_is_the_connections_own_business_is_left_out() {
        let (_, headers) = identity("http://a.tv/1").request(&Url::parse("http://a.tv/1").unwrap());
        assert!(!headers.contains_key("range"));
        assert_eq!(headers["accept-encoding"], "identity");
        let plain = Identity::new(&Url::parse("http://a.tv").unwrap(), &Headers::default(), &HeaderValue::from_static("Default"));
        assert_eq!(plain.request(&Url::parse("http://a.tv").unwrap()).1["user-agent"], "Default");
    }
}
