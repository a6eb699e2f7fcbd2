//! What is typed of a new playlist: the forms with what they show again, and an address with the user it is asked with. No password
//! is ever shown again. Pure.

use url::Url;

use super::fields::Fields;
use crate::admin::FeedsError;
use crate::base::secret::SafeUrl;
use crate::model::Provider;
use crate::playlist::given;
use crate::playlist::xtream::Account;

/// What the forms for a new playlist show.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// Why it was not done.
    pub error: String,
    /// Whether they belong to the first run.
    pub welcome: bool,
    /// The playlist that could not be read, in whose place the next one comes.
    pub instead: Option<i64>,
    /// The address without credentials; nothing where those are in its middle.
    pub location: String,
    /// What stands where an address is to be typed.
    pub hint: String,
    /// The user of the address.
    pub user: String,
    /// What the list is to be called.
    pub name: String,
    /// The server of an account.
    pub server: String,
    /// Its user.
    pub username: String,
    /// What the account is to be called.
    pub account_name: String,
}

impl Forms {
    /// What was typed, and why it will not do.
    pub fn of_fields(error: &str, fields: &Fields) -> Self {
        let text = |name: &str| fields.text(name).unwrap_or_default().to_owned();
        let (welcome, instead) = (fields.is_set("welcome"), fields.number("instead"));
        let base = Self { error: error.to_owned(), welcome, instead, ..Self::default() };
        if fields.is_set("server") {
            let (server, ..) = open(&text("server"));
            return Self { server, username: text("username"), account_name: text("name"), ..base };
        }
        let (location, hint, user) = open(&text("location"));
        let user = fields.text("user").map_or(user, str::to_owned);
        Self { location, hint, user, name: text("name"), ..base }
    }

    /// What was typed of a playlist in the first run that could not be read, and why it could not.
    pub fn of_unread(error: &str, playlist: &Provider) -> Self {
        let base = Self { error: error.to_owned(), welcome: true, instead: Some(playlist.id.0), ..Self::default() };
        // A name that was made of the address is made anew with it.
        let own = !playlist.name.starts_with(&given::name(&playlist.location));
        let name = if own { playlist.name.clone() } else { String::new() };
        if let Ok(account) = Account::from_location(&playlist.location) {
            let (server, username) = (account.server().to_string(), account.username().expose().clone());
            return Self { server, username, account_name: name, ..base };
        }
        let (location, hint, user) = open(&playlist.location);
        Self { location, hint, user, name, ..base }
    }

    /// What every one of the forms carries, as HTML.
    pub fn hidden(&self) -> String {
        let one = |name: &str, value: i64| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
        let welcome = self.welcome.then(|| one("welcome", 1));
        welcome.into_iter().chain(self.instead.map(|id| one("instead", id))).collect()
    }

    /// What stands in the field of an address.
    pub fn placeholder(&self) -> &str {
        if self.hint.is_empty() { "http://…/list.m3u" } else { &self.hint }
    }
}

/// An address as it may be shown: what may stand in its field, else what hints at it, and its user.
fn open(address: &str) -> (String, String, String) {
    // A path on the box holds none.
    if address.starts_with('/') {
        return (address.to_owned(), String::new(), String::new());
    }
    let (bare, user) = match Url::parse(address) {
        Ok(mut url) if has_user(&url) => {
            let user = decoded(url.username());
            let gone = url.set_username("").and_then(|()| url.set_password(None));
            (gone.map_or_else(|()| String::new(), |()| url.to_string()), user)
        }
        _ => (address.to_owned(), String::new()),
    };
    let safe = SafeUrl(&bare).to_string();
    if safe == bare { (bare, String::new(), user) } else { (String::new(), safe, user) }
}

/// An address with the user and password that were typed beside it.
///
/// # Errors
/// When it has some already, or is nothing that is asked with any.
pub fn with_user(location: &str, user: Option<&str>, password: Option<&str>) -> Result<String, FeedsError> {
    let user = match (user, password) {
        (Some(user), _) => user,
        (None, None) => return Ok(location.to_owned()),
        (None, Some(_)) => return Err(FeedsError::invalid("user", "Type the user, too, whose password this is.")),
    };
    let web = Url::parse(location)
        .ok()
        .filter(|url| (matches!(url.scheme(), "http" | "https") || Account::is_location(location)) && url.has_host());
    let Some(mut url) = web else {
        let text = "User and password go with an address that begins with http:// or https://. A path on the box has none.";
        return Err(FeedsError::invalid("user", text));
    };
    if has_user(&url) {
        let text = "The address has a user already: leave it out there, or leave the fields for user and password empty.";
        return Err(FeedsError::invalid("user", text));
    }
    let password = password.map(encoded);
    let put = url.set_username(&encoded(user)).and_then(|()| url.set_password(password.as_deref()));
    put.map_err(|()| FeedsError::invalid("user", "This address takes no user."))?;
    Ok(url.to_string())
}

/// The address that is kept, with another user or password; what was not typed stays.
///
/// # Errors
/// When it is nothing that is asked with any.
pub fn with_another_user(kept: &str, user: Option<&str>, password: Option<&str>) -> Result<String, FeedsError> {
    let (mut bare, mut known) = (kept.to_owned(), (None, None));
    if let Ok(mut url) = Url::parse(kept)
        && has_user(&url)
    {
        known = (Some(decoded(url.username())), url.password().map(decoded));
        if url.set_username("").and_then(|()| url.set_password(None)).is_ok() {
            bare = url.to_string();
        }
    }
    with_user(&bare, user.or(known.0.as_deref()), password.or(known.1.as_deref()))
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Text in front of a host, whatever it holds.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The text that was encoded.
fn decoded(text: &str) -> String {
    let field = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(field.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProviderId;

    #[rstest::rstest]
    #[case("http://me:old@tv.example/a", None, Some("new"), Ok("http://me:new@tv.example/a"))]
    #[case("http://me:old@tv.example/a", Some("you"), None, Ok("http://you:old@tv.example/a"))]
    #[case("http://m%20e@tv.example/a?b=c", None, Some("new"), Ok("http://m%20e:new@tv.example/a?b=c"))]
    #[case("http://tv.example/a", Some("you"), Some("new"), Ok("http://you:new@tv.example/a"))]
    #[case("http://tv.example/a", None, Some("new"), Err("Type the user"))]
    #[case("/lists/a.m3u", Some("you"), Some("new"), Err("begins with http"))]
    fn another_user_takes_the_place_of_the_one_that_is_kept(
        #[case] kept: &str,
        #[case] user: Option<&str>,
        #[case] password: Option<&str>,
        #[case] expected: Result<&str, &str>,
    ) {
        let done = with_another_user(kept, user, password).map_err(|error| error.to_string());
        match expected {
            Ok(location) => assert_eq!(done.as_deref(), Ok(location)),
            Err(word) => assert!(done.as_ref().is_err_and(|text| text.contains(word) && !text.contains("new")), "{done:?}"),
        }
    }

    #[rstest::rstest]
    #[case(None, None, Ok("http://tv.example/list.m3u"))]
    #[case(Some("me"), Some("p@s:s/w%41rd+ü"), Ok("http://me:p%40s%3As%2Fw%2541rd%2B%C3%BC@tv.example/list.m3u"))]
    #[case(Some("a b"), None, Ok("http://a%20b@tv.example/list.m3u"))]
    #[case(None, Some("secret"), Err("Type the user"))]
    fn user_and_password_go_into_the_address(
        #[case] user: Option<&str>,
        #[case] password: Option<&str>,
        #[case] expected: Result<&str, &str>,
    ) {
        let done = with_user("http://tv.example/list.m3u", user, password);
        match (done, expected) {
            (Ok(done), Ok(expected)) => assert_eq!(done, expected),
            (Err(FeedsError::Invalid("user", text)), Err(word)) => assert!(text.contains(word), "{text}"),
            (done, _) => panic!("{done:?}"),
        }
    }

    #[test]
    fn what_has_a_user_or_can_have_none_is_refused() {
        for (location, word) in [
            ("http://other:old@tv.example/x", "has a user already"),
            ("/home/list.m3u", "A path on the box has none"),
            ("file:///home/list.m3u", "A path on the box has none"),
        ] {
            let refused = with_user(location, Some("me"), Some("secret")).unwrap_err();
            assert!(refused.to_string().contains(word), "{location}: {refused}");
        }
        assert!(with_user("/home/list.m3u", None, None).is_ok());
    }

    #[test]
    fn what_could_not_be_read_can_be_typed_again() {
        let list = |name: &str, location: &str| {
            let provider = Provider { id: ProviderId(7), name: name.into(), location: location.into(), max_connections: 1 };
            Forms::of_unread("No.", &provider)
        };
        let forms = list("tv.example 2", "http://me:hunter2@tv.example/list.m3u");
        assert_eq!((forms.location.as_str(), forms.user.as_str(), forms.name.as_str()), ("http://tv.example/list.m3u", "me", ""));
        assert!(forms.hidden().contains("name=\"instead\" value=\"7\"") && !format!("{forms:?}").contains("hunter2"));
        let forms = list("Mine", "xtream://me:hunter2@tv.example:8080/");
        assert_eq!((forms.server.as_str(), forms.username.as_str()), ("http://tv.example:8080/", "me"));
        assert!(forms.account_name == "Mine" && !format!("{forms:?}").contains("hunter2"));
    }

    #[test]
    fn no_password_is_shown_again() {
        let shown = |body: &str| Forms::of_fields("No.", &Fields::parse(body.as_bytes()));
        let forms =
            shown("location=http%3A%2F%2Fme%2B%3Ahunter2%40tv.example%2Flist.m3u&name=Mine&user_password=hunter2&welcome=1");
        assert_eq!(
            (forms.location.as_str(), forms.user.as_str(), forms.name.as_str()),
            ("http://tv.example/list.m3u", "me+", "Mine")
        );
        assert!(!format!("{forms:?}").contains("hunter2") && forms.hidden().contains("welcome"));
        let forms = shown("location=http%3A%2F%2Ftv.example%2Fget.php%3Fusername%3Dme%26password%3Dhunter2");
        assert!(forms.location.is_empty() && forms.placeholder().starts_with("http://tv.example/get.php"), "{forms:?}");
        assert!(!format!("{forms:?}").contains("hunter2"));
        let forms = shown("server=http%3A%2F%2Ftv.example%3A8080&username=me&password=hunter2&name=Mine");
        assert_eq!(
            (forms.server.as_str(), forms.username.as_str(), forms.account_name.as_str()),
            ("http://tv.example:8080", "me", "Mine")
        );
        assert!(!format!("{forms:?}").contains("hunter2") && forms.name.is_empty());
        assert_eq!(shown("location=/home/list.m3u").location, "/home/list.m3u");
    }
}
