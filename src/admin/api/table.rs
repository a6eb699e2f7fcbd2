//! The table of the API.

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::doc::doc;
use super::stretch::{ByNumber, Stretch};
use super::tuner_status::Snapshot;
use super::{
    channels, devices, edits, events, guides, history, jobs, openapi, playlists, providers, sources, status, tuners, uploads,
};
use crate::admin::AdminState;
use crate::admin::feeds::edits::{BulkRequest, EditRequest, NewChannelRequest, SourceRequest};
use crate::admin::feeds::guides::{GuideRequest, GuideView, MappingRequest};
use crate::admin::feeds::items::{ItemPage, ItemQuery};
use crate::admin::feeds::lineups::{LineupRequest, LineupView};
use crate::admin::feeds::playlists::{PlaylistRequest, PlaylistView};
use crate::admin::feeds::table::{Imported, Row};
use crate::admin::routes::{ADMIN, Table, VIEWER};
use crate::base::jobs::Job;
use crate::guide::difference::GuideDifference;
use crate::model::{DeviceId, Verdict};
use crate::store::ImportReport;
use crate::store::items::Difference;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
/// There is no such thing.
const NONE: StatusCode = StatusCode::NOT_FOUND;
/// Too many ask.
const BUSY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
/// Any file.
const FILE: &str = "application/octet-stream";

/// The table, below `/api/v1`: what each route needs, what it takes and gives, and who answers. Whoever may only look may ask with
/// GET.
pub fn table(state: &AdminState) -> Table {
    let table = Table::of_api(state, "/api/v1")
        .on(GET, "/openapi.json", VIEWER, doc("This description").gives::<Value>(), openapi::show)
        .on(GET, "/status", VIEWER, doc("What is going on").gives::<status::Status<'_>>(), status::show)
        .on(
            GET,
            "/events",
            VIEWER,
            doc("What happens in sessions, as it happens").gives_file("text/event-stream").or(BUSY),
            events::follow,
        );
    devices(running(guides(playlists(channels(table)))))
}

/// Channels and their sources.
fn channels(table: Table) -> Table {
    table
        .on(
            GET,
            "/channels",
            VIEWER,
            doc("Channels, in order of number").query::<channels::Stretch>().gives::<channels::List<'_>>(),
            channels::list,
        )
        .on(
            POST,
            "/channels",
            ADMIN,
            doc("Makes a channel").takes::<NewChannelRequest>().makes::<channels::Channel<'_>>().tagged().or_conflict().or(NONE),
            edits::add,
        )
        .on(
            POST,
            "/channels/bulk",
            ADMIN,
            doc("Changes many channels, all of them or none")
                .takes::<BulkRequest>()
                .gives::<edits::Changed>()
                .or_conflict()
                .or(NONE),
            edits::many,
        )
        .on(
            GET,
            "/channels/export",
            VIEWER,
            doc("All channels as a table").query::<edits::Wish>().gives::<Vec<Row>>().gives_file("text/csv"),
            edits::export,
        )
        .on(
            POST,
            "/channels/import",
            ADMIN,
            doc("Changes channels as a table says: all of it, or nothing")
                .takes::<Vec<Row>>()
                .takes_file("text/csv")
                .gives::<Imported>()
                .or_conflict()
                .or(NONE),
            edits::import,
        )
        .on(GET, "/channels/{id}", VIEWER, doc("A channel").gives::<channels::Channel<'_>>().tagged(), channels::show)
        .on(
            PATCH,
            "/channels/{id}",
            ADMIN,
            doc("Changes a channel; `null`: as the playlist, or the settings, say")
                .merges::<EditRequest>()
                .gives::<channels::Channel<'_>>()
                .tagged()
                .or_conflict(),
            edits::change,
        )
        .on(DELETE, "/channels/{id}", ADMIN, doc("Takes a channel away for good").tagged(), edits::remove)
        .on(
            POST,
            "/channels/{id}/sources",
            ADMIN,
            doc("Gives a channel one more source")
                .takes::<SourceRequest>()
                .makes::<channels::Channel<'_>>()
                .tagged()
                .or_conflict(),
            edits::add_source,
        )
        .on(
            PUT,
            "/channels/{id}/sources",
            ADMIN,
            doc("Says in which order sources are tried; the tag is the channel's")
                .takes::<edits::Order>()
                .gives::<channels::Channel<'_>>()
                .tagged()
                .or_conflict(),
            edits::order_sources,
        )
        .on(
            GET,
            "/channels/{id}/backups",
            VIEWER,
            doc("Items of playlists that are the same channel").gives::<edits::Backups>().or_conflict(),
            edits::backups,
        )
        .on(PATCH, "/sources/{id}", ADMIN, doc("Switches a source on or off").merges::<edits::Switch>(), edits::switch_source)
        .on(
            DELETE,
            "/sources/{id}",
            ADMIN,
            doc("Takes away a source that a person gave to a channel").or_conflict(),
            edits::remove_source,
        )
        .on(POST, "/sources/{id}/probe", ADMIN, doc("Looks at a source now").gives::<Verdict>().or_conflict(), sources::probe)
        .on(DELETE, "/sources/health", ADMIN, doc("Forgets how all sources have behaved"), sources::clear_all)
        .on(DELETE, "/sources/{id}/health", ADMIN, doc("Forgets how a source has behaved"), sources::clear_one)
}

/// Playlists and accounts.
fn playlists(table: Table) -> Table {
    table
        .on(GET, "/playlists", VIEWER, doc("Playlists").query::<Stretch>().gives::<playlists::List>(), playlists::list)
        .on(
            POST,
            "/playlists",
            ADMIN,
            doc("Makes a playlist, and begins to read it")
                .takes::<PlaylistRequest>()
                .makes::<PlaylistView>()
                .tagged()
                .or_conflict(),
            playlists::add,
        )
        .on(
            POST,
            "/playlists/upload",
            ADMIN,
            doc("Makes a playlist of a file, and begins to read it")
                .query::<uploads::About>()
                .takes_file(FILE)
                .makes::<PlaylistView>()
                .tagged()
                .or_conflict(),
            uploads::add,
        )
        .on(
            PUT,
            "/playlists/{id}/file",
            ADMIN,
            doc("Puts another file in the place of the one that was uploaded; the tag is the playlist's")
                .takes_file(FILE)
                .begins()
                .if_match()
                .or_conflict(),
            uploads::replace,
        )
        .on(GET, "/playlists/{id}", VIEWER, doc("A playlist").gives::<PlaylistView>().tagged(), playlists::show)
        .on(
            PATCH,
            "/playlists/{id}",
            ADMIN,
            doc("Changes a playlist").merges::<PlaylistRequest>().gives::<PlaylistView>().tagged().or_conflict(),
            playlists::change,
        )
        .on(DELETE, "/playlists/{id}", ADMIN, doc("Takes a playlist away").tagged().or_conflict(), playlists::remove)
        .on(
            POST,
            "/playlists/{id}/refresh",
            ADMIN,
            doc("Begins to read a playlist").query::<playlists::Wish>().begins().or_conflict(),
            playlists::refresh,
        )
        .on(
            GET,
            "/playlists/{id}/held",
            VIEWER,
            doc("What the version that is held back differs in").gives::<Difference>().or_conflict(),
            playlists::held,
        )
        .on(DELETE, "/playlists/{id}/held", ADMIN, doc("Forgets the version that is held back").or_conflict(), playlists::discard)
        .on(
            POST,
            "/playlists/{id}/held/accept",
            ADMIN,
            doc("Serves the version that is held back").gives::<ImportReport>().or_conflict(),
            playlists::accept,
        )
        .on(
            GET,
            "/playlists/{id}/items",
            VIEWER,
            doc("What a playlist offers").query::<ItemQuery>().gives::<ItemPage>().or_conflict(),
            playlists::items,
        )
        .on(
            GET,
            "/playlists/{id}/groups",
            VIEWER,
            doc("The groups of a playlist").query::<Stretch>().gives::<playlists::Groups>().or_conflict(),
            playlists::groups,
        )
        .on(
            GET,
            "/providers",
            VIEWER,
            doc("Accounts, and how many of their connections are in use").gives::<providers::List<'_>>(),
            providers::list,
        )
        .on(
            PATCH,
            "/providers/{id}",
            ADMIN,
            doc("Says how many connections an account allows").merges::<providers::Wanted>().gives::<providers::Provider<'_>>(),
            providers::change,
        )
}

/// Guides, and what channels have of them.
fn guides(table: Table) -> Table {
    table
        .on(GET, "/guides", VIEWER, doc("Guides").query::<Stretch>().gives::<guides::List>(), guides::list)
        .on(
            POST,
            "/guides",
            ADMIN,
            doc("Makes a guide, and begins to read it").takes::<GuideRequest>().makes::<GuideView>().tagged().or_conflict(),
            guides::add,
        )
        .on(
            GET,
            "/guides/offered",
            VIEWER,
            doc("Guides that playlists name and that are not used yet").gives::<guides::OfferedGuides>(),
            guides::offered,
        )
        .on(
            POST,
            "/guides/offered",
            ADMIN,
            doc("Uses one of them").takes::<guides::Taken>().makes::<GuideView>().tagged().or_conflict().or(NONE),
            guides::take,
        )
        .on(GET, "/guides/{id}", VIEWER, doc("A guide").gives::<GuideView>().tagged(), guides::show)
        .on(
            PATCH,
            "/guides/{id}",
            ADMIN,
            doc("Changes a guide").merges::<GuideRequest>().gives::<GuideView>().tagged().or_conflict(),
            guides::change,
        )
        .on(DELETE, "/guides/{id}", ADMIN, doc("Takes a guide away").tagged(), guides::remove)
        .on(POST, "/guides/{id}/refresh", ADMIN, doc("Begins to read a guide").query::<guides::Wish>().begins(), guides::refresh)
        .on(
            GET,
            "/guides/{id}/held",
            VIEWER,
            doc("What the version that is held back differs in").gives::<GuideDifference>().or_conflict(),
            guides::held,
        )
        .on(DELETE, "/guides/{id}/held", ADMIN, doc("Forgets the version that is held back").or_conflict(), guides::discard)
        .on(
            POST,
            "/guides/{id}/held/accept",
            ADMIN,
            doc("Begins to serve the version that is held back").begins().or_conflict(),
            guides::accept,
        )
        .on(
            GET,
            "/guides/{id}/channels",
            VIEWER,
            doc("The channels of a guide").query::<guides::Search>().gives::<guides::GuideChannels>(),
            guides::channels,
        )
        .on(
            GET,
            "/guide/now",
            VIEWER,
            doc("What is on, and what follows").query::<ByNumber>().gives::<guides::Now<'_>>(),
            guides::now,
        )
        .on(
            GET,
            "/guide/search",
            VIEWER,
            doc("Programmes that are not over").query::<guides::Terms>().gives::<guides::Found<'_>>(),
            guides::search,
        )
        .on(
            GET,
            "/mappings",
            VIEWER,
            doc("Every channel of the lineup, and its guide").query::<ByNumber>().gives::<guides::Mappings>(),
            guides::mappings,
        )
        .on(
            GET,
            "/channels/{id}/mapping",
            VIEWER,
            doc("What may be the guide of a channel").gives::<guides::Suggestions>().or_conflict(),
            guides::suggestions,
        )
        .on(
            PUT,
            "/channels/{id}/mapping",
            ADMIN,
            doc("Says which guide a channel has, or none").takes::<MappingRequest>().or_conflict(),
            guides::map,
        )
        .on(DELETE, "/channels/{id}/mapping", ADMIN, doc("Leaves it to Rooftop which guide a channel has"), guides::unmap)
        .on(
            GET,
            "/channels/{id}/programmes",
            VIEWER,
            doc("The programmes of a channel from now on").query::<guides::Hours>().gives::<guides::Programmes<'_>>(),
            guides::programmes,
        )
}

/// What is going on, and what was.
fn running(table: Table) -> Table {
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
fn devices(table: Table) -> Table {
    table
        .on(GET, "/devices", VIEWER, doc("Virtual tuners").gives::<devices::List>(), devices::list)
        .on(
            POST,
            "/devices",
            ADMIN,
            doc("Makes a virtual tuner").takes::<devices::Wanted>().makes::<devices::Detail>().tagged().or_conflict(),
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
                .merges::<devices::Wanted>()
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
