//! The catalog: what is served, in memory.

use std::collections::HashMap;

use crate::model::{Channel, ChannelId, Device, GuideNumber, Provider, Source};

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
    /// Devices, the first one first. For now every device has every channel.
    pub devices: Vec<Device>,
}

impl Catalog {
    /// The channel of a number.
    pub fn channel(&self, number: &GuideNumber) -> Option<&Channel> {
        self.by_number.get(number).and_then(|index| self.channels.get(*index))
    }

    /// The sources of a channel, by priority.
    pub fn sources_of(&self, channel: ChannelId) -> &[Source] {
        self.sources.get(&channel).map_or(&[], Vec::as_slice)
    }
}
