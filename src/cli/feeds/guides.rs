//! `rooftop guide`.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{answer, date, done, wait, with};
use crate::admin::feeds::Feeds;
use crate::admin::feeds::guides::{GuideRequest, GuideView, MappingRequest};
use crate::cli::args::{Guide, GuideCommand};
use crate::guide::mapping;
use crate::model::{ChannelId, GuideId, GuideNumber, Programme};

pub(in crate::cli) fn run(args: &Guide, as_json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        GuideCommand::List => {
            let all = with(&args.at, |feeds| async move { Ok(feeds.guides().await?) })?;
            answer(as_json, &all, |all| all.iter().map(line).collect())
        }
        GuideCommand::Add { location, name } => {
            let request = GuideRequest { location: Some(location.clone()), name: name.clone(), ..GuideRequest::default() };
            let view = with(&args.at, |feeds| async move {
                let view = feeds.add_guide(request).await?;
                if let Some(job) = view.job {
                    wait::for_job(&feeds, job).await?;
                }
                Ok(feeds.guide(view.id).await?)
            })?;
            answer(as_json, &view, line)
        }
        GuideCommand::Refresh { id, anyway } => {
            let (id, anyway) = (*id, *anyway);
            let outcomes = with(&args.at, |feeds| async move {
                let wanted = match id {
                    Some(id) => vec![GuideId(id)],
                    None => feeds.guides().await?.iter().filter(|guide| guide.active).map(|guide| guide.id).collect(),
                };
                let mut outcomes: Vec<Value> = Vec::new();
                for id in wanted {
                    let job = feeds.refresh_guide(id, anyway).await?;
                    outcomes.push(wait::for_job(&feeds, job).await?);
                }
                Ok(outcomes)
            })?;
            answer(as_json, &outcomes, |outcomes| outcomes.iter().map(outcome).collect())
        }
        GuideCommand::Accept { id } => {
            let id = GuideId(*id);
            let counts = with(&args.at, |feeds| async move {
                let job = feeds.accept_held_guide(id).await?;
                wait::for_job(&feeds, job).await
            })?;
            answer(as_json, &counts, |counts| {
                let number = |name: &str| counts.get(name).and_then(Value::as_u64).unwrap_or(0);
                format!("served now: {} channels, {} programmes\n", number("channels"), number("programmes"))
            })
        }
        GuideCommand::Difference { id } => {
            let id = GuideId(*id);
            let difference = with(&args.at, |feeds| async move { Ok(feeds.held_guide_difference(id).await?) })?;
            answer(as_json, &difference, |difference| {
                let mut text = format!(
                    "{} channels are new, {} are gone, of which {} of ours have their guide; {} programmes where there were {}\n",
                    difference.added,
                    difference.gone,
                    difference.mapped_gone,
                    difference.programmes,
                    difference.programmes_before
                );
                difference.added_names.iter().for_each(|name| text.push_str(&format!("+ {name}\n")));
                difference.gone_names.iter().for_each(|name| text.push_str(&format!("- {name}\n")));
                text
            })
        }
        GuideCommand::Discard { id } => {
            let id = GuideId(*id);
            with(&args.at, |feeds| async move { Ok(feeds.discard_held_guide(id).await?) })?;
            done(as_json, "the version that was held back is forgotten")
        }
        GuideCommand::Remove { id } => {
            let id = GuideId(*id);
            with(&args.at, |feeds| async move { Ok(feeds.remove_guide(id).await?) })?;
            done(as_json, "the guide is taken away")
        }
        GuideCommand::Mappings => {
            let mappings = with(&args.at, |feeds| async move { Ok(feeds.mappings().await?) })?;
            answer(as_json, &mappings, |mappings| {
                let row = |mapping: &crate::admin::feeds::guides::MappingView| {
                    let to = mapping.guide_channel.as_deref().unwrap_or("-");
                    format!("{:>7}  {:<32} {to}\n", mapping.number.to_string(), mapping.name)
                };
                mappings.iter().map(row).collect()
            })
        }
        GuideCommand::Suggest { channel } => {
            let number = channel.clone();
            let found = with(&args.at, |feeds| async move { Ok(feeds.suggestions(id_of(&feeds, &number).await?).await?) })?;
            answer(as_json, &found, |found| {
                let row = |one: &crate::admin::feeds::guides::Suggestion| {
                    format!(
                        "guide {:>3}  {:<32} {:.2}  {}: {}\n",
                        one.guide.0, one.guide_channel, one.score, one.name, one.reason
                    )
                };
                found.iter().map(row).collect()
            })
        }
        GuideCommand::Map { channel, guide, guide_channel, offset_s } => {
            let number = channel.clone();
            let request = MappingRequest { guide: guide.map(GuideId), guide_channel: guide_channel.clone(), offset_s: *offset_s };
            with(&args.at, |feeds| async move {
                let id = id_of(&feeds, &number).await?;
                let guide = request.guide;
                feeds.map_channel(id, request).await?;
                if let Some(guide) = guide {
                    read_again(&feeds, guide).await?;
                }
                Ok(())
            })?;
            done(as_json, "the channel is mapped; no refresh changes that")
        }
        GuideCommand::Unmap { channel } => {
            let number = channel.clone();
            with(&args.at, |feeds| async move {
                feeds.unmap_channel(id_of(&feeds, &number).await?).await?;
                Ok(mapping::settle(&feeds.store, None).await?)
            })?;
            done(as_json, "the channel is mapped by itself again")
        }
        GuideCommand::Now => {
            let on = with(&args.at, |feeds| async move {
                let catalog = feeds.store.catalog();
                let named = feeds.on_now().await?.into_iter().filter_map(|(id, on)| {
                    let channel = catalog.channels.iter().find(|channel| channel.id == id)?;
                    let title = |programme: Option<Programme>| programme.map(|programme| programme.title().to_owned());
                    Some(json!({ "number": channel.number, "name": channel.name, "now": title(on.now), "next": title(on.next) }))
                });
                Ok(named.collect::<Vec<_>>())
            })?;
            answer(as_json, &on, |on| {
                let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
                on.iter()
                    .map(|row| {
                        format!(
                            "{:>7}  {:<28} {} | {}\n",
                            text(row, "number"),
                            text(row, "name"),
                            text(row, "now"),
                            text(row, "next")
                        )
                    })
                    .collect()
            })
        }
        GuideCommand::Search { text } => {
            let text = text.join(" ");
            let found = with(&args.at, |feeds| async move {
                let catalog = feeds.store.catalog();
                let named = feeds.search_programmes(&text, 100).await?.into_iter().map(|(id, programme)| {
                    let channel = catalog.channels.iter().find(|channel| channel.id == id);
                    let (number, name) = channel.map(|channel| (channel.number.to_string(), channel.name.clone())).unzip();
                    json!({ "number": number, "name": name, "start_s": programme.start_s, "title": programme.title() })
                });
                Ok(named.collect::<Vec<_>>())
            })?;
            answer(as_json, &found, |found| {
                let row = |one: &Value| {
                    let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
                    let at = one.get("start_s").and_then(Value::as_i64).map(|seconds| seconds.saturating_mul(1000));
                    format!("{}  {:>7} {:<28} {}\n", date(at), text("number"), text("name"), text("title"))
                };
                found.iter().map(row).collect()
            })
        }
    }
}

/// A channel by its number.
pub(super) async fn id_of(feeds: &Feeds, number: &str) -> anyhow::Result<ChannelId> {
    let wanted: GuideNumber = number.parse()?;
    let all = feeds.store.all_channels().await?;
    let found = all.iter().find(|channel| channel.number == wanted);
    found.map(|channel| channel.id).ok_or_else(|| anyhow::anyhow!("there is no channel with the number {wanted}"))
}

/// Reads again what was fetched of a guide, for a channel that was mapped to it.
async fn read_again(feeds: &Feeds, id: GuideId) -> anyhow::Result<()> {
    let guide = feeds.store.guide(id).await?;
    if crate::guide::refresh::lacks(&feeds.store, &guide).await?
        && crate::guide::refresh::read_again(&feeds.store, id, &Default::default()).await?.is_none()
    {
        let job = feeds.refresh_guide(id, true).await?;
        wait::for_job(feeds, job).await?;
    }
    Ok(())
}

fn line(guide: &GuideView) -> String {
    let count = |name: &str| guide.current.as_ref().and_then(|current| current.report.get(name)?.as_u64()).unwrap_or(0);
    let state = match (&guide.held, &guide.last_error) {
        (Some(held), _) => format!("held back: {}", held.reason.as_deref().unwrap_or_default()),
        (None, Some(error)) => format!("cannot be read: {error}"),
        (None, None) => String::new(),
    };
    format!(
        "{:>4}  {:<24} {:>6} channels, {:>5} mapped, {:>8} programmes kept  read {}  {state}\n",
        guide.id.0,
        guide.name,
        count("channels"),
        count("mapped"),
        count("kept"),
        date(guide.imported_ms)
    )
}

fn outcome(outcome: &Value) -> String {
    let number = |name: &str| outcome.get(name).and_then(Value::as_u64).unwrap_or(0);
    match outcome.get("outcome").and_then(Value::as_str) {
        Some("unchanged") => "nothing is new\n".to_owned(),
        Some("held") => format!(
            "held back: {}; the last good version is served. `rooftop guide difference` shows what is different, `accept` takes it\n",
            outcome.get("reason").and_then(Value::as_str).unwrap_or_default()
        ),
        _ => format!(
            "{} channels, {} mapped; {} of {} programmes kept\n",
            number("channels"),
            number("mapped"),
            number("kept"),
            number("programmes")
        ),
    }
}
