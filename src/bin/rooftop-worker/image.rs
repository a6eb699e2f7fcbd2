//! A picture from a file: decoded, and made as large as it fits.

use ffmpeg_next::codec::context::Context;
use ffmpeg_next::codec::{self, Id};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling;
use ffmpeg_next::{Dictionary, Packet, frame};

use crate::canvas::{Area, Canvas};
use crate::clip::{MakeError, libav};

/// Pixels of the largest picture that is decoded: with four bytes each, or the eight of a PNG of 16 bits, which are 400 MB, they
/// fit the worker's memory as it is by default.
const MOST_PIXELS: &str = "50000000";

/// A canvas with the picture in its middle, as large as it fits, on black. Its own pixels are squares, those of the canvas not always:
/// `pixel` is width to height.
///
/// # Errors
/// When it cannot be decoded.
pub fn fitted(bytes: &[u8], width: u32, height: u32, pixel: (u32, u32)) -> Result<Canvas, MakeError> {
    let picture = decode(bytes)?;
    let (wide, high) = fit((picture.width(), picture.height()), (width, height), pixel);
    let mut scaler = scaling::Context::get(
        picture.format(),
        picture.width(),
        picture.height(),
        Pixel::RGBA,
        wide,
        high,
        scaling::Flags::LANCZOS,
    )
    .map_err(libav("scaling the picture"))?;
    let mut scaled = frame::Video::empty();
    scaler.run(&picture, &mut scaled).map_err(libav("scaling the picture"))?;
    let mut canvas = Canvas::new(width as usize, height as usize);
    let area = Area {
        x: (width.saturating_sub(wide) / 2) as i32,
        y: (height.saturating_sub(high) / 2) as i32,
        width: wide as i32,
        height: high as i32,
    };
    canvas.picture(area, scaled.data(0), scaled.stride(0));
    Ok(canvas)
}

fn decode(bytes: &[u8]) -> Result<frame::Video, MakeError> {
    let id = if bytes.starts_with(&[0xFF, 0xD8]) { Id::MJPEG } else { Id::PNG };
    let codec = codec::decoder::find(id).ok_or(MakeError::NoDecoder)?;
    let mut options = Dictionary::new();
    options.set("max_pixels", MOST_PIXELS);
    options.set("threads", "1");
    let opened = Context::new_with_codec(codec).decoder().open_as_with(codec, options);
    let mut decoder = opened.and_then(|opened| opened.video()).map_err(libav("picture decoder"))?;
    decoder.send_packet(&Packet::copy(bytes)).map_err(libav("decoding the picture"))?;
    decoder.send_eof().map_err(libav("decoding the picture"))?;
    let mut picture = frame::Video::empty();
    decoder.receive_frame(&mut picture).map_err(libav("decoding the picture"))?;
    Ok(picture)
}

/// The largest even size of the same shape within `room`.
fn fit((width, height): (u32, u32), (room_wide, room_high): (u32, u32), pixel: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(width.max(1)) * u64::from(pixel.1), u64::from(height.max(1)) * u64::from(pixel.0));
    let (wide, high) = (u64::from(room_wide), u64::from(room_high));
    let (wide, high) = if width * high > height * wide { (wide, height * wide / width) } else { (width * high / height, high) };
    let even = |length: u64| u32::try_from((length & !1).max(2)).unwrap_or(2);
    (even(wide), even(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_pixels_that_are_wider_than_high_it_takes_fewer() {
        assert_eq!(fit((1920, 1080), (720, 576), (64, 45)), (720, 576));
        assert_eq!(fit((1000, 1000), (720, 576), (64, 45)), (404, 576));
    }

    #[rstest::rstest]
    #[case((1920, 1080), (1280, 720), (1280, 720))]
    #[case((100, 100), (1280, 720), (720, 720))]
    #[case((4000, 100), (720, 576), (720, 18))]
    #[case((1, 9000), (720, 576), (2, 576))]
    fn as_large_as_it_fits(#[case] picture: (u32, u32), #[case] room: (u32, u32), #[case] expected: (u32, u32)) {
        assert_eq!(fit(picture, room, (1, 1)), expected);
    }

    #[test]
    fn what_cannot_be_decoded_is_an_error() {
        for bytes in [&b"\x89PNG\r\n\x1a\nrubbish"[..], &[0xFF, 0xD8, 0xFF, 0xE0, 0, 0], b""] {
            assert!(fitted(bytes, 640, 360, (1, 1)).is_err());
        }
    }
}
