//! What is set for single streams, on the page Inputs: passphrase, login, latency. A secret is typed in, and never shown.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::fields::Fields;
use super::nothing_here;
use super::parts;
use crate::admin::AdminState;
use crate::admin::feeds::Feeds;
use crate::admin::feeds::inputs::{InputRuleRequest, InputRuleView};
use crate::ingest::Registry;

const HERE: &str = "/inputs";

/// A line of the list: what is set for a stream.
pub(super) struct Line {
    pub(super) stream: String,
    /// In words.
    pub(super) what: String,
    /// Where it is changed.
    pub(super) link: String,
}

/// What the form begins with.
#[derive(Default)]
pub(super) struct Form {
    /// Of this stream; nothing: of one that is to be named.
    pub(super) stream: Option<String>,
    pub(super) passphrase: bool,
    pub(super) latency: String,
    pub(super) user: String,
    pub(super) sdp: String,
    /// Whether anything is set for it.
    pub(super) known: bool,
}

/// The address of the form for a stream.
pub(super) fn link(stream: &str) -> String {
    format!("{HERE}?rule={}#rule", utf8_percent_encode(stream, NON_ALPHANUMERIC))
}

/// All there are.
pub(super) fn lines(feeds: &Feeds, inputs: &Registry) -> Vec<Line> {
    let line = |rule: InputRuleView| {
        let trouble = inputs.trouble(&rule.stream).map(|trouble| format!(": {trouble}")).unwrap_or_default();
        Line { what: words(&rule) + &trouble, link: link(&rule.stream), stream: rule.stream }
    };
    feeds.input_rules().into_iter().map(line).collect()
}

/// The form for the stream that was asked for.
pub(super) fn form(feeds: &Feeds, stream: Option<&str>) -> Form {
    let Some(stream) = stream.filter(|stream| !stream.is_empty()) else { return Form::default() };
    let rule = feeds.input_rule(stream).ok();
    Form {
        stream: Some(stream.to_owned()),
        known: rule.is_some(),
        passphrase: rule.as_ref().is_some_and(|rule| rule.passphrase),
        latency: rule.as_ref().and_then(|rule| rule.latency_ms).map(|ms| ms.to_string()).unwrap_or_default(),
        user: rule.as_ref().and_then(|rule| rule.user.clone()).unwrap_or_default(),
        sdp: rule.and_then(|rule| rule.sdp).unwrap_or_default(),
    }
}

/// What a rule comes to. Pure.
fn words(rule: &InputRuleView) -> String {
    let parts = [
        rule.passphrase.then(|| "passphrase".to_owned()),
        rule.user.as_ref().map(|user| format!("login of {user}")),
        rule.latency_ms.map(|ms| format!("latency of {ms} ms")),
        rule.sdp.is_some().then(|| "session description".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// What a form asks for: fields that show what is set take it away when they are empty, secrets stay. Pure.
fn request(fields: &Fields) -> Result<InputRuleRequest, &'static str> {
    let latency_ms = match fields.text("latency_ms") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| "The latency is a number of milliseconds.")?),
    };
    let passphrase = match fields.text("passphrase") {
        Some(text) => Some(Some(text.to_owned())),
        None => fields.is_set("no_passphrase").then_some(None),
    };
    Ok(InputRuleRequest {
        passphrase,
        latency_ms: Some(latency_ms),
        user: Some(fields.text("user").map(str::to_owned)),
        password: fields.text("password").map(str::to_owned),
        sdp: Some(fields.text("sdp").map(str::to_owned)),
    })
}

/// `POST /inputs/rule`: what is to hold for a stream.
pub async fn set(State(state): State<AdminState>, fields: Fields) -> Response<Body> {
    let Some(id) = fields.text("id") else { return nothing_here() };
    let request = match request(&fields) {
        Ok(request) => request,
        Err(reason) => return super::refusal(axum::http::StatusCode::UNPROCESSABLE_ENTITY, reason),
    };
    match state.feeds.change_input_rule(id, request).await {
        Ok(_) => {
            state.inputs.call_anew(id);
            parts::led(HERE, "saved")
        }
        Err(error) => parts::not_done(&error),
    }
}

/// `POST /inputs/rule/remove`: nothing is to hold for it any more.
pub async fn remove(State(state): State<AdminState>, fields: Fields) -> Response<Body> {
    let Some(id) = fields.text("id") else { return nothing_here() };
    match state.feeds.remove_input_rule(id).await {
        Ok(()) => {
            state.inputs.call_anew(id);
            parts::led(HERE, "removed")
        }
        Err(error) => parts::not_done(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(form: &str) -> String {
        match request(&Fields::parse(form.as_bytes())) {
            Ok(request) => {
                format!("{:?} {:?} {:?} {:?}", request.passphrase, request.latency_ms, request.user, request.password)
            }
            Err(reason) => reason.to_owned(),
        }
    }

    #[rstest::rstest]
    #[case("passphrase=&latency_ms=&user=&password=", "None Some(None) Some(None) None")]
    #[case("no_passphrase=1", "Some(None) Some(None) Some(None) None")]
    #[case("passphrase=secret&no_passphrase=1&latency_ms=300", "Some(Some(\"secret\")) Some(Some(300)) Some(None) None")]
    #[case("user=me&password=pw", "None Some(None) Some(Some(\"me\")) Some(\"pw\")")]
    #[case("latency_ms=much", "The latency is a number of milliseconds.")]
    fn forms_are_read(#[case] form: &str, #[case] expected: &str) {
        assert_eq!(asked(form), expected);
    }

    #[test]
    fn rules_in_words() {
        let rule = |passphrase, latency_ms, user: Option<&str>| InputRuleView {
            stream: "a".to_owned(),
            passphrase,
            latency_ms,
            user: user.map(str::to_owned),
            sdp: None,
        };
        assert_eq!(words(&rule(true, Some(300), Some("me"))), "passphrase, login of me, latency of 300 ms");
        assert_eq!(words(&rule(false, None, None)), "nothing");
        assert_eq!(link("Küche/1"), "/inputs?rule=K%C3%BCche%2F1#rule");
    }
}
