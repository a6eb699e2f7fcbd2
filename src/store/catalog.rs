//! The catalog: what is served, in memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::model::{Channel, ChannelId, Device, GuideNumber, InputRule, Provider, Source};

/// A consistent picture of channels, sources, providers and devices.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Enabled channels, in order of number.
    pub channels: Vec<Channel>,
    /// Index into `channels`.
    pub by_number: HashMap<GuideNumber, usize>,
    /// The sources of each channel, by priority.
    pub sources: HashMap<ChannelId, Vec<Source>>,
    /// Providers.
    pub providers: Vec<Provider>,
    /// Devices, the first one first.
    pub devices: Vec<Device>,
    /// The channels of devices, by their rows, that do not have all of them.
    pub device_channels: HashMap<i64, HashSet<ChannelId>>,
    /// What people say of streams that are pushed to us, by their ids.
    pub input_rules: BTreeMap<String, InputRule>,
}

impl Catalog {
    /// The channel of a number.
    pub fn channel(&self, number: &GuideNumber) -> Option<&Channel> {
        self.by_number.get(number).and_then(|index| self.channels.get(*index))
    }

    /// Whether a device has a channel.
    pub fn has(&self, device: i64, channel: ChannelId) -> bool {
        self.device_channels.get(&device).is_none_or(|channels| channels.contains(&channel))
    }

    /// The sources of a channel, by priority.
    pub fn sources_of(&self, channel: ChannelId) -> &[Source] {
        self.sources.get(&channel).map_or(&[], Vec::as_slice)
    }
}
