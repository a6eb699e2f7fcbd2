//! UPnP control: an action in a SOAP envelope in, its answer or a fault out (UPnP Device Architecture 1.0, 3.2). Pure.

use axum::body::Body;
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::xml::escape;
use crate::http::reply::{self, media_type};

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) name: String,
    arguments: Vec<(String, String)>,
}

impl Action {
    /// The value of an argument.
    ///
    /// # Errors
    /// When it is missing.
    pub(super) fn argument(&self, name: &str) -> Result<&str, Fault> {
        self.arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim()).ok_or(Fault::InvalidArgs)
    }

    /// The value of a numeric argument.
    ///
    /// # Errors
    /// When it is missing or no number.
    pub(super) fn number(&self, name: &str) -> Result<u32, Fault> {
        self.argument(name)?.parse().map_err(|_| Fault::InvalidArgs)
    }
}

/// What comes back: names and values, in the order of the service's description.
pub(super) struct Answer(pub(super) Vec<(&'static str, String)>);

/// Why an action is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// No such action in this service.
    #[error("Invalid Action")]
    InvalidAction,
    /// An argument is missing or makes no sense.
    #[error("Invalid Args")]
    InvalidArgs,
    /// ContentDirectory:1, 2.7.4.
    #[error("No such object")]
    NoSuchObject,
    /// ConnectionManager:1, 2.4.
    #[error("Invalid connection reference")]
    InvalidConnection,
}

impl Fault {
    fn code(self) -> u16 {
        match self {
            Self::InvalidAction => 401,
            Self::InvalidArgs => 402,
            Self::NoSuchObject => 701,
            Self::InvalidConnection => 706,
        }
    }
}

/// Answers a control message of a service with what `act` says.
pub(super) fn answer(service: &str, message: &[u8], act: impl FnOnce(&Action) -> Result<Answer, Fault>) -> Response<Body> {
    let Some(action) = parse(message) else {
        return reply::text(StatusCode::BAD_REQUEST, "This is not a SOAP message.");
    };
    let (status, body) = match act(&action) {
        Ok(answer) => (StatusCode::OK, success(service, &action.name, &answer)),
        Err(fault) => (StatusCode::INTERNAL_SERVER_ERROR, failure(fault)),
    };
    let mut response = reply::document(media_type::XML, envelope(&body));
    *response.status_mut() = status;
    response.headers_mut().insert(HeaderName::from_static("ext"), HeaderValue::from_static(""));
    response
}

fn success(service: &str, action: &str, answer: &Answer) -> String {
    let arguments: String = answer.0.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
    // The name has passed `act`, so it is one of the service's.
    format!("<u:{action}Response xmlns:u=\"{service}\">{arguments}</u:{action}Response>")
}

fn failure(fault: Fault) -> String {
    format!(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>\
         <UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>{}</errorCode>\
         <errorDescription>{fault}</errorDescription></UPnPError></detail></s:Fault>",
        fault.code()
    )
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>{body}</s:Body></s:Envelope>\n"
    )
}

/// The first element within `Body` and its children. Prefixes differ between clients and are not looked at.
fn parse(message: &[u8]) -> Option<Action> {
    let text = std::str::from_utf8(message).ok()?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{FEFF}'));
    reader.config_mut().expand_empty_elements = true;
    let mut path: Vec<String> = Vec::new();
    let mut action: Option<Action> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let name = start.local_name().as_ref().to_owned();
                match (path.len(), &mut action) {
                    (2, None) if path.get(1).is_some_and(|parent| parent == "Body") => {
                        action = Some(Action { name: name.clone(), arguments: Vec::new() });
                    }
                    (3, Some(action)) => action.arguments.push((name.clone(), String::new())),
                    // Nothing that a client has to say goes deeper.
                    (16.., _) => return None,
                    _ => {}
                }
                path.push(name);
            }
            Event::End(_) => {
                path.pop();
                if path.len() == 2 && action.is_some() {
                    return action;
                }
            }
            Event::Text(content) if path.len() == 4 => push(&mut action, &content),
            Event::CData(content) if path.len() == 4 => push(&mut action, &content),
            Event::GeneralRef(reference) if path.len() == 4 => push(&mut action, &resolve(&reference)?),
            Event::Eof => return None,
            _ => {}
        }
    }
}

fn push(action: &mut Option<Action>, text: &str) {
    if let Some((_, value)) = action.as_mut().and_then(|action| action.arguments.last_mut()) {
        value.push_str(text);
    }
}

/// Character references and the five entities of XML; a document type that declares more is not read.
fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    if let Some(c) = reference.resolve_char_ref().ok()? {
        return Some(c.to_string());
    }
    quick_xml::escape::resolve_predefined_entity(reference).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header><a/></s:Header>\
             <s:Body>{body}</s:Body></s:Envelope>"
        )
    }

    #[test]
    fn actions_are_read_whatever_their_prefixes() {
        for (open, close) in [("<u:Browse xmlns:u=\"urn:x\">", "</u:Browse>"), ("<Browse>", "</Browse>")] {
            let text =
                message(&format!("{open}<ObjectID>a&amp;b&#x20;<![CDATA[<c>]]></ObjectID><Filter/><Count> 5 </Count>{close}"));
            let action = parse(text.as_bytes()).unwrap();
            assert_eq!(action.name, "Browse");
            assert_eq!(action.argument("ObjectID"), Ok("a&b <c>"));
            assert_eq!(action.argument("Filter"), Ok(""));
            assert_eq!(action.number("Count"), Ok(5));
            assert_eq!(action.number("ObjectID"), Err(Fault::InvalidArgs));
            assert_eq!(action.argument("Missing"), Err(Fault::InvalidArgs));
        }
    }

    #[rstest::rstest]
    #[case("")]
    #[case("not xml")]
    #[case("<a><b></a>")]
    #[case("<s:Envelope><s:Body></s:Body></s:Envelope>")]
    #[case("<s:Envelope><s:Body><u:Browse><ObjectID>&undeclared;</ObjectID></u:Browse></s:Body></s:Envelope>")]
    #[case("<s:Envelope><s:Body><u:Browse>")]
    fn what_is_no_action_is_refused(#[case] text: &str) {
        assert_eq!(parse(text.as_bytes()), None);
        assert_eq!(answer("urn:x", text.as_bytes(), |_| Err(Fault::InvalidAction)).status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(parse("<a>".repeat(10_000).as_bytes()), None);
    }

    proptest::proptest! {
        #[test]
        fn no_message_panics(text: String, bytes: Vec<u8>) {
            let _ = (parse(text.as_bytes()), parse(&bytes), parse(message(&text).as_bytes()));
        }
    }
}
