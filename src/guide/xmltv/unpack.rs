//! Bytes as they are stored to bytes as they are read: plain, gzip or xz, told by how they begin, and both counted.

use std::cell::Cell;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// Packed bytes that are read at once.
const PACKED: usize = 64 * 1024;
/// Most memory that xz may take, which the packed bytes ask for: `xz -9` takes 65 MiB, `xz` takes 9.
const XZ_MEMORY: u64 = 80 << 20;

const GZIP: &[u8] = b"\x1F\x8B";
const XZ: &[u8] = b"\xFD7zXZ\0";

/// `input` unpacked. `packed` says how much of it was taken.
///
/// # Errors
/// When the first bytes cannot be read.
pub(super) fn unpack<'a>(input: impl Read + 'a, packed: &'a Cell<u64>) -> io::Result<Box<dyn Read + 'a>> {
    let mut input = Counting { input, count: packed };
    let mut magic = Vec::with_capacity(XZ.len());
    input.by_ref().take(XZ.len() as u64).read_to_end(&mut magic)?;
    let (gzip, xz) = (magic.starts_with(GZIP), magic.starts_with(XZ));
    let whole = io::Cursor::new(magic).chain(input);
    Ok(if gzip {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(PACKED, whole)))
    } else if xz {
        let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
        Box::new(XzDecoder::new_stream(BufReader::with_capacity(PACKED, whole), stream))
    } else {
        Box::new(whole)
    })
}

struct Counting<'a, R> {
    input: R,
    count: &'a Cell<u64>,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.count.set(self.count.get().saturating_add(read as u64));
        Ok(read)
    }
}
