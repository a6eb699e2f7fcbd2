//! Who may connect, under which name, and with what agreed on. Pure.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::secret::Secret;
use crate::ingest::settings::{ListenSettings, SrtSettings};
use crate::ingest::stream_id::{BadStreamId, Mode, StreamId};
use crate::model::InputRule;

/// Where rules are looked up. Asked once for each caller; must not wait.
pub trait Rules: std::fmt::Debug + Send + Sync {
    /// The rule for a stream, if there is one.
    fn rule(&self, stream: &str) -> Option<InputRule>;
}

/// A caller, as its conclusion describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller<'a> {
    /// Where it calls from.
    pub from: SocketAddr,
    /// Its stream id; empty: none.
    pub stream_id: &'a str,
    /// Whether it came with keys.
    pub encrypted: bool,
    /// An extension that there is nothing for: 6 file mode, 7 packet filter (FEC), 8 bonding.
    pub unsupported: Option<u16>,
}

/// What is agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The stream's name.
    pub name: String,
    /// What for.
    pub mode: Mode,
    /// What it must be encrypted with.
    pub passphrase: Option<Secret<String>>,
    /// Least latency.
    pub latency: Duration,
    /// Whether the caller has shown, or must show by its keys, that it knows a secret.
    pub proven: bool,
}

/// Why a caller is refused. The number is the code of the SRT Access Control Guidelines (1400 to 1503) or of libsrt (below 20), as
/// tools show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 1400.
    #[error("{0}")]
    BadRequest(BadStreamId),
    /// 1400: none is given, and the port is nobody's.
    #[error("a caller that wants a stream must name it: read:NAME")]
    NoName,
    /// 1401.
    #[error("user or password is wrong; give them as publish:NAME:USER:PASSWORD or #!::r=NAME,m=publish,u=USER,s=PASSWORD")]
    Unauthorized,
    /// 1402.
    #[error("there are as many connections as srt.max_connections allows, or all tuners are in use")]
    Overload,
    /// 1403.
    #[error("this address is not of a network that `allow` names")]
    Forbidden,
    /// 1404.
    #[error("there is no channel of this number, and nobody sends a stream of this name")]
    NotFound,
    /// 1409.
    #[error("somebody else is sending this stream; give it a passphrase if its encoder changes its address")]
    Conflict,
    /// 1406.
    #[error("the caller wants packets that hold no transport packet, or a latency of more than 10 s")]
    Unacceptable,
    /// 1503: the reason is in the log.
    #[error("the stream cannot be had now")]
    Down,
    /// 10.
    #[error("the passphrase is wrong")]
    BadSecret,
    /// 11: one side has a passphrase, the other none.
    #[error("this stream has a passphrase and the caller gave none")]
    Unencrypted,
    /// 11.
    #[error("the caller encrypts, and there is no passphrase for this stream here; give it one, or take it from the caller")]
    Encrypted,
    /// 12.
    #[error("file mode is not for live streams")]
    FileMode,
    /// 14.
    #[error("packet filters (FEC) are not supported; SRT sends again what is lost")]
    Filter,
    /// 15.
    #[error("bonding is not supported")]
    Group,
}

impl Refusal {
    /// The code that goes over the wire: 1000 and the code that tools show.
    pub fn wire(self) -> i32 {
        1000 + match self {
            Self::BadRequest(BadStreamId::Mode) => 1405,
            Self::BadRequest(_) | Self::NoName => 1400,
            Self::Unauthorized => 1401,
            Self::Overload => 1402,
            Self::Forbidden => 1403,
            Self::NotFound => 1404,
            Self::Unacceptable => 1406,
            Self::Conflict => 1409,
            Self::Down => 1503,
            Self::BadSecret => 10,
            Self::Unencrypted | Self::Encrypted => 11,
            Self::FileMode => 12,
            Self::Filter => 14,
            Self::Group => 15,
        }
    }
}

/// Decides about a caller at a port. `connections` are those there are.
///
/// # Errors
/// When it is refused.
pub fn decide(
    caller: &Caller<'_>,
    port: &ListenSettings,
    settings: &SrtSettings,
    rules: &dyn Rules,
    connections: usize,
) -> Result<Terms, Refusal> {
    let from = caller.from.ip().to_canonical();
    if !settings.allow.iter().any(|network| network.contains(&from)) {
        return Err(Refusal::Forbidden);
    }
    match caller.unsupported {
        None => {}
        Some(7) => return Err(Refusal::Filter),
        Some(8) => return Err(Refusal::Group),
        Some(_) => return Err(Refusal::FileMode),
    }
    let id = StreamId::parse(caller.stream_id).map_err(Refusal::BadRequest)?;
    if connections >= settings.max_connections {
        return Err(Refusal::Overload);
    }
    let name = match (id.mode, id.name, &port.stream) {
        // A port that is bound to a stream is that stream's, whatever its encoder calls it.
        (Mode::Publish, _, Some(bound)) => bound.clone(),
        (_, Some(name), _) => name,
        (Mode::Request, None, bound) => bound.clone().ok_or(Refusal::NoName)?,
        // Hardware that knows no stream ids is known by its address.
        (Mode::Publish, None, None) => from.to_string(),
    };
    let rule = rules.rule(&name).unwrap_or_default();
    let mut proven = false;
    if let (Mode::Publish, Some((user, password))) = (id.mode, &rule.login) {
        let right = id.user.as_ref() == Some(user) && id.password.as_ref() == Some(password);
        if !right {
            return Err(Refusal::Unauthorized);
        }
        proven = true;
    }
    let passphrase = rule.passphrase.or_else(|| settings.passphrase.clone());
    match (&passphrase, caller.encrypted) {
        (Some(_), false) => return Err(Refusal::Unencrypted),
        (None, true) => return Err(Refusal::Encrypted),
        (Some(_), true) => proven = true,
        (None, false) => {}
    }
    let latency = rule.latency.unwrap_or(settings.latency);
    Ok(Terms { name, mode: id.mode, passphrase, latency, proven })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Some2;

    impl Rules for Some2 {
        fn rule(&self, stream: &str) -> Option<InputRule> {
            let secret = |text: &str| Secret::new(text.to_owned());
            match stream {
                "safe" => Some(InputRule { passphrase: Some(secret("its own passphrase")), ..InputRule::default() }),
                "login" => Some(InputRule { login: Some(("me".into(), secret("pw"))), ..InputRule::default() }),
                "slow" => Some(InputRule { latency: Some(Duration::from_secs(2)), ..InputRule::default() }),
                _ => None,
            }
        }
    }

    fn settings() -> SrtSettings {
        SrtSettings { allow: vec!["192.168.0.0/16".parse().unwrap()], max_connections: 2, ..SrtSettings::default() }
    }

    fn port(stream: Option<&str>) -> ListenSettings {
        ListenSettings { addr: "0.0.0.0:30000".parse().unwrap(), optional: false, stream: stream.map(str::to_owned) }
    }

    fn caller(stream_id: &str) -> Caller<'_> {
        Caller { from: "192.168.1.7:4000".parse().unwrap(), stream_id, encrypted: false, unsupported: None }
    }

    fn told(decided: Result<Terms, Refusal>) -> String {
        match decided {
            Ok(terms) => {
                let secret = terms.passphrase.map_or("plain".into(), |secret| secret.expose().clone());
                format!("{} {:?} {secret} {} {}", terms.name, terms.mode, terms.latency.as_millis(), terms.proven)
            }
            Err(refusal) => format!("{} {refusal:?}", refusal.wire()),
        }
    }

    #[rstest::rstest]
    #[case("studio", None, "studio Publish plain 120 false")]
    #[case("", None, "192.168.1.7 Publish plain 120 false")]
    #[case("", Some("cam"), "cam Publish plain 120 false")]
    #[case("publish:studio", Some("cam"), "cam Publish plain 120 false")]
    #[case("#!::m=request,r=5.1", None, "5.1 Request plain 120 false")]
    #[case("#!::m=request", None, "2400 NoName")]
    #[case("#!::m=request", Some("cam"), "cam Request plain 120 false")]
    #[case("slow", None, "slow Publish plain 2000 false")]
    #[case("safe", None, "1011 Unencrypted")]
    #[case("login", None, "2401 Unauthorized")]
    #[case("publish:login:me:wrong", None, "2401 Unauthorized")]
    #[case("publish:login:me:pw", None, "login Publish plain 120 true")]
    #[case("#!::r=login,m=publish,u=me,s=pw", None, "login Publish plain 120 true")]
    #[case("#!x", None, "2400 BadRequest(Syntax)")]
    #[case("#!::m=bidirectional,r=a", None, "2405 BadRequest(Mode)")]
    fn plain_callers(#[case] id: &str, #[case] bound: Option<&str>, #[case] expected: &str) {
        assert_eq!(told(decide(&caller(id), &port(bound), &settings(), &Some2, 0)), expected);
    }

    #[rstest::rstest]
    #[case("studio", None, "1011 Encrypted")]
    #[case("studio", Some("for everybody"), "studio Publish for everybody 120 true")]
    #[case("safe", Some("for everybody"), "safe Publish its own passphrase 120 true")]
    fn callers_that_encrypt(#[case] id: &str, #[case] passphrase: Option<&str>, #[case] expected: &str) {
        let settings = SrtSettings { passphrase: passphrase.map(|text| Secret::new(text.to_owned())), ..settings() };
        let caller = Caller { encrypted: true, ..caller(id) };
        assert_eq!(told(decide(&caller, &port(None), &settings, &Some2, 0)), expected);
    }

    #[test]
    fn callers_that_cannot_be_served() {
        let decided = |caller: Caller<'_>, connections| told(decide(&caller, &port(None), &settings(), &Some2, connections));
        assert_eq!(decided(caller("a"), 2), "2402 Overload");
        let stranger = Caller { from: "8.8.8.8:1".parse().unwrap(), ..caller("a") };
        assert_eq!(decided(stranger, 0), "2403 Forbidden");
        let mapped = Caller { from: "[::ffff:192.168.1.7]:1".parse().unwrap(), ..caller("a") };
        assert_eq!(decided(mapped, 0), "a Publish plain 120 false");
        for (extension, code) in [(6, "1012 FileMode"), (7, "1014 Filter"), (8, "1015 Group")] {
            assert_eq!(decided(Caller { unsupported: Some(extension), ..caller("a") }, 0), code);
        }
    }
}
