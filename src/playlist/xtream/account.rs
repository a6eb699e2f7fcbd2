//! An account at an Xtream Codes panel, as people paste it, as it is stored, and the addresses that follow from it.

use std::fmt;

use url::Url;

use super::info::Format;
use crate::base::secret::Secret;
use crate::playlist::m3u::percent_decoded;

/// Longest user name or password.
const LONGEST: usize = 256;
/// Stored locations begin with these: the panel is asked by `http` or by `https`.
const SCHEMES: [(&str, &str); 2] = [("xtream", "http"), ("xtreams", "https")];
/// Pages of panels. What is pasted may end with one of them, and what comes behind is of no interest.
const PAGES: [&str; 8] =
    ["get.php", "player_api.php", "panel_api.php", "xmltv.php", "enigma2.php", "portal.php", "index.php", "index.html"];
/// Folders of panels, likewise.
const FOLDERS: [&str; 6] = ["c", "stalker_portal", "live", "movie", "series", "timeshift"];

/// Why this is no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The server cannot be read as an address.
    #[error("the server is not an address; write it as `http://host:8080`")]
    Server,
    /// It is the address of something else.
    #[error("the server's address must begin with http:// or https://")]
    Scheme,
    /// No user name.
    #[error("the user name is missing")]
    User,
    /// No password.
    #[error("the password is missing")]
    Password,
    /// Something that cannot stand in an address.
    #[error("user name and password may have up to {LONGEST} characters, and no control characters")]
    Unusable,
}

/// An account. Nothing of it but the server is shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The panel's address, with a path that ends with `/`, without user, query and fragment.
    server: Url,
    username: Secret<String>,
    password: Secret<String>,
}

impl Account {
    /// The account of a user at a server, in whatever way the server's address is pasted: with or without `http://`, with the
    /// path of one of its pages. User and password may be empty if they stand in the address.
    ///
    /// # Errors
    /// When the server is no address, or user or password are missing or cannot stand in an address.
    pub fn new(server: &str, username: &str, password: &str) -> Result<Self, AccountError> {
        let pasted = pasted(server)?;
        let (mut username, mut password) = (username.trim().to_owned(), password.trim().to_owned());
        if username.is_empty() && password.is_empty() {
            (username, password) = account_of(&pasted).unwrap_or_default();
        }
        Self::checked(&pasted, username, password)
    }

    /// The account in the address of a list, a guide or of one of the panel's pages:
    /// `http://host/get.php?username=…&password=…&type=m3u_plus`.
    pub fn in_address(address: &str) -> Option<Self> {
        let url = Url::parse(address.trim()).ok().filter(|url| ["http", "https"].contains(&url.scheme()))?;
        let page = url.path_segments()?.next_back()?.to_ascii_lowercase();
        let (username, password) = of_query(&url).filter(|_| PAGES.contains(&page.as_str()))?;
        Self::checked(&url, username, password).ok()
    }

    /// Whether a location is that of an account, and not of a playlist.
    pub fn is_location(text: &str) -> bool {
        let scheme = text.trim_start().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        scheme.is_some_and(|scheme| SCHEMES.iter().any(|(ours, _)| *ours == scheme))
    }

    /// The account that [`Account::location`] gave, or that somebody wrote in this way.
    ///
    /// # Errors
    /// As [`Account::new`]; also for locations of playlists.
    pub fn from_location(text: &str) -> Result<Self, AccountError> {
        if Self::is_location(text) { Self::new(text, "", "") } else { Err(AccountError::Scheme) }
    }

    /// How it is stored: `xtream://USER:PASSWORD@HOST:PORT/`, and `xtreams://…` where the panel is asked by `https`. Holds the
    /// password; what may be shown of it is what [`SafeUrl`](crate::base::secret::SafeUrl) shows.
    pub fn location(&self) -> String {
        let scheme = SCHEMES.iter().find(|(_, scheme)| *scheme == self.server.scheme()).map_or("xtream", |(ours, _)| ours);
        let host = self.server.host_str().unwrap_or_default();
        let port = self.server.port().map(|port| format!(":{port}")).unwrap_or_default();
        let (user, password) = (encoded(self.username.expose()), encoded(self.password.expose()));
        format!("{scheme}://{user}:{password}@{host}{port}{}", self.server.path())
    }

    /// The panel's address: what relative addresses are relative to. Holds no credentials.
    pub fn server(&self) -> &Url {
        &self.server
    }

    /// The user's name.
    pub fn username(&self) -> &Secret<String> {
        &self.username
    }

    /// The password.
    pub fn password(&self) -> &Secret<String> {
        &self.password
    }

    /// Where the panel tells about the account ([`super::account_info`]). As all addresses here, it holds the password.
    pub fn info_url(&self) -> Url {
        self.page("player_api.php", None)
    }

    /// Where the groups of live channels are ([`super::categories`]).
    pub fn categories_url(&self) -> Url {
        self.page("player_api.php", Some("get_live_categories"))
    }

    /// Where the live channels are ([`super::streams()`]).
    pub fn streams_url(&self) -> Url {
        self.page("player_api.php", Some("get_live_streams"))
    }

    /// Where the guide is.
    pub fn guide_url(&self) -> Url {
        self.page("xmltv.php", None)
    }

    /// The address of a live channel, by its number (decimal digits).
    pub fn stream_url(&self, id: &str, format: Format) -> Url {
        let (user, password) = (encoded(self.username.expose()), encoded(self.password.expose()));
        let mut url = self.server.clone();
        url.set_path(&format!("{}live/{user}/{password}/{id}.{}", self.server.path(), format.ending()));
        url
    }

    fn checked(pasted: &Url, username: String, password: String) -> Result<Self, AccountError> {
        // A path cannot hold these two as names.
        let unusable =
            |text: &str| text.chars().count() > LONGEST || text.contains(char::is_control) || [".", ".."].contains(&text);
        if username.is_empty() {
            return Err(AccountError::User);
        }
        if password.is_empty() {
            return Err(AccountError::Password);
        }
        if unusable(&username) || unusable(&password) {
            return Err(AccountError::Unusable);
        }
        Ok(Self { server: root(pasted)?, username: Secret::new(username), password: Secret::new(password) })
    }

    fn page(&self, page: &str, action: Option<&str>) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(page);
        }
        let (user, password) = (self.username.expose(), self.password.expose());
        url.query_pairs_mut().append_pair("username", user).append_pair("password", password);
        if let Some(action) = action {
            url.query_pairs_mut().append_pair("action", action);
        }
        url
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("server", &self.server.as_str()).finish_non_exhaustive()
    }
}

/// Reads a server's address as it was pasted.
fn pasted(text: &str) -> Result<Url, AccountError> {
    // Copied out of a mail or a chat, addresses come with blanks and quotes around and breaks within.
    let text: String = text.chars().filter(|c| !c.is_whitespace() && !['\u{200B}', '\u{FEFF}'].contains(c)).collect();
    let text = text.trim_matches(['"', '\'', '<', '>', '`']);
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => (String::new(), text.trim_start_matches('/')),
    };
    let scheme = match SCHEMES.iter().find(|(ours, theirs)| scheme == *ours || scheme == *theirs) {
        Some((_, theirs)) => *theirs,
        None if scheme.is_empty() => "http",
        None => return Err(AccountError::Scheme),
    };
    let mut url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| AccountError::Server)?;
    if text.len() == rest.len() && url.port() == Some(443) {
        url = Url::parse(&format!("https://{rest}")).map_err(|_| AccountError::Server)?;
    }
    Ok(url)
}

/// Text as a part of a path or in front of a host, whatever it holds: also `|`, which addresses may hold, but lists may not.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// User and password, wherever they stand in an address.
fn account_of(url: &Url) -> Option<(String, String)> {
    let decoded = |text: &str| String::from_utf8_lossy(&percent_decoded(text)).into_owned();
    let before_host = (!url.username().is_empty()).then(|| {
        let password = url.password().unwrap_or_default();
        (decoded(url.username()), decoded(password))
    });
    let segments: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
    let in_path = || {
        let at = segments.iter().position(|segment| ["live", "movie", "series"].contains(segment))?;
        let [_, user, password, _] = segments.get(at..)? else { return None };
        Some((decoded(user), decoded(password)))
    };
    before_host.or_else(|| of_query(url)).or_else(in_path)
}

/// `?username=…&password=…`.
fn of_query(url: &Url) -> Option<(String, String)> {
    let value = |name: &str| {
        let found = url.query_pairs().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    Some((value("username")?, value("password")?))
}

/// The address without all that is not the panel's root.
fn root(url: &Url) -> Result<Url, AccountError> {
    let mut url = url.clone();
    if !url.has_host() || url.host_str().is_none_or(str::is_empty) {
        return Err(AccountError::Server);
    }
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    let segments: Vec<String> = url.path_segments().map(|all| all.map(str::to_owned).collect()).unwrap_or_default();
    let ends = |segment: &String| {
        let segment = segment.to_ascii_lowercase();
        PAGES.contains(&segment.as_str()) || FOLDERS.contains(&segment.as_str())
    };
    let kept: Vec<String> =
        segments.into_iter().take_while(|segment| !ends(segment)).filter(|segment| !segment.is_empty()).collect();
    let mut path = kept.join("/");
    if !path.is_empty() {
        path.insert(0, '/');
    }
    url.set_path(&format!("{path}/"));
    Ok(url)
}
