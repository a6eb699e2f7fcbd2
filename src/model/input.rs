//! Streams that are pushed to us.

use std::time::Duration;

use crate::base::secret::Secret;

/// What holds for one stream, as a person set it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InputRule {
    /// Its own passphrase; `None`: that of the settings, if there is one.
    pub passphrase: Option<Secret<String>>,
    /// Its own least latency; `None`: that of the settings.
    pub latency: Option<Duration>,
    /// Its session description (RFC 8866), as it was given; it is received at the ports that it says.
    pub sdp: Option<String>,
    /// User and password that its sender must give.
    pub login: Option<(String, Secret<String>)>,
}
