//! What the process knows of itself since its start: its settings, its log, and whether it can be started anew. `app` says it.

use serde::Serialize;

use crate::base::clock::{self, Instant};
use crate::base::tasks::CancellationToken;
use crate::base::telemetry::recent::Recent;

/// A setting, as it may be shown: without credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Setting {
    /// Its name in the settings file, with its table.
    pub name: String,
    /// The table; nothing for those that are in none.
    pub table: String,
    /// Its value, as the file would have it.
    pub value: String,
    /// What holds where nothing is said.
    pub default: String,
    /// Where the value comes from.
    pub origin: String,
    /// Whether somebody said it.
    pub said: bool,
    /// What it does.
    #[serde(skip)]
    pub help: String,
    /// Its name in the environment.
    pub variable: String,
    /// Its flag, if it has one.
    pub flag: Option<String>,
}

/// A table of the settings file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingTable {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub about: String,
}

/// What is known of the process.
#[derive(Debug, Clone)]
pub struct Process {
    /// When it began.
    pub started: Instant,
    /// Its settings, in order.
    pub settings: Vec<Setting>,
    /// The tables they are in.
    pub tables: Vec<SettingTable>,
    /// The settings file, whether or not it is there.
    pub settings_file: String,
    /// Its log.
    pub logs: Recent,
    /// Cancelled, it ends in good order and is started anew.
    pub restart: CancellationToken,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            started: clock::now(),
            settings: Vec::new(),
            tables: Vec::new(),
            settings_file: String::new(),
            logs: Recent::default(),
            restart: CancellationToken::new(),
        }
    }
}
