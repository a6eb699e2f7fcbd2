//! Where data goes when nobody says: the service's directory, or the user's.

use std::path::{Path, PathBuf};

/// The service's directory.
pub const SERVICE_DIR: &str = "/var/lib/rooftop";

/// What the choice depends on.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `$STATE_DIRECTORY`, which systemd sets for a service (systemd.exec(5)).
    pub state_directory: Option<String>,
    /// Whether [`SERVICE_DIR`] is there and may be written.
    pub service_dir_writable: bool,
    /// `$XDG_DATA_HOME` (XDG Base Directory Specification).
    pub xdg_data_home: Option<String>,
    /// `$HOME`.
    pub home: Option<String>,
}

impl Surroundings {
    /// This process's.
    pub fn here() -> Self {
        let var = |name| std::env::var(name).ok();
        Self {
            state_directory: var("STATE_DIRECTORY"),
            service_dir_writable: rustix::fs::access(SERVICE_DIR, rustix::fs::Access::WRITE_OK).is_ok(),
            xdg_data_home: var("XDG_DATA_HOME"),
            home: var("HOME"),
        }
    }

    /// The directory, if there is a place for one. Pure.
    pub fn data_dir(&self) -> Option<PathBuf> {
        // Several are separated by colons; ours is the first.
        let given = self.state_directory.as_deref().and_then(|dirs| dirs.split(':').next());
        if let Some(dir) = absolute(given) {
            return Some(dir.to_owned());
        }
        if self.service_dir_writable {
            return Some(SERVICE_DIR.into());
        }
        let of_user = absolute(self.xdg_data_home.as_deref()).map(Path::to_owned);
        of_user.or_else(|| absolute(self.home.as_deref()).map(|home| home.join(".local/share"))).map(|dir| dir.join("rooftop"))
    }
}

/// Relative ones are to be ignored, says XDG.
fn absolute(path: Option<&str>) -> Option<&Path> {
    path.map(Path::new).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(Some("/var/lib/private/r:/b"), true, Some("/x"), Some("/h"), Some("/var/lib/private/r"))]
    #[case(None, true, Some("/x"), Some("/h"), Some(SERVICE_DIR))]
    #[case(None, false, Some("/x"), Some("/h"), Some("/x/rooftop"))]
    #[case(Some(""), false, Some("relative"), Some("/h"), Some("/h/.local/share/rooftop"))]
    #[case(None, false, None, None, None)]
    fn places(
        #[case] state: Option<&str>,
        #[case] service_dir_writable: bool,
        #[case] xdg: Option<&str>,
        #[case] home: Option<&str>,
        #[case] expected: Option<&str>,
    ) {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let surroundings =
            Surroundings { state_directory: text(state), service_dir_writable, xdg_data_home: text(xdg), home: text(home) };
        assert_eq!(surroundings.data_dir(), expected.map(PathBuf::from));
    }
}
