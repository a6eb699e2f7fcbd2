//! The settings that a command line asks for.

use super::args::{Serve, Where};
use crate::config::place::Surroundings;
use crate::config::{self, ConfigError, Flag, Resolved};

impl Serve {
    /// The settings in force for the server.
    ///
    /// # Errors
    /// When they cannot be used.
    pub(super) fn resolve(&self) -> Result<Resolved, ConfigError> {
        let flags: Vec<Flag> = vec![
            ("--data-dir", "data_dir", self.data_dir.iter().map(|dir| dir.display().to_string()).collect()),
            ("--listen", "listen", self.listen.clone()),
            ("--playlist", "playlist", self.playlist.clone()),
            ("--tuners", "tuners", self.tuners.iter().map(u8::to_string).collect()),
            (
                "--discovery",
                "discovery",
                self.discovery.iter().flat_map(|words| words.split([',', ' '])).map(str::to_owned).collect(),
            ),
            ("--log", "log", self.log.clone().into_iter().collect()),
        ];
        config::resolve(flags, std::env::vars(), self.config.as_deref(), &Surroundings::here())
    }
}
impl Where {
    /// The settings in force for a command about a server's data.
    ///
    /// # Errors
    /// When they cannot be used.
    pub(super) fn resolve(&self) -> Result<Resolved, ConfigError> {
        Serve { config: self.config.clone(), data_dir: self.data_dir.clone(), ..Serve::default() }.resolve()
    }
}
