//! Who asks, on the admin side: logins of browsers, tokens, and what either may do.

pub mod cookie;
pub(in crate::admin) mod gate;
pub(in crate::admin) mod over;
pub mod password;
pub mod throttle;

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use self::password::BadPassword;
use self::throttle::Throttle;
use crate::base::secret::Secret;
use crate::base::tasks;

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

impl Logins {
    /// The hash of a new password: off the event loop, a few at a time.
    ///
    /// # Errors
    /// When the password will not do, or it cannot be hashed.
    pub async fn hash(&self, typed: String) -> Result<String, BadPassword> {
        let _place = self.places.acquire().await.map_err(|_| BadPassword::Failed)?;
        tasks::blocking(move || password::hash(&typed)).await.map_err(|_| BadPassword::Failed)?
    }

    /// Whether a password is the one of this hash; in the same way.
    pub async fn verify(&self, typed: String, known: Option<Secret<String>>) -> bool {
        let Ok(_place) = self.places.acquire().await else { return false };
        let work = move || password::verify(&typed, known.as_ref().map(|hash| hash.expose().as_str()));
        tasks::blocking(work).await.unwrap_or(false)
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
    /// The token, where it is one.
    pub token: Option<Secret<String>>,
    /// What forms of this login carry.
    pub csrf: Secret<String>,
}
