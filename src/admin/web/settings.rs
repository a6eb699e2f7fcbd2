//! `/settings`: the settings of the process, where each comes from and what it does. They are read at the start, and not changed here.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;

use super::Shell;
use super::parts::show as rendered;
use crate::admin::access::Asker;
use crate::admin::{AdminState, Setting, SettingTable};

#[derive(Template)]
#[template(path = "settings.html")]
struct Page<'a> {
    shell: Shell,
    file: &'a str,
    tables: Vec<(&'a SettingTable, Vec<&'a Setting>)>,
}

/// `GET /settings`.
pub async fn show(State(state): State<AdminState>, asker: Asker) -> Response<Body> {
    let process = &state.process;
    let of = |table: &SettingTable| process.settings.iter().filter(|setting| setting.table == table.name).collect();
    rendered(&Page {
        shell: Shell::new(&asker, "/settings", "Settings"),
        file: &process.settings_file,
        tables: process.tables.iter().map(|table| (table, of(table))).collect(),
    })
}
