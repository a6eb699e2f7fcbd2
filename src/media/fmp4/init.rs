//! The initialisation section (ISO/IEC 14496-12, 8.2): which tracks there are. Its tables are empty, as samples come in fragments.

use super::boxes::{boxed, full, halves, words};
use super::{PICTURE_ID, SOUND_ID, TIMESCALE, Tracks};

/// 8.2.2.2, 8.3.2.2: as it is.
const UNITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// ISO 639-2 "und", five bits a letter.
const UNDETERMINED: u16 = 0x55C4;

/// Writes it: `ftyp` and `moov`.
pub fn init(tracks: &Tracks) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    boxed(&mut out, b"ftyp", |out| {
        out.extend_from_slice(b"iso6");
        words(out, &[0]);
        out.extend_from_slice(b"iso6isommp41");
    });
    boxed(&mut out, b"moov", |out| {
        full(out, b"mvhd", 0, 0, |out| {
            words(out, &[0, 0, TIMESCALE, 0, 0x1_0000]);
            halves(out, &[0x0100, 0]);
            words(out, &[0, 0]);
            words(out, &UNITY);
            words(out, &[0, 0, 0, 0, 0, 0, SOUND_ID + 1]);
        });
        if let Some(picture) = &tracks.picture {
            // What is shown is wider than what is coded where a pixel is no square.
            let (wide, high) = picture.pixel_aspect.unwrap_or((1, 1));
            let width = u64::from(picture.width) * u64::from(wide.max(1)) / u64::from(high.max(1));
            let size = (u16::try_from(width).unwrap_or(u16::MAX), picture.height);
            track(out, PICTURE_ID, size, b"vide", |out| picture.write_entry(out));
        }
        if let Some(sound) = &tracks.sound {
            track(out, SOUND_ID, (0, 0), b"soun", |out| sound.write_entry(out));
        }
        boxed(out, b"mvex", |out| {
            let ids = [tracks.picture.as_ref().map(|_| PICTURE_ID), tracks.sound.as_ref().map(|_| SOUND_ID)];
            for id in ids.into_iter().flatten() {
                full(out, b"trex", 0, 0, |out| words(out, &[id, 1, 0, 0, 0]));
            }
        });
    });
    out
}

fn track(out: &mut Vec<u8>, id: u32, (width, height): (u16, u16), handler: &[u8; 4], entry: impl FnOnce(&mut Vec<u8>)) {
    let is_picture = handler == b"vide";
    boxed(out, b"trak", |out| {
        // Enabled, and in the presentation.
        full(out, b"tkhd", 0, 3, |out| {
            words(out, &[0, 0, id, 0, 0, 0, 0]);
            halves(out, &[0, 0, if is_picture { 0 } else { 0x0100 }, 0]);
            words(out, &UNITY);
            words(out, &[u32::from(width) << 16, u32::from(height) << 16]);
        });
        boxed(out, b"mdia", |out| {
            full(out, b"mdhd", 0, 0, |out| {
                words(out, &[0, 0, TIMESCALE, 0]);
                halves(out, &[UNDETERMINED, 0]);
            });
            full(out, b"hdlr", 0, 0, |out| {
                words(out, &[0]);
                out.extend_from_slice(handler);
                words(out, &[0, 0, 0]);
                out.push(0);
            });
            boxed(out, b"minf", |out| {
                match is_picture {
                    true => full(out, b"vmhd", 0, 1, |out| halves(out, &[0; 4])),
                    false => full(out, b"smhd", 0, 0, |out| halves(out, &[0; 2])),
                }
                boxed(out, b"dinf", |out| {
                    full(out, b"dref", 0, 0, |out| {
                        words(out, &[1]);
                        // The media is in this very file.
                        full(out, b"url ", 0, 1, |_| {});
                    });
                });
                boxed(out, b"stbl", |out| {
                    full(out, b"stsd", 0, 0, |out| {
                        words(out, &[1]);
                        entry(out);
                    });
                    full(out, b"stts", 0, 0, |out| words(out, &[0]));
                    full(out, b"stsc", 0, 0, |out| words(out, &[0]));
                    full(out, b"stsz", 0, 0, |out| words(out, &[0, 0]));
                    full(out, b"stco", 0, 0, |out| words(out, &[0]));
                });
            });
        });
    });
}
