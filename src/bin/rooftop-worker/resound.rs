//! Makes any sound into AAC-LC in stereo: decoded, mixed down, encoded. What cannot be decoded is left out.

use ffmpeg_next::codec::{self, Context, Parameters, decoder};
use ffmpeg_next::encoder::audio;
use ffmpeg_next::format::{Sample, sample};
use ffmpeg_next::software::resampling;
use ffmpeg_next::{ChannelLayout, Dictionary, Error, Packet, Rational, Rescale, frame};
use rooftop::media::fmp4::Sound;

const TICKS: Rational = Rational(1, 90_000);
/// Samples in a frame of AAC (14496-3).
const FRAME: usize = 1024;
/// Bit rate of the result.
const BIT_RATE: usize = 160_000;
/// Where the stream's own time differs from the samples counted by more than this, there is a hole or a leap.
const HOLE_90K: i64 = 90_000 / 20;
/// Frames that cannot be decoded, in a row, are told of once.
const TELL_AFTER: u32 = 50;

/// From one codec to the other.
pub struct Resound {
    decoder: Option<decoder::Audio>,
    time_base: Rational,
    out: Option<Out>,
    failures: u32,
}

/// Set up for what the decoder gives; made anew when that changes.
struct Out {
    shape: (Sample, u64, u32),
    resampler: resampling::Context,
    encoder: audio::Encoder,
    sound: Sound,
    /// Left and right, not yet a frame.
    waiting: [Vec<f32>; 2],
    /// Time of the first of these, as the stream says; samples are counted from there.
    from_90k: i64,
    /// Samples since then that went into the encoder.
    counted: i64,
}

impl Resound {
    /// For a stream of the demultiplexer.
    pub fn new(parameters: Parameters, time_base: Rational) -> Self {
        let decoder = Context::from_parameters(parameters).and_then(|context| context.decoder().audio());
        if let Err(error) = &decoder {
            eprintln!("the sound cannot be decoded: {error}");
        }
        Self { decoder: decoder.ok(), time_base, out: None, failures: 0 }
    }

    /// Takes a packet; gives frames of AAC with their times.
    pub fn push(&mut self, packet: &Packet) -> Vec<(i64, Sound, Vec<u8>)> {
        let mut made = Vec::new();
        let Some(decoder) = &mut self.decoder else { return made };
        if let Err(error) = decoder.send_packet(packet) {
            self.failures = self.failures.saturating_add(1);
            if self.failures == TELL_AFTER {
                eprintln!("the sound cannot be decoded: {error}");
            }
            return made;
        }
        loop {
            let mut decoded = frame::Audio::empty();
            if decoder.receive_frame(&mut decoded).is_err() {
                return made;
            }
            self.failures = 0;
            let Some(at_90k) = decoded.pts().or(packet.pts()).map(|pts| pts.rescale(self.time_base, TICKS)) else { continue };
            if decoded.channel_layout().is_empty() {
                decoded.set_channel_layout(ChannelLayout::default(i32::from(decoded.channels())));
            }
            let shape = (decoded.format(), decoded.channel_layout().bits(), decoded.rate());
            if self.out.as_ref().is_none_or(|out| out.shape != shape) {
                self.out = Out::new(&decoded, at_90k).inspect_err(|error| eprintln!("the sound cannot be encoded: {error}")).ok();
            }
            if let Some(out) = &mut self.out {
                out.push(&decoded, at_90k, &mut made);
            }
        }
    }
}

impl Out {
    fn new(decoded: &frame::Audio, at_90k: i64) -> Result<Self, Error> {
        let planar = Sample::F32(sample::Type::Planar);
        let rate = if Sound::lc(decoded.rate(), 2).is_some() { decoded.rate() } else { 48_000 };
        let sound = Sound::lc(rate, 2).ok_or(Error::InvalidData)?;
        let resampler = resampling::Context::get(
            decoded.format(),
            decoded.channel_layout(),
            decoded.rate(),
            planar,
            ChannelLayout::STEREO,
            rate,
        )?;
        let codec = codec::encoder::find(codec::Id::AAC).ok_or(Error::EncoderNotFound)?;
        let mut encoder = Context::new_with_codec(codec).encoder().audio()?;
        encoder.set_rate(i32::try_from(rate).unwrap_or(48_000));
        encoder.set_format(planar);
        encoder.set_channel_layout(ChannelLayout::STEREO);
        encoder.set_time_base(Rational(1, i32::try_from(rate).unwrap_or(48_000)));
        encoder.set_bit_rate(BIT_RATE);
        let mut options = Dictionary::new();
        options.set("aac_coder", "fast");
        let encoder = encoder.open_as_with(codec, options)?;
        let shape = (decoded.format(), decoded.channel_layout().bits(), decoded.rate());
        Ok(Self { shape, resampler, encoder, sound, waiting: Default::default(), from_90k: at_90k, counted: 0 })
    }

    fn push(&mut self, decoded: &frame::Audio, at_90k: i64, made: &mut Vec<(i64, Sound, Vec<u8>)>) {
        let rate = i64::from(self.sound.sample_rate());
        let waiting = self.waiting.first().map_or(0, Vec::len);
        let expected = self.from_90k + (self.counted + i64::try_from(waiting).unwrap_or(0)) * 90_000 / rate;
        if (at_90k - expected).abs() > HOLE_90K {
            // What waits is a part of a frame. The count goes on, so that the encoder's own times never step back.
            self.waiting.iter_mut().for_each(Vec::clear);
            self.from_90k = at_90k - self.counted * 90_000 / rate;
        }
        let mut stereo = frame::Audio::empty();
        if self.resampler.run(decoded, &mut stereo).is_err() {
            return;
        }
        for (index, waiting) in self.waiting.iter_mut().enumerate() {
            waiting.extend_from_slice(stereo.plane::<f32>(index));
        }
        while self.waiting.iter().all(|waiting| waiting.len() >= FRAME) {
            self.encode(made);
        }
    }

    fn encode(&mut self, made: &mut Vec<(i64, Sound, Vec<u8>)>) {
        let mut input = frame::Audio::new(Sample::F32(sample::Type::Planar), FRAME, ChannelLayout::STEREO);
        input.set_rate(self.sound.sample_rate());
        input.set_pts(Some(self.counted));
        for (index, waiting) in self.waiting.iter_mut().enumerate() {
            let samples: Vec<f32> = waiting.drain(..FRAME).collect();
            input.plane_mut::<f32>(index).copy_from_slice(&samples);
        }
        self.counted += FRAME as i64;
        if self.encoder.send_frame(&input).is_err() {
            return;
        }
        let mut packet = Packet::empty();
        while self.encoder.receive_packet(&mut packet).is_ok() {
            let at = packet.pts().map(|samples| self.from_90k + samples * 90_000 / i64::from(self.sound.sample_rate()));
            if let (Some(at), Some(bytes)) = (at, packet.data()) {
                made.push((at, self.sound, bytes.to_vec()));
            }
            packet = Packet::empty();
        }
    }
}
