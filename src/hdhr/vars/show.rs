//! What variables say: the lines that clients take apart. Pure.

use std::fmt::Display;
use std::net::IpAddr;

use super::super::device::{FIRMWARE_NAME, FIRMWARE_VERSION, MODEL};
use super::super::status::frequency_hz;
use super::super::target::Target;
use crate::model::GuideNumber;

/// Sessions carry one programme, and `ts::splice` gives it this number.
const PROGRAM: u32 = 1;
/// Longest line of `streaminfo`.
const MOST_LINE: usize = 63;

const FEATURES: &str = "channelmap: us-bcast us-cable us-hrc us-irc\n\
                        modulation: 8vsb qam256 qam64\n\
                        auto-modulation: auto auto6t auto6c qam\n";
const COPYRIGHT: &str = "Rooftop is free software under the MIT licence.";
const HELP: &str = "Supported configuration options:\n\
                    /sys/copyright\n/sys/features\n/sys/hwmodel\n/sys/model\n/sys/version\n\
                    /tuner<n>/channel <modulation>:<freq|ch>\n/tuner<n>/channelmap <channelmap>\n/tuner<n>/debug\n\
                    /tuner<n>/filter \"0x<nnnn>-0x<nnnn> [...]\"\n/tuner<n>/lockkey\n/tuner<n>/plpinfo\n\
                    /tuner<n>/program <program number>\n/tuner<n>/status\n/tuner<n>/streaminfo\n\
                    /tuner<n>/target <ip>:<port>\n/tuner<n>/vchannel <vchannel>\n/tuner<n>/vstatus\n";

/// Variables that are always the same.
pub(super) fn system(name: &str) -> Option<&'static str> {
    Some(match name {
        "help" => HELP,
        "/sys/model" => FIRMWARE_NAME,
        "/sys/hwmodel" => MODEL,
        "/sys/version" => FIRMWARE_VERSION,
        "/sys/features" => FEATURES,
        "/sys/copyright" => COPYRIGHT,
        _ => return None,
    })
}

/// A tuner as it shows itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// `channel` as it was set.
    pub physical: Option<String>,
    /// `vchannel` as it was set.
    pub remembered: Option<GuideNumber>,
    /// `channelmap`.
    pub map: &'static str,
    /// `filter`.
    pub filter: String,
    /// `program` as it was set.
    pub program_set: Option<u32>,
    /// `target`.
    pub target: Option<Target>,
    /// Who has locked it.
    pub locked_by: Option<IpAddr>,
    /// Who watches it over HTTP.
    pub watched_by: Option<IpAddr>,
    /// What it receives.
    pub signal: Signal,
}

/// What a tuner receives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Signal {
    /// It is not in use.
    #[default]
    Idle,
    /// A channel is being opened.
    Tuning(GuideNumber),
    /// It could not be opened.
    Failed(GuideNumber),
    /// A channel is on air.
    Locked(OnAir),
}

/// A channel on air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnAir {
    /// Its number.
    pub number: GuideNumber,
    /// Its name.
    pub name: String,
    /// Bits a second.
    pub bits_per_second: u64,
    /// Transport packets a second.
    pub packets_per_second: u64,
    /// Packets missing.
    pub missed: u64,
    /// It cannot be descrambled here.
    pub scrambled: bool,
}

impl Shown {
    /// The number it is tuned to, or was last.
    pub(super) fn number(&self) -> Option<&GuideNumber> {
        match &self.signal {
            Signal::Idle => self.remembered.as_ref(),
            Signal::Tuning(number) | Signal::Failed(number) => Some(number),
            Signal::Locked(on_air) => Some(&on_air.number),
        }
    }

    pub(super) fn program(&self) -> Option<u32> {
        self.program_set.or(matches!(self.signal, Signal::Locked(_)).then_some(PROGRAM))
    }

    /// Whose it is: real devices show HTTP clients as owners of a lock too.
    pub(super) fn owner(&self) -> Option<IpAddr> {
        self.locked_by.or(self.watched_by)
    }

    /// Datagrams a second that leave for a client.
    fn datagrams_per_second(&self, on_air: &OnAir) -> u64 {
        if self.target.is_some() || self.watched_by.is_some() { on_air.packets_per_second / 7 } else { 0 }
    }
}

pub(super) fn or_none(value: Option<impl Display>) -> String {
    value.map_or_else(|| "none".into(), |value| value.to_string())
}

/// `channel`: what a tuner of an antenna would be set to.
pub(super) fn channel(shown: &Shown) -> String {
    match &shown.signal {
        Signal::Idle => or_none(shown.physical.as_ref()),
        Signal::Tuning(number) | Signal::Failed(number) => broadcast(number),
        Signal::Locked(on_air) => broadcast(&on_air.number),
    }
}

fn broadcast(number: &GuideNumber) -> String {
    format!("8vsb:{}", frequency_hz(number))
}

/// `ch=` to `seq=`. A channel that is being opened has a signal already: clients wait for its lock only then.
fn reception(shown: &Shown) -> String {
    let (lock, strength, quality) = match shown.signal {
        Signal::Idle | Signal::Failed(_) => ("none", 0, 0),
        Signal::Tuning(_) => ("none", 100, 0),
        Signal::Locked(_) => ("8vsb", 100, 100),
    };
    format!("ch={} lock={lock} ss={strength} snq={quality} seq={quality}", channel(shown))
}

/// `status`: tokens of `key=value`, one `=` each, because Home Assistant splits there.
pub(super) fn status(shown: &Shown) -> String {
    let (bits, datagrams) = match &shown.signal {
        Signal::Locked(on_air) => (on_air.bits_per_second, shown.datagrams_per_second(on_air)),
        _ => (0, 0),
    };
    format!("{} bps={bits} pps={datagrams}", reception(shown))
}

/// `vstatus`.
pub(super) fn virtual_status(shown: &Shown) -> String {
    let name = match &shown.signal {
        Signal::Locked(on_air) => on_air.name.as_str(),
        _ => "none",
    };
    format!("vch={} name={name} auth=unspecified cci=none cgms=none", or_none(shown.number()))
}

/// `streaminfo`: the programmes of the stream, which is one.
pub(super) fn stream_info(shown: &Shown) -> String {
    let Signal::Locked(on_air) = &shown.signal else { return "none".into() };
    let flag = if on_air.scrambled { " (encrypted)" } else { "" };
    let mut line = format!("{PROGRAM}: {} ", on_air.number);
    for letter in on_air.name.chars().filter(|letter| !letter.is_control()) {
        if line.len() + letter.len_utf8() + flag.len() > MOST_LINE {
            break;
        }
        line.push(letter);
    }
    format!("{}{flag}\ntsid=0x0001\n", line.trim_end())
}

/// `debug`, in the lines that libhdhomerun's log shows.
pub(super) fn debug(shown: &Shown) -> String {
    let (bits, missed, datagrams) = match &shown.signal {
        Signal::Locked(on_air) => (on_air.bits_per_second, on_air.missed, shown.datagrams_per_second(on_air)),
        _ => (0, 0, 0),
    };
    format!(
        "tun: {} dbg=0\ndev: bps={bits} resync=0 overflow=0\nts:  bps={bits} te=0 crc=0 miss={missed}\nflt: bps={bits}\n\
         net: pps={datagrams} err=0 stop=0\n",
        reception(shown)
    )
}
