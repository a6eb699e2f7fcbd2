use std::path::{Path, PathBuf};

use super::*;
use crate::base::telemetry::Format;
use crate::hdhr::discovery::Udp;

fn at_home() -> place::Surroundings {
    place::Surroundings { home: Some("/home/anna".into()), ..place::Surroundings::default() }
}

fn with(
    flags: &[(&'static str, &'static str, &[&str])],
    env: &[(&str, &str)],
    file: Option<&Path>,
) -> Result<Resolved, ConfigError> {
    let flags = flags.iter().map(|(flag, key, values)| (*flag, *key, values.iter().map(|&value| value.to_owned()).collect()));
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    // The machine may have a settings file of its own.
    let empty = self::file("");
    let file = file.or_else(|| (!env.clone().any(|(name, _)| name == env::CONFIG)).then(|| empty.path()));
    resolve(flags.collect(), env, file, &at_home())
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn shown<'a>(resolved: &'a Resolved, key: &str) -> &'a Shown {
    resolved.shown.iter().find(|shown| shown.key.name == key).unwrap()
}

#[test]
fn with_nothing_said_the_defaults_hold() {
    let Resolved { config, shown, stray, .. } = with(&[], &[], None).unwrap();
    let listen: Vec<_> = config.listen.iter().map(|listen| (listen.addr.to_string(), listen.optional)).collect();
    assert_eq!(listen, [("0.0.0.0:5004".to_owned(), false), ("0.0.0.0:80".to_owned(), true)]);
    assert_eq!(config.data_dir, PathBuf::from("/home/anna/.local/share/rooftop"));
    assert_eq!((config.log.as_str(), config.log_format), ("info", Format::Auto));
    assert_eq!(config.allow, crate::http::access::home_networks());
    assert_eq!(config.discovery, DiscoverySettings::default());
    assert_eq!(config.device, DeviceSettings::default());
    assert_eq!(format!("{:?}", config.worker), format!("{:?}", crate::media::worker::Settings::default()));
    assert_eq!(config.prober, crate::prober::Settings::default());
    assert!(config.playlists.is_empty() && config.hosts.is_empty() && stray.is_empty());
    assert_eq!(shown.len(), key::KEYS.len());
    assert!(shown.iter().all(|shown| shown.origin == Origin::Default));
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let file =
        file("log = \"debug\"\nlisten = [\"127.0.0.1:1\"]\ndata_dir = \"/of/file\"\ntuners = 2\n[worker]\ntimeout_s = 90\n");
    let flags: [(&str, &str, &[&str]); 2] = [("--listen", "listen", &["127.0.0.1:3?", "[::1]:4"]), ("--log", "log", &[])];
    let env = [("ROOFTOP_LISTEN", "127.0.0.1:2"), ("ROOFTOP_DATA_DIR", "/of/env"), ("ROOFTOP_LISEN", "x")];
    let resolved = with(&flags, &env, Some(file.path())).unwrap();
    let listen: Vec<u16> = resolved.config.listen.iter().map(|listen| listen.addr.port()).collect();
    assert_eq!((listen, resolved.config.data_dir.as_path()), (vec![3, 4], Path::new("/of/env")));
    assert_eq!((resolved.config.log.as_str(), resolved.config.device.tuners), ("debug", Some(2)));
    assert_eq!(shown(&resolved, "listen").origin, Origin::Flag("--listen"));
    assert_eq!(shown(&resolved, "data_dir").origin, Origin::Env("ROOFTOP_DATA_DIR".into()));
    assert_eq!(shown(&resolved, "tuners").origin, Origin::File { path: file.path().into(), line: 4 });
    assert_eq!(resolved.config.worker.request_timeout.as_secs(), 90);
    assert_eq!(shown(&resolved, "hosts").origin, Origin::Default);
    assert_eq!(resolved.stray[0].meant.as_deref(), Some("ROOFTOP_LISTEN"));
}

#[test]
fn the_environment_can_name_the_file() {
    let file = file("tuners = 7\n");
    let path = file.path().display().to_string();
    assert_eq!(with(&[], &[("ROOFTOP_CONFIG", &path)], None).unwrap().config.device.tuners, Some(7));
    let error = with(&[], &[], Some(Path::new("/nonexistent.toml"))).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }) && error.to_string().contains("/nonexistent.toml"), "{error}");
}

#[rstest::rstest]
#[case(
    "ROOFTOP_LISTEN",
    "nonsense",
    "listen = \"nonsense\" (environment variable ROOFTOP_LISTEN) cannot be used: give an IP address"
)]
#[case("ROOFTOP_LISTEN", "0.0.0.0", "and a port")]
#[case("ROOFTOP_DISCOVERY", "udp,upnp", "\"upnp\" is none of udp")]
#[case("ROOFTOP_DISCOVERY", "off,udp", "alone")]
#[case("ROOFTOP_ALLOW", "home,10.0.0.0/40", "\"10.0.0.0/40\"")]
#[case("ROOFTOP_HOSTS", "http://tv", "without scheme")]
#[case("ROOFTOP_TUNERS", "0", "from 1 to 255")]
#[case("ROOFTOP_DEVICE_ID", "12345678", "12345674")]
#[case("ROOFTOP_DEVICE_ID", "10397A70", "legacy")]
#[case("ROOFTOP_DEVICE_ID", "xyz", "hexadecimal")]
#[case("ROOFTOP_LOG", "rooftop=loud", "log = \"rooftop=loud\"")]
#[case("ROOFTOP_WORKER_MEMORY_MIB", "64", "worker.memory_mib = \"64\" (environment variable ROOFTOP_WORKER_MEMORY_MIB)")]
#[case("ROOFTOP_WORKER_TIMEOUT_S", "soon", "from 5 to 3600")]
#[case("ROOFTOP_PROBER_INTERVAL_H", "daily", "from 0 to 8760")]
#[case("ROOFTOP_PROBER_TIMEOUT_S", "0", "from 1 to 60")]
#[case("ROOFTOP_PROBER_TUNE_DELAY_S", "0", "from 1 to 3600")]
#[case("ROOFTOP_PLAYLIST_CONNECTIONS", "0", "from 1 to 1000")]
#[case("ROOFTOP_PLAYLIST_CONNECTIONS", "2,3", "there are more numbers than playlists (0)")]
#[case("ROOFTOP_RECOVERY_FAIL_BACK", "yes", "give true or false")]
#[case(
    "ROOFTOP_RECOVERY_STALL_POLICY",
    "restart",
    "recovery.stall_policy = \"restart\" (environment variable ROOFTOP_RECOVERY_STALL_POLICY)"
)]
#[case(
    "ROOFTOP_RECOVERY_STALL_DETECT_MS",
    "1s",
    "recovery.stall_detect_ms = \"1s\" (environment variable ROOFTOP_RECOVERY_STALL_DETECT_MS)"
)]
#[case("ROOFTOP_INGESTION_BACKPRESSURE_DROP_STRATEGY", "newest", "it is none of lowest_priority, oldest")]
#[case("ROOFTOP_INGESTION_MEMORY_GLOBAL_LIMIT_MIB", "0", "from 1 to 1048576")]
#[case("ROOFTOP_FILLER_MODE", "black", "filler.mode = \"black\" (environment variable ROOFTOP_FILLER_MODE)")]
#[case("ROOFTOP_LOG_FORMAT", "xml", "none of auto, human, journal, json")]
fn what_cannot_be_used_is_refused(#[case] name: &str, #[case] value: &str, #[case] expected: &str) {
    let error = with(&[], &[(name, value)], None).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn networks_add_to_home_or_take_its_place() {
    let allow = |value: &str| with(&[], &[("ROOFTOP_ALLOW", value)], None).unwrap().config.allow;
    assert_eq!(allow("100.64.0.0/10 192.0.2.7"), ["100.64.0.0/10".parse().unwrap(), "192.0.2.7/32".parse().unwrap()]);
    let home = crate::http::access::home_networks().len();
    assert_eq!(allow("home,100.64.0.0/10").len(), home + 1);
}

#[test]
fn credentials_are_kept_and_not_shown() {
    let empty = file("listen = []");
    let list = "http://hugo:geheim77@10.0.0.9/get.php?username=hugo&password=geheim77";
    let error = with(&[("--playlist", "playlist", &[list, " "])], &[], None).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("geheim77"), "{error}");
    let resolved = with(&[("--playlist", "playlist", &[list])], &[], None).unwrap();
    assert_eq!(resolved.config.playlists, [list]);
    assert!(!format!("{:?}", resolved.shown).contains("geheim77"));
    assert!(with(&[], &[], Some(empty.path())).unwrap_err().to_string().contains("at least one"));
}

#[test]
fn the_prober_can_be_turned_off_or_told_its_times() {
    let file = file("[prober]\ninterval_h = 0\ntimeout_s = 9\ntune_delay_s = 30\n");
    let prober = with(&[], &[], Some(file.path())).unwrap().config.prober;
    assert!(prober.probe_interval.is_zero());
    assert_eq!((prober.probe_timeout.as_secs(), prober.probe_tune_delay.as_secs()), (9, 30));
}

#[test]
fn udp_may_be_insisted_on() {
    let resolved = with(&[], &[("ROOFTOP_DISCOVERY", "udp!"), ("ROOFTOP_DISCOVERY_INTERFACES", "eth0")], None).unwrap();
    assert_eq!((resolved.config.discovery.udp, resolved.config.discovery.mdns), (Udp::Insist, false));
    assert_eq!(resolved.config.discovery.scope.interfaces, ["eth0"]);
}

#[test]
fn recovery_is_as_it_is_told() {
    let file = file("[recovery]\nfail_back = true\nstall_policy = \"restart_same\"\nstall_detect_ms = 2500\nmax_failovers = 0\n");
    let session = with(&[], &[("ROOFTOP_RECOVERY_FAILOVER_TOTAL_TIMEOUT_S", "90")], Some(file.path())).unwrap().config.session;
    assert_eq!((session.fail_back, session.hot_standby), (true, false));
    assert_eq!((session.stall_policy, session.max_failovers), (crate::session::recovery::Policy::RestartSame, 0));
    assert_eq!((session.stall_detect.as_millis(), session.failover_total_timeout.as_secs()), (2500, 90));
}

#[test]
fn a_session_is_as_it_is_told() {
    let file = file("[session]\nstartup_timeout_ms = 2500\nproducer_read_rate_percent = 150\nbuffer_chunk_bytes = 13160\n");
    let session = with(&[], &[("ROOFTOP_SESSION_MAX_SUBSCRIBERS", "3")], Some(file.path())).unwrap().config.session;
    assert_eq!((session.startup_timeout.as_millis(), session.session_max_subscribers, session.chunk_bytes), (2500, 3, 13_160));
    assert!((session.producer_read_rate - 1.5).abs() < 1e-9);
}

#[test]
fn what_nobody_sets_is_as_the_modules_have_it() {
    let session = with(&[], &[], None).unwrap().config.session;
    assert_eq!(format!("{session:?}"), format!("{:?}", crate::session::Settings::default()));
}
