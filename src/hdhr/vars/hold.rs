//! A channel kept on air for a control connection, read only while it is sent somewhere.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;

use super::super::target::Aim;
use super::super::target::outlet::Outlet;
use crate::base::clock;
use crate::base::tasks::{self, Task};
use crate::model::GuideNumber;
use crate::session::{Manager, Subscription, Tune};

/// Rest before a channel that failed or ended is tried again, for as long as it is wanted.
const AGAIN: Duration = Duration::from_secs(2);
/// How often a session that nobody reads is asked whether it lives.
const LOOK: Duration = Duration::from_millis(250);

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Opening,
    OnAir,
    Failed,
}

/// A channel on air until this is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) number: GuideNumber,
    progress: watch::Receiver<Progress>,
    aim: watch::Sender<Option<Arc<Aim>>>,
    _task: Task<()>,
}

impl Hold {
    /// Tunes, and sends the stream to `aim` if there is one.
    pub(super) fn new(manager: Manager, tune: Tune, outlet: Arc<Outlet>, aim: Option<Arc<Aim>>) -> Self {
        let (aim, aimed) = watch::channel(aim);
        let (report, progress) = watch::channel(Progress::Opening);
        let number = tune.number.clone();
        let task = tasks::spawn("control tuner", keep(manager, tune, outlet, aimed, report));
        Self { number, progress, aim, _task: task }
    }

    pub(super) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Sends the stream elsewhere, or nowhere.
    pub(super) fn aim_at(&self, aim: Option<Arc<Aim>>) {
        self.aim.send_replace(aim);
    }
}

async fn keep(
    manager: Manager,
    tune: Tune,
    outlet: Arc<Outlet>,
    mut aim: watch::Receiver<Option<Arc<Aim>>>,
    report: watch::Sender<Progress>,
) {
    let mut said = false;
    loop {
        match manager.tune(tune.clone()).await {
            Ok(subscription) => {
                said = false;
                report.send_replace(Progress::OnAir);
                watch_it(subscription, &outlet, &mut aim).await;
            }
            // Once, however often it is tried.
            Err(error) if !std::mem::replace(&mut said, true) => {
                tracing::info!(%error, channel.number = %tune.number, client.addr = %tune.client.addr, "control could not tune");
            }
            Err(_) => {}
        }
        report.send_replace(Progress::Failed);
        clock::sleep(AGAIN).await;
        report.send_replace(Progress::Opening);
    }
}

/// Returns when the session has ended.
async fn watch_it(mut subscription: Subscription, outlet: &Outlet, aim: &mut watch::Receiver<Option<Arc<Aim>>>) {
    while subscription.is_alive() {
        let now = aim.borrow_and_update().clone();
        let changed = aim.changed().then(|gone| async move {
            if gone.is_err() {
                // The holder is gone and this task with it, in a moment.
                std::future::pending::<()>().await;
            }
        });
        match now {
            None => tokio::select! {
                () = changed => {}
                () = clock::sleep(LOOK) => {}
            },
            Some(aim) => {
                subscription.rejoin();
                tokio::select! {
                    () = changed => {}
                    () = outlet.stream(&mut subscription, aim) => {}
                }
            }
        }
    }
}
