//! Everything that is going on, put together from what the others know. Pure: the page, the API and the metrics read it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::situation::{Service, Situation};
use crate::model::{Device, DeviceId, GuideNumber};
use crate::session::{Manager, SessionStats, TunerView};
use crate::store::Catalog;

/// Above this many channels a person is told; Plex takes 480.
const MANY_CHANNELS: usize = 400;
/// Most channels that Plex takes of one tuner.
pub const PLEX_MOST_CHANNELS: usize = 480;

/// What was known at one moment.
pub struct Facts {
    /// Channels, sources, devices.
    pub catalog: Arc<Catalog>,
    /// Ports and ways to be found.
    pub situation: Arc<Situation>,
    /// Running sessions.
    pub sessions: Vec<SessionStats>,
    /// The tuners of each device.
    pub tuners: HashMap<i64, Vec<TunerView>>,
    /// What is to be known of playlists and guides.
    pub notices: Arc<Vec<Warning>>,
    /// The moment.
    pub now: SystemTime,
}

impl Facts {
    /// Looks everything up; nothing of it waits.
    pub fn gather(
        catalog: Arc<Catalog>,
        situation: Arc<Situation>,
        manager: &Manager,
        notices: Arc<Vec<Warning>>,
        now: SystemTime,
    ) -> Self {
        let tuners = catalog.devices.iter().map(|device| (device.row, manager.tuners(device.row))).collect();
        Self { catalog, situation, sessions: manager.snapshot(), tuners, notices, now }
    }

    /// How long ago something was; nothing if the clock was set back since.
    pub fn since(&self, then: SystemTime) -> Duration {
        self.now.duration_since(then).unwrap_or_default()
    }

    /// The devices as somebody sees them who reached this machine at `here`.
    pub fn devices(&self, here: IpAddr) -> Vec<DeviceView> {
        self.catalog.devices.iter().map(|device| self.device(device, here)).collect()
    }

    /// One device.
    pub fn device(&self, device: &Device, here: IpAddr) -> DeviceView {
        let views = self.tuners.get(&device.row).map(Vec::as_slice).unwrap_or_default();
        let tuner = |index: u8| {
            let view = views.iter().find(|view| view.index == index);
            let session = view.and_then(|view| view.session.as_ref());
            TunerState {
                index,
                number: session.map(|session| session.number.clone()),
                channel: session.map(|session| session.name.clone()),
                client: view.and_then(|view| view.client),
                locked_by: view.and_then(|view| view.lock_owner),
                probing: view.is_some_and(|view| view.probing),
            }
        };
        DeviceView {
            id: device.id,
            name: device.name.clone(),
            addresses: self.addresses(device, here),
            discoverable: self.discoverable(device),
            tuner_count: device.tuner_count,
            tuners_in_use: views.iter().filter(|view| view.session.is_some() || view.probing).count(),
            tuners: (0..device.tuner_count).map(tuner).collect(),
        }
    }

    /// Where a device's documents are, the address to be given to players first.
    fn addresses(&self, device: &Device, here: IpAddr) -> Vec<String> {
        let url = |ip: IpAddr, port: u16| match (ip, port) {
            (IpAddr::V4(ip), 80) => format!("http://{ip}"),
            (IpAddr::V4(ip), port) => format!("http://{ip}:{port}"),
            (IpAddr::V6(ip), 80) => format!("http://[{ip}]"),
            (IpAddr::V6(ip), port) => format!("http://[{ip}]:{port}"),
        };
        if let Some(listen) = device.listen {
            let ip = if listen.ip().is_unspecified() { here } else { listen.ip() };
            return vec![url(ip, listen.port())];
        }
        let mut addresses = vec![url(here, self.situation.main_port)];
        if self.situation.port_80 == Service::On && self.situation.main_port != 80 {
            addresses.push(url(here, 80));
        }
        addresses
    }

    /// Whether players can find it by themselves: it has an address of its own, and discovery runs.
    fn discoverable(&self, device: &Device) -> bool {
        let own_address = device.listen.is_none_or(|listen| !listen.ip().is_unspecified());
        self.situation.discovery == Service::On && own_address
    }

    /// What a person should know or do.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let mut warn = |kind, text: String| warnings.push(Warning { kind, text, page: None });
        if let Service::Unavailable(reason) = &self.situation.port_80 {
            warn(
                "port_80",
                format!(
                    "Port 80 is not ours ({reason}), and several players look only there. They will not find this tuner by \
                     themselves: give them its address, or free the port and restart Rooftop."
                ),
            );
        }
        for service in [&self.situation.discovery, &self.situation.ssdp, &self.situation.mdns] {
            if let Service::Unavailable(sentence) = service {
                warn("discovery", sentence.clone());
            }
        }
        let channels = self.catalog.channels.len();
        if channels > MANY_CHANNELS {
            warn(
                "many_channels",
                format!(
                    "{channels} channels are published. Plex takes at most {PLEX_MOST_CHANNELS} of one tuner, others grow slow."
                ),
            );
        }
        for note in &self.situation.notes {
            warn("note", note.clone());
        }
        warnings.extend(self.notices.iter().cloned());
        warnings
    }

    /// The running sessions with what the catalog knows of their sources.
    pub fn sessions(&self) -> Vec<SessionView<'_>> {
        self.sessions.iter().map(|stats| self.session(stats)).collect()
    }

    fn session<'a>(&'a self, stats: &'a SessionStats) -> SessionView<'a> {
        let source = stats.source.and_then(|id| {
            let mut known = self.catalog.sources_of(stats.channel).iter();
            known.find(|source| source.id == id)
        });
        let provider = source.and_then(|source| self.catalog.providers.iter().find(|provider| provider.id == source.provider));
        SessionView {
            stats,
            source: source.map(|source| source.name.as_str()),
            provider: provider.map(|provider| provider.name.as_str()),
        }
    }
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Warning {
    /// What it is about, for programs.
    pub kind: &'static str,
    /// Whole sentences.
    pub text: String,
    /// The path of the page that is about it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// A device and what its tuners do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct DeviceView {
    /// Its HDHomeRun id.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// Where its documents are, the address to be given to players first.
    pub addresses: Vec<String>,
    /// Whether players can find it by themselves.
    pub discoverable: bool,
    /// How many tuners it has.
    pub tuner_count: u8,
    /// How many of them are in use.
    pub tuners_in_use: usize,
    /// Each of them.
    pub tuners: Vec<TunerState>,
}

/// What a tuner does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TunerState {
    /// From 0.
    pub index: u8,
    /// The channel it shows.
    pub number: Option<GuideNumber>,
    /// That channel's name.
    pub channel: Option<String>,
    /// Whom it was tuned for.
    pub client: Option<IpAddr>,
    /// Who holds its lock.
    pub locked_by: Option<IpAddr>,
    /// Whether it is held by a probe.
    pub probing: bool,
}

impl TunerState {
    /// Number and name of the channel it shows.
    pub fn shows(&self) -> Option<(&GuideNumber, &str)> {
        self.number.as_ref().zip(self.channel.as_deref())
    }
}

/// A session, and the names of what it comes from.
pub struct SessionView<'a> {
    /// What the session says of itself.
    pub stats: &'a SessionStats,
    /// Name of the source.
    pub source: Option<&'a str>,
    /// Name of the provider.
    pub provider: Option<&'a str>,
}
