//! ConnectionManager:1: the other service that a MediaServer:1 must have. It says that media are got over HTTP. Pure.

use super::soap::{Action, Answer, Fault};

/// The service's type.
pub(super) const SERVICE: &str = "urn:schemas-upnp-org:service:ConnectionManager:1";
/// Its description.
pub(super) const SCPD: &str = include_str!("connection_manager.xml");

/// Does what is asked for. There is the one connection that devices without `PrepareForConnection` have, number 0.
///
/// # Errors
/// As the service's description says.
pub(super) fn act(action: &Action) -> Result<Answer, Fault> {
    match action.name.as_str() {
        "GetProtocolInfo" => Ok(Answer(vec![("Source", "http-get:*:video/mpeg:*".into()), ("Sink", String::new())])),
        "GetCurrentConnectionIDs" => Ok(Answer(vec![("ConnectionIDs", "0".into())])),
        "GetCurrentConnectionInfo" if action.argument("ConnectionID")? != "0" => Err(Fault::InvalidConnection),
        "GetCurrentConnectionInfo" => Ok(Answer(vec![
            ("RcsID", "-1".into()),
            ("AVTransportID", "-1".into()),
            ("ProtocolInfo", String::new()),
            ("PeerConnectionManager", String::new()),
            ("PeerConnectionID", "-1".into()),
            ("Direction", "Output".into()),
            ("Status", "OK".into()),
        ])),
        _ => Err(Fault::InvalidAction),
    }
}
