//! Streams that somebody pushes to us, as sources: `push:` and the stream's id. Who receives them knows them by [`Pushed`].

use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{Opened, SourceError};

/// The scheme of their addresses.
pub const SCHEME: &str = "push";
/// What is encoded in an address: what would not survive a playlist or a form.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'"').add(b'#').add(b'|').add(b'?');

/// Who receives what is pushed.
pub trait Pushed: std::fmt::Debug + Send + Sync {
    /// The stream of this id, from now on.
    ///
    /// # Errors
    /// [`SourceError::NotPushed`] when nobody sends it, or it is paused.
    fn open(&self, id: &str) -> Result<Opened, SourceError>;
}

/// A handle on whoever receives.
pub type Receiving = Arc<dyn Pushed>;

/// The address of the stream of this id.
pub fn address(id: &str) -> String {
    format!("{SCHEME}:{}", utf8_percent_encode(id, ENCODED))
}

/// The id in an address.
///
/// # Errors
/// When there is none.
pub fn id(address: &str) -> Result<String, SourceError> {
    let bad = |reason: &str| SourceError::BadAddress { reason: reason.into() };
    let (_, rest) = address.split_once(':').ok_or_else(|| bad("there is no scheme"))?;
    let id = percent_decode_str(rest).decode_utf8().map_err(|_| bad("the name of the stream is not UTF-8"))?;
    if id.is_empty() {
        return Err(bad("give the name of the stream behind push:, as its encoder sends it"));
    }
    Ok(id.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("studio", "push:studio")]
    #[case("studio/cam 1", "push:studio/cam%201")]
    #[case("50%", "push:50%25")]
    #[case("Küche", "push:K%C3%BCche")]
    fn ids_are_read_as_they_were_written(#[case] name: &str, #[case] written: &str) {
        assert_eq!(address(name), written);
        assert_eq!(id(written).unwrap(), name);
    }

    #[test]
    fn an_address_without_a_name_says_what_to_give() {
        assert_eq!(
            id("push:").unwrap_err().to_string(),
            "bad address: give the name of the stream behind push:, as its encoder sends it"
        );
    }
}
