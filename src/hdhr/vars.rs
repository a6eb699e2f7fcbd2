//! The variables of the control protocol: what a get says and what a set would change. Pure.
//!
//! Names and values are libhdhomerun's (`hdhomerun_device.c`); the texts of the errors are those of real devices, because
//! programs compare them. [`desk`] carries the changes out.

pub mod desk;
mod hold;
pub mod seat;
pub mod show;

use std::net::IpAddr;

use super::target::{BadTarget, Target};
use super::tlv::{Builder, Frame, Kind, Tag};
use crate::model::GuideNumber;
use seat::CHANNEL_MAPS;
use show::Shown;

/// Longest name that is repeated in a reply; the names that exist are shorter by far.
const MOST_NAME: usize = 127;
/// Longest filter that is kept.
const MOST_FILTER: usize = 1000;
const MOST_CHANNEL: usize = 64;

/// Why a request is refused, as the reply says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No such variable, or not one that can be set.
    #[error("ERROR: unknown getset variable")]
    Unknown,
    /// No name, not text, or a value that the variable cannot have.
    #[error("ERROR: malformed getset request")]
    Malformed,
    /// Somebody else has the tuner.
    #[error("ERROR: resource locked by {0}")]
    Locked(IpAddr),
    /// Not in the lineup.
    #[error("ERROR: invalid virtual channel")]
    NoChannel,
    /// Not one of the maps.
    #[error("ERROR: invalid channelmap")]
    NoChannelMap,
    /// See the cause.
    #[error("ERROR: {0}")]
    Target(#[from] BadTarget),
}

/// A get, or a set when it has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Name of the variable.
    pub name: &'a str,
    /// The new value.
    pub value: Option<&'a str>,
    /// Key of the lock that the client holds.
    pub key: Option<u32>,
}

impl<'a> Request<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// With its name, if that much could be read.
    pub fn of(frame: Frame<'a>) -> Result<Self, Option<&'a str>> {
        let (mut name, mut value, mut key) = (None, None, None);
        for found in frame.values() {
            let Ok((tag, bytes)) = found else { return Err(name) };
            match tag {
                Tag::GETSET_NAME => name = Some(text(bytes).filter(|name| name.len() <= MOST_NAME).ok_or(None)?),
                Tag::GETSET_VALUE => value = Some(text(bytes).ok_or(name)?),
                Tag::GETSET_LOCKKEY => key = Some(bytes.try_into().map(u32::from_be_bytes).map_err(|_| name)?),
                _ => {}
            }
        }
        name.map(|name| Self { name, value, key }).ok_or(None)
    }
}

/// Text with its trailing NUL, which some clients leave out.
fn text(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// The reply, name first and then value or error, as Jellyfin reads it at fixed offsets.
pub fn reply(name: Option<&str>, outcome: &Result<String, Fault>) -> Vec<u8> {
    let named = |name: Option<&str>| match name {
        Some(name) => Builder::new(Kind::GETSET_REPLY).text_nul(Tag::GETSET_NAME, name),
        None => Builder::new(Kind::GETSET_REPLY),
    };
    let frame = match outcome {
        Ok(value) => named(name).text_nul(Tag::GETSET_VALUE, value),
        Err(fault) => named(name).text_nul(Tag::ERROR_MESSAGE, &fault.to_string()),
    };
    // A name is at most 127 bytes long and a value at most 1000, so it fits.
    frame.finish().unwrap_or_default()
}

/// What is to be done about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing but to say this.
    Say(String),
    /// Change a tuner and say what it is then.
    Change(u8, Change),
}

/// A change of a tuner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `lockkey`: lock it with this key.
    Lock(u32),
    /// `lockkey none`.
    Unlock,
    /// `lockkey force`.
    Force,
    /// `vchannel`: tune; with the value as it was given.
    Tune(GuideNumber, String),
    /// `channel`: a channel of an antenna that is not there.
    Physical(String),
    /// `channel none`, `vchannel none`.
    Leave,
    /// `channelmap`.
    Map(&'static str),
    /// `filter`.
    Filter(String),
    /// `program`.
    Program(u32),
    /// `target`.
    Target(Option<Target>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variable {
    Status,
    VirtualStatus,
    StreamInfo,
    Channel,
    VirtualChannel,
    ChannelMap,
    Filter,
    Program,
    Target,
    LockKey,
    Debug,
    PlpInfo,
}

impl Variable {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "status" => Self::Status,
            "vstatus" => Self::VirtualStatus,
            "streaminfo" => Self::StreamInfo,
            "channel" => Self::Channel,
            "vchannel" => Self::VirtualChannel,
            "channelmap" => Self::ChannelMap,
            "filter" => Self::Filter,
            "program" => Self::Program,
            "target" => Self::Target,
            "lockkey" => Self::LockKey,
            "debug" => Self::Debug,
            "plpinfo" => Self::PlpInfo,
            _ => return None,
        })
    }

    fn get(self, shown: &Shown) -> String {
        match self {
            Self::Status => show::status(shown),
            Self::VirtualStatus => show::virtual_status(shown),
            Self::StreamInfo => show::stream_info(shown),
            Self::Channel => show::channel(shown),
            Self::VirtualChannel => show::or_none(shown.number()),
            Self::ChannelMap => shown.map.to_owned(),
            Self::Filter => shown.filter.clone(),
            Self::Program => show::or_none(shown.program()),
            Self::Target => show::or_none(shown.target.as_ref()),
            Self::LockKey => show::or_none(shown.owner()),
            Self::Debug => show::debug(shown),
            Self::PlpInfo => "none".into(),
        }
    }

    fn set(self, value: &str) -> Result<Change, Fault> {
        match self {
            Self::LockKey => match value {
                "none" => Ok(Change::Unlock),
                "force" => Ok(Change::Force),
                key => match key.parse() {
                    Ok(key @ 1..) => Ok(Change::Lock(key)),
                    // Requests without a key mean 0, so nobody could hold it.
                    _ => Err(Fault::Malformed),
                },
            },
            Self::Channel | Self::VirtualChannel if value == "none" => Ok(Change::Leave),
            Self::Channel => {
                let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":+-_".contains(&byte);
                let fits = !value.is_empty() && value.len() <= MOST_CHANNEL && value.bytes().all(plain);
                fits.then(|| Change::Physical(value.to_owned())).ok_or(Fault::Malformed)
            }
            Self::VirtualChannel => {
                // A transcoding profile may follow, as for devices that have them.
                let number = value.split(' ').next().unwrap_or_default().parse().map_err(|_| Fault::NoChannel)?;
                if value.len() > MOST_CHANNEL {
                    return Err(Fault::Malformed);
                }
                Ok(Change::Tune(number, value.to_owned()))
            }
            Self::ChannelMap => {
                let map = CHANNEL_MAPS.iter().find(|map| **map == value);
                map.map(|map| Change::Map(map)).ok_or(Fault::NoChannelMap)
            }
            Self::Filter => (value.len() <= MOST_FILTER).then(|| Change::Filter(value.to_owned())).ok_or(Fault::Malformed),
            Self::Program => value.parse().map(Change::Program).map_err(|_| Fault::Malformed),
            Self::Target => Ok(Change::Target(if value == "none" { None } else { Some(value.parse()?) })),
            Self::Status | Self::VirtualStatus | Self::StreamInfo | Self::Debug | Self::PlpInfo => Err(Fault::Unknown),
        }
    }
}

/// Splits `/tuner0/status`.
fn tuner_variable(name: &str) -> Option<(u8, Variable)> {
    let (index, variable) = name.strip_prefix("/tuner")?.split_once('/')?;
    let index = Some(index).filter(|index| index.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    Some((index, Variable::named(variable)?))
}

/// A device as requests see it.
pub trait Tuners {
    /// How many there are.
    fn count(&self) -> u8;

    /// What a tuner shows.
    fn shown(&self, tuner: u8) -> Shown;

    /// Whether somebody with this key may change it.
    ///
    /// # Errors
    /// Whose it is, if not.
    fn may_change(&self, tuner: u8, key: Option<u32>) -> Result<(), IpAddr>;
}

/// Decides about a request.
///
/// # Errors
/// What the reply is to say instead of a value.
pub fn decide(request: &Request<'_>, tuners: &impl Tuners) -> Result<Decision, Fault> {
    if let Some((tuner, variable)) = tuner_variable(request.name).filter(|(tuner, _)| *tuner < tuners.count()) {
        let Some(value) = request.value else { return Ok(Decision::Say(variable.get(&tuners.shown(tuner)))) };
        let change = variable.set(value)?;
        if change != Change::Force {
            tuners.may_change(tuner, request.key).map_err(Fault::Locked)?;
        }
        return Ok(Decision::Change(tuner, change));
    }
    let constant = show::system(request.name).ok_or(Fault::Unknown)?;
    match request.value {
        None => Ok(Decision::Say(constant.to_owned())),
        Some(_) => Err(Fault::Unknown),
    }
}

#[cfg(test)]
mod tests;
