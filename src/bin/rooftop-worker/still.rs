//! The first picture of a transport stream, as a JPEG.

use std::io::{Cursor, Write};

use ffmpeg_next::codec::{self, Context, Id};
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::format::{self, Pixel};
use ffmpeg_next::media::Type;
use ffmpeg_next::software::scaling;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, frame};

use crate::clip::{MakeError, libav};

/// Pixels of the largest picture that is decoded: 8K.
const MOST_PIXELS: &str = "36000000";
/// The quality of the JPEG, from 2 to 31, where less is better.
const QUALITY: &str = "4";

/// Writes it to `output`; gives its width and height.
///
/// # Errors
/// When there is no picture in it that can be decoded.
pub fn make(stream: &[u8], mut output: impl Write) -> Result<(u32, u32), MakeError> {
    let picture = decode(stream)?;
    let (width, height) = (picture.width(), picture.height());
    output.write_all(&encode(&picture)?).and_then(|()| output.flush()).map_err(|_| libav("output")(Error::Exit))?;
    Ok((width, height))
}

fn opened(stream: &[u8]) -> Result<Input, Error> {
    let io = StreamIo::from_read(Cursor::new(stream.to_vec()))?;
    let mut options = Dictionary::new();
    options.set("format_whitelist", "mpegts");
    format::input_from_stream(io, None, Some(options))
}

fn decode(stream: &[u8]) -> Result<frame::Video, MakeError> {
    let mut input = opened(stream).map_err(libav("reading the stream"))?;
    let is_picture = |stream: &ffmpeg_next::Stream<'_>| stream.parameters().medium() == Type::Video;
    let video = input.streams().find(is_picture).ok_or(MakeError::NoDecoder)?;
    let (index, parameters) = (video.index(), video.parameters());
    let codec = codec::decoder::find(parameters.id()).ok_or(MakeError::NoDecoder)?;
    let mut options = Dictionary::new();
    options.set("max_pixels", MOST_PIXELS);
    options.set("threads", "1");
    // A picture at which decoding can begin, but not one that begins a sequence: it is whole all the same.
    options.set("flags", "+output_corrupt");
    options.set("flags2", "+showall");
    let opened = Context::from_parameters(parameters).and_then(|context| context.decoder().open_as_with(codec, options));
    let mut decoder = opened.and_then(|opened| opened.video()).map_err(libav("picture decoder"))?;
    let mut picture = frame::Video::empty();
    loop {
        let mut packet = Packet::empty();
        match packet.read(&mut input) {
            Ok(()) if packet.stream() != index => continue,
            Ok(()) => decoder.send_packet(&packet),
            Err(Error::Eof) => break,
            Err(error) => Err(error),
        }
        .map_err(libav("decoding the picture"))?;
        if decoder.receive_frame(&mut picture).is_ok() {
            return Ok(picture);
        }
    }
    decoder.send_eof().map_err(libav("decoding the picture"))?;
    decoder.receive_frame(&mut picture).map_err(libav("decoding the picture"))?;
    Ok(picture)
}

/// As JPEG has it: full range, colours at half the resolution.
fn encode(picture: &frame::Video) -> Result<Vec<u8>, MakeError> {
    let (width, height) = (picture.width(), picture.height());
    let to = Pixel::YUVJ420P;
    let scaler = scaling::Context::get(picture.format(), width, height, to, width, height, scaling::Flags::BICUBIC);
    let mut converted = frame::Video::empty();
    scaler.and_then(|mut scaler| scaler.run(picture, &mut converted)).map_err(libav("converting the picture"))?;
    converted.set_pts(Some(0));
    let codec = codec::encoder::find(Id::MJPEG).ok_or(MakeError::NoEncoder("mjpeg"))?;
    let mut encoder = Context::new_with_codec(codec).encoder().video().map_err(libav("picture encoder"))?;
    encoder.set_width(width);
    encoder.set_height(height);
    encoder.set_format(to);
    encoder.set_time_base(Rational(1, 25));
    let mut options = Dictionary::new();
    options.set("qmin", QUALITY);
    options.set("qmax", QUALITY);
    options.set("threads", "1");
    let mut encoder = encoder.open_as_with(codec, options).map_err(libav("picture encoder"))?;
    encoder.send_frame(&converted).and_then(|()| encoder.send_eof()).map_err(libav("encoding the picture"))?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet).map_err(libav("encoding the picture"))?;
    Ok(packet.data().unwrap_or_default().to_vec())
}
