//! One medium of an SDP: its address, ports, filter and payload types.

use std::net::IpAddr;

use sdp_types::{Attribute, ConnectionAddress, NetType, Session, TypedAttribute};

use super::{Format, Kind, MOST_FORMATS, Media, Parameters, Rtcp, SdpError, Section, SourceFilter, Transport, bad, quote};
use crate::ingest::avp;

/// What becomes of a medium.
pub(super) enum Read {
    /// It can be received.
    Media(Media),
    /// It cannot, for this reason; what stands beside it may.
    LeftOut(SdpError),
    /// It is not sent at all.
    Inactive,
}

/// Reads a medium; `lines` are those of it, `session` and `session_lines` what stands before all media.
pub(super) fn read(
    media: &sdp_types::Media,
    lines: &Section,
    session: &Session,
    session_lines: &Section,
) -> Result<Read, SdpError> {
    let attributes = || media.attributes.iter().zip(lines.attributes.iter().copied());
    let session_attributes = || session.attributes.iter().zip(session_lines.attributes.iter().copied());
    if media.attributes.iter().any(|attribute| attribute.attribute == "inactive") {
        return Ok(Read::Inactive);
    }
    if media.port == 0 {
        let control = attributes().chain(session_attributes()).any(|(attribute, _)| attribute.attribute == "control");
        return Ok(if control { Read::LeftOut(SdpError::Rtsp { line: lines.line }) } else { Read::Inactive });
    }
    let kind = match media.media.to_ascii_lowercase().as_str() {
        "video" => Kind::Video,
        "audio" => Kind::Audio,
        _ => Kind::Other,
    };
    let transport = match transport(media, lines.line) {
        Ok(transport) => transport,
        Err(error) => return Ok(Read::LeftOut(error)),
    };
    if media.num_ports.is_some_and(|count| count > 1) {
        return Err(bad(lines.line, "a stream over several ports", "send it to one port"));
    }
    let formats = match transport {
        Transport::Rtp => formats(media, lines, kind)?,
        Transport::TransportStream => vec![],
    };
    let address = address(media, lines, session, session_lines)?;
    let filter = filter(attributes(), address.ip)?;
    let sources = if filter == SourceFilter::Any { self::filter(session_attributes(), address.ip)? } else { filter };
    let rtcp = rtcp(attributes(), media.port)?;
    let ttl = address.ttl.filter(|_| address.ip.is_multicast());
    let (line, port) = (lines.line, media.port);
    Ok(Read::Media(Media { kind, line, transport, address: address.ip, ttl, port, rtcp, sources, formats }))
}

fn transport(media: &sdp_types::Media, line: usize) -> Result<Transport, SdpError> {
    match media.proto.to_ascii_uppercase().as_str() {
        "RTP/AVP" | "RTP/AVPF" => Ok(Transport::Rtp),
        "UDP" | "MP2T/H2221/UDP" | "RAW/RAW/UDP"
            if media.fmt.split_ascii_whitespace().any(|format| matches!(format.to_ascii_uppercase().as_str(), "33" | "MP2T")) =>
        {
            Ok(Transport::TransportStream)
        }
        "UDP" => Err(bad(line, "bare UDP with something else than MP2T", "send RTP, or a transport stream")),
        proto if proto.contains("SAVP") => Err(bad(line, "encrypted RTP (SRTP)", "switch the encryption off at the sender")),
        proto if proto.contains("TCP") => Err(bad(line, "RTP over TCP", "send over UDP")),
        _ => Err(bad(line, format!("{} is not supported", quote(&media.proto)), "send RTP/AVP")),
    }
}

/// c= of the medium, or of the session (RFC 8866, 5.7).
fn address(media: &sdp_types::Media, lines: &Section, session: &Session, outer: &Section) -> Result<ConnectionAddress, SdpError> {
    let own = media.connections.first().zip(lines.connections.first());
    let Some((connection, &line)) = own.or_else(|| session.connection.as_ref().zip(outer.connections.first())) else {
        return Err(bad(lines.line, "no address for this medium", "add a line like c=IN IP4 239.0.0.1/32"));
    };
    if connection.nettype != NetType::In {
        return Err(bad(line, "no address of the Internet", "write c=IN IP4 and the address"));
    }
    let address = connection.try_address().map_err(|_| {
        let what = format!("{} is no IP address", quote(&connection.connection_address));
        bad(line, what, "write the address as a number: names are not resolved")
    })?;
    if address.count.is_some_and(|count| count > 1) {
        return Err(bad(line, "a stream over several groups", "send it to one group"));
    }
    Ok(address)
}

/// The payload types of m=, with what a=rtpmap and a=fmtp say (RFC 8866, 6.6 and 6.15).
fn formats(media: &sdp_types::Media, lines: &Section, kind: Kind) -> Result<Vec<Format>, SdpError> {
    let mut formats: Vec<Format> = Vec::new();
    for word in media.fmt.split_ascii_whitespace() {
        let payload_type: u8 = word.parse().ok().filter(|number| *number < 128).ok_or_else(|| {
            bad(lines.line, format!("{} is no payload type", quote(word)), "payload types are numbers from 0 to 127")
        })?;
        if formats.iter().any(|format| format.payload_type == payload_type) {
            continue;
        }
        if formats.len() == MOST_FORMATS {
            return Err(bad(lines.line, format!("more than {MOST_FORMATS} payload types"), "keep only those that are sent"));
        }
        formats.push(format(payload_type, media, lines, kind)?);
    }
    if formats.is_empty() {
        return Err(bad(lines.line, "no payload type", "add it to the end of the line: 33 for a transport stream"));
    }
    Ok(formats)
}

fn format(payload_type: u8, media: &sdp_types::Media, lines: &Section, kind: Kind) -> Result<Format, SdpError> {
    let mut found = avp::static_type(payload_type).map(|it| (it.encoding.to_owned(), it.clock_rate, it.channels, lines.line));
    let mut parameters = None;
    for (attribute, line) in media.attributes.iter().zip(lines.attributes.iter().copied()) {
        let value = attribute.value.as_deref().unwrap_or_default().trim();
        let Some(rest) = of_payload_type(value, payload_type) else { continue };
        match attribute.attribute.as_str() {
            "rtpmap" => {
                let bad = |what| bad(line, what, "write a=rtpmap:96 H264/90000, with your numbers and name");
                let map: sdp_types::RtpMap =
                    format!("{payload_type} {rest}").parse().map_err(|_| bad("a=rtpmap cannot be read"))?;
                if map.clock_rate == 0 || map.encoding_name.is_empty() {
                    return Err(bad("a=rtpmap has no name or no clock rate"));
                }
                let channels = map.encoding_params.as_deref().map_or(Ok(1), |text| text.trim().parse());
                let channels: u8 =
                    channels.ok().filter(|count| *count > 0).ok_or_else(|| bad("the number of channels cannot be read"))?;
                found = Some((map.encoding_name, map.clock_rate, (kind == Kind::Audio).then_some(channels), line));
            }
            sdp_types::Fmtp::NAME if parameters.is_none() => parameters = Some((Parameters::parse(rest), line)),
            _ => {}
        }
    }
    let (encoding, clock_rate, channels, line) = found.ok_or_else(|| {
        let what = format!("nothing says what payload type {payload_type} is");
        bad(lines.line, what, "add a line like a=rtpmap:96 H264/90000")
    })?;
    let (parameters, line) = parameters.unwrap_or((Parameters::default(), line));
    Ok(Format { payload_type, encoding, clock_rate, channels, parameters, line })
}

/// What stands behind the payload type, if it is this one.
fn of_payload_type(value: &str, payload_type: u8) -> Option<&str> {
    let (number, rest) = value.split_once(char::is_whitespace)?;
    (number.parse() == Ok(payload_type)).then_some(rest.trim())
}

/// a=source-filter (RFC 4570): those for this address; the first kind of filter counts.
fn filter<'a>(attributes: impl Iterator<Item = (&'a Attribute, usize)>, address: IpAddr) -> Result<SourceFilter, SdpError> {
    let mut filter = SourceFilter::Any;
    for (attribute, line) in attributes.filter(|(attribute, _)| attribute.attribute == "source-filter") {
        let remedy = "write a=source-filter: incl IN IP4, the group, and the sender's address";
        let mut words = attribute.value.as_deref().unwrap_or_default().split_ascii_whitespace();
        let (mode, _, _, group) = (words.next(), words.next(), words.next(), words.next());
        let group = group.ok_or_else(|| bad(line, "a=source-filter is too short", remedy))?;
        if group != "*" && group.parse() != Ok(address) {
            continue;
        }
        let read = |word: &str| word.parse().map_err(|_| bad(line, format!("{} is no IP address", quote(word)), remedy));
        let new: Vec<IpAddr> = words.take(MOST_FORMATS + 1).map(read).collect::<Result<_, _>>()?;
        if new.is_empty() {
            return Err(bad(line, "a=source-filter names no sender", remedy));
        }
        if new.iter().any(|source| source.is_ipv4() != address.is_ipv4()) {
            return Err(bad(line, "a sender of another family than the address", remedy));
        }
        match (mode, &mut filter) {
            (Some("incl"), SourceFilter::Any) => filter = SourceFilter::Include(new),
            (Some("excl"), SourceFilter::Any) => filter = SourceFilter::Exclude(new),
            (Some("incl"), SourceFilter::Include(list)) | (Some("excl"), SourceFilter::Exclude(list)) => list.extend(new),
            (Some("incl" | "excl"), _) => {}
            _ => return Err(bad(line, "a=source-filter has neither incl nor excl", remedy)),
        }
        if let SourceFilter::Include(list) | SourceFilter::Exclude(list) = &filter
            && list.len() > MOST_FORMATS
        {
            return Err(bad(line, format!("more than {MOST_FORMATS} senders"), "keep only those that send"));
        }
    }
    Ok(filter)
}

/// a=rtcp (RFC 3605, 2.1) and a=rtcp-mux (RFC 5761, 5.1.1).
fn rtcp<'a>(attributes: impl Iterator<Item = (&'a Attribute, usize)> + Clone, port: u16) -> Result<Rtcp, SdpError> {
    if attributes.clone().any(|(attribute, _)| attribute.attribute == "rtcp-mux") {
        return Ok(Rtcp { port: Some(port), address: None, mux: true });
    }
    let mut rtcp = Rtcp { port: port.checked_add(1), address: None, mux: false };
    // Without a number it is live555's "a=rtcp:unicast reflection", which says something else.
    let told = attributes.filter(|(attribute, _)| attribute.attribute == "rtcp").find_map(|(attribute, line)| {
        let value = attribute.value.as_deref()?.trim();
        value.starts_with(|first: char| first.is_ascii_digit()).then_some((value, line))
    });
    if let Some((value, line)) = told {
        let bad = |what| bad(line, what, "write a=rtcp: and the port");
        let mut words = value.split_ascii_whitespace();
        let port = words.next().and_then(|word| word.parse().ok()).filter(|port| *port > 0);
        rtcp.port = Some(port.ok_or_else(|| bad("a=rtcp has no port"))?);
        rtcp.address = match words.nth(2) {
            Some(word) => Some(word.parse().map_err(|_| bad("the address of a=rtcp is no IP address"))?),
            None => None,
        };
    }
    Ok(rtcp)
}
