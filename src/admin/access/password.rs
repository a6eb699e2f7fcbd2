//! Passwords: hashed with Argon2id (RFC 9106) at the strength that OWASP asks for, which is the crate's default.

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

/// Fewest characters.
const LEAST: usize = 8;
/// Most bytes: hashing takes longer with each.
const MOST_BYTES: usize = 512;

/// Why a password will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Too short.
    #[error("A password has at least {LEAST} characters.")]
    Short,
    /// Too long.
    #[error("A password has at most {MOST_BYTES} bytes.")]
    Long,
    /// The system gave no random bytes, or the hash failed.
    #[error("The password could not be hashed.")]
    Failed,
}

/// Checks a new password. Pure.
///
/// # Errors
/// When it is too short or too long.
pub fn check(password: &str) -> Result<(), BadPassword> {
    match password {
        _ if password.len() > MOST_BYTES => Err(BadPassword::Long),
        _ if password.chars().count() < LEAST => Err(BadPassword::Short),
        _ => Ok(()),
    }
}

/// The hash of a new password, in the PHC string format. Blocking: a tenth of a second.
///
/// # Errors
/// When it will not do.
pub fn hash(password: &str) -> Result<String, BadPassword> {
    check(password)?;
    let salt = SaltString::generate(&mut OsRng);
    let hashed = Argon2::default().hash_password(password.as_bytes(), &salt);
    hashed.map(|hash| hash.to_string()).map_err(|_| BadPassword::Failed)
}

/// Whether a password is the one of this hash. Blocking, as long as [`hash`]; without a hash, too, so that the time does not tell
/// which names exist.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    // Of a password that nobody knows.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5a25vd3NpdA$9V1qbJqWd7tUJ0lW7Lx9r7sYl1pS7bJXkQ0oWQ5c3nE";
    if password.len() > MOST_BYTES {
        return false;
    }
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else { return false };
    let right = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
    right && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash() {
        let hashed = hash("correct horse").unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hashed.contains("horse"), "{hashed}");
        assert_ne!(hashed, hash("correct horse").unwrap(), "salted");
        assert!(verify("correct horse", Some(&hashed)));
        assert!(!verify("correct hors", Some(&hashed)) && !verify("correct horse", None) && !verify("x", Some("nonsense")));
    }

    #[test]
    fn what_will_not_do_is_said() {
        assert_eq!(check("seven77"), Err(BadPassword::Short));
        assert_eq!(check("äöüßäöüß"), Ok(()));
        assert_eq!(check(&"x".repeat(513)), Err(BadPassword::Long));
    }
}
