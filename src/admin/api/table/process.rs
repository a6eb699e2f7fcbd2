//! Who may do what, and the process itself.

use serde_json::Value;

use super::{DELETE, FILE, GET, POST};
use crate::admin::api::doc::doc;
use crate::admin::api::{people, process};
use crate::admin::routes::{ADMIN, Table, VIEWER};

/// Users and tokens, and who did what.
pub(super) fn people(table: Table) -> Table {
    table
        .on(GET, "/users", ADMIN, doc("Who may log in").gives::<people::Users>(), people::users)
        .on(
            POST,
            "/users",
            ADMIN,
            doc("Makes a user").takes::<people::NewUser>().makes::<people::MadeUser>().unplaced().or_conflict(),
            people::add_user,
        )
        .on(DELETE, "/users/{id}", ADMIN, doc("Takes a user away").or_conflict(), people::remove_user)
        .on(GET, "/tokens", ADMIN, doc("What is kept of tokens").gives::<people::Tokens>(), people::tokens)
        .on(
            POST,
            "/tokens",
            ADMIN,
            doc("Makes a token, and shows it this once")
                .takes::<people::NewToken>()
                .makes::<people::MadeToken>()
                .unplaced()
                .or_conflict(),
            people::add_token,
        )
        .on(DELETE, "/tokens/{id}", ADMIN, doc("Makes a token invalid").or_conflict(), people::revoke_token)
        .on(
            GET,
            "/audit",
            ADMIN,
            doc("Who changed what, the newest first").query::<people::Last>().gives::<people::Deeds>(),
            people::audit,
        )
}

/// The log, the settings, and the data as one file.
pub(super) fn process(table: Table) -> Table {
    table
        .on(
            GET,
            "/logs",
            ADMIN,
            doc("The last records of the log, the newest first").query::<process::Wanted>().gives::<process::Records<'_>>(),
            process::logs,
        )
        .on(GET, "/settings", VIEWER, doc("What is in force").gives::<process::Settings<'_>>(), process::settings)
        .on(GET, "/support", ADMIN, doc("The support bundle").gives::<Value>(), process::bundle)
        .on(
            POST,
            "/backup",
            ADMIN,
            doc("The database as one file").gives_file("application/vnd.sqlite3").or_conflict(),
            process::backup,
        )
        .on(
            POST,
            "/restore",
            ADMIN,
            doc("Checks a backup, which then waits for the next start").takes_file(FILE).stages::<process::Waits>().or_conflict(),
            process::restore,
        )
        .on(DELETE, "/restore", ADMIN, doc("Forgets the backup that waits").or_conflict(), process::forget)
}
