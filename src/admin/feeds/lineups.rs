//! Which channels each device has, and how a lineup that is too long for some player can be split over several devices.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Feeds, FeedsError};
use crate::model::{Channel, ChannelId, DeviceId, GuideNumber};
use crate::store::Catalog;

/// Plex refuses to map many more channels of one device than this.
pub const MANY_CHANNELS: usize = 400;

/// The channels of a device, as a request has them.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LineupRequest {
    /// All channels, also those to come.
    pub all: bool,
    /// These.
    pub channels: Option<Vec<ChannelId>>,
    /// Those that are of one of these groups now.
    pub groups: Option<Vec<String>>,
}

/// The channels of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LineupView {
    /// The device.
    pub device: DeviceId,
    /// Whether it has all channels, also those to come.
    pub all: bool,
    /// Its channels, in order of their numbers.
    pub channels: Vec<ChannelId>,
    /// What a person should know.
    pub warning: Option<String>,
}

/// What is done with some channels and a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It has them.
    On,
    /// It does not have them.
    Off,
}

/// A part of a lineup that is split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Part {
    /// Its first number.
    pub first: GuideNumber,
    /// Its last number.
    pub last: GuideNumber,
    /// Its channels.
    pub channels: Vec<ChannelId>,
}

impl Feeds {
    /// The channels of a device.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn lineup(&self, id: DeviceId) -> Result<LineupView, FeedsError> {
        let catalog = self.store.catalog();
        let row = row(&catalog, id)?;
        let channels: Vec<ChannelId> = of_device(&catalog, row).map(|channel| channel.id).collect();
        let warning = (channels.len() > MANY_CHANNELS).then(|| {
            format!(
                "This device has {} channels. Plex refuses to map many more than {MANY_CHANNELS} of one device: give it fewer, or split \
                 them over several devices (`GET /api/v1/devices/split`).",
                channels.len()
            )
        });
        Ok(LineupView { device: id, all: !catalog.device_channels.contains_key(&row), channels, warning })
    }

    /// Says which channels a device has.
    ///
    /// # Errors
    /// When there is no such device or channel, or nothing is said.
    pub async fn set_lineup(&self, id: DeviceId, request: LineupRequest) -> Result<LineupView, FeedsError> {
        let catalog = self.store.catalog();
        let row = row(&catalog, id)?;
        let channels = match (request.all, request.channels, request.groups) {
            (true, None, None) => None,
            (false, Some(channels), None) => Some(channels),
            (false, None, Some(groups)) => {
                let groups: Vec<String> = groups.iter().map(|group| group.to_lowercase()).collect();
                let wanted = |channel: &&Channel| super::edits::groups(channel).any(|one| groups.contains(&one.to_lowercase()));
                Some(catalog.channels.iter().filter(wanted).map(|channel| channel.id).collect())
            }
            _ => return Err(FeedsError::invalid("channels", "Give one of `all`, `channels` and `groups`.")),
        };
        self.store.set_device_channels(row, channels).await?;
        tracing::info!(device.id = %id, "the channels of a device were changed");
        self.lineup(id)
    }

    /// Puts channels onto a device, or takes them off it; what else it has stays. One that has all channels has these alone then, or
    /// all but these, and those to come are not given to it.
    ///
    /// # Errors
    /// When there is no such device or channel, or the device would have none.
    pub async fn put(&self, id: DeviceId, channels: &[ChannelId], put: Put) -> Result<LineupView, FeedsError> {
        let living: Vec<ChannelId> = self.store.all_channels().await?.iter().map(|channel| channel.id).collect();
        let wanted: HashSet<ChannelId> = channels.iter().copied().collect();
        let catalog = self.store.catalog();
        let own = catalog.device_channels.get(&row(&catalog, id)?);
        if living.iter().filter(|channel| wanted.contains(channel)).count() < wanted.len() {
            return Err(FeedsError::NotFound("There is no channel with one of these ids."));
        }
        let channels = after(own, &living, &wanted, put);
        if channels.is_empty() {
            return Err(FeedsError::Conflict(
                "A device without channels is of no use: leave it one, or take it away.".to_owned(),
            ));
        }
        self.set_lineup(id, LineupRequest { channels: Some(channels), ..LineupRequest::default() }).await
    }

    /// How the whole lineup could be split over devices of at most `most` channels each. Numbers do not overlap, so that one guide
    /// does for all of them, as Plex wants it.
    ///
    /// # Errors
    /// When `most` is nothing.
    pub fn split(&self, most: usize) -> Result<Vec<Part>, FeedsError> {
        if most == 0 {
            return Err(FeedsError::invalid("most", "A part has at least one channel."));
        }
        Ok(parts(&self.store.catalog().channels, most))
    }
}

fn row(catalog: &Catalog, id: DeviceId) -> Result<i64, FeedsError> {
    let device = catalog.devices.iter().find(|device| device.id == id);
    device.map(|device| device.row).ok_or(FeedsError::NotFound("There is no device with this id."))
}

fn of_device(catalog: &Catalog, row: i64) -> impl Iterator<Item = &Channel> {
    catalog.channels.iter().filter(move |channel| catalog.has(row, channel.id))
}

/// What a device has once channels were put onto it or taken off it; `own` is what it has now, unless it has all. Pure.
fn after(own: Option<&HashSet<ChannelId>>, living: &[ChannelId], wanted: &HashSet<ChannelId>, put: Put) -> Vec<ChannelId> {
    let has = |channel: &ChannelId| match put {
        Put::On => wanted.contains(channel) || own.is_some_and(|own| own.contains(channel)),
        Put::Off => !wanted.contains(channel) && own.is_none_or(|own| own.contains(channel)),
    };
    living.iter().copied().filter(has).collect()
}

/// Parts of nearly the same size, in order of numbers. Pure.
pub(in crate::admin) fn parts(channels: &[Channel], most: usize) -> Vec<Part> {
    let count = channels.len().div_ceil(most).max(1);
    let each = channels.len().div_ceil(count).max(1);
    let part = |channels: &[Channel]| {
        let (first, last) = (channels.first()?, channels.last()?);
        Some(Part {
            first: first.number.clone(),
            last: last.number.clone(),
            channels: channels.iter().map(|channel| channel.id).collect(),
        })
    };
    channels.chunks(each).filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn channels(count: u32) -> Vec<Channel> {
        let channel = |number: u32| Channel {
            id: ChannelId(i64::from(number)),
            number: GuideNumber::whole(number),
            name: String::new(),
            logo: None,
            guide_id: None,
            group: None,
            enabled: true,
            favorite: false,
            drm: false,
            info: None,
            hot_standby: None,
            station_id: None,
        };
        (1..=count).map(channel).collect()
    }

    proptest! {
        #[test]
        fn every_channel_is_in_one_part(count in 0u32..1000, most in 1usize..500) {
            let parts = parts(&channels(count), most);
            let all: Vec<i64> = parts.iter().flat_map(|part| part.channels.iter().map(|id| id.0)).collect();
            prop_assert_eq!(all, (1..=i64::from(count)).collect::<Vec<_>>());
            prop_assert!(parts.iter().all(|part| part.channels.len() <= most));
            prop_assert!(parts.windows(2).all(|pair| pair[0].last < pair[1].first));
        }
    }

    #[rstest::rstest]
    #[case::all_becomes_these(None, &[2, 3], Put::On, &[2, 3])]
    #[case::all_but_these(None, &[2, 3], Put::Off, &[1, 4])]
    #[case::added(Some(vec![1]), &[3], Put::On, &[1, 3])]
    #[case::gone_for_good(Some(vec![1, 9]), &[3], Put::On, &[1, 3])]
    #[case::taken(Some(vec![1, 3]), &[3, 4], Put::Off, &[1])]
    #[case::nothing_left(Some(vec![1]), &[1], Put::Off, &[])]
    fn channels_go_onto_devices_and_off_them(
        #[case] own: Option<Vec<i64>>,
        #[case] wanted: &[i64],
        #[case] put: Put,
        #[case] expected: &[i64],
    ) {
        let ids = |ids: &[i64]| ids.iter().copied().map(ChannelId).collect::<Vec<_>>();
        let set = |list: &[i64]| ids(list).into_iter().collect::<HashSet<_>>();
        assert_eq!(after(own.as_deref().map(set).as_ref(), &ids(&[1, 2, 3, 4]), &set(wanted), put), ids(expected));
    }

    #[test]
    fn parts_are_of_nearly_the_same_size() {
        let sizes: Vec<usize> = parts(&channels(900), 400).iter().map(|part| part.channels.len()).collect();
        assert_eq!(sizes, [300, 300, 300]);
    }
}
