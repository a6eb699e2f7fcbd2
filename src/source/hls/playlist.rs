//! Playlists of HLS (RFC 8216, section 4), read with `m3u8-rs` and resolved: absolute addresses, ranges with offsets, keys and
//! initialisation sections carried on to every segment they apply to.
//!
//! Pure. Must not know how anything is fetched.

#[cfg(test)]
mod tests;
mod tidy;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::source::SourceError;

/// Longest playlist that is read: some 20,000 segments.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A playlist.
#[derive(Debug, Clone, PartialEq)]
pub enum Playlist {
    /// Of variants and renditions.
    Master(Master),
    /// Of segments.
    Media(Media),
}

/// A master playlist (RFC 8216, 4.3.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Master {
    /// The same programme in several qualities.
    pub variants: Vec<Variant>,
    /// Audio beside the variants.
    pub audio: Vec<Rendition>,
}

/// One quality (`EXT-X-STREAM-INF`).
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its media playlist.
    pub url: Url,
    /// Peak, in bits a second.
    pub bandwidth: u64,
    /// `CODECS`.
    pub codecs: Option<String>,
    /// Whether it says that it has a picture.
    pub picture: bool,
    /// Group of the audio renditions that belong to it.
    pub audio: Option<String>,
}

/// An audio rendition (`EXT-X-MEDIA` of type `AUDIO`).
#[derive(Debug, Clone, PartialEq)]
pub struct Rendition {
    /// Group that variants name.
    pub group: String,
    /// Its media playlist; `None`: it is in the variant's own segments.
    pub url: Option<Url>,
    /// `DEFAULT=YES`.
    pub default: bool,
    /// `AUTOSELECT=YES`.
    pub autoselect: bool,
    /// `LANGUAGE`.
    pub language: Option<String>,
}

/// A media playlist (RFC 8216, 4.3.3).
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// `EXT-X-TARGETDURATION`, at least a tenth of a second.
    pub target: Duration,
    /// `EXT-X-ENDLIST`: nothing will follow.
    pub ended: bool,
    /// In order; sequence numbers are consecutive.
    pub segments: Vec<Segment>,
}

/// A media segment (RFC 8216, 4.3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Media sequence number.
    pub sequence: u64,
    /// Where it is.
    pub url: Url,
    /// Part of the resource, if not the whole.
    pub range: Option<Range>,
    /// `EXTINF`.
    pub duration: Duration,
    /// `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
    /// `EXT-X-GAP`: it is not there and must not be asked for.
    pub gap: bool,
    /// How it is encrypted.
    pub encryption: Encryption,
    /// What must be read before it (`EXT-X-MAP`).
    pub map: Option<Arc<Map>>,
}

/// Part of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First byte.
    pub first: u64,
    /// Number of bytes.
    pub count: u64,
}

/// Encryption of a segment (`EXT-X-KEY`).
#[derive(Debug, Clone, PartialEq)]
pub enum Encryption {
    /// None.
    Clear,
    /// The whole segment, AES-128 in CBC mode with PKCS#7 padding.
    Aes128(Arc<Key>),
    /// Another method, by name, that cannot be decrypted here.
    Other(Arc<str>),
}

/// A key of AES-128.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Where the 16 bytes are.
    pub url: Url,
    /// Initialisation vector; `None`: the media sequence number.
    pub iv: Option<[u8; 16]>,
}

/// An initialisation section.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Where it is.
    pub url: Url,
    /// Part of the resource, if not the whole.
    pub range: Option<Range>,
    /// How it is encrypted.
    pub encryption: Encryption,
}

/// Reads a playlist that came from `base`.
///
/// # Errors
/// When it is none, or names nothing to play.
pub fn parse(text: &[u8], base: &Url) -> Result<Playlist, SourceError> {
    let tidy = tidy::tidy(text);
    match m3u8_rs::parse_playlist_res(tidy.as_bytes()) {
        Ok(m3u8_rs::Playlist::MasterPlaylist(master)) => Ok(Playlist::Master(resolve_master(&master, base)?)),
        Ok(m3u8_rs::Playlist::MediaPlaylist(media)) => Ok(Playlist::Media(resolve_media(&media, base)?)),
        Err(_) => Err(broken("the playlist cannot be read")),
    }
}

pub(super) fn broken(reason: impl Into<String>) -> SourceError {
    SourceError::Hls { reason: reason.into() }
}

/// An address in a playlist. Only HTTP is followed: a playlist from elsewhere must not name files of this machine.
fn resolve(uri: &str, base: &Url) -> Result<Url, SourceError> {
    let mut url = base.join(uri.trim()).map_err(|error| broken(format!("a bad address in the playlist: {error}")))?;
    url.set_fragment(None);
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(broken(format!("an address of scheme {scheme:?} in the playlist"))),
    }
}

fn resolve_master(master: &m3u8_rs::MasterPlaylist, base: &Url) -> Result<Master, SourceError> {
    let variant = |variant: &m3u8_rs::VariantStream| {
        Some(Variant {
            url: resolve(&variant.uri, base).ok()?,
            bandwidth: variant.bandwidth,
            codecs: variant.codecs.clone(),
            picture: variant.resolution.is_some() || variant.frame_rate.is_some(),
            audio: variant.audio.clone(),
        })
    };
    let listed = master.variants.iter().filter(|variant| !variant.is_i_frame && !variant.uri.is_empty());
    let variants: Vec<Variant> = listed.filter_map(variant).collect();
    if variants.is_empty() {
        return Err(broken("the master playlist names no variant"));
    }
    let audio = master.alternatives.iter().filter(|media| media.media_type == m3u8_rs::AlternativeMediaType::Audio);
    let rendition = |media: &m3u8_rs::AlternativeMedia| Rendition {
        group: media.group_id.clone(),
        url: media.uri.as_deref().and_then(|uri| resolve(uri, base).ok()),
        default: media.default,
        autoselect: media.autoselect,
        language: media.language.clone(),
    };
    Ok(Master { variants, audio: audio.map(rendition).collect() })
}

fn resolve_media(media: &m3u8_rs::MediaPlaylist, base: &Url) -> Result<Media, SourceError> {
    if media.i_frames_only {
        return Err(broken("the playlist holds key frames only"));
    }
    let mut resolver = Resolver { base, encryption: Encryption::Clear, map: None, after: None };
    let numbered = media.segments.iter().zip(media.media_sequence..);
    let segments = numbered.map(|(segment, sequence)| resolver.segment(segment, sequence)).collect::<Result<Vec<_>, _>>()?;
    let longest = segments.iter().map(|segment| segment.duration).max().unwrap_or_default();
    // A playlist that does not say is as long as its longest segment.
    let target = if media.target_duration == 0 { longest } else { Duration::from_secs(media.target_duration.min(3600)) };
    Ok(Media { target: target.max(Duration::from_millis(100)), ended: media.end_list, segments })
}

/// What one tag says applies to the segments after it.
struct Resolver<'a> {
    base: &'a Url,
    encryption: Encryption,
    map: Option<Arc<Map>>,
    /// Resource and end of the last range: a range without an offset goes on there.
    after: Option<(Url, u64)>,
}

impl Resolver<'_> {
    fn segment(&mut self, segment: &m3u8_rs::MediaSegment, sequence: u64) -> Result<Segment, SourceError> {
        let before = self.encryption.clone();
        if let Some(key) = &segment.key {
            self.encryption = self.key(key)?;
        }
        if let Some(map) = &segment.map {
            let range = map.byte_range.as_ref().map(|range| Range { first: range.offset.unwrap_or(0), count: range.length });
            let url = resolve(&map.uri, self.base)?;
            let early = map.other_attributes.contains_key(tidy::EARLY);
            let encryption = if early { before } else { self.encryption.clone() };
            self.map = Some(Arc::new(Map { url, range, encryption }));
        }
        let url = resolve(&segment.uri, self.base)?;
        let range = segment.byte_range.as_ref().map(|range| {
            let follows = self.after.take().filter(|(resource, _)| *resource == url).map_or(0, |(_, end)| end);
            Range { first: range.offset.unwrap_or(follows), count: range.length }
        });
        self.after = range.map(|range| (url.clone(), range.first.saturating_add(range.count)));
        let seconds = f64::from(segment.duration).clamp(0.0, 3600.0);
        Ok(Segment {
            sequence,
            url,
            range,
            // To the millisecond: the library reads single precision.
            duration: Duration::from_millis((seconds * 1000.0).round() as u64),
            discontinuity: segment.discontinuity,
            gap: segment.unknown_tags.iter().any(|tag| tag.tag == "X-GAP"),
            encryption: self.encryption.clone(),
            map: self.map.clone(),
        })
    }

    fn key(&self, key: &m3u8_rs::Key) -> Result<Encryption, SourceError> {
        let other = |name: &str| Ok(Encryption::Other(Arc::from(name)));
        match &key.method {
            m3u8_rs::KeyMethod::None => Ok(Encryption::Clear),
            m3u8_rs::KeyMethod::AES128 if key.keyformat.as_deref().is_none_or(|format| format == "identity") => {
                let uri = key.uri.as_deref().ok_or_else(|| broken("a key without an address"))?;
                let iv = key.iv.as_deref().map(|iv| iv_bytes(iv).ok_or_else(|| broken("a bad initialisation vector")));
                Ok(Encryption::Aes128(Arc::new(Key { url: resolve(uri, self.base)?, iv: iv.transpose()? })))
            }
            m3u8_rs::KeyMethod::AES128 => other("a DRM"),
            m3u8_rs::KeyMethod::SampleAES => other("SAMPLE-AES"),
            m3u8_rs::KeyMethod::Other(name) => other(&name.chars().take(32).collect::<String>()),
        }
    }
}

/// A hexadecimal number of 128 bits, leading zeros left out or not (RFC 8216, 4.2).
fn iv_bytes(text: &str) -> Option<[u8; 16]> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    (digits.len() <= 32).then(|| u128::from_str_radix(digits, 16).ok()).flatten().map(u128::to_be_bytes)
}
