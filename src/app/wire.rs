//! From settings to a running house, and down again in the right order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use super::descriptions::Descriptions;
use super::devices::{House, Running};
use super::feeds::FeedReaders;
use super::guides::Guides;
use super::history::Keeper;
use super::import::Playlists;
use super::listen;
use super::outputs::Channels;
use super::ports::StorePorts;
use super::publish::Publisher;
use super::shutdown::{Ended, Signals};
use super::{demo, identity, inputs, process};
use crate::admin::Feeds;
use crate::base::chain::Chain;
use crate::base::clock;
use crate::base::jobs::Jobs;
use crate::base::tasks::{self, CancellationToken};
use crate::config::{Config, Resolved};
use crate::http::{Access, server};
use crate::ingest::srt::{Calls, Rules};
use crate::ingest::watch::Watch;
use crate::media::clip::{self, Backdrop, Clips};
use crate::media::worker::WorkerClient;
use crate::prober::Prober;
use crate::session::Manager;
use crate::source::Opener;
use crate::store::{self, Spool, Store};
use crate::tuner::Pool;

/// Everything must have ended by then.
const SHUTDOWN: Duration = Duration::from_secs(10);
/// Answers get this much of it.
const GRACE: Duration = Duration::from_secs(2);

/// The picture of the slates. One that cannot be shown does not keep the house from running.
async fn backdrop(config: &Config) -> Option<Backdrop> {
    let path = config.session.filler_image.clone()?;
    match Backdrop::open(path).await {
        Ok(backdrop) => Some(backdrop),
        Err(error) => {
            tracing::warn!(
                error = %error,
                "filler.image: slates show their text instead. Give a PNG or JPEG that the user of rooftop may read, and restart"
            );
            None
        }
    }
}

/// Runs Rooftop until a signal ends it, or a person who wants it started anew.
///
/// # Errors
/// When it cannot be started: the data directory, the database, an address that must be had.
pub async fn run(resolved: Resolved) -> anyhow::Result<Ended> {
    let mut signals = Signals::install()?;
    let restart = CancellationToken::new();
    let process = process::describe(&resolved, restart.clone());
    let config = resolved.config;
    let (store, notes) = open_store(&config).await?;
    identity::apply(&store, &config.device).await?;
    let bound = listen::bind(config.listen.iter().map(|listen| (listen.addr, listen.optional)))?;
    let input_ports = inputs::bind(&config.ingest)?;
    let (registry, looking) = inputs::registry(&config.ingest)?;
    let clips = Clips::new(clip::Settings::in_data_dir(&config.data_dir), WorkerClient::new(config.worker.clone()));
    let backdrop = backdrop(&config).await;
    let opener = Opener::new(config.source.clone()).context("cannot prepare to open sources")?.with_demo(clips.clone());
    let calls = Arc::new(Calls::new(&config.ingest.srt, &registry, config.source.connect_timeout));
    let opener = Arc::new(opener.with_pushed(Arc::new(registry.clone())).with_calls(calls.clone()));
    let pool = Pool::new(config.tuner.clone());
    let ports = StorePorts::new(store.clone(), config.session.cycle_failure_min_health);
    let prober = Prober::new(config.prober.clone(), store.clone(), pool.clone(), opener.clone(), ports.clone());
    let manager = Manager::new(config.session.clone(), pool.clone(), opener, ports.clone()).with_slates(clips.clone(), backdrop);
    let spool = Spool::start(&config.data_dir)?;
    let keeper = Keeper::start(&store, &spool, manager.journal(), &config.session).await;
    let jobs = Jobs::default();
    let guides = Guides::new(&store, &jobs);
    let playlists = Playlists::new(&config, &store, &pool, &guides, &jobs);
    // What was begun days ago is not gone on with.
    if let Err(error) = crate::fetch::sweep(&store.feeds_dir()) {
        tracing::debug!(%error, "parts of old downloads could not be looked at");
    }
    playlists.before_serving().await?;
    demo::offer(&config.playlists, &store, &pool, &clips).await?;

    let publisher = Publisher::new(&store, &guides, &config.data_dir);
    let access = Access::new(config.allow.iter().copied(), config.hosts.iter().cloned());
    let stop = CancellationToken::new();
    let house = House {
        store: store.clone(),
        spool: spool.clone(),
        pool: pool.clone(),
        ports,
        prober: prober.clone(),
        manager: manager.clone(),
        feeds: Feeds {
            store: store.clone(),
            jobs: jobs.clone(),
            readers: Arc::new(FeedReaders { playlists: playlists.clone(), guides: guides.clone() }),
        },
        publisher: publisher.clone(),
        process,
        notes,
        inputs: registry.clone(),
        shared_port: input_ports.shared_port(),
    };
    let devices = Running::start(&config, &house, &access, bound, &stop).await?;
    let rules: Arc<dyn Rules> = Arc::new(inputs::StoredRules(store.clone()));
    let watch: Arc<dyn Watch> = Arc::new(Channels::new(&manager, &store, &registry));
    let following = inputs::Follower::new(&registry, &house.ports, &house.feeds, &config.ingest).follow();
    let following = tasks::spawn("inputs", following);
    let receiving = input_ports.serve(&config.ingest, &registry, &rules, &watch);
    let describing = Descriptions::new(&store, &registry, receiving.describing()).while_serving();
    let describing = tasks::spawn("descriptions", describing);
    let imports = tasks::spawn("playlists", playlists.clone().while_serving());
    let guiding = tasks::spawn("guides", guides.clone().while_serving());
    let publishing = tasks::spawn("publisher", publisher.while_serving());
    let probes = tasks::spawn("prober", prober.run());
    tracing::info!(channels = store.catalog().channels.len(), "ready");
    let _ = sd_notify::notify(false, &[sd_notify::NotifyState::Ready]);

    let mut ended = tokio::select! {
        signal = signals.next() => {
            tracing::info!(%signal, "shutting down");
            Ended::Stopped
        }
        () = restart.cancelled() => {
            tracing::info!("shutting down to be started anew, as was asked for");
            Ended::ForRestart
        }
    };
    let _ = sd_notify::notify(false, &[sd_notify::NotifyState::Stopping]);
    drop((imports, guiding, publishing, probes, following, describing));
    let down = async {
        receiving.close().await;
        drop(looking);
        let servers = devices.stop_discovery().await;
        manager.shutdown(GRACE).await;
        calls.close().await;
        stop.cancel();
        servers.stopped().await;
        jobs.stop().await;
        keeper.stop().await;
        store.close().await;
    };
    tokio::select! {
        done = clock::timeout(SHUTDOWN, down) => if done.is_err() {
            tracing::warn!("not everything ended within {SHUTDOWN:?}");
        },
        signal = signals.next() => {
            tracing::warn!(%signal, "ending at once");
            ended = Ended::Stopped;
        }
    }
    Ok(ended)
}

/// The database, and what a person should know of how it was opened.
async fn open_store(config: &Config) -> anyhow::Result<(Store, Vec<String>)> {
    let dir = config.data_dir.clone();
    let open = move || {
        let mut notes = Vec::new();
        // One that cannot be put in place leaves the old database there, which is better than none.
        match store::restore_staged(&dir) {
            Ok(None) => {}
            Ok(Some(kept)) => {
                tracing::info!(kept = %kept.display(), "the backup that waited is in place; the old database is kept")
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "the backup that waited could not be put in place");
                notes.push(format!(
                    "The backup that waited could not be put in place ({}), so that everything is as it was before. It is kept as \
                     rooftop.db.refused in the data directory until another one comes.",
                    Chain(&error)
                ));
            }
        }
        Store::open(&dir).map(|store| (store, notes))
    };
    let opened = tasks::blocking(open).await.context("cannot open the database")?;
    opened.with_context(|| format!("cannot use the data directory {}", config.data_dir.display()))
}

/// For [`server::serve`].
pub(super) fn limits(manager: &Manager) -> server::Limits {
    server::Limits { write_timeout: manager.settings().max_blocked_write, ..server::Limits::for_this_process() }
}

/// For [`server::serve`].
pub(super) const fn grace() -> Duration {
    GRACE
}
