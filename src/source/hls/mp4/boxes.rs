//! Boxes of ISO base media files (ISO/IEC 14496-12, 4.2). Containers are walked here, so that a box that nobody needs cannot
//! break one that somebody does; what lies in them is read with `mp4-atom`. Pure.

use mp4_atom::Atom;

/// Four letters.
pub type Kind = [u8; 4];

/// A box's header: its kind, the length of the header, and the length of the body; none if it goes on to the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which box.
    pub kind: Kind,
    /// Bytes of the header: 8 or 16.
    pub length: usize,
    /// Bytes behind it.
    pub body: Option<u64>,
}

/// Why a box's header is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Impossible;

/// Reads a header; `None` if more bytes are needed.
pub fn header(bytes: &[u8]) -> Option<Result<Header, Impossible>> {
    let (&[a, b, c, d, k, i, n, e], rest) = bytes.split_first_chunk::<8>()?;
    let kind = [k, i, n, e];
    Some(match u32::from_be_bytes([a, b, c, d]) {
        0 => Ok(Header { kind, length: 8, body: None }),
        1 => {
            let size = u64::from_be_bytes(*rest.first_chunk::<8>()?);
            size.checked_sub(16).map(|body| Header { kind, length: 16, body: Some(body) }).ok_or(Impossible)
        }
        size => u64::from(size).checked_sub(8).map(|body| Header { kind, length: 8, body: Some(body) }).ok_or(Impossible),
    })
}

/// The boxes in a body, as kind and body; ends at one that does not fit.
pub fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = (Kind, &[u8])> {
    std::iter::from_fn(move || {
        let header = header(bytes)?.ok()?;
        let rest = bytes.get(header.length..)?;
        let body = header.body.map_or(Some(rest.len()), |body| usize::try_from(body).ok())?;
        let (body, after) = rest.split_at_checked(body)?;
        bytes = after;
        Some((header.kind, body))
    })
}

/// The first box along a path of containers.
pub fn find<'a>(bytes: &'a [u8], path: &[&Kind]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, kind| boxes(bytes).find(|(found, _)| found == *kind).map(|(_, body)| body))
}

/// Reads a box's body.
///
/// # Errors
/// Its name and what is wrong with it.
pub fn read<T: Atom>(mut body: &[u8]) -> Result<T, String> {
    T::decode_body(&mut body).map_err(|error| format!("{}: {error}", T::KIND))
}

/// The field of 32 bits at an offset.
pub fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|field| u32::from_be_bytes(*field))
}

/// A kind as text.
pub fn name(kind: Kind) -> String {
    kind.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers() {
        let head = |bytes: &[u8]| header(bytes).map(|header| header.map(|header| (header.length, header.body)));
        assert_eq!(head(b"\0\0\0\x0Cmoof1234"), Some(Ok((8, Some(4)))));
        assert_eq!(head(b"\0\0\0\0mdat"), Some(Ok((8, None))));
        assert_eq!(head(b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\x10"), Some(Ok((16, Some(1 << 32)))));
        assert_eq!(head(b"\0\0\0\x07mdat"), Some(Err(Impossible)));
        assert_eq!((head(b"\0\0\0\x01mdat\0\0\0"), head(b"\0\0")), (None, None));
    }

    #[test]
    fn paths() {
        let bytes = b"\0\0\0\x09freeX\0\0\0\x19moov\0\0\0\x11trak\0\0\0\x09tkhdY";
        assert_eq!(find(bytes, &[b"moov", b"trak", b"tkhd"]), Some(&b"Y"[..]));
        assert_eq!(find(bytes, &[b"moov", b"mdia"]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(boxes(&bytes).count() <= bytes.len() / 8);
        }
    }
}
