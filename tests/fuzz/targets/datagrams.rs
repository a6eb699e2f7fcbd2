//! What is fuzzed, as datagrams.

/// Each is a byte that says how it comes, two that say how long it is, and so many bytes.
pub fn datagrams(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[how, high, low], rest) = bytes.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (datagram, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        bytes = rest;
        Some((how, datagram))
    })
}
