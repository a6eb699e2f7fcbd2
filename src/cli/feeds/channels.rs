//! `rooftop channel`.

use std::io::{Read, Write};
use std::process::ExitCode;

use anyhow::Context;

use super::guides::id_of;
use super::{answer, done, with};
use crate::admin::feeds::edits::{BulkRequest, EditRequest, NewChannelRequest, Renumber, Selection, SourceRequest};
use crate::admin::feeds::table::Form;
use crate::cli::args::{Channel, ChannelCommand};
use crate::model::ProviderId;

pub(in crate::cli) fn run(args: &Channel, as_json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        ChannelCommand::List { all } => {
            let all = *all;
            let channels = with(&args.at, |feeds| async move {
                let mut channels = feeds.store.all_channels().await?;
                channels.retain(|channel| all || feeds.store.catalog().channel(&channel.number).is_some());
                Ok(channels)
            })?;
            answer(as_json, &channels, |channels| {
                let row = |channel: &crate::model::Channel| {
                    let mark = if channel.enabled { " " } else { "-" };
                    let group = channel.group.as_deref().unwrap_or_default();
                    format!("{:>7} {mark} {:<40} {group}\n", channel.number.to_string(), channel.name)
                };
                channels.iter().map(row).collect()
            })
        }
        ChannelCommand::Add { name, number, url, playlist, item } => {
            let source =
                SourceRequest { playlist: playlist.map(ProviderId), item: *item, url: url.clone(), ..SourceRequest::default() };
            let sources = if source == SourceRequest::default() { Vec::new() } else { vec![source] };
            let request = NewChannelRequest { name: name.clone(), number: number.clone(), sources };
            let number = with(&args.at, |feeds| async move {
                let id = feeds.add_channel(&request).await?;
                let all = feeds.store.all_channels().await?;
                Ok(all.iter().find(|channel| channel.id == id).map(|channel| channel.number.to_string()).unwrap_or_default())
            })?;
            answer(as_json, &number, |number| format!("channel {number} is made\n"))
        }
        ChannelCommand::Set { channel, number, name, groups, logo, enabled, favorite } => {
            let channel = channel.clone();
            // `-`: as the playlist says.
            let text = |text: &Option<String>| text.clone().map(|text| Some(text).filter(|text| text != "-"));
            let list = |text: String| text.split(';').map(|group| group.trim().to_owned()).collect();
            let request = EditRequest {
                number: number.clone(),
                name: text(name),
                logo: text(logo),
                groups: text(groups).map(|groups| groups.map(list)),
                enabled: *enabled,
                favorite: *favorite,
                ..EditRequest::default()
            };
            with(&args.at, |feeds| async move { Ok(feeds.edit_channel(id_of(&feeds, &channel).await?, &request).await?) })?;
            done(as_json, "the channel is changed")
        }
        ChannelCommand::Renumber { from, step, group, channels } => {
            let (group, numbers) = (group.clone(), channels.clone());
            let renumber = Some(Renumber { from: *from, step: *step });
            let count = with(&args.at, |feeds| async move {
                let mut ids = Vec::new();
                for number in &numbers {
                    ids.push(id_of(&feeds, number).await?);
                }
                let ids = (!ids.is_empty()).then_some(ids);
                let select = Selection { ids, group, ..Selection::default() };
                Ok(feeds.edit_channels(&BulkRequest { select, renumber, ..BulkRequest::default() }).await?)
            })?;
            answer(as_json, &count, |count| format!("{count} channels have new numbers\n"))
        }
        ChannelCommand::Remove { channel } => {
            let channel = channel.clone();
            with(&args.at, |feeds| async move {
                let id = id_of(&feeds, &channel).await?;
                Ok(feeds.store.remove_channel(id).await?)
            })?;
            done(as_json, "the channel is taken away; its number is kept aside")
        }
        ChannelCommand::Export { file } => {
            let form = form_of(file.as_deref());
            let table = with(&args.at, |feeds| async move { Ok(feeds.export_channels(form).await?) })?;
            match file {
                Some(file) => std::fs::write(file, table).with_context(|| format!("cannot write {}", file.display()))?,
                None => std::io::stdout().write_all(&table).context("cannot write")?,
            }
            Ok(ExitCode::SUCCESS)
        }
        ChannelCommand::Import { file } => {
            let form = form_of(Some(file));
            let mut table = Vec::new();
            match file.as_os_str() == "-" {
                true => std::io::stdin().read_to_end(&mut table).map(drop).context("cannot read")?,
                false => table = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
            }
            let imported = with(&args.at, |feeds| async move { Ok(feeds.import_channels(form, &table).await?) })?;
            answer(as_json, &imported, |imported| format!("{} rows, {} channels changed\n", imported.rows, imported.changed))
        }
    }
}

/// JSON by its ending, else CSV.
fn form_of(file: Option<&std::path::Path>) -> Form {
    let json = file.and_then(|file| file.extension()).is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if json { Form::Json } else { Form::Csv }
}
