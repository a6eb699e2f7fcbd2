//! The parser over a reader: plain or gzip, told by its first bytes.

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::{Event, M3uError, Parser};

/// Most bytes of one playlist, unpacked: against a packed bomb.
const MOST: u64 = 4 << 30;

/// Why a playlist could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is none.
    #[error(transparent)]
    M3u(#[from] M3uError),
    /// It broke off, or its gzip is damaged.
    #[error("the playlist cannot be read to its end: {0}")]
    Io(#[from] std::io::Error),
    /// It is endless.
    #[error("the playlist is larger than {} GiB", MOST >> 30)]
    TooLarge,
}

/// Parses all that `input` holds. Blocking.
///
/// # Errors
/// When it cannot be read to its end, or is no playlist of channels. What was found before was told already.
pub fn read(input: impl Read, mut found: impl FnMut(Event)) -> Result<(), ReadError> {
    let mut input = BufReader::with_capacity(64 * 1024, input);
    // One byte may come alone: gzip has to be told from two.
    let mut magic = [0; 2];
    let mut have = 0;
    while have < 2 {
        match input.read(magic.get_mut(have..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let whole = magic.get(..have).unwrap_or_default().chain(input);
    if magic == [0x1F, 0x8B] {
        parse(BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(whole)), &mut found)
    } else {
        parse(whole, &mut found)
    }
}

fn parse(mut input: impl BufRead, found: &mut impl FnMut(Event)) -> Result<(), ReadError> {
    let mut parser = Parser::new();
    let mut total = 0u64;
    loop {
        let bytes = match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let count = bytes.len();
        if count == 0 {
            return Ok(parser.finish(found)?);
        }
        parser.push(bytes, found)?;
        input.consume(count);
        total = total.saturating_add(count as u64);
        if total > MOST {
            return Err(ReadError::TooLarge);
        }
    }
}
