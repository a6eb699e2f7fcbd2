//! Playlists and guides, and what channels have of them.

use super::{DELETE, FILE, GET, NONE, PATCH, POST, PUT};
use crate::admin::api::doc::doc;
use crate::admin::api::stretch::{ByNumber, Stretch};
use crate::admin::api::{guides, playlists, providers, uploads};
use crate::admin::feeds::guides::{GuideRequest, GuideView, MappingRequest};
use crate::admin::feeds::items::{ItemPage, ItemQuery};
use crate::admin::feeds::playlists::{PlaylistRequest, PlaylistView};
use crate::admin::routes::{ADMIN, Table, VIEWER};
use crate::guide::difference::GuideDifference;
use crate::store::ImportReport;
use crate::store::items::Difference;

/// Playlists and accounts.
pub(super) fn playlists(table: Table) -> Table {
    table
        .on(GET, "/playlists", VIEWER, doc("Playlists").query::<Stretch>().gives::<playlists::List>(), playlists::list)
        .on(
            POST,
            "/playlists",
            ADMIN,
            doc("Makes a playlist, and begins to read it; the same one that could never be read is read anew")
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
pub(super) fn guides(table: Table) -> Table {
    table
        .on(GET, "/guides", VIEWER, doc("Guides").query::<Stretch>().gives::<guides::List>(), guides::list)
        .on(
            POST,
            "/guides",
            ADMIN,
            doc("Makes a guide, and begins to read it; the same one that could never be read is read anew")
                .takes::<GuideRequest>()
                .makes::<GuideView>()
                .tagged()
                .or_conflict(),
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
