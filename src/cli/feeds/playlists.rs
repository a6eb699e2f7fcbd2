//! `rooftop playlist`.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::Value;

use super::{answer, date, done, wait, with};
use crate::admin::feeds::items::ItemQuery;
use crate::admin::feeds::playlists::{PlaylistRequest, PlaylistView};
use crate::cli::args::{Playlist, PlaylistCommand};
use crate::model::{Automatic, ProviderId};

pub(in crate::cli) fn run(args: &Playlist, as_json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        PlaylistCommand::List => {
            let all = with(&args.at, |feeds| async move { Ok(feeds.playlists().await?) })?;
            answer(as_json, &all, |all| all.iter().map(line).collect())
        }
        PlaylistCommand::Show { id } => {
            let id = ProviderId(*id);
            let view = with(&args.at, |feeds| async move { Ok(feeds.playlist(id).await?) })?;
            answer(as_json, &view, details)
        }
        PlaylistCommand::Add { location, name, username, password, connections, groups } => {
            let mut request =
                PlaylistRequest { name: name.clone(), max_connections: connections.map(Some), ..PlaylistRequest::default() };
            match (username, password) {
                (None, None) => request.location = Some(location.clone()),
                _ => {
                    (request.server, request.username, request.password) =
                        (Some(location.clone()), username.clone(), password.clone())
                }
            }
            if !groups.is_empty() {
                let channels = Some(Automatic::Groups);
                request.rules = Some(crate::model::PlaylistRules { channels, groups: groups.clone(), ..Default::default() });
            }
            let view = with(&args.at, |feeds| async move {
                let view = feeds.add_playlist(request).await?;
                if let Some(job) = view.job {
                    wait::for_job(&feeds, job).await?;
                }
                feeds.store.retire_demo().await?;
                Ok(feeds.playlist(view.id).await?)
            })?;
            answer(as_json, &view, details)
        }
        PlaylistCommand::Refresh { id, anyway } => {
            let (id, anyway) = (*id, *anyway);
            let outcomes = with(&args.at, |feeds| async move {
                let wanted: Vec<ProviderId> = match id {
                    Some(id) => vec![ProviderId(id)],
                    None => feeds
                        .playlists()
                        .await?
                        .iter()
                        .filter(|list| list.active && ["m3u", "xtream"].contains(&list.kind))
                        .map(|list| list.id)
                        .collect(),
                };
                let mut outcomes = Vec::new();
                for id in wanted {
                    let job = feeds.refresh_playlist(id, anyway).await?;
                    outcomes.push(wait::for_job(&feeds, job).await?);
                }
                Ok(outcomes)
            })?;
            answer(as_json, &outcomes, |outcomes| outcomes.iter().map(outcome).collect())
        }
        PlaylistCommand::Accept { id } => {
            let id = ProviderId(*id);
            let report = with(&args.at, |feeds| async move { Ok(feeds.accept_held(id).await?) })?;
            answer(as_json, &report, |report| format!("served now: {} sources, {} gone\n", report.sources, report.sources_gone))
        }
        PlaylistCommand::Discard { id } => {
            let id = ProviderId(*id);
            with(&args.at, |feeds| async move { Ok(feeds.discard_held(id).await?) })?;
            done(as_json, "the version that was held back is forgotten")
        }
        PlaylistCommand::Difference { id } => {
            let id = ProviderId(*id);
            let difference = with(&args.at, |feeds| async move { Ok(feeds.held_difference(id).await?) })?;
            answer(as_json, &difference, |difference| {
                let mut text = format!("{} items are new, {} are gone\n", difference.added, difference.gone);
                difference.added_names.iter().for_each(|name| text.push_str(&format!("+ {name}\n")));
                difference.gone_names.iter().for_each(|name| text.push_str(&format!("- {name}\n")));
                text
            })
        }
        PlaylistCommand::Remove { id } => {
            let id = ProviderId(*id);
            with(&args.at, |feeds| async move { Ok(feeds.remove_playlist(id).await?) })?;
            done(as_json, "the playlist is taken away; its channels keep their numbers, should they come back")
        }
        PlaylistCommand::Groups { id } => {
            let id = ProviderId(*id);
            let groups = with(&args.at, |feeds| async move { Ok(feeds.groups(id).await?) })?;
            answer(as_json, &groups, |groups| {
                let row = |group: &crate::admin::feeds::items::GroupView| {
                    let mark = if group.chosen { "x" } else { " " };
                    format!("[{mark}] {:>7}  {}\n", group.group.items, group.group.name.as_deref().unwrap_or("(none)"))
                };
                groups.iter().map(row).collect()
            })
        }
        PlaylistCommand::Choose { id, all, none, groups } => {
            let id = ProviderId(*id);
            let channels = match (all, none, groups.is_empty()) {
                (true, false, true) => Automatic::All,
                (false, true, true) => Automatic::None,
                (false, false, false) => Automatic::Groups,
                _ => bail!("name groups, or give --all or --none"),
            };
            let groups = groups.clone();
            let view = with(&args.at, |feeds| async move {
                let mut rules = feeds.playlist(id).await?.rules;
                (rules.channels, rules.groups) = (Some(channels), groups);
                let request = PlaylistRequest { rules: Some(rules), ..PlaylistRequest::default() };
                Ok(feeds.change_playlist(id, request).await?)
            })?;
            answer(as_json, &view, details)
        }
        PlaylistCommand::Items { id, search, group, limit } => {
            let (id, limit) = (ProviderId(*id), *limit);
            let query = ItemQuery { search: search.clone(), group: group.clone(), limit: Some(limit), ..ItemQuery::default() };
            let page = with(&args.at, |feeds| async move { Ok(feeds.items(id, query).await?) })?;
            answer(as_json, &page, |page| {
                let row = |item: &crate::admin::feeds::items::ItemView| {
                    format!(
                        "{:>8}  {:<9} {}  [{}]\n",
                        item.id,
                        item.fate,
                        item.item.name,
                        item.item.group.as_deref().unwrap_or("")
                    )
                };
                page.items.iter().map(row).collect()
            })
        }
    }
}

fn line(playlist: &PlaylistView) -> String {
    let state = match (playlist.active, &playlist.held, &playlist.last_error) {
        (false, ..) => "not served",
        (true, Some(_), _) => "a version is held back",
        (true, None, Some(_)) => "cannot be read",
        (true, None, None) => "served",
    };
    let PlaylistView { id, name, kind, sources, .. } = playlist;
    format!("{:>4}  {name:<24} {kind:<7} {sources:>6} sources  read {}  {state}\n", id.0, date(playlist.imported_ms))
}

fn details(playlist: &PlaylistView) -> String {
    let mut text = line(playlist);
    text.push_str(&format!("      {}, {} connections\n", playlist.location, playlist.max_connections));
    if let Some(current) = &playlist.current {
        let count = |name: &str| current.report.get(name).and_then(Value::as_u64).unwrap_or(0);
        let counts =
            ["items", "entries", "vod", "unsupported", "repeated", "broken"].map(|name| format!("{name} {}", count(name)));
        text.push_str(&format!("      {}\n", counts.join(", ")));
    }
    for warning in &playlist.warnings {
        text.push_str(&format!("      ! {warning}\n"));
    }
    text
}

fn outcome(outcome: &Value) -> String {
    let number = |pointer: &str| outcome.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    match outcome.get("outcome").and_then(Value::as_str) {
        Some("unchanged") => "nothing is new\n".to_owned(),
        Some("held") => format!(
            "held back: {}; the last good version is served. `rooftop playlist difference` shows what is different, `accept` takes it\n",
            outcome.get("reason").and_then(Value::as_str).unwrap_or_default()
        ),
        _ => format!(
            "{} items, {} sources: {} new, {} changed, {} gone; {} new channels\n",
            number("/counts/items"),
            number("/sources"),
            number("/sources_added"),
            number("/sources_changed"),
            number("/sources_gone"),
            number("/channels_added")
        ),
    }
}
