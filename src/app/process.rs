//! What the admin side is told of the process: its settings, its log, and how it is started anew.

use crate::admin::{Process, Setting, SettingTable};
use crate::base::clock;
use crate::base::tasks::CancellationToken;
use crate::base::telemetry::recent::recent;
use crate::config::{Origin, Resolved, Shown, manual};

/// Keys that a flag of `rooftop serve` sets; it has the key's name.
const FLAGS: [&str; 6] = ["data_dir", "listen", "playlist", "tuners", "discovery", "log"];

/// Everything that is known at the start.
pub fn describe(resolved: &Resolved, restart: CancellationToken) -> Process {
    let mut tables: Vec<SettingTable> = Vec::new();
    for shown in &resolved.shown {
        let name = manual::table_of(shown.key);
        if !tables.iter().any(|table| table.name == name) {
            tables.push(SettingTable { name: name.to_owned(), about: manual::about(name) });
        }
    }
    Process {
        started: clock::now(),
        settings: resolved.shown.iter().map(setting).collect(),
        tables,
        settings_file: resolved.file.display().to_string(),
        logs: recent(),
        restart,
    }
}

fn setting(shown: &Shown) -> Setting {
    let key = shown.key;
    Setting {
        name: key.name.to_owned(),
        table: manual::table_of(key).to_owned(),
        value: shown.written(),
        default: shown.default_written(),
        origin: shown.origin.to_string(),
        said: shown.origin != Origin::Default,
        help: manual::help(key),
        variable: key.env_name(),
        flag: FLAGS.contains(&key.name).then(|| format!("--{}", key.name.replace('_', "-"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{place, resolve};

    #[test]
    fn settings_are_told_without_credentials() {
        let surroundings = place::Surroundings { home: Some("/home/anna".into()), ..Default::default() };
        let flags =
            vec![("--playlist", "playlist", vec!["http://anna:geheim77@tv.example/get.php?password=geheim77".to_owned()])];
        let file = tempfile::NamedTempFile::new().unwrap();
        let resolved = resolve(flags, [], Some(file.path()), &surroundings).unwrap();
        let process = describe(&resolved, CancellationToken::new());
        let text = format!("{process:?}");
        assert!(!text.contains("geheim77") && text.contains("tv.example"), "{text}");
        assert_eq!(process.settings_file, file.path().display().to_string());
        let of = |name: &str| process.settings.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!((of("playlist").said, of("playlist").origin.as_str()), (true, "--playlist"));
        assert_eq!((of("listen").value.as_str(), of("listen").said), (r#"["0.0.0.0:5004", "0.0.0.0:80?"]"#, false));
        assert_eq!((of("data_dir").flag.as_deref(), of("history.days").flag.as_deref()), (Some("--data-dir"), None));
        let fail_back = of("recovery.fail_back");
        assert_eq!((fail_back.value.as_str(), fail_back.variable.as_str()), ("false", "ROOFTOP_RECOVERY_FAIL_BACK"));
        assert_eq!(process.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>()[..3], ["", "worker", "prober"]);
    }
}
