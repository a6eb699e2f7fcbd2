//! What an SDP (RFC 8866) describes for whoever wants to receive it: where media come from, and what their payloads are. Pure.
//!
//! Only what can be received is read: RTP over UDP and bare transport streams over UDP. Everything else is left out if it stands
//! beside that, or refused, with the line and what to do. Names are not resolved: addresses have to be numbers.

mod lines;
mod media;
mod parameters;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use lines::{Lines, Section};
pub use parameters::Parameters;

/// The longest description that is read, in bytes.
pub const LONGEST: usize = 64 * 1024;
/// So many media are read, and refused beyond.
pub const MOST_MEDIA: usize = 32;
/// So many payload types of a medium, or sources of a filter.
pub const MOST_FORMATS: usize = 32;

/// What is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// s=, where it says something.
    pub name: Option<String>,
    /// What can be received; at least one.
    pub media: Vec<Media>,
}

/// A medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// What it is.
    pub kind: Kind,
    /// Line of its m=, counted from 1.
    pub line: usize,
    /// What is in the datagrams.
    pub transport: Transport,
    /// The group to join, or this machine's own address, or the unspecified one.
    pub address: IpAddr,
    /// Time to live that the sender uses; of IPv4 groups only.
    pub ttl: Option<u8>,
    /// UDP port of the media.
    pub port: u16,
    /// Where RTCP comes and goes.
    pub rtcp: Rtcp,
    /// Whose datagrams are taken.
    pub sources: SourceFilter,
    /// Its payload types, the preferred one first; none for a bare transport stream.
    pub formats: Vec<Format>,
}

/// The kind of a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pictures, or a transport stream with anything in it.
    Video,
    /// Sound.
    Audio,
    /// Anything else.
    Other,
}

/// What is in the datagrams of a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// RTP (RFC 3550).
    Rtp,
    /// Packets of a transport stream, without RTP.
    TransportStream,
}

/// Where RTCP comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rtcp {
    /// UDP port: that of a=rtcp (RFC 3605), or the next one to that of the media, or the same (a=rtcp-mux). `None` where there
    /// is no such port.
    pub port: Option<u16>,
    /// Address, where it is another than that of the media.
    pub address: Option<IpAddr>,
    /// RTP and RTCP share a port (RFC 5761).
    pub mux: bool,
}

/// Whose datagrams are taken (RFC 4570).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SourceFilter {
    /// Anybody's.
    #[default]
    Any,
    /// Only theirs: with a group this is source-specific multicast.
    Include(Vec<IpAddr>),
    /// Anybody's but theirs.
    Exclude(Vec<IpAddr>),
}

/// A payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// 0 to 127.
    pub payload_type: u8,
    /// Encoding name, as it is written: names do not differ by case.
    pub encoding: String,
    /// Hertz, at least 1.
    pub clock_rate: u32,
    /// Channels of sound; 1 where it does not say.
    pub channels: Option<u8>,
    /// a=fmtp.
    pub parameters: Parameters,
    /// Line of its a=fmtp or a=rtpmap, or of the m=.
    pub line: usize,
}

impl Media {
    /// Whether it goes to a group.
    pub fn is_multicast(&self) -> bool {
        self.address.is_multicast()
    }

    /// What a payload type is.
    pub fn format(&self, payload_type: u8) -> Option<&Format> {
        self.formats.iter().find(|format| format.payload_type == payload_type)
    }
}

/// Why a description cannot be taken: which line, and what to do. Holds of the text at most a word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Beyond [`LONGEST`].
    #[error("the description has more than {LONGEST} bytes: it is no SDP")]
    TooLong,
    /// Another thing altogether.
    #[error("no line v=0: this is no SDP; paste what the sender writes, from its v=0 on")]
    NotSdp,
    /// Nothing to be received.
    #[error("nothing in it can be received: it needs a line like m=video 5004 RTP/AVP 33")]
    NoMedia,
    /// Ports are agreed upon by RTSP.
    #[error("line {line}: port 0 means that the stream is fetched by RTSP; this needs a sender that sends to a port")]
    Rtsp {
        /// Counted from 1.
        line: usize,
    },
    /// A line.
    #[error("line {line}: {what}; {remedy}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
}

impl SdpError {
    /// The line that is wrong, counted from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Rtsp { line } | Self::Line { line, .. } => Some(*line),
            _ => None,
        }
    }
}

impl Description {
    /// Reads a description. What stands before its v=0 is passed over: ffmpeg prints `SDP:` there.
    ///
    /// # Errors
    /// When it is none, or nothing of it can be received.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        if text.len() > LONGEST {
            return Err(SdpError::TooLong);
        }
        let lines = Lines::of(text).ok_or(SdpError::NotSdp)?;
        let session = sdp_types::Session::parse(lines.text().as_bytes()).map_err(|error| lines.error(&error))?;
        if session.medias.len() > MOST_MEDIA {
            let line = lines.media(MOST_MEDIA).map_or(1, |section| section.line);
            return Err(bad(line, format!("more than {MOST_MEDIA} media"), "describe only those that are to be received"));
        }
        let (mut found, mut left_out) = (Vec::new(), None);
        for (n, media) in session.medias.iter().enumerate() {
            let Some(section) = lines.media(n) else { continue };
            match media::read(media, section, &session, lines.session())? {
                media::Read::Media(media) => found.push(media),
                media::Read::LeftOut(error) => left_out = left_out.or(Some(error)),
                media::Read::Inactive => {}
            }
        }
        if found.is_empty() {
            return Err(left_out.unwrap_or(SdpError::NoMedia));
        }
        let name = session.session_name.trim();
        let name = Some(name).filter(|name| !matches!(*name, "" | "-" | "No Name")).map(|name| name.chars().take(200).collect());
        Ok(Self { name, media: found })
    }

    /// What a payload type is, whichever medium it belongs to.
    pub fn format(&self, payload_type: u8) -> Option<&Format> {
        self.media.iter().find_map(|media| media.format(payload_type))
    }
}

/// An error about a line.
fn bad(line: usize, what: impl Into<String>, remedy: &'static str) -> SdpError {
    SdpError::Line { line, what: what.into(), remedy }
}

/// A word of the text, for people: not too long, nothing that a terminal would obey.
fn quote(word: &str) -> String {
    format!("{:?}", word.chars().take(40).collect::<String>())
}
