//! Which of several values holds, and what it means.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::env::{self, Stray};
use super::error::{ConfigError, Origin};
use super::file;
use super::key::{KEYS, Key, Shape};
use super::place::Surroundings;
use super::{Config, Listen};
use crate::base::telemetry;
use crate::hdhr::discovery::DiscoverySettings;
use crate::media::worker::Settings as WorkerSettings;
use crate::model::device::DeviceSettings;
use crate::prober::Settings as ProberSettings;
use crate::source::Settings as SourceSettings;
use crate::tuner::Settings as TunerSettings;

/// The settings file of the service.
pub const FILE: &str = "/etc/rooftop/rooftop.toml";
/// The networks that `home` stands for: loopback, private (RFC 1918, RFC 4193) and link-local.
const HOME: [&str; 8] =
    ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fe80::/10", "fc00::/7"];
pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A value that somebody gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Of which key.
    pub key: &'static Key,
    /// The value, or the values of a list.
    pub values: Vec<String>,
    /// By whom.
    pub origin: Origin,
}

/// A flag of the command line that was used: its name with `--`, the key it sets, and the values.
pub type Flag = (&'static str, &'static str, Vec<String>);

/// Settings in force.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What they mean.
    pub config: Config,
    /// What they are and where they come from, in the order of [`KEYS`].
    pub shown: Vec<Shown>,
    /// Variables that look like settings and are none.
    pub stray: Vec<Stray>,
    /// The settings file, whether or not it is there.
    pub file: PathBuf,
}

/// A setting as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Of which key.
    pub key: &'static Key,
    /// Its value or values, without credentials.
    pub values: Vec<String>,
    /// Where they come from.
    pub origin: Origin,
}

impl Shown {
    /// As the settings file would have it.
    pub fn written(&self) -> String {
        written(self.key, &self.values)
    }

    /// The same for what holds where nothing is said.
    pub fn default_written(&self) -> String {
        written(self.key, self.key.default)
    }
}

fn written(key: &Key, values: &[impl AsRef<str> + std::fmt::Debug]) -> String {
    match key.shape {
        Shape::One => values.first().map_or_else(|| "not set".to_owned(), |value| format!("{:?}", value.as_ref())),
        Shape::Switch => values.iter().map(AsRef::as_ref).collect(),
        Shape::Many | Shape::ManyByBlanks => format!("{values:?}"),
    }
}

/// Resolves flags, environment and file: `path`, else what `ROOFTOP_CONFIG` names, else [`FILE`] if it is there.
///
/// # Errors
/// When the file cannot be read or something in it is wrong, or a value cannot be used.
pub fn resolve(
    flags: Vec<Flag>,
    variables: impl IntoIterator<Item = (String, String)>,
    path: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Resolved, ConfigError> {
    let variables: Vec<(String, String)> = variables.into_iter().collect();
    let named = variables.iter().find(|(name, value)| name == env::CONFIG && !value.is_empty());
    let named = path.map(Path::to_owned).or_else(|| named.map(|(_, value)| PathBuf::from(value)));
    let read = |path: &Path| std::fs::read_to_string(path);
    let of_file = match &named {
        Some(path) => {
            let text = read(path).map_err(|error| ConfigError::Unreadable { path: path.clone(), error })?;
            file::parse(&text, path)?
        }
        None => match read(Path::new(FILE)) {
            Ok(text) => file::parse(&text, Path::new(FILE))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(ConfigError::Unreadable { path: FILE.into(), error }),
        },
    };
    let (of_env, stray) = env::parse(variables);
    let of_flags = flags
        .into_iter()
        .filter(|(_, _, values)| !values.is_empty())
        .filter_map(|(flag, key, values)| Some(Given { key: Key::of(key)?, values, origin: Origin::Flag(flag) }));
    let given = of_flags.chain(of_env).chain(of_file).collect();
    let mut values = Values { given };
    if values.of("data_dir").is_none() {
        let dir = surroundings.data_dir().ok_or(ConfigError::NoDataDir)?;
        let key = Key::of("data_dir").ok_or(ConfigError::NoDataDir)?;
        values.given.push(Given { key, values: vec![dir.display().to_string()], origin: Origin::Default });
    }
    let file = named.unwrap_or_else(|| FILE.into());
    Ok(Resolved { config: values.config()?, shown: KEYS.iter().map(|key| values.show(key)).collect(), stray, file })
}

/// What was given, the most important first.
pub(super) struct Values {
    given: Vec<Given>,
}

impl Values {
    fn of(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.key.name == name)
    }

    fn show(&self, key: &'static Key) -> Shown {
        let default = || (key.default.iter().map(|&text| text.to_owned()).collect(), Origin::Default);
        let (values, origin) = self.of(key.name).map_or_else(default, |given| (given.values.clone(), given.origin.clone()));
        let values = values.iter().map(|value| key.secrecy.shown(value)).collect();
        Shown { key, values, origin }
    }

    /// Reads every value of a key; where none of them is good, says why.
    pub(super) fn each<T, E: ToString>(&self, name: &str, read: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, ConfigError> {
        let Some(key) = Key::of(name) else { return Ok(Vec::new()) };
        let shown = self.show(key);
        let raw: Vec<&str> = match self.of(name) {
            Some(given) => given.values.iter().map(String::as_str).collect(),
            None => key.default.to_vec(),
        };
        let bad = |value: &str, error: E| ConfigError::BadValue {
            key: key.name,
            value: key.secrecy.shown(value),
            origin: shown.origin.clone(),
            advice: error.to_string(),
        };
        raw.into_iter().map(|value| read(value).map_err(|error| bad(value, error))).collect()
    }

    /// The same for a key of one value.
    pub(super) fn one<T, E: ToString>(&self, name: &str, read: impl Fn(&str) -> Result<T, E>) -> Result<Option<T>, ConfigError> {
        Ok(self.each(name, read)?.pop())
    }

    /// A list as a whole.
    fn all<T>(&self, name: &'static str, read: impl Fn(&[String]) -> Result<T, String>) -> Result<T, ConfigError> {
        let texts = self.each(name, |text| Ok::<_, String>(text.to_owned()))?;
        let origin = || self.of(name).map_or(Origin::Default, |given| given.origin.clone());
        read(&texts).map_err(|advice| ConfigError::BadValue { key: name, value: texts.join(", "), origin: origin(), advice })
    }

    fn config(&self) -> Result<Config, ConfigError> {
        self.all("listen", |texts| if texts.is_empty() { Err("name at least one address".to_owned()) } else { Ok(()) })?;
        let interfaces = self.each("discovery_interfaces", |text| Ok::<_, String>(text.to_owned()))?;
        Ok(Config {
            listen: self.each("listen", listen)?,
            data_dir: self.one("data_dir", not_empty)?.ok_or(ConfigError::NoDataDir)?.into(),
            log: self.one("log", |text| telemetry::filter(text).map(|_| text.to_owned()))?.unwrap_or_default(),
            log_format: self.one("log_format", str::parse)?.unwrap_or_default(),
            playlists: self.each("playlist", not_empty)?,
            playlist_connections: self.playlist_connections()?,
            allow: self.each("allow", networks)?.concat(),
            hosts: self.each("hosts", host)?,
            device: DeviceSettings { id: self.one("device_id", str::parse)?, tuners: self.one("tuners", tuners)? },
            discovery: self.all("discovery", |words| DiscoverySettings::of(words, &interfaces))?,
            worker: self.worker()?,
            session: self.session()?,
            prober: self.prober()?,
            tuner: TunerSettings::default(),
            source: SourceSettings::default(),
            ingest: self.ingest()?,
        })
    }

    fn playlist_connections(&self) -> Result<Vec<u32>, ConfigError> {
        let numbers = self.each("playlist_connections", connections)?;
        let playlists = self.of("playlist").map_or(0, |given| given.values.len());
        self.all("playlist_connections", |_| match numbers.len() > playlists {
            true => Err(format!("there are more numbers than playlists ({playlists})")),
            false => Ok(()),
        })?;
        Ok(numbers)
    }

    fn worker(&self) -> Result<WorkerSettings, ConfigError> {
        let default = WorkerSettings::default();
        Ok(WorkerSettings {
            program: self.one("worker.program", not_empty)?.map(PathBuf::from),
            memory_mib: self.number("worker.memory_mib", 256..=16_384)?.unwrap_or(default.memory_mib),
            request_timeout: self.time("worker.timeout_s", 5..=3600, SECOND, default.request_timeout)?,
            ..default
        })
    }

    fn prober(&self) -> Result<ProberSettings, ConfigError> {
        let default = ProberSettings::default();
        Ok(ProberSettings {
            probe_interval: self.time("prober.interval_h", 0..=8760, HOUR, default.probe_interval)?,
            probe_timeout: self.time("prober.timeout_s", 1..=60, SECOND, default.probe_timeout)?,
            probe_tune_delay: self.time("prober.tune_delay_s", 1..=3600, SECOND, default.probe_tune_delay)?,
        })
    }

    /// A number of `unit`s.
    pub(super) fn time(
        &self,
        name: &str,
        within: RangeInclusive<u32>,
        unit: Duration,
        default: Duration,
    ) -> Result<Duration, ConfigError> {
        Ok(self.number(name, within)?.map_or(default, |number| unit * number))
    }

    pub(super) fn switch(&self, name: &str, default: bool) -> Result<bool, ConfigError> {
        Ok(self.one(name, |text| text.parse().map_err(|_| "give true or false"))?.unwrap_or(default))
    }

    pub(super) fn count(&self, name: &str, within: RangeInclusive<u32>, default: usize) -> Result<usize, ConfigError> {
        Ok(self.number(name, within)?.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
    }

    pub(super) fn number(&self, name: &str, within: RangeInclusive<u32>) -> Result<Option<u32>, ConfigError> {
        self.one(name, |text| {
            let number = text.parse().ok().filter(|number| within.contains(number));
            number.ok_or_else(|| format!("give a number from {} to {}", within.start(), within.end()))
        })
    }
}

pub(super) fn listen(text: &str) -> Result<Listen, &'static str> {
    let (addr, optional) = text.strip_suffix('?').map_or((text, false), |addr| (addr, true));
    let addr: SocketAddr = addr.trim().parse().map_err(
        |_| "give an IP address and a port, such as 0.0.0.0:5004 or [::]:5004, and `?` behind it if it may be missing",
    )?;
    Ok(Listen { addr, optional })
}

pub(super) fn not_empty(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("it is empty") } else { Ok(text.to_owned()) }
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, &'static str> {
    if text == "home" {
        return Ok(HOME.iter().filter_map(|network| network.parse().ok()).collect());
    }
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map(|network| vec![network]).map_err(|_| "give a network such as 100.64.0.0/10, an IP address, or `home`")
}

fn host(text: &str) -> Result<String, &'static str> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err("give a name such as tv.example.org, without scheme and port") }
}

fn connections(text: &str) -> Result<u32, &'static str> {
    text.parse()
        .ok()
        .filter(|count| (1..=1000).contains(count))
        .ok_or("give a number from 1 to 1000 for each playlist, in their order")
}

fn tuners(text: &str) -> Result<u8, &'static str> {
    text.parse().ok().filter(|count| *count > 0).ok_or("give a number from 1 to 255")
}
