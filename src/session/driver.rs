//! Runs one session: opens its sources one after the other and keeps them on air.
//!
//! It holds no policy: when to dial whom is `start`'s and `recovery`'s, whether a source lives is `stall`'s and `on_air`'s,
//! what fills the gap between two of them is `filler`'s.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;

use super::attempt::{Failure, Means, Proven};
use super::events::Selected;
use super::filler::{Filler, Mode};
use super::manager::TuneError;
use super::on_air::{self, Left};
use super::ports::{Plan, Ports};
use super::pump::{Cut, Pump};
use super::recovery::{Event, GaveUp, Recovery, Round, Step};
use super::settings::{CodecChange, Settings};
use super::shared::Shared;
use super::slate::Slate;
use super::spare::Spare;
use super::start::{self, Failed, Tries};
use crate::base::clock;
use crate::media::clip::{Backdrop, Clips};
use crate::model::SourceId;
use crate::source::{Chunk, SourceError};

/// What a session works with.
#[derive(Clone)]
pub struct Context {
    pub(super) means: Means,
    pub(super) ports: Arc<dyn Ports>,
    pub(super) settings: Arc<Settings>,
    /// Who makes slates.
    pub(super) clips: Option<Clips>,
    /// What these show instead of a text.
    pub(super) backdrop: Option<Backdrop>,
    /// The device it was first tuned on, whose lineup its plan comes from.
    pub(super) device: i64,
}

/// Runs the session until it ends; then closes it. Cancel-safe in the sense that dropping it ends everything it owns.
pub async fn run(shared: Arc<Shared>, context: Context) {
    let grace = context.settings.session_idle_timeout;
    let preempt = shared.connection_preempt();
    let (failure, reason, failed) = tokio::select! {
        biased;
        () = shared.token().cancelled() => (None, "ended".to_owned(), false),
        () = preempt.cancelled() => (None, "connection wanted for another channel".to_owned(), false),
        () = shared.idle_for(grace) => (None, "nobody watches".to_owned(), false),
        end = live(&shared, &context) => (end.0, end.1, true),
    };
    shared.close(failure, &reason, failed);
}

async fn live(shared: &Shared, context: &Context) -> (Option<TuneError>, String) {
    let settings = &*context.settings;
    let at_other_codecs = settings.codec_change == CodecChange::Close;
    let cut = Cut { bytes: settings.chunk_bytes, interval: settings.chunk_interval, at_other_codecs };
    let mut pump = Pump::new(shared.ring().clone(), cut, clock::now());
    let mut recovery = Recovery::new(settings);
    let clips = context.clips.clone().filter(|_| settings.filler == Mode::Slate);
    let mut slate = Slate::new(clips, &settings.filler_text, context.backdrop.clone());
    let mut proven = match recovery.on(clock::now(), Event::Wanted(&shared.plan().candidates)) {
        Step::Dial(round) => match dial(round, Tries::Once, shared, context).await {
            Ok(proven) => proven,
            Err(failed) => return opening_failed(failed),
        },
        Step::Play | Step::Over(_) => return (Some(TuneError::NoSources), "there was nothing to dial".to_owned()),
    };
    let mut spare = Spare::default();
    let mut fail_back = false;
    loop {
        let source = proven.candidate.source;
        recovery.on(clock::now(), Event::Proven(source));
        begin(&proven, fail_back, shared);
        let leave = Notify::new();
        let left = tokio::select! {
            biased;
            left = on_air::play(proven, &mut pump, &mut slate, shared, settings, &*context.ports, &leave) => left,
            never = spare.keep(source, shared, context, &leave) => match never {},
        };
        if !pump.entered() {
            return (Some(TuneError::NoVideoData), format!("nothing to watch came: {}", left.reason));
        }
        fail_back = matches!(left.reason, Failure::Better);
        if fail_back && let Some(better) = spare.take(shared, |_| true) {
            pump.change_source(clock::now());
            shared.fail_backs.fetch_add(1, Ordering::Relaxed);
            proven = better;
            continue;
        }
        account(&left, source, shared, context);
        let step = next_step(&left, shared, context, &mut recovery);
        let dialled = |id| matches!(&step, Step::Dial(round) if round.candidates.iter().any(|one| one.source == id));
        if let Some(ready) = spare.take(shared, dialled) {
            pump.change_source(clock::now());
            shared.takeovers.fetch_add(1, Ordering::Relaxed);
            shared.failovers.fetch_add(1, Ordering::Relaxed);
            proven = ready;
            continue;
        }
        let now = clock::now();
        let filler = Filler::new(settings.filler, now, clock::wall(), left.silent, left.rate_bps);
        proven = tokio::select! {
            biased;
            found = again(step, shared, context, &mut recovery) => match found {
                Ok(proven) => proven,
                Err(why) => {
                    pump.give_rest(clock::now());
                    return (None, format!("{why}: {}", left.reason));
                }
            },
            never = slate.fill(filler, &mut pump, shared) => match never {},
        };
        shared.filler_over(clock::wall(), clock::now() - now);
        tracing::info!(
            session.id = %shared.id(), channel.number = %shared.number(), gap_ms = (clock::now() - now).as_millis() as u64,
            filler = settings.filler.name(), "gap over"
        );
        pump.change_source(clock::now());
        shared.failovers.fetch_add(1, Ordering::Relaxed);
    }
}

/// What recovery says to the loss.
fn next_step(left: &Left, shared: &Shared, context: &Context, recovery: &mut Recovery) -> Step {
    let plan = plan(shared, context).candidates;
    match left.reason {
        Failure::Asked(_) => recovery.on(clock::now(), Event::Asked(&plan)),
        _ => recovery.on(clock::now(), Event::Lost(&plan)),
    }
}

/// Dials again after a loss, until a source is proven or it is given up.
async fn again(mut step: Step, shared: &Shared, context: &Context, recovery: &mut Recovery) -> Result<Proven, GaveUp> {
    loop {
        let round = match step {
            Step::Dial(round) => round,
            Step::Over(why) => return Err(why),
            Step::Play => return Err(GaveUp::TimeOver),
        };
        match dial(round, Tries::Again, shared, context).await {
            Ok(proven) => return Ok(proven),
            Err(_) => step = recovery.on(clock::now(), Event::Unproven(&plan(shared, context).candidates)),
        }
    }
}

/// The channel's sources as of now; as they were at the start, if it was taken out of the lineup meanwhile.
pub(super) fn plan(shared: &Shared, context: &Context) -> Plan {
    let plan = context.ports.plan(context.device, shared.number());
    plan.filter(|plan| plan.channel == shared.channel()).unwrap_or_else(|| shared.plan().clone())
}

async fn dial(round: Round, tries: Tries, shared: &Shared, context: &Context) -> Result<Proven, Failed> {
    let Round { wait, most, candidates } = round;
    clock::sleep(wait).await;
    start::first_proven(candidates, tries, &context.means, &*context.ports, shared, &context.settings, most).await
}

fn begin(proven: &Proven, fail_back: bool, shared: &Shared) {
    let url = crate::base::secret::SafeUrl(proven.candidate.url.expose()).to_string();
    tracing::info!(
        session.id = %shared.id(), channel.number = %shared.number(), source.id = %proven.candidate.source, source.url = %url,
        producer = proven.opened.producer, after_ms = u64::try_from(proven.after.as_millis()).unwrap_or(u64::MAX),
        "source on air"
    );
    shared.set_source(Selected {
        source: proven.candidate.source,
        item_key: proven.candidate.item_key.clone(),
        url,
        producer: proven.opened.producer,
        after: proven.after,
        fail_back,
        raw_bytes: proven.held.iter().map(|chunk| if let Chunk::Bytes(bytes) = chunk { bytes.len() as u64 } else { 0 }).sum(),
    });
}

fn account(left: &Left, source: SourceId, shared: &Shared, context: &Context) {
    let reason = left.reason.to_string();
    tracing::warn!(
        session.id = %shared.id(), channel.number = %shared.number(), source.id = %source, %reason,
        lived_ms = u64::try_from(left.lived.as_millis()).unwrap_or(u64::MAX),
        "source lost"
    );
    let stalled = matches!(left.reason, Failure::Source(SourceError::TimedOut(_)));
    shared.source_left(source, reason, stalled, left.lived);
    start::report(&left.reason, source, left.provider, &*context.ports, &context.settings);
}

fn opening_failed(failed: Failed) -> (Option<TuneError>, String) {
    let reason = failed.last.as_ref().map_or_else(|| "no source answered in time".to_owned(), ToString::to_string);
    let error = match failed.last {
        _ if failed.all_busy => TuneError::ProviderBusy,
        Some(Failure::Source(SourceError::TimedOut(_))) | None => TuneError::NoVideoData,
        Some(Failure::Unproven(_) | Failure::Scrambled) => TuneError::NoVideoData,
        Some(_) if failed.flowing => TuneError::NoVideoData,
        Some(_) => TuneError::TuneFailed(reason.clone()),
    };
    (Some(error), reason)
}
