//! The name under which a clip is kept.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::media::worker::job::ClipSpec;
use crate::media::worker::protocol::VERSION;

/// Raised when equal specifications give other pictures than before, so that old clips are made anew.
const LOOK: u16 = 2;

/// A hash of everything that makes the clip what it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The key of what this specification makes.
    pub fn of(spec: &ClipSpec) -> Self {
        // Its field order is that of the type, so equal specifications are equal text.
        let text = serde_json::to_string(&(VERSION, LOOK, spec)).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        Self(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_specifications_share_a_key_and_others_do_not() {
        let spec = ClipSpec::default();
        let other = ClipSpec { name: "Other".to_owned(), ..spec.clone() };
        assert_eq!(Key::of(&spec), Key::of(&spec.clone()));
        assert_ne!(Key::of(&spec), Key::of(&other));
        assert_eq!(Key::of(&spec).to_string().len(), 32);
    }
}
