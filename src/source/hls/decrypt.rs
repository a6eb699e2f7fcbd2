//! AES-128 in CBC mode with PKCS#7 padding (RFC 8216, 5.2), as the bytes come. Pure.

use aes::Aes128;
use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockDecryptMut, KeyIvInit};
use bytes::{Bytes, BytesMut};

const BLOCK: usize = 16;

/// Decrypts one segment. At most a block is kept back: only at the end is it known which one is padded.
pub struct Decryptor {
    cipher: cbc::Decryptor<Aes128>,
    kept: BytesMut,
}

impl std::fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decryptor").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

impl Decryptor {
    /// For a key and an initialisation vector.
    pub fn new(key: &[u8; BLOCK], iv: &[u8; BLOCK]) -> Self {
        Self { cipher: cbc::Decryptor::new(key.into(), iv.into()), kept: BytesMut::new() }
    }

    /// The vector of a segment that has none of its own: its number (RFC 8216, 5.2).
    pub fn iv_of(sequence: u64) -> [u8; BLOCK] {
        u128::from(sequence).to_be_bytes()
    }

    /// More bytes; gives what is certain by now, which may be nothing.
    pub fn push(&mut self, bytes: &[u8]) -> Bytes {
        self.kept.extend_from_slice(bytes);
        // The last whole block stays, even if complete: it may be the padded one.
        let whole = self.kept.len().saturating_sub(1) / BLOCK * BLOCK;
        let mut ready = self.kept.split_to(whole);
        self.decrypt(&mut ready);
        ready.freeze()
    }

    /// No more bytes: the rest without its padding, or `None` if the segment was not a whole number of blocks.
    pub fn finish(&mut self) -> Option<Bytes> {
        let mut last = std::mem::take(&mut self.kept);
        if last.is_empty() {
            return Some(Bytes::new());
        }
        if last.len() != BLOCK {
            return None;
        }
        self.decrypt(&mut last);
        let padding = last.last().map_or(0, |byte| usize::from(*byte));
        // Some servers do not pad at all; then the block is as good as any.
        if (1..=BLOCK).contains(&padding) && last.iter().rev().take(padding).all(|byte| usize::from(*byte) == padding) {
            last.truncate(BLOCK - padding);
        }
        Some(last.freeze())
    }

    fn decrypt(&mut self, bytes: &mut [u8]) {
        for block in bytes.chunks_exact_mut(BLOCK) {
            self.cipher.decrypt_block_mut(GenericArray::from_mut_slice(block));
        }
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::BlockEncryptMut;
    use aes::cipher::block_padding::{NoPadding, Pkcs7};
    use proptest::prelude::*;

    use super::*;

    fn encrypt(plain: &[u8], key: &[u8; 16], iv: &[u8; 16]) -> Vec<u8> {
        cbc::Encryptor::<Aes128>::new(key.into(), iv.into()).encrypt_padded_vec_mut::<Pkcs7>(plain)
    }

    proptest! {
        #[test]
        fn what_was_encrypted_comes_back_however_it_is_cut(
            plain in proptest::collection::vec(any::<u8>(), 0..600), key: [u8; 16], iv: [u8; 16], cut in 1usize..70,
        ) {
            let mut decryptor = Decryptor::new(&key, &iv);
            let mut out = Vec::new();
            for piece in encrypt(&plain, &key, &iv).chunks(cut) {
                out.extend_from_slice(&decryptor.push(piece));
                prop_assert!(decryptor.kept.len() <= BLOCK);
            }
            out.extend_from_slice(&decryptor.finish().unwrap());
            prop_assert_eq!(out, plain);
        }
    }

    #[test]
    fn a_segment_without_padding_is_whole() {
        let plain = [0x47u8; 32];
        let (key, iv) = ([1; 16], Decryptor::iv_of(7));
        assert_eq!(iv[15], 7);
        let encrypted = cbc::Encryptor::<Aes128>::new(&key.into(), &iv.into()).encrypt_padded_vec_mut::<NoPadding>(&plain);
        let mut decryptor = Decryptor::new(&key, &iv);
        let mut out = decryptor.push(&encrypted).to_vec();
        out.extend_from_slice(&decryptor.finish().unwrap());
        assert_eq!(out, plain);
    }

    #[test]
    fn half_a_block_at_the_end_is_an_error() {
        let mut decryptor = Decryptor::new(&[0; 16], &[0; 16]);
        decryptor.push(&[0; 20]);
        assert_eq!(decryptor.finish(), None);
        assert_eq!(Decryptor::new(&[0; 16], &[0; 16]).finish(), Some(Bytes::new()));
    }
}
