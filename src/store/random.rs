//! Random things that are made once and kept: ids, keys, tokens.

use crate::model::DeviceId;

use super::StoreError;

/// 64 characters that need no escaping in a URL (RFC 4648, section 5).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn bytes<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(StoreError::Random)?;
    Ok(bytes)
}

/// `N` URL-safe characters of 6 random bits each.
pub(super) fn url_safe<const N: usize>() -> Result<String, StoreError> {
    let character = |byte: u8| char::from(ALPHABET.get(usize::from(byte & 0x3F)).copied().unwrap_or(b'A'));
    Ok(bytes::<N>()?.into_iter().map(character).collect())
}

/// A valid device id.
pub(super) fn device_id() -> Result<DeviceId, StoreError> {
    Ok(DeviceId::from_random(u32::from_be_bytes(bytes()?)))
}

/// A UUID of version 4 (RFC 9562, section 5.4).
pub(super) fn uuid() -> Result<String, StoreError> {
    let bits = u128::from_be_bytes(bytes()?);
    let bits = bits & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_their_version_and_variant() {
        for _ in 0..100 {
            let uuid = uuid().unwrap();
            let parts: Vec<&str> = uuid.split('-').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{uuid}");
            assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
        }
        assert_ne!(uuid().unwrap(), uuid().unwrap());
    }

    #[test]
    fn keys_have_their_length_and_differ() {
        let key = url_safe::<24>().unwrap();
        assert!(key.len() == 24 && key.bytes().all(|byte| ALPHABET.contains(&byte)), "{key}");
        assert_ne!(key, url_safe::<24>().unwrap());
    }
}
