//! Makes a clip: draws and sounds, encodes, multiplexes.

use std::io::Write;

use ffmpeg_next::format::context::{Output, StreamIo};
use ffmpeg_next::{Dictionary, Packet, Rational, Rescale};
use rooftop::media::worker::job::{ClipInfo, ClipSpec, Pattern};

use crate::encode::{AudioEncoder, VideoEncoder};
use crate::image;
use crate::picture::Pictures;

/// MPEG-TS time (13818-1, 2.4.3.7).
const TICKS: Rational = Rational(1, 90_000);
/// Between a picture's PCR and its decoding, in microseconds: what a receiver buffers.
const LEAD_US: &str = "150000";
/// Of a slate, whose clock is replaced by that of the programme before it. The multiplexer gathers frames of sound for half of
/// this: here one.
const SLATE_LEAD_US: &str = "40000";

/// Why a clip could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The libraries refused.
    #[error("{what}: {error}")]
    Libav {
        /// What was tried.
        what: &'static str,
        /// Their words.
        error: ffmpeg_next::Error,
    },
    /// libav was built without this encoder.
    #[error("this libav has no encoder {0}")]
    NoEncoder(&'static str),
    /// libav was built without its decoder, or there is no picture.
    #[error("this libav cannot decode the picture")]
    NoDecoder,
    /// The built-in font cannot be read.
    #[error("the font cannot be read")]
    Font,
}

/// For `map_err`: says what was tried.
pub fn libav(what: &'static str) -> impl FnOnce(ffmpeg_next::Error) -> MakeError {
    move |error| MakeError::Libav { what, error }
}

/// Makes a clip and writes its transport stream to `output` as it comes. `picture` holds the bytes of its backdrop, if it has one.
///
/// # Errors
/// When an encoder refuses; some of the output may have been written.
pub fn make(spec: &ClipSpec, picture: &[u8], output: impl Write + Send + 'static) -> Result<ClipInfo, MakeError> {
    let io = StreamIo::from_write_with_capacity(output, 188 * 348).map_err(libav("output"))?;
    let mut muxer = ffmpeg_next::format::output_to_stream(io, None, Some("mpegts")).map_err(libav("multiplexer"))?;
    let mut service = Dictionary::new();
    service.set("service_name", &spec.name);
    service.set("service_provider", "Rooftop");
    muxer.set_metadata(service);

    let mut video = match &spec.video {
        Some(video) => {
            let pictures = pictures_in(spec.length_ms, video.frame_rate);
            let drawn = match spec.backdrop {
                Some(_) => Pictures::still(spec, video, image::fitted(picture, video.width, video.height, video.pixel_aspect)?),
                None => Pictures::new(spec, video, pictures),
            };
            Some((VideoEncoder::new(video)?, drawn.ok_or(MakeError::Font)?, pictures))
        }
        None => None,
    };
    let length_90k = match &spec.video {
        Some(video) => ticks(pictures_in(spec.length_ms, video.frame_rate), video.frame_rate),
        None => u64::from(spec.length_ms) * 90,
    };
    let mut audio = spec.audio.as_ref().map(AudioEncoder::new).transpose()?;
    // Order gives the PIDs: video first.
    if let Some((encoder, ..)) = &video {
        muxer.add_stream_with(encoder.context()).map_err(libav("video stream"))?.set_time_base(TICKS);
    }
    if let Some(encoder) = &audio {
        muxer.add_stream_with(encoder.context()).map_err(libav("audio stream"))?.set_time_base(TICKS);
    }
    let mut options = Dictionary::new();
    options.set("max_delay", if spec.pattern == Pattern::Slate { SLATE_LEAD_US } else { LEAD_US });
    options.set("pat_period", "0.2");
    options.set("sdt_period", "1");
    options.set("pcr_period", "20");
    // One frame of sound in a PES packet, so that it is never behind the pictures.
    options.set("pes_payload_size", "0");
    muxer.write_header_with(options).map_err(libav("header"))?;

    let audio_index = usize::from(video.is_some());
    let mut info = ClipInfo { length_90k, pictures: 0, audio_frames: 0 };
    let mut write = |packet: &mut Packet, index: usize, time_base: Rational| {
        packet.set_stream(index);
        packet.rescale_ts(time_base, TICKS);
        if index < audio_index {
            // Both stamps are written where they differ: a splice can then move them apart.
            packet.set_pts(packet.dts().map(|dts| dts + 1));
        }
        packet.set_position(-1);
        packet.write_interleaved(&mut muxer).map_err(libav("multiplexing"))
    };
    if let Some((encoder, pictures, count)) = &mut video {
        for number in 0..*count {
            for packet in &mut encoder.encode(i64::from(number), pictures.draw(number))? {
                info.pictures += 1;
                write(packet, 0, encoder.time_base)?;
            }
            let now_90k = i64::from(number + 1).rescale(encoder.time_base, TICKS);
            if let Some(audio) = &mut audio {
                info.audio_frames +=
                    sound_until(audio, now_90k, length_90k, &mut |packet, base| write(packet, audio_index, base))?;
            }
        }
        for packet in &mut encoder.finish()? {
            info.pictures += 1;
            write(packet, 0, encoder.time_base)?;
        }
    }
    if let Some(audio) = &mut audio {
        info.audio_frames += sound_until(audio, i64::MAX, length_90k, &mut |packet, base| write(packet, audio_index, base))?;
    }
    finish(muxer)?;
    Ok(info)
}

fn finish(mut muxer: Output) -> Result<(), MakeError> {
    muxer.write_trailer().map_err(libav("trailer"))
    // Dropped here, which flushes the rest to the output.
}

/// Writes the audio frames that begin before `now_90k` and within the clip; returns how many.
fn sound_until(
    audio: &mut AudioEncoder,
    now_90k: i64,
    length_90k: u64,
    write: &mut impl FnMut(&mut Packet, Rational) -> Result<(), MakeError>,
) -> Result<u32, MakeError> {
    let length = i64::try_from(length_90k).unwrap_or(i64::MAX);
    let mut count = 0;
    while audio.reached_90k() < now_90k.min(length) {
        for packet in &mut audio.encode_next()? {
            // An encoder begins with a frame of nothing; the clip is what comes after, so that its end meets its beginning.
            let at = packet.pts().unwrap_or(-1).rescale(audio.time_base, TICKS);
            if (0..length).contains(&at) {
                count += 1;
                write(packet, audio.time_base)?;
            }
        }
    }
    Ok(count)
}

/// Pictures in a length, at least one.
fn pictures_in(length_ms: u32, (num, den): (u32, u32)) -> u32 {
    let pictures = (u64::from(length_ms) * u64::from(num) + 500 * u64::from(den)) / (1000 * u64::from(den).max(1));
    u32::try_from(pictures.max(1)).unwrap_or(u32::MAX)
}

/// Their duration in units of 90 kHz.
fn ticks(pictures: u32, (num, den): (u32, u32)) -> u64 {
    (u64::from(pictures) * u64::from(den) * 90_000 + u64::from(num) / 2) / u64::from(num).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(32_000, (25, 1), 800, 2_880_000)]
    #[case(1001, (30_000, 1001), 30, 90_090)]
    #[case(1000, (24_000, 1001), 24, 90_090)]
    #[case(1, (25, 1), 1, 3600)]
    fn lengths_are_whole_pictures(#[case] ms: u32, #[case] rate: (u32, u32), #[case] pictures: u32, #[case] length: u64) {
        assert_eq!((pictures_in(ms, rate), ticks(pictures, rate)), (pictures, length));
    }
}
