//! Where the worker's executable lies.

use std::path::{Path, PathBuf};

use super::WorkerError;

/// Its name.
const NAME: &str = "rooftop-worker";
/// Where the Debian package puts it.
const PACKAGED: &str = "/usr/lib/rooftop/rooftop-worker";

/// Where to look, in order: the setting and nothing else where there is one; else beside the running executable (and above
/// `deps`, where cargo puts test programs), else where the package puts it.
pub(super) fn candidates(setting: Option<&Path>, running: Option<&Path>) -> Vec<PathBuf> {
    if let Some(program) = setting {
        return vec![program.to_owned()];
    }
    let beside = running.and_then(Path::parent);
    let above = beside.filter(|dir| dir.ends_with("deps")).and_then(Path::parent);
    beside.into_iter().chain(above).map(|dir| dir.join(NAME)).chain([PathBuf::from(PACKAGED)]).collect()
}

/// The executable.
///
/// # Errors
/// [`WorkerError::Missing`], with where it was looked for.
pub(super) fn locate(setting: Option<&Path>) -> Result<PathBuf, WorkerError> {
    let running = std::env::current_exe().ok();
    let looked = candidates(setting, running.as_deref());
    match looked.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(WorkerError::Missing { looked }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(Some("/opt/w"), Some("/usr/bin/rooftop"), &["/opt/w"])]
    #[case(None, Some("/usr/bin/rooftop"), &["/usr/bin/rooftop-worker", PACKAGED])]
    #[case(None, Some("/t/debug/deps/it-1"), &["/t/debug/deps/rooftop-worker", "/t/debug/rooftop-worker", PACKAGED])]
    #[case(None, None, &[PACKAGED])]
    fn it_is_looked_for_in_order(#[case] setting: Option<&str>, #[case] running: Option<&str>, #[case] expected: &[&str]) {
        let found = candidates(setting.map(Path::new), running.map(Path::new));
        assert_eq!(found, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_missing_worker_says_where_it_was_looked_for_and_what_to_do() {
        let error = locate(Some(Path::new("/nonexistent/rooftop-worker"))).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/rooftop-worker") && error.contains("worker.program"), "{error}");
    }
}
