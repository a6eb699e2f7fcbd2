//! What is going on, and the virtual tuners.

use super::{DELETE, GET, NONE, PATCH, POST, PUT};
use crate::admin::api::doc::doc;
use crate::admin::api::tuner_status::Snapshot;
use crate::admin::api::{devices, history, jobs, tuners};
use crate::admin::devices::DeviceRequest;
use crate::admin::feeds::lineups::{LineupRequest, LineupView};
use crate::admin::routes::{ADMIN, Table, VIEWER};
use crate::base::jobs::Job;
use crate::model::DeviceId;

/// What is going on, and what was.
pub(super) fn running(table: Table) -> Table {
    table
        .on(GET, "/jobs", VIEWER, doc("Long work: what runs, and what ended last").gives::<jobs::List>(), jobs::list)
        .on(GET, "/jobs/{id}", VIEWER, doc("How far a job is").id::<u64>().gives::<Job>(), jobs::show)
        .on(DELETE, "/jobs/{id}", ADMIN, doc("Asks a job to stop").id::<u64>().accepts().or_conflict(), jobs::cancel)
        .on(GET, "/tuners", VIEWER, doc("What every tuner does").gives::<Snapshot>(), tuners::list)
        .on(
            POST,
            "/tuners/recovery",
            ADMIN,
            doc("Has a channel leave its source for another one")
                .takes::<tuners::Wanted>()
                .gives::<tuners::Accepted<'_>>()
                .or(NONE)
                .or_conflict(),
            tuners::recover,
        )
        .on(
            GET,
            "/sessions/history",
            VIEWER,
            doc("Sessions, the newest first").query::<history::Wanted>().gives::<history::History>(),
            history::sessions,
        )
        .on(
            GET,
            "/sessions/events",
            VIEWER,
            doc("What viewers went through, the newest first").query::<history::Last>().gives::<history::Events>(),
            history::events,
        )
}

/// Virtual tuners.
pub(super) fn devices(table: Table) -> Table {
    table
        .on(GET, "/devices", VIEWER, doc("Virtual tuners").gives::<devices::List>(), devices::list)
        .on(
            POST,
            "/devices",
            ADMIN,
            doc("Makes a virtual tuner").takes::<DeviceRequest>().makes::<devices::Detail>().tagged().or_conflict(),
            devices::add,
        )
        .on(
            GET,
            "/devices/split",
            VIEWER,
            doc("How the lineup could be split over several").query::<devices::Most>().gives::<devices::Parts>(),
            devices::split,
        )
        .on(
            GET,
            "/devices/{id}",
            VIEWER,
            doc("A virtual tuner").id::<DeviceId>().gives::<devices::Detail>().tagged(),
            devices::show,
        )
        .on(
            PATCH,
            "/devices/{id}",
            ADMIN,
            doc("Changes a virtual tuner")
                .id::<DeviceId>()
                .merges::<DeviceRequest>()
                .gives::<devices::Detail>()
                .tagged()
                .or_conflict(),
            devices::change,
        )
        .on(
            DELETE,
            "/devices/{id}",
            ADMIN,
            doc("Takes a virtual tuner away").id::<DeviceId>().tagged().or_conflict(),
            devices::remove,
        )
        .on(
            GET,
            "/devices/{id}/channels",
            VIEWER,
            doc("The channels of a virtual tuner").id::<DeviceId>().gives::<LineupView>().tagged(),
            devices::lineup,
        )
        .on(
            PUT,
            "/devices/{id}/channels",
            ADMIN,
            doc("Says which channels it has")
                .id::<DeviceId>()
                .takes::<LineupRequest>()
                .gives::<LineupView>()
                .tagged()
                .or_conflict(),
            devices::set_lineup,
        )
}
