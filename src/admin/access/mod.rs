//! Who asks, on the admin side: logins of browsers, tokens, and what either may do.

pub mod cookie;
pub(in crate::admin) mod gate;
pub mod password;
pub mod throttle;

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use self::throttle::Throttle;
use crate::base::secret::Secret;

/// Hashes of passwords at a time: each takes 19 MiB and a tenth of a second, and anybody may ask for one.
const MOST_HASHES: usize = 2;

/// What logins have in common. A cheap handle.
#[derive(Clone)]
pub struct Logins {
    /// Who has guessed how often.
    pub throttle: Arc<Mutex<Throttle>>,
    /// Places for hashing.
    pub places: Arc<Semaphore>,
}

impl Default for Logins {
    fn default() -> Self {
        Self { throttle: Arc::default(), places: Arc::new(Semaphore::new(MOST_HASHES)) }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Name of the user, or of what the token is for.
    pub name: String,
    /// What it may do.
    pub role: crate::model::person::Role,
    /// The login, where it is a browser's.
    pub person: Option<crate::model::person::Person>,
    /// What forms of this login carry.
    pub csrf: Secret<String>,
}
