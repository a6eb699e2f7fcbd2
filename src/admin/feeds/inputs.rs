//! What people say of single streams that are pushed to us: passphrase, login, latency, description. Secrets go in and never come out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::playlists::said;
use super::{Feeds, FeedsError};
use crate::base::secret::Secret;
use crate::ingest::rtp;
use crate::ingest::settings::SrtSettings;
use crate::model::InputRule;
use crate::model::input::is_stream_name;

/// Longest user name or password.
const LONGEST_LOGIN: usize = 200;

/// What is to hold for a stream. What is absent stays, `null` takes away.
#[derive(Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InputRuleRequest {
    /// Its own passphrase, from 10 to 79 characters.
    #[serde(deserialize_with = "said")]
    pub passphrase: Option<Option<String>>,
    /// Its own least latency, from 20 to 10,000 ms.
    #[serde(deserialize_with = "said")]
    pub latency_ms: Option<Option<u64>>,
    /// The user that its sender must name. A new one needs a password with it; `null` takes both away.
    #[serde(deserialize_with = "said")]
    pub user: Option<Option<String>>,
    /// That user's password.
    pub password: Option<String>,
    /// Its session description (RFC 8866), if it comes by RTP as elementary streams: it is received at the ports that this says.
    #[serde(deserialize_with = "said")]
    pub sdp: Option<Option<String>>,
}

/// What holds for a stream, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct InputRuleView {
    /// The stream's id.
    pub stream: String,
    /// Whether it has a passphrase of its own.
    pub passphrase: bool,
    /// Its own least latency.
    pub latency_ms: Option<u64>,
    /// The user that its sender must name, with a password.
    pub user: Option<String>,
    /// Its session description.
    pub sdp: Option<String>,
}

impl InputRuleView {
    fn of(stream: &str, rule: &InputRule) -> Self {
        Self {
            stream: stream.to_owned(),
            passphrase: rule.passphrase.is_some(),
            latency_ms: rule.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
            user: rule.login.as_ref().map(|(user, _)| user.clone()),
            sdp: rule.sdp.clone(),
        }
    }
}

impl Feeds {
    /// What holds for which streams, by their ids.
    pub fn input_rules(&self) -> Vec<InputRuleView> {
        self.store.catalog().input_rules.iter().map(|(stream, rule)| InputRuleView::of(stream, rule)).collect()
    }

    /// The same of one.
    ///
    /// # Errors
    /// When nothing holds for it.
    pub fn input_rule(&self, stream: &str) -> Result<InputRuleView, FeedsError> {
        let catalog = self.store.catalog();
        catalog.input_rules.get(stream).map(|rule| InputRuleView::of(stream, rule)).ok_or_else(none)
    }

    /// Changes what holds for a stream, whether it was ever seen or not. Whoever sends it under another rule is not let go by this.
    ///
    /// # Errors
    /// When something cannot be, or cannot be stored.
    pub async fn change_input_rule(&self, stream: &str, request: InputRuleRequest) -> Result<InputRuleView, FeedsError> {
        if !is_stream_name(stream) {
            return Err(FeedsError::invalid("stream", "the name of a stream has from 1 to 512 bytes, and no control characters"));
        }
        let before = self.store.catalog().input_rules.get(stream).cloned().unwrap_or_default();
        let rule = changed(before, request)?;
        let view = InputRuleView::of(stream, &rule);
        self.store.set_input_rule(stream, rule).await?;
        Ok(view)
    }

    /// Takes away what holds for a stream.
    ///
    /// # Errors
    /// When nothing does, or it cannot be stored.
    pub async fn remove_input_rule(&self, stream: &str) -> Result<(), FeedsError> {
        if self.store.remove_input_rule(stream).await? { Ok(()) } else { Err(none()) }
    }
}

fn none() -> FeedsError {
    FeedsError::NotFound("Nothing is set for a stream of this id.")
}

/// What a request makes of a rule. Pure.
fn changed(before: InputRule, request: InputRuleRequest) -> Result<InputRule, FeedsError> {
    let passphrase = match request.passphrase {
        None => before.passphrase,
        Some(None) => None,
        Some(Some(text)) => Some(SrtSettings::passphrase(&text).map_err(|reason| FeedsError::invalid("passphrase", reason))?),
    };
    let latency = match request.latency_ms {
        None => before.latency,
        Some(None) => None,
        Some(Some(ms)) if SrtSettings::LATENCIES.contains(&ms) => Some(Duration::from_millis(ms)),
        Some(Some(_)) => return Err(FeedsError::invalid("latency_ms", "give from 20 to 10,000 ms")),
    };
    let password = match request.password {
        Some(password) if password.is_empty() || !is_short(&password) => {
            return Err(FeedsError::invalid("password", "give up to 200 characters, none of them a control character"));
        }
        password => password.map(Secret::new),
    };
    let login = match (request.user, password, before.login) {
        (Some(None), None, _) => None,
        (Some(Some(user)), _, _) if user.is_empty() || user.contains([':', ',']) || !is_short(&user) => {
            return Err(FeedsError::invalid("user", "give up to 200 characters without a colon or a comma"));
        }
        (Some(Some(user)), Some(password), _) | (None, Some(password), Some((user, _))) => Some((user, password)),
        (Some(Some(user)), None, Some((_, password))) => Some((user, password)),
        (Some(Some(_)), None, None) => return Err(FeedsError::invalid("password", "a user needs a password")),
        (Some(None) | None, Some(_), _) => return Err(FeedsError::invalid("user", "a password needs a user")),
        (None, None, login) => login,
    };
    let sdp = match request.sdp {
        None => before.sdp,
        Some(None) => None,
        Some(Some(text)) => {
            rtp::described::check(&text).map_err(|reason| FeedsError::invalid("sdp", reason))?;
            Some(text)
        }
    };
    Ok(InputRule { passphrase, latency, login, sdp })
}

fn is_short(text: &str) -> bool {
    text.chars().count() <= LONGEST_LOGIN && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passphrase, milliseconds, login, of what a request makes of a full rule.
    fn told(request: &str) -> String {
        let secret = |text: &str| Secret::new(text.to_owned());
        let before = InputRule {
            passphrase: Some(secret("old passphrase")),
            latency: Some(Duration::from_millis(300)),
            login: Some(("me".to_owned(), secret("old"))),
            sdp: None,
        };
        match changed(before, serde_json::from_str(request).unwrap()) {
            Ok(rule) => {
                let passphrase = rule.passphrase.map_or("-".to_owned(), |secret| secret.expose().clone());
                let login = rule.login.map_or("-".to_owned(), |(user, password)| format!("{user}:{}", password.expose()));
                format!("{passphrase} {:?} {login}", rule.latency.map(|latency| latency.as_millis()))
            }
            Err(FeedsError::Invalid(field, _)) => format!("bad {field}"),
            Err(error) => error.to_string(),
        }
    }

    #[rstest::rstest]
    #[case("{}", "old passphrase Some(300) me:old")]
    #[case(r#"{"passphrase": null, "latency_ms": null, "user": null}"#, "- None -")]
    #[case(r#"{"passphrase": "new passphrase", "latency_ms": 20}"#, "new passphrase Some(20) me:old")]
    #[case(r#"{"user": "you"}"#, "old passphrase Some(300) you:old")]
    #[case(r#"{"password": "new"}"#, "old passphrase Some(300) me:new")]
    #[case(r#"{"user": "you", "password": "new"}"#, "old passphrase Some(300) you:new")]
    #[case(r#"{"passphrase": "short"}"#, "bad passphrase")]
    #[case(r#"{"latency_ms": 19}"#, "bad latency_ms")]
    #[case(r#"{"latency_ms": 10001}"#, "bad latency_ms")]
    #[case(r#"{"user": "a:b"}"#, "bad user")]
    #[case(r#"{"user": ""}"#, "bad user")]
    #[case(r#"{"password": ""}"#, "bad password")]
    #[case(r#"{"user": null, "password": "new"}"#, "bad user")]
    #[case(r#"{"sdp": "hello"}"#, "bad sdp")]
    #[case(r#"{"sdp": "v=0\nc=IN IP4 0.0.0.0\nm=audio 5010 RTP/AVP 8\n"}"#, "bad sdp")]
    #[case(
        r#"{"sdp": "v=0\r\nc=IN IP4 0.0.0.0\r\nm=video 5010 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"}"#,
        "old passphrase Some(300) me:old"
    )]
    fn rules_are_changed(#[case] request: &str, #[case] expected: &str) {
        assert_eq!(told(request), expected);
    }

    #[test]
    fn a_user_without_a_password_is_none() {
        let request = serde_json::from_str(r#"{"user": "me"}"#).unwrap();
        assert!(matches!(changed(InputRule::default(), request), Err(FeedsError::Invalid("password", _))));
    }
}
