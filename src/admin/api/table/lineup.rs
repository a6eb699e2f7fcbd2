//! Channels and their sources.

use super::{DELETE, GET, NONE, PATCH, POST, PUT};
use crate::admin::api::doc::doc;
use crate::admin::api::{channels, edits, sources};
use crate::admin::feeds::edits::{BulkRequest, EditRequest, NewChannelRequest, SourceRequest};
use crate::admin::feeds::table::{Imported, Row};
use crate::admin::routes::{ADMIN, Table, VIEWER};
use crate::model::Verdict;

/// Channels and their sources.
pub(super) fn channels(table: Table) -> Table {
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
