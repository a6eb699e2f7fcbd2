//! Plays: takes the transport stream on its input apart, passes pictures on as they are, makes sound into what browsers take, and
//! says fragments ([`Cutter`] decides what is in them). Ends when the input does, or when it cannot go on as it began.

use std::io;

use ffmpeg_next::codec::Id;
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::media::Type;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, Rescale, format};
use rooftop::media::fmp4::{PictureCodec, Sound};
use rooftop::media::play::cutter::{Cutter, Piece, Stop, Unit};
use rooftop::media::play::words::{Refusal, Said};
use rooftop::media::worker::protocol::{Hello, Reply};

use crate::resound::Resound;
use crate::serve::send;

/// MPEG-TS time (13818-1, 2.4.3.7).
const TICKS: Rational = Rational(1, 90_000);
/// Bytes that are read in one go: what a pipe gives.
const READ_BYTES: usize = 188 * 174;
/// Unreadable packets in a row after which it ends.
const MOST_BROKEN: u32 = 1000;

/// What is played of the stream.
struct Chosen {
    picture: Option<(usize, Id, PictureCodec)>,
    sound: Option<(usize, Id, Way)>,
    /// Streams that were known then; one that comes later changes what there is.
    known: usize,
}

/// How sound goes to the browser.
enum Way {
    /// Not known before the first frame.
    Open,
    /// AAC, as it is.
    Copied,
    /// Decoded, and made into AAC.
    Made(Box<Resound>),
}

/// Greets, and plays until the input ends.
///
/// # Errors
/// When the pipe breaks.
pub fn play(hello: Hello) -> io::Result<()> {
    send(&Reply::Hello(hello), &[])?;
    let last = match opened() {
        Ok(mut input) => match chosen(&input) {
            Ok(chosen) => Said::Ended { reason: run(&mut input, chosen)? },
            Err(refusal) => Said::Refused(refusal),
        },
        Err(Error::Eof) => Said::Ended { reason: "the input ended".to_owned() },
        Err(error) => Said::Ended { reason: format!("no transport stream: {error}") },
    };
    send(&last, &[])
}

/// Looks into the stream for no longer than needs be: somebody waits.
fn opened() -> Result<Input, Error> {
    let io = StreamIo::from_read_with_capacity(io::stdin(), READ_BYTES)?;
    let mut options = Dictionary::new();
    options.set("format_whitelist", "mpegts");
    options.set("analyzeduration", "300000");
    options.set("probesize", "2000000");
    options.set("fpsprobesize", "0");
    format::input_from_stream(io, None, Some(options))
}

/// The first picture and the first sound.
fn chosen(input: &Input) -> Result<Chosen, Refusal> {
    let of = |medium: Type| {
        let found = input.streams().find(|stream| stream.parameters().medium() == medium);
        found.map(|stream| (stream.index(), stream.parameters().id()))
    };
    let picture = match of(Type::Video) {
        Some((index, Id::H264)) => Some((index, Id::H264, PictureCodec::H264)),
        Some((index, Id::HEVC)) => Some((index, Id::HEVC, PictureCodec::Hevc)),
        Some((_, other)) => return Err(Refusal::Picture(name(other))),
        None => None,
    };
    let sound = of(Type::Audio).map(|(index, id)| (index, id, Way::Open));
    if picture.is_none() && sound.is_none() {
        return Err(Refusal::Nothing);
    }
    Ok(Chosen { picture, sound, known: input.streams().count() })
}

/// A codec, for people.
fn name(id: Id) -> String {
    match id {
        Id::MPEG1VIDEO => "MPEG-1".to_owned(),
        Id::MPEG2VIDEO => "MPEG-2".to_owned(),
        Id::MPEG4 => "MPEG-4 part 2".to_owned(),
        Id::VC1 => "VC-1".to_owned(),
        Id::None => "of an unknown kind".to_owned(),
        other => other.name().to_owned(),
    }
}

/// Which layer of MPEG audio it is shows in the frames only, and decoders of one take the others.
fn family(id: Id) -> Id {
    if matches!(id, Id::MP1 | Id::MP2) { Id::MP3 } else { id }
}

/// Plays; returns why it ended.
fn run(input: &mut Input, mut chosen: Chosen) -> io::Result<String> {
    let mut cutter = Cutter::new(chosen.picture.is_some(), chosen.sound.is_some());
    let mut broken = 0;
    let ended = loop {
        let mut packet = Packet::empty();
        match packet.read(input) {
            Ok(()) => broken = 0,
            Err(Error::InvalidData) if broken < MOST_BROKEN => {
                broken += 1;
                continue;
            }
            Err(Error::Eof) => break "the input ended".to_owned(),
            Err(error) => break format!("the input cannot be read: {error}"),
        }
        match taken(input, &packet, &mut chosen, &mut cutter) {
            Ok(pieces) => said(pieces)?,
            Err(stop) => break stop.to_string(),
        }
    };
    said(cutter.finish())?;
    Ok(ended)
}

fn said(pieces: Vec<Piece>) -> io::Result<()> {
    pieces.into_iter().try_for_each(|piece| match piece {
        Piece::Init(content_type, bytes) => send(&Said::Begins { content_type }, &bytes),
        Piece::Fragment(bytes) => send(&Said::Fragment, &bytes),
    })
}

/// What comes of one packet.
fn taken(input: &Input, packet: &Packet, chosen: &mut Chosen, cutter: &mut Cutter) -> Result<Vec<Piece>, Stop> {
    let Some(stream) = input.stream(packet.stream()) else { return Ok(Vec::new()) };
    let (id, medium) = (stream.parameters().id(), stream.parameters().medium());
    let in_ticks = |time: Option<i64>| time.map(|time| time.rescale(stream.time_base(), TICKS));
    let dts = in_ticks(packet.dts().or(packet.pts()));
    let pts = in_ticks(packet.pts().or(packet.dts()));
    let (Some(dts_90k), Some(pts_90k), Some(bytes)) = (dts, pts, packet.data()) else { return Ok(Vec::new()) };
    match (&chosen.picture, &mut chosen.sound) {
        (Some((index, was, codec)), _) if *index == stream.index() => {
            if *was != id {
                return Err(Stop::Changed("the picture is of another codec"));
            }
            cutter.picture(*codec, Unit { dts_90k, pts_90k, key: packet.is_key(), bytes })
        }
        (_, Some((index, was, way))) if *index == stream.index() => {
            if family(*was) != family(id) {
                return Err(Stop::Changed("the sound is of another codec"));
            }
            if matches!(way, Way::Open) {
                // Plain AAC-LC goes as it is; all else is made into that.
                let plain = id == Id::AAC && Sound::of_adts(bytes).is_some_and(|(sound, _)| sound.codec_string() == "mp4a.40.2");
                *way = match plain {
                    true => Way::Copied,
                    false => Way::Made(Box::new(Resound::new(stream.parameters(), stream.time_base()))),
                };
            }
            match way {
                Way::Made(resound) => {
                    let mut pieces = Vec::new();
                    for (pts_90k, sound, bytes) in resound.push(packet) {
                        pieces.extend(cutter.sound(sound, pts_90k, bytes)?);
                    }
                    Ok(pieces)
                }
                // A damaged frame is left out.
                _ => Sound::of_adts(bytes).map_or(Ok(Vec::new()), |(sound, raw)| cutter.sound(sound, pts_90k, raw.to_vec())),
            }
        }
        _ if stream.index() >= chosen.known && matches!(medium, Type::Video | Type::Audio) => {
            Err(Stop::Changed("a track has come"))
        }
        _ => Ok(Vec::new()),
    }
}
