//! PSI sections out of packets of anything, and the tables in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooftop::ts::descriptor::{codec, descriptors, language};
use rooftop::ts::section::{Section, SectionReader, crc32};
use rooftop::ts::{PACKET, pat, pes, pmt, sdt};

fn tables(bytes: &[u8]) {
    let Some(section) = Section::parse(bytes) else { return };
    let _ = pat::PatReader::default().push(&section);
    if let Some(programme) = pmt::parse(&section) {
        let _ = format!("{programme:?}");
    }
    let _ = sdt::names(&section).count();
}

fuzz_target!(|bytes: &[u8]| {
    let mut reader = SectionReader::default();
    for packet in bytes.as_chunks::<PACKET>().0 {
        reader.push(packet, tables);
    }
    // A checksum is no obstacle to who means harm.
    let mut signed = bytes.to_vec();
    signed.extend_from_slice(&crc32(bytes).to_be_bytes());
    tables(&signed);
    tables(bytes);
    for (_, descriptor) in descriptors(bytes) {
        let _ = language(descriptor);
    }
    if let Some((&kind, rest)) = bytes.split_first() {
        let _ = codec(kind, rest, rest);
    }
    let _ = pes::Header::parse(bytes).map(|header| header.decoding_time());
    let _ = pes::shift(&mut bytes.to_vec(), 90_000);
});
