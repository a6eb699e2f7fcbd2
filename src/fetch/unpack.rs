//! Feeds that a server packed twice: a file of gzip or xz that it packs once more on its way, and says so.
//!
//! Far more often a server says `Content-Encoding: gzip` of a file of gzip that it sends as it is. The first bytes behind the outer
//! layer tell which it is.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::error::FetchError;
use super::part::nameless;
use crate::base::progress::Progress;

const GZIP: [u8; 3] = [0x1F, 0x8B, 8];
const XZ: [u8; 6] = [0xFD, b'7', b'z', b'X', b'Z', 0];
const BLOCK: usize = 256 << 10;

/// What lies under the outer layer, if it is packed itself, at its beginning and with its length. `file` is left at its
/// beginning. Blocks.
pub fn inner(mut file: &File, spool: &Path, most_bytes: u64, progress: &Progress) -> Result<Option<(File, u64)>, FetchError> {
    file.rewind().map_err(FetchError::Spool)?;
    let packed = begins_packed(file);
    file.rewind().map_err(FetchError::Spool)?;
    if !packed {
        return Ok(None);
    }
    let mut reader = MultiGzDecoder::new(BufReader::with_capacity(BLOCK, file));
    let mut inner = nameless(spool).map_err(FetchError::Spool)?;
    let mut block = vec![0; BLOCK];
    let mut bytes = 0u64;
    loop {
        let count = match reader.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(FetchError::Unpack(error)),
        };
        bytes = bytes.saturating_add(count as u64);
        if bytes > most_bytes {
            return Err(FetchError::TooLarge(most_bytes));
        }
        if progress.is_cancelled() {
            return Err(FetchError::Cancelled);
        }
        inner.write_all(block.get(..count).unwrap_or_default()).map_err(FetchError::Spool)?;
    }
    inner.rewind().map_err(FetchError::Spool)?;
    Ok(Some((inner, bytes)))
}

fn begins_packed(file: &File) -> bool {
    let mut first = Vec::with_capacity(XZ.len());
    // What cannot be unpacked is left as it is: its reader says what is wrong with it.
    let _ = MultiGzDecoder::new(BufReader::new(file)).take(XZ.len() as u64).read_to_end(&mut first);
    first.starts_with(&GZIP) || first == XZ
}
