//! What of a session description is received, and as what. Pure.

use super::super::assembly;
use crate::ingest::sdp::{Description, Format, Media, Transport};

/// Looks at a description without binding anything.
///
/// # Errors
/// When it is none, or nothing of it can be taken: in words.
pub fn check(text: &str) -> Result<(), String> {
    taken(&Description::parse(text).map_err(|error| error.to_string())?).map(drop)
}

/// Media, with the format that is taken of each.
pub(super) type Taken<'a> = Vec<(&'a Media, Format)>;
/// Lines of media that are not taken, and why.
pub(super) type LeftOut = Vec<(usize, String)>;

/// What of a description can be taken, and what cannot. Pure.
pub(super) fn taken(description: &Description) -> Result<(Taken<'_>, LeftOut), String> {
    let (mut taken, mut left_out) = (Vec::new(), Vec::new());
    for medium in &description.media {
        match chosen(medium) {
            Ok(format) => taken.push((medium, format)),
            Err(reason) => left_out.push((medium.line, reason)),
        }
    }
    match left_out.last() {
        Some((_, reason)) if taken.is_empty() => Err(reason.clone()),
        _ => Ok((taken, left_out)),
    }
}

/// The first format of a medium that can be taken.
fn chosen(medium: &Media) -> Result<Format, String> {
    if medium.transport == Transport::TransportStream {
        return Err("it is a transport stream without RTP; make it a source with udp:// instead".to_owned());
    }
    let mut refused = "it has no payload type".to_owned();
    for format in &medium.formats {
        if format.encoding.eq_ignore_ascii_case("mp2t") {
            return Err("it is a transport stream; rtp.listen takes it without a description".to_owned());
        }
        match assembly::track(format) {
            Ok(_) => return Ok(format.clone()),
            Err(refusal) => refused = refusal.to_string(),
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_taken_is_left_out_with_its_line() {
        let text = "v=0\nc=IN IP4 0.0.0.0\nm=video 5010 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 5012 RTP/AVP 8\n";
        let description = Description::parse(text).unwrap();
        let (taken, left_out) = taken(&description).unwrap();
        assert_eq!(
            taken.iter().map(|(medium, format)| (medium.port, format.encoding.as_str())).collect::<Vec<_>>(),
            [(5010, "H264")]
        );
        assert_eq!(left_out.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [5]);
        assert!(left_out[0].1.contains("PCMA"), "{left_out:?}");
        assert!(check(text).is_ok());
        assert!(check("v=0\nc=IN IP4 0.0.0.0\nm=audio 5012 RTP/AVP 8\n").unwrap_err().contains("PCMA"));
    }
}
