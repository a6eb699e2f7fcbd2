//! Playlists: made, changed, read, accepted, taken away.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::anew::But;
use super::{Feeds, FeedsError, sentence, upload, valid_name};
use crate::base::clock;
use crate::base::jobs::State;
use crate::base::secret::SafeUrl;
use crate::model::{FetchAccess, Headers, PlaylistRules, ProviderId};
use crate::playlist::rules::Rules;
use crate::playlist::xtream::{self, Account, AccountInfo};
use crate::playlist::{self, RefreshError, given};
use crate::store::editing::LINKS;
use crate::store::playlists::{NewPlaylist, Origin, Playlist};
use crate::store::{FeedId, ImportReport, Version};

/// Hours from one reading to the next, where nobody says.
const REFRESH_H: u32 = 12;
const MOST_CONNECTIONS: u32 = 1000;
const MOST_REFRESH_H: u32 = 8760;

/// What may be said of a playlist. Of a new one `location` is wanted; of one that is changed, what is absent stays.
#[derive(Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlaylistRequest {
    /// Its name.
    pub name: Option<String>,
    /// Address or path.
    pub location: Option<String>,
    /// The server of an account at an Xtream Codes panel, in place of `location`; with it come the next two.
    pub server: Option<String>,
    /// Its user.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// Connections at a time; `null`: as the provider says.
    #[serde(deserialize_with = "said")]
    pub max_connections: Option<Option<u32>>,
    /// Hours from one reading to the next; 0: only when asked.
    pub refresh_h: Option<u32>,
    /// How it is fetched, and its streams are opened.
    pub access: Option<AccessRequest>,
    /// What is taken from it.
    pub rules: Option<PlaylistRules>,
    /// Whether it is served.
    pub active: Option<bool>,
    /// Its place among the playlists.
    pub position: Option<u32>,
}

/// How a feed is fetched, as a request has it. What is absent is not used.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccessRequest {
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// Further request headers, by name.
    pub headers: std::collections::BTreeMap<String, String>,
    /// `http://`, `https://`, `socks5://` or `socks5h://`.
    pub proxy: Option<String>,
    /// Certificates that cannot be verified are accepted.
    pub any_certificate: bool,
}

/// Tells `null` from what is absent.
pub(in crate::admin) fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A playlist, as it is shown: no credentials.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct PlaylistView {
    /// Its id.
    pub id: ProviderId,
    /// Its name.
    pub name: String,
    /// `m3u`, `xtream`, `upload`, `links` (addresses typed in), `demo`.
    pub kind: &'static str,
    /// Where it comes from.
    pub location: String,
    /// Who brought it.
    pub origin: Origin,
    /// Whether it is served.
    pub active: bool,
    /// Its place.
    pub position: u32,
    /// Connections at a time.
    pub max_connections: u32,
    /// Whether a person said so.
    pub max_connections_said: bool,
    /// Hours from one reading to the next.
    pub refresh_h: u32,
    /// How it is fetched.
    pub access: AccessView,
    /// What is taken from it.
    pub rules: PlaylistRules,
    /// What its provider says of the account.
    pub account: Option<Value>,
    /// When it was last read well.
    pub imported_ms: Option<i64>,
    /// When it was last looked at.
    pub checked_ms: Option<i64>,
    /// Why the last reading failed.
    pub last_error: Option<String>,
    /// Sources that channels have of it.
    pub sources: u32,
    /// The version that is served.
    pub current: Option<VersionView>,
    /// A version that waits for a person.
    pub held: Option<VersionView>,
    /// The job that reads it just now.
    pub job: Option<u64>,
    /// What a person should know, as sentences.
    pub warnings: Vec<String>,
    /// Those of them that make channels go, or will.
    #[serde(skip)]
    pub urgent: Vec<String>,
}

/// How a feed is fetched, without what is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct AccessView {
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// Names of further headers.
    pub headers: Vec<String>,
    /// The proxy.
    pub proxy: Option<String>,
    /// Whether any certificate will do.
    pub any_certificate: bool,
}

/// A version, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct VersionView {
    /// When it was fetched.
    pub fetched_ms: i64,
    /// Why it is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was counted in it.
    pub report: Value,
}

impl VersionView {
    pub(super) fn new(version: &Version) -> Self {
        let mut report = version.version.report.clone();
        // Addresses of guides may hold credentials, too.
        if let Some(Value::Array(guides)) = report.get_mut("guides") {
            for guide in guides {
                *guide = Value::String(guide.as_str().map(|guide| SafeUrl(guide).to_string()).unwrap_or_default());
            }
        }
        Self { fetched_ms: version.version.fetched_ms, reason: version.reason.clone(), report }
    }
}

impl AccessView {
    pub(super) fn new(access: &FetchAccess) -> Self {
        Self {
            user_agent: access.user_agent.clone(),
            headers: access.headers.0.iter().map(|(name, _)| name.clone()).collect(),
            proxy: access.proxy.as_deref().map(|proxy| SafeUrl(proxy).to_string()),
            any_certificate: access.any_certificate,
        }
    }
}

impl AccessRequest {
    /// Checks it.
    pub(super) fn access(self) -> Result<FetchAccess, FeedsError> {
        let header = |value: &str| !value.is_empty() && value.len() <= 4096 && !value.chars().any(char::is_control);
        let name = |name: &str| {
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            !name.is_empty() && name.bytes().all(token)
        };
        let bad = |text: &str| FeedsError::invalid("access", text);
        if self.user_agent.as_deref().is_some_and(|agent| !header(agent)) {
            return Err(bad("A User-Agent is one line of text."));
        }
        if !self.headers.iter().all(|(key, value)| name(key) && header(value)) {
            return Err(bad("Headers are names of letters, digits and dashes, each with one line of text."));
        }
        let known = ["http://", "https://", "socks5://", "socks5h://"];
        if self.proxy.as_deref().is_some_and(|proxy| {
            !known.iter().any(|scheme| proxy.starts_with(scheme)) || url::Url::parse(proxy).ok().is_none_or(|url| !url.has_host())
        }) {
            return Err(bad("A proxy is an address that begins with http://, https://, socks5:// or socks5h://."));
        }
        Ok(FetchAccess {
            user_agent: self.user_agent,
            headers: Headers(self.headers.into_iter().collect()),
            proxy: self.proxy,
            any_certificate: self.any_certificate,
        })
    }
}

impl Feeds {
    /// All playlists.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn playlists(&self) -> Result<Vec<PlaylistView>, FeedsError> {
        Ok(self.store.playlists().await?.iter().map(|playlist| self.playlist_view(playlist)).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none.
    pub async fn playlist(&self, id: ProviderId) -> Result<PlaylistView, FeedsError> {
        Ok(self.playlist_view(&self.store.playlist(id).await?))
    }

    /// Makes one, and begins to read it. The same one that could never be read is not in its way: it is read anew as is said now.
    ///
    /// # Errors
    /// When what is said of it cannot be, or it is there already.
    pub async fn add_playlist(&self, request: PlaylistRequest) -> Result<PlaylistView, FeedsError> {
        self.add_playlist_instead(None, request).await
    }

    /// The same in the place of `old`, if that one could never be read.
    ///
    /// # Errors
    /// As of any other.
    pub async fn add_playlist_instead(
        &self,
        old: Option<ProviderId>,
        request: PlaylistRequest,
    ) -> Result<PlaylistView, FeedsError> {
        let location = wanted_location(&request)?;
        let location = location.ok_or_else(|| {
            FeedsError::invalid("location", "A playlist needs an address or a file, or a server with user and password.")
        })?;
        let key = given::key(&location);
        if let Some(unread) = self.unread_playlist(&key, old).await? {
            return self.begin_playlist_anew(unread, &location, request).await;
        }
        let rules = request.rules.unwrap_or_default();
        Rules::new(&rules).map_err(|error| FeedsError::invalid("rules", sentence(&error)))?;
        let new = NewPlaylist {
            key,
            name: match request.name.as_deref() {
                Some(name) => valid_name("name", name)?,
                None => self.free_name(&location, But::default()).await?,
            },
            max_connections: request.max_connections.flatten().map(valid_connections).transpose()?,
            access: request.access.unwrap_or_default().access()?,
            refresh_h: valid_refresh(request.refresh_h.unwrap_or(REFRESH_H))?,
            location,
            rules,
        };
        let name = new.name.clone();
        let id = self.store.add_playlist(new).await?;
        tracing::info!(playlist.id = id.0, playlist.name = name, "a playlist was added");
        self.readers.refresh_playlist(id, &name, false);
        self.readers.changed();
        self.playlist(id).await
    }

    /// Changes one. New rules count at once; a new address is read at once.
    ///
    /// # Errors
    /// When there is none, or what is said of it cannot be.
    pub async fn change_playlist(&self, id: ProviderId, request: PlaylistRequest) -> Result<PlaylistView, FeedsError> {
        let before = self.store.playlist(id).await?;
        let mut playlist = before.clone();
        let location = wanted_location(&request)?;
        if let Some(name) = request.name {
            playlist.provider.name = valid_name("name", &name)?;
        }
        if let Some(location) = location {
            if before.origin != Origin::Person || before.provider.location == LINKS {
                let text = "This playlist comes from the settings; its address is changed there.";
                return Err(FeedsError::Conflict(text.to_owned()));
            }
            playlist.provider.location = location;
            playlist.key = given::key(&playlist.provider.location);
        }
        match request.max_connections {
            None => {}
            // The provider says how many at the next reading.
            Some(None) => playlist.limit_said = false,
            Some(Some(most)) => (playlist.provider.max_connections, playlist.limit_said) = (valid_connections(most)?, true),
        }
        playlist.refresh_h = request.refresh_h.map_or(Ok(playlist.refresh_h), valid_refresh)?;
        playlist.position = request.position.map_or(playlist.position, |position| position.min(999));
        playlist.active = request.active.unwrap_or(playlist.active);
        if let Some(access) = request.access {
            playlist.access = access.access()?;
        }
        if let Some(rules) = request.rules {
            Rules::new(&rules).map_err(|error| FeedsError::invalid("rules", sentence(&error)))?;
            playlist.rules = rules;
        }
        let name = playlist.provider.name.clone();
        self.store.update_playlist(playlist.clone()).await?;
        tracing::info!(playlist.id = id.0, playlist.name = name, "a playlist was changed");
        if playlist.rules != before.rules {
            match playlist::apply_rules(&self.store, id).await {
                // It is being read by the rules before: the new ones count right after.
                Err(RefreshError::Busy) => drop(self.readers.apply_rules(id, &name)),
                applied => drop(applied?),
            }
        }
        let elsewhere = playlist.provider.location != before.provider.location || playlist.access != before.access;
        if elsewhere || (playlist.rules.vod && !before.rules.vod) {
            self.readers.refresh_playlist(id, &name, elsewhere);
        }
        self.readers.changed();
        self.playlist(id).await
    }

    /// Takes one away, with its credentials. Its channels keep their ids and numbers, out of sight.
    ///
    /// # Errors
    /// When there is none, or it comes from the settings.
    pub async fn remove_playlist(&self, id: ProviderId) -> Result<(), FeedsError> {
        let playlist = self.store.playlist(id).await?;
        if playlist.origin == Origin::Settings && playlist.active {
            let text = "This playlist comes from the settings; take it out there (`playlist`), and restart.";
            return Err(FeedsError::Conflict(text.to_owned()));
        }
        self.store.remove_playlist(id).await?;
        upload::forget(&self.store, &playlist.provider.location);
        tracing::info!(playlist.id = id.0, playlist.name = playlist.provider.name, "a playlist was taken away");
        self.readers.changed();
        Ok(())
    }

    /// Begins to read one; gives the number of the job.
    ///
    /// # Errors
    /// When there is none, or nothing to be read.
    pub async fn refresh_playlist(&self, id: ProviderId, anyway: bool) -> Result<u64, FeedsError> {
        let playlist = self.store.playlist(id).await?;
        if playlist.provider.location == LINKS || playlist.origin == Origin::Demo {
            return Err(FeedsError::Conflict("There is nothing to be read: this is no list from elsewhere.".to_owned()));
        }
        Ok(self.readers.refresh_playlist(id, &playlist.provider.name, anyway))
    }

    /// Serves the version that was held back.
    ///
    /// # Errors
    /// When there is none.
    pub async fn accept_held(&self, id: ProviderId) -> Result<ImportReport, FeedsError> {
        let report = playlist::accept(&self.store, id).await?;
        tracing::info!(playlist.id = id.0, "a version of a playlist that was held back is served now");
        self.readers.changed();
        Ok(report)
    }

    /// Forgets the version that was held back.
    ///
    /// # Errors
    /// When there is none.
    pub async fn discard_held(&self, id: ProviderId) -> Result<(), FeedsError> {
        self.store.playlist(id).await?;
        let _lock = self.lock(FeedId::Playlist(id))?;
        match self.store.discard_held(FeedId::Playlist(id)).await? {
            true => Ok(()),
            false => Err(FeedsError::Conflict("No version of the playlist is held back.".to_owned())),
        }
    }

    fn playlist_view(&self, playlist: &Playlist) -> PlaylistView {
        let id = playlist.provider.id;
        let running = |job: &crate::base::jobs::Job| {
            matches!(job.state, State::Waiting | State::Running) && job.kind.starts_with("playlist.") && job.subject == id.0
        };
        PlaylistView {
            id,
            name: playlist.provider.name.clone(),
            kind: match playlist.provider.location.as_str() {
                LINKS => "links",
                _ if playlist.origin == Origin::Demo => "demo",
                location if Account::is_location(location) => "xtream",
                location if upload::is_uploaded(&self.store, location) => "upload",
                _ => "m3u",
            },
            location: given::shown(&given::present(&playlist.provider.location, &self.store.feeds_dir())),
            origin: playlist.origin,
            active: playlist.active,
            position: playlist.position,
            max_connections: playlist.provider.max_connections,
            max_connections_said: playlist.limit_said,
            refresh_h: playlist.refresh_h,
            access: AccessView::new(&playlist.access),
            rules: playlist.rules.clone(),
            account: playlist.account.clone(),
            imported_ms: playlist.imported_ms,
            checked_ms: playlist.checked_ms,
            last_error: playlist.last_error.clone(),
            sources: playlist.sources,
            current: playlist.versions.current.as_ref().map(VersionView::new),
            held: playlist.versions.held.as_ref().map(VersionView::new),
            job: self.jobs.list().into_iter().find(running).map(|job| job.id),
            warnings: warnings(playlist, clock::wall_ms()),
            urgent: urgent(playlist, clock::wall_ms()),
        }
    }
}

/// What a person should know about a playlist, wherever they are. Pure.
fn urgent(playlist: &Playlist, now_ms: i64) -> Vec<String> {
    let mut warnings = Vec::new();
    let account: Option<AccountInfo> = playlist.account.clone().and_then(|account| serde_json::from_value(account).ok());
    if let Some(warning) = account.and_then(|info| xtream::warning(&info, now_ms)) {
        warnings.push(format!("Account: {warning}."));
    }
    if let Some(reason) = playlist.versions.held.as_ref().and_then(|held| held.reason.as_deref()) {
        warnings
            .push(format!("A new version is held back: {reason}. The last good one is served. Accept or discard the new one."));
    }
    if let Some(error) = &playlist.last_error {
        let then =
            if playlist.imported_ms.is_some() { "What it brought the last time is served." } else { "It brings no channels." };
        warnings.push(format!("It could not be read: {error}. {then}"));
    }
    warnings
}

/// What a person should know about a playlist. Pure.
fn warnings(playlist: &Playlist, now_ms: i64) -> Vec<String> {
    let mut warnings = urgent(playlist, now_ms);
    let items = playlist.versions.current.as_ref().and_then(|current| current.version.report.get("items")?.as_u64());
    if playlist.sources == 0 && items.is_some_and(|items| items > 0) && playlist.active {
        warnings.push("None of its items is a channel: choose groups, or set `channels` of its rules to `all`.".to_owned());
    }
    let postponed = playlist.versions.current.as_ref().and_then(|current| current.version.report.get("postponed")?.as_u64());
    if let Some(postponed) = postponed.filter(|postponed| *postponed > 0) {
        warnings.push(format!("{postponed} more of its items become sources at the next reading."));
    }
    if playlist.access.any_certificate {
        warnings.push("Its server may show any certificate: whoever is in between can read and change everything.".to_owned());
    }
    warnings
}

/// The location that a request asks for, checked.
fn wanted_location(request: &PlaylistRequest) -> Result<Option<String>, FeedsError> {
    let text = |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let panel = (text(&request.server), text(&request.username), text(&request.password));
    match (text(&request.location), panel) {
        (Some(location), (None, None, None)) => valid_location(&location).map(Some),
        (None, (Some(server), user, password)) => {
            let account = Account::new(&server, &user.unwrap_or_default(), &password.unwrap_or_default());
            account.map(|account| Some(account.location())).map_err(|error| FeedsError::invalid("server", sentence(&error)))
        }
        (None, (None, None, None)) => Ok(None),
        (Some(_), _) => {
            Err(FeedsError::invalid("location", "Give either `location`, or `server` with `username` and `password`."))
        }
        (None, _) => Err(FeedsError::invalid("server", "User and password need the server that they are for.")),
    }
}

fn valid_location(location: &str) -> Result<String, FeedsError> {
    if location.contains("***") {
        return Err(FeedsError::invalid("location", "Type the whole address: what stands for a password here is not one."));
    }
    if location.chars().any(char::is_control) || location.len() > 8192 {
        return Err(FeedsError::invalid("location", "An address or a path is one line of at most 8192 characters."));
    }
    if Account::is_location(location) {
        let account = Account::from_location(location).map_err(|error| FeedsError::invalid("location", sentence(&error)))?;
        return Ok(account.location());
    }
    match location.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()) {
        Some(scheme) if !["http", "https", "file"].contains(&scheme.as_str()) => Err(FeedsError::invalid(
            "location",
            "Playlists are read from files and from http and https addresses. The address of a single stream is given to a channel.",
        )),
        _ => Ok(given::absolute(location)),
    }
}

fn valid_connections(most: u32) -> Result<u32, FeedsError> {
    if (1..=MOST_CONNECTIONS).contains(&most) {
        return Ok(most);
    }
    Err(FeedsError::invalid("max_connections", format!("An account allows 1 to {MOST_CONNECTIONS} connections.")))
}

pub(super) fn valid_refresh(hours: u32) -> Result<u32, FeedsError> {
    if hours <= MOST_REFRESH_H {
        return Ok(hours);
    }
    Err(FeedsError::invalid("refresh_h", format!("Give hours from 0 (only when asked) to {MOST_REFRESH_H}.")))
}
