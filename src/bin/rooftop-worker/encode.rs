//! libav's encoders, set up for clips: quick, without B pictures, parameter sets in band.

use ffmpeg_next::codec::{self, Context};
use ffmpeg_next::encoder::{audio, video};
use ffmpeg_next::format::{Pixel, Sample, sample};
use ffmpeg_next::{ChannelLayout, Dictionary, Packet, Rational, Rescale, color, frame};
use rooftop::media::worker::job::{AudioCodec, AudioSpec, VideoCodec, VideoSpec};

use crate::canvas::Planes;
use crate::clip::{MakeError, libav};
use crate::sound;

/// Threads of a video encoder, at most: more cost memory and give little.
const THREADS: usize = 4;
/// Audio frames that are encoded before the clip begins, and thrown away: the encoder's swing-in.
const RUN_UP_FRAMES: i64 = 4;

/// Makes packets of pictures.
pub struct VideoEncoder {
    encoder: video::Encoder,
    width: u32,
    height: u32,
    /// Of its packets.
    pub time_base: Rational,
}

impl VideoEncoder {
    /// Opens an encoder.
    pub fn new(spec: &VideoSpec) -> Result<Self, MakeError> {
        let name = match spec.codec {
            VideoCodec::H264 => "libx264",
            VideoCodec::Hevc => "libx265",
            VideoCodec::Mpeg2Video => "mpeg2video",
        };
        let codec = codec::encoder::find_by_name(name).ok_or(MakeError::NoEncoder(name))?;
        let mut encoder = Context::new_with_codec(codec).encoder().video().map_err(libav("video encoder"))?;
        let rate = Rational(spec.frame_rate.0 as i32, spec.frame_rate.1 as i32);
        let time_base = rate.invert();
        encoder.set_width(spec.width);
        encoder.set_height(spec.height);
        encoder.set_format(Pixel::YUV420P);
        encoder.set_frame_rate(Some(rate));
        encoder.set_time_base(time_base);
        encoder.set_aspect_ratio(Rational(spec.pixel_aspect.0 as i32, spec.pixel_aspect.1 as i32));
        encoder.set_gop(spec.gop);
        encoder.set_max_b_frames(0);
        encoder.set_bit_rate(spec.bit_rate as usize);
        encoder.set_max_bit_rate(spec.bit_rate as usize);
        encoder.set_color_range(color::Range::MPEG);
        if spec.height > 576 {
            encoder.set_colorspace(color::Space::BT709);
            encoder.set_color_primaries(color::Primaries::BT709);
            encoder.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        encoder.set_threading(codec::threading::Config { count: threads, ..codec::threading::Config::default() });
        let encoder = encoder.open_as_with(codec, options(spec, threads)).map_err(libav("video encoder"))?;
        Ok(Self { encoder, width: spec.width, height: spec.height, time_base })
    }

    /// For the multiplexer.
    pub fn context(&self) -> &Context {
        self.encoder.as_ref()
    }

    /// Takes a picture, and gives the packets that are ready.
    pub fn encode(&mut self, number: i64, planes: &Planes) -> Result<Vec<Packet>, MakeError> {
        let mut frame = frame::Video::new(Pixel::YUV420P, self.width, self.height);
        for (index, plane) in planes.planes.iter().enumerate() {
            let (width, stride) = (frame.plane_width(index) as usize, frame.stride(index));
            for (to, from) in frame.data_mut(index).chunks_mut(stride).zip(plane.chunks(width)) {
                if let Some(to) = to.get_mut(..from.len()) {
                    to.copy_from_slice(from);
                }
            }
        }
        frame.set_pts(Some(number));
        self.encoder.send_frame(&frame).map_err(libav("encoding a picture"))?;
        Ok(drain(|packet| self.encoder.receive_packet(packet)))
    }

    /// Gives the packets that were held back.
    pub fn finish(&mut self) -> Result<Vec<Packet>, MakeError> {
        self.encoder.send_eof().map_err(libav("encoding the last pictures"))?;
        Ok(drain(|packet| self.encoder.receive_packet(packet)))
    }
}

/// What only the encoders' own options say.
fn options(spec: &VideoSpec, threads: usize) -> Dictionary<'static> {
    let mut options = Dictionary::new();
    options.set("bufsize", &spec.bit_rate.to_string());
    options.set("flags", if spec.interlaced && spec.codec != VideoCodec::Hevc { "+cgop+ildct+ilme" } else { "+cgop" });
    match spec.codec {
        VideoCodec::H264 => {
            options.set("preset", "ultrafast");
            options.set("forced-idr", "1");
            options.set("x264-params", "scenecut=0:open-gop=0:repeat-headers=1:aud=1:rc-lookahead=0:sync-lookahead=0");
        }
        VideoCodec::Hevc => {
            options.set("preset", "ultrafast");
            options.set("forced-idr", "1");
            let own = format!(
                "log-level=error:scenecut=0:open-gop=0:repeat-headers=1:aud=1:bframes=0:rc-lookahead=0:pools=none:frame-threads={threads}:keyint={0}:min-keyint={0}",
                spec.gop
            );
            options.set("x265-params", &own);
        }
        VideoCodec::Mpeg2Video => {
            options.set("sc_threshold", "1000000000");
        }
    }
    options
}

/// Makes packets of sound.
pub struct AudioEncoder {
    encoder: audio::Encoder,
    spec: AudioSpec,
    frame_samples: i64,
    /// First sample of the frame that is next.
    next: i64,
    /// Behind the last sample of the last packet.
    reached: i64,
    /// Of its packets.
    pub time_base: Rational,
}

impl AudioEncoder {
    /// Opens an encoder.
    pub fn new(spec: &AudioSpec) -> Result<Self, MakeError> {
        let name = match spec.codec {
            AudioCodec::Aac => "aac",
            AudioCodec::Ac3 => "ac3",
            AudioCodec::Eac3 => "eac3",
            AudioCodec::Mp2 => "mp2",
        };
        let codec = codec::encoder::find_by_name(name).ok_or(MakeError::NoEncoder(name))?;
        let mut encoder = Context::new_with_codec(codec).encoder().audio().map_err(libav("audio encoder"))?;
        let time_base = Rational(1, spec.sample_rate as i32);
        encoder.set_rate(spec.sample_rate as i32);
        encoder.set_format(format_of(spec.codec));
        encoder.set_channel_layout(ChannelLayout::default(i32::from(spec.channels)));
        encoder.set_time_base(time_base);
        encoder.set_bit_rate(spec.bit_rate as usize);
        let mut options = Dictionary::new();
        if spec.codec == AudioCodec::Aac {
            options.set("aac_coder", "fast");
        }
        let encoder = encoder.open_as_with(codec, options).map_err(libav("audio encoder"))?;
        let frame_samples = match encoder.frame_size() {
            0 => i64::from(spec.codec.frame_samples()),
            samples => i64::from(samples),
        };
        let next = -RUN_UP_FRAMES * frame_samples;
        Ok(Self { encoder, spec: spec.clone(), frame_samples, next, reached: next, time_base })
    }

    /// For the multiplexer.
    pub fn context(&self) -> &Context {
        self.encoder.as_ref()
    }

    /// Up to when there are packets, in units of 90 kHz.
    pub fn reached_90k(&self) -> i64 {
        self.reached.rescale(self.time_base, Rational(1, 90_000))
    }

    /// Encodes the next frame, and gives the packets that are ready. Their time may be negative: before the clip.
    pub fn encode_next(&mut self) -> Result<Vec<Packet>, MakeError> {
        let format = format_of(self.spec.codec);
        let samples = self.frame_samples as usize;
        let mut frame = frame::Audio::new(format, samples, ChannelLayout::default(i32::from(self.spec.channels)));
        frame.set_rate(self.spec.sample_rate);
        frame.set_pts(Some(self.next));
        let wave: Vec<f32> = (self.next..self.next + self.frame_samples).map(|at| sound::sample(&self.spec, at)).collect();
        if format.is_planar() {
            for channel in 0..frame.planes() {
                frame.plane_mut::<f32>(channel).copy_from_slice(&wave);
            }
        } else {
            let channels = usize::from(self.spec.channels);
            let bytes = frame.data_mut(0);
            for (group, value) in bytes.chunks_exact_mut(2 * channels).zip(&wave) {
                let value = ((value * 32767.0) as i16).to_ne_bytes();
                group.chunks_exact_mut(2).for_each(|sample| sample.copy_from_slice(&value));
            }
        }
        self.next += self.frame_samples;
        self.encoder.send_frame(&frame).map_err(libav("encoding sound"))?;
        let packets = drain(|packet| self.encoder.receive_packet(packet));
        if let Some(pts) = packets.last().and_then(Packet::pts) {
            self.reached = pts + self.frame_samples;
        }
        Ok(packets)
    }
}

fn format_of(codec: AudioCodec) -> Sample {
    match codec {
        AudioCodec::Mp2 => Sample::I16(sample::Type::Packed),
        _ => Sample::F32(sample::Type::Planar),
    }
}

/// Packets until there are none for now.
fn drain(mut receive: impl FnMut(&mut Packet) -> Result<(), ffmpeg_next::Error>) -> Vec<Packet> {
    std::iter::from_fn(|| {
        let mut packet = Packet::empty();
        receive(&mut packet).ok().map(|()| packet)
    })
    .collect()
}
