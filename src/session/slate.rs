//! The slate of a session: ordered as soon as it is known what its programme looks like, and played in a gap.

mod retry;

use std::convert::Infallible;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::filler::{Filler, Next, Picture};
use super::pump::Pump;
use super::shared::Shared;
use crate::base::chain::Chain;
use crate::base::clock;
use crate::base::tasks::{self, Task};
use crate::media::clip::{Backdrop, ClipError, ClipSpec, Clips, matching};
use crate::model::{Codec, StreamInfo};
use crate::ts::adaptation::Adaptation;
use crate::ts::input::{Choice, Input};
use crate::ts::packet::{self, UNIT_START};
use crate::ts::splice::FirstSound;
use crate::ts::time::Pts90k;
use crate::ts::{PACKET, RawPacket, pes};
use retry::Retry;

/// Pieces of a clip that are read ahead.
const AHEAD: usize = 2;
/// In so many pieces there is sound, if there is any.
const MOST_PIECES: usize = 8;

/// The slate of one session.
#[derive(Debug)]
pub struct Slate {
    clips: Option<Clips>,
    text: String,
    /// Shown instead of the text, unless it cannot be.
    backdrop: Option<Backdrop>,
    wanted: Option<Wanted>,
    /// One at a time.
    making: Option<Making>,
    retry: Retry,
    /// That there is no sound was said.
    said_mute: bool,
    /// What silence is, until the pump knows.
    silences: Option<oneshot::Receiver<Vec<Unit>>>,
}

/// The slate, and silence for what sound of the programme it has not.
#[derive(Debug, Clone)]
struct Wanted {
    spec: ClipSpec,
    others: Vec<ClipSpec>,
}

/// An order that is under way.
#[derive(Debug)]
struct Making {
    /// Whether it was made.
    made: oneshot::Receiver<bool>,
    _task: Task<()>,
}

/// A unit of silence in this codec.
type Unit = (Codec, Vec<RawPacket>);

impl Slate {
    /// None yet. Without `clips` there never is one. It shows the backdrop, or else this text.
    pub fn new(clips: Option<Clips>, text: &str, backdrop: Option<Backdrop>) -> Self {
        Self {
            clips,
            text: text.to_owned(),
            backdrop,
            wanted: None,
            making: None,
            retry: Retry::default(),
            said_mute: false,
            silences: None,
        }
    }

    /// Takes notice of what the programme looks like, and has its slate made, in the background, if that is another one, or the
    /// last one failed a while ago; one after the other.
    pub fn programme(&mut self, info: &StreamInfo) {
        let Some(clips) = self.clips.clone() else { return };
        let now = clock::now();
        self.wanted.take_if(|wanted| !matching::is_like(&wanted.spec, info));
        match self.making.as_mut().map(|making| making.made.try_recv()) {
            Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(true)) => self.retry.made(),
            Some(Ok(false) | Err(TryRecvError::Closed)) => self.retry.failed(now),
            None => {}
        }
        self.making = None;
        let Some(mut spec) = matching::slate_for(info, &self.text) else { return };
        spec.backdrop = self.backdrop.clone().filter(|_| spec.video.is_some());
        let others = matching::other_silences(&spec, info);
        let is_same = |wanted: &Wanted| matching::is_same_but_for_rate(&wanted.spec, &spec) && wanted.others == others;
        let is_another = !self.wanted.as_ref().is_some_and(is_same);
        if !self.retry.order(is_another, now) {
            return;
        }
        let is_mute = spec.audio.is_none() && !info.audio.is_empty();
        if is_mute && !std::mem::replace(&mut self.said_mute, true) {
            tracing::info!(audio = ?info.audio.first(), "the slate of this programme has no sound: it cannot be made here");
        }
        let wanted = Wanted { spec, others };
        self.wanted = Some(wanted.clone());
        let (sender, receiver) = oneshot::channel();
        self.silences = Some(receiver);
        let (told, made) = oneshot::channel();
        let is_again = self.retry.is_again();
        let task = tasks::spawn("slate", async move {
            let result = listen(&clips, wanted).await;
            _ = told.send(result.is_ok());
            match result {
                Ok(units) => _ = sender.send(units),
                Err(error) if !is_again && clips.is_news(&error) => {
                    tracing::warn!(error = %Chain(&error), "no slate: gaps of this programme are filled with its tables");
                }
                Err(error) => tracing::debug!(error = %Chain(&error), "no slate, again"),
            }
        });
        self.making = Some(Making { made, _task: task });
    }

    /// Has the pump know what silence is, once the slate was made.
    pub fn hear(&mut self, pump: &mut Pump) {
        let Some(silences) = &mut self.silences else { return };
        match silences.try_recv() {
            Ok(units) => tell(&units, pump),
            Err(oneshot::error::TryRecvError::Empty) => return,
            // There will be none: the slate could not be made. Who asked again would ask a channel that has told all.
            Err(oneshot::error::TryRecvError::Closed) => {}
        }
        self.silences = None;
    }

    /// Reads the slate's bytes, round and round; ends where there is none.
    fn read(&self) -> (mpsc::Receiver<BytesMut>, Option<Task<()>>) {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let task = self.clips.clone().zip(self.wanted.clone()).map(|(clips, wanted)| {
            tasks::spawn("slate", async move {
                match send(&clips, wanted.spec, sender).await {
                    Err(error) if clips.is_news(&error) => {
                        tracing::warn!(error = %Chain(&error), "the slate cannot be played");
                    }
                    Err(error) => tracing::debug!(error = %Chain(&error), "the slate cannot be played either"),
                    Ok(()) => {}
                }
            })
        });
        (receiver, task)
    }

    /// Fills a gap, for ever: until the next source is proven and this future is dropped.
    ///
    /// # Cancel safety
    /// Whatever was sent is whole: tables, or pictures with their sound.
    pub async fn fill(&mut self, mut filler: Filler, pump: &mut Pump, shared: &Shared) -> Infallible {
        let (mut pieces, _reading) = self.read();
        let mut reel = Reel::default();
        let mut input = None;
        let mut open = filler.wants_slate();
        loop {
            let now = clock::now();
            let mut before = (pump.pushed_bytes(), shared.ring().published());
            // Not before it is known what silence is: then sound goes on with the first picture.
            let picture = reel.picture().filter(|_| self.silences.is_none());
            let next = filler.next(now, picture, pump.entered());
            match next {
                Next::Tables => pump.tables(now),
                Next::Null => pump.null(now),
                Next::Picture => {
                    let bytes = reel.take();
                    let input = input.get_or_insert_with(|| {
                        pump.stand_in(now);
                        // That published what was left of the source.
                        before = (pump.pushed_bytes(), shared.ring().published());
                        Input::new(Choice::First)
                    });
                    pump.push(input, &bytes, now);
                    pump.flush(now);
                }
                Next::Wait(until) => tokio::select! {
                    biased;
                    () = clock::sleep_until(until) => {}
                    units = heard(&mut self.silences) => tell(&units, pump),
                    piece = pieces.recv(), if open && reel.picture().is_none() => match piece {
                        Some(piece) => reel.push(&piece),
                        None => open = false,
                    },
                },
            }
            if !matches!(next, Next::Wait(_)) {
                filler.went_out(pump.pushed_bytes() - before.0, shared.ring().published() - before.1, now);
                shared.set_filler(filler.stats());
            }
        }
    }
}

/// A clip that is still being made is waited for: a gap must not wait for its pictures one by one.
async fn send(clips: &Clips, spec: ClipSpec, to: mpsc::Sender<BytesMut>) -> Result<(), ClipError> {
    let spec = made(clips, spec).await?;
    let mut player = clips.play(&spec).await?;
    while to.send(player.next().await?).await.is_ok() {}
    Ok(())
}

/// Has it made, and says what was: where its backdrop cannot be shown, the same with the text.
async fn made(clips: &Clips, spec: ClipSpec) -> Result<ClipSpec, ClipError> {
    let text = ClipSpec { backdrop: None, ..spec.clone() };
    let unshown = match &spec.backdrop {
        Some(backdrop) if clips.can_show(backdrop) => match clips.get(&spec).await {
            Ok(_) => return Ok(spec),
            Err(error) => Some((backdrop, error)),
        },
        _ => None,
    };
    clips.get(&text).await?;
    if let Some((backdrop, error)) = unshown
        && clips.failed_to_show(backdrop, &error)
    {
        tracing::warn!(
            filler.image = %backdrop.path.display(), error = %Chain(&error),
            "the picture of the slate cannot be shown; its text is shown instead. Give another PNG or JPEG (filler.image)"
        );
    }
    Ok(text)
}

/// Has all of it made, and reads the first unit of each sound. What is missing of it is sound that nobody fills.
async fn listen(clips: &Clips, wanted: Wanted) -> Result<Vec<Unit>, ClipError> {
    let mut units = Vec::new();
    let spec = made(clips, wanted.spec).await?;
    if spec.audio.is_some() {
        units.extend(first_sound(clips, &spec).await?);
    }
    for other in &wanted.others {
        match first_sound(clips, other).await {
            Ok(unit) => units.extend(unit),
            Err(error) => tracing::warn!(error = %Chain(&error), "one of the sound tracks of this programme stops in gaps"),
        }
    }
    Ok(units)
}

async fn first_sound(clips: &Clips, spec: &ClipSpec) -> Result<Option<Unit>, ClipError> {
    let mut player = clips.play(spec).await?;
    let (mut input, mut sound) = (Input::new(Choice::First), FirstSound::default());
    for _ in 0..MOST_PIECES {
        input.push(&player.next().await?, &mut sound);
        if let Some((codec, unit)) = sound.whole() {
            return Ok(Some((codec, unit.to_vec())));
        }
    }
    Ok(None)
}

/// What silence is: once. For ever where that is known, or nobody will say.
///
/// # Cancel safety
/// It can be asked again.
async fn heard(silences: &mut Option<oneshot::Receiver<Vec<Unit>>>) -> Vec<Unit> {
    let Some(receiver) = silences else { return std::future::pending().await };
    let units = receiver.await.unwrap_or_default();
    *silences = None;
    units
}

fn tell(units: &[Unit], pump: &mut Pump) {
    units.iter().for_each(|(codec, unit)| pump.silence(*codec, unit));
}

/// Cuts a clip into pictures. Its packets are our own: the PID with the PCR is that of the pictures (or of the sound, where
/// there are none), and what comes between the beginnings of two of them belongs to the first.
#[derive(Debug, Default)]
struct Reel {
    bytes: BytesMut,
    /// Of the PID with the PCR.
    pid: Option<u16>,
    /// How far it was looked for the end of the picture in front.
    scanned: usize,
    /// The picture in front: its stamp, and its media time since the first one, in units of 90 kHz.
    front: Option<(Pts90k, u64)>,
    /// The one behind it, which begins at `scanned`.
    behind: Option<(Pts90k, u64)>,
}

impl Reel {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.scan();
    }

    /// The picture in front, if it is there as a whole.
    fn picture(&self) -> Option<Picture> {
        let (_, elapsed_90k) = self.front.filter(|_| self.behind.is_some())?;
        Some(Picture { at: Duration::from_micros(elapsed_90k * 100 / 9), bytes: self.scanned })
    }

    /// Takes the bytes of that picture.
    fn take(&mut self) -> BytesMut {
        let taken = self.bytes.split_to(self.scanned);
        self.front = self.behind.take();
        self.scanned = PACKET.min(self.bytes.len());
        self.scan();
        taken
    }

    fn scan(&mut self) {
        while self.behind.is_none()
            && let Some(packet) = self.bytes.get(self.scanned..).and_then(|rest| rest.first_chunk::<PACKET>())
        {
            let word = packet::header(packet);
            if self.pid.is_none() && Adaptation::of(packet).pcr.is_some() {
                self.pid = Some(packet::pid(word));
            }
            let begins = self.pid == Some(packet::pid(word)) && word & UNIT_START != 0;
            if begins && let Some(stamp) = pes::decoding_time(packet::payload(packet)) {
                match self.front {
                    None => self.front = Some((stamp, 0)),
                    Some((last, elapsed)) => {
                        self.behind = Some((stamp, elapsed + u64::try_from(stamp.since(last)).unwrap_or(0)));
                        return;
                    }
                }
            }
            self.scanned += PACKET;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Codec;
    use crate::model::stream_info::VideoInfo;

    /// A picture of so many packets, the first of which has its stamp and PCR.
    fn picture(number: u64, packets: usize) -> Vec<u8> {
        let stamp = number * 3600;
        let mut first = vec![0x47, 0x41, 0x00, 0x30, 7, 0x10, 0, 0, 0, 0, 0x7E, 0, 0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5];
        first.extend([0x21, (stamp >> 22) as u8, (stamp >> 14) as u8 | 1, (stamp >> 7) as u8, (stamp << 1) as u8 | 1]);
        first.resize(PACKET, 0xFF);
        for _ in 1..packets {
            first.extend([0x47, 0x01, 0x00, 0x10]);
            first.resize(first.len() + PACKET - 4, 0);
        }
        first
    }

    #[rstest::rstest]
    #[case(PACKET)]
    #[case(1000)]
    #[case(100_000)]
    fn a_clip_is_cut_into_whole_pictures(#[case] piece: usize) {
        let tables: Vec<u8> = [[0x47, 0x40, 0, 0x10].as_slice(), &[0xFF; 184]].concat();
        let pictures: Vec<Vec<u8>> = (0..5).map(|n| picture(n, 1 + n as usize)).collect();
        let mut reel = Reel::default();
        let mut found = Vec::new();
        for piece in [tables.clone(), pictures.concat()].concat().chunks(piece) {
            reel.push(piece);
            while let Some(picture) = reel.picture() {
                let bytes = reel.take();
                assert_eq!(bytes.len(), picture.bytes);
                found.push((picture.at, bytes.to_vec()));
            }
        }
        let times: Vec<u128> = found.iter().map(|(at, _)| at.as_millis()).collect();
        assert_eq!(times, [0, 40, 80, 120], "the last one has no end yet");
        assert_eq!(found[0].1, [tables, pictures[0].clone()].concat());
        assert!(found.iter().zip(&pictures).skip(1).all(|((_, bytes), picture)| bytes == picture));
    }

    #[tokio::test]
    async fn without_a_worker_there_is_none() {
        let mut slate = Slate::new(None, "One moment, please", None);
        let video = VideoInfo {
            codec: Codec::H264,
            profile: None,
            width: Some(1280),
            height: Some(720),
            frame_rate: Some(25.0),
            interlaced: None,
            pixel_aspect: None,
        };
        slate.programme(&StreamInfo { video: Some(video), ..StreamInfo::default() });
        let (mut pieces, task) = slate.read();
        assert!(pieces.recv().await.is_none() && task.is_none());
    }
}
