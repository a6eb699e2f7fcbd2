//! `POST /channels/bulk`: what is done with the channels that are marked.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;

use super::channels::PAGE;
use super::fields::Fields;
use super::parts;
use crate::admin::feeds::edits::{BulkRequest, EditRequest, Renumber, Selection};
use crate::admin::feeds::lineups::Put;
use crate::admin::{AdminState, FeedsError};
use crate::model::{ChannelId, DeviceId};

/// What a form asks for.
#[derive(Debug)]
enum Wanted {
    /// Channels are to be different.
    Edit(BulkRequest),
    /// They go onto a device, or off it.
    Lineup(DeviceId, Put, Vec<ChannelId>),
}

/// What a form asks for of the channels that are marked. Pure.
///
/// # Errors
/// When it makes no sense.
fn wanted(fields: &Fields) -> Result<Wanted, FeedsError> {
    let ids: Vec<ChannelId> = fields.all("id").filter_map(|id| id.parse().ok()).map(ChannelId).collect();
    if ids.is_empty() {
        return Err(FeedsError::Invalid("id", "Mark the channels first.".to_owned()));
    }
    let mut set = EditRequest::default();
    let mut renumber = None;
    match fields.text("act").unwrap_or_default() {
        "on" => set.enabled = Some(true),
        "off" => set.enabled = Some(false),
        "favorite" => set.favorite = Some(true),
        "ordinary" => set.favorite = Some(false),
        "group" => {
            let group = fields.text("to").ok_or_else(|| FeedsError::Invalid("to", "Say which group.".to_owned()))?;
            set.groups = Some(Some(group.split([';', ',']).map(|group| group.trim().to_owned()).collect()));
        }
        "number" => {
            let from = fields.number("to").ok_or_else(|| FeedsError::Invalid("to", "Say the number of the first.".to_owned()))?;
            renumber = Some(Renumber { from, step: 1 });
        }
        act => {
            let unsaid = || FeedsError::Invalid("act", "Say what is to be done with them.".to_owned());
            let (put, device) = on_device(act).ok_or_else(unsaid)?;
            return Ok(Wanted::Lineup(device, put, ids));
        }
    }
    Ok(Wanted::Edit(BulkRequest { select: Selection { ids: Some(ids), ..Selection::default() }, set, renumber }))
}

/// The device of `give:DEVICE` or `take:DEVICE`, and which it is.
fn on_device(act: &str) -> Option<(Put, DeviceId)> {
    let (word, device) = act.split_once(':')?;
    let put = match word {
        "give" => Put::On,
        "take" => Put::Off,
        _ => return None,
    };
    Some((put, device.parse().ok()?))
}

/// `POST /channels/bulk`.
pub async fn many(State(state): State<AdminState>, fields: Fields) -> Response<Body> {
    let back = format!("/channels?{}", fields.text("back").unwrap_or_default());
    match wanted(&fields) {
        Ok(Wanted::Edit(request)) => parts::done(state.feeds.edit_channels(&request).await, &back, "saved"),
        Ok(Wanted::Lineup(device, put, ids)) => {
            parts::done(state.feeds.put(device, &ids, put).await, &format!("{back}&of={device}"), "lineup")
        }
        // What is marked, and which channels are looked at, is not lost.
        Err(FeedsError::Invalid("id", _)) => parts::undone(&back, "unmarked"),
        Err(FeedsError::Invalid("to", _)) => {
            let marked: Vec<&str> = fields.all("id").filter(|id| id.parse::<i64>().is_ok()).take(PAGE).collect();
            parts::undone(&format!("{back}&marked={}", marked.join(",")), "unsaid")
        }
        Err(error) => parts::not_done(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("id=1&id=2&act=off", true)]
    #[case("id=1&act=number&to=200", true)]
    #[case("id=1&act=group&to=News;+Local", true)]
    #[case("act=off", false)]
    #[case("id=1&act=number&to=x", false)]
    #[case("id=1&act=group&to=", false)]
    #[case("id=1", false)]
    #[case("id=1&act=give:1080F19F", true)]
    #[case("id=1&act=take:1080F19F", true)]
    #[case("id=1&act=keep:1080F19F", false)]
    #[case("id=1&act=give:attic", false)]
    fn forms_say_what_is_wanted(#[case] form: &str, #[case] fits: bool) {
        assert_eq!(wanted(&Fields::parse(form.as_bytes())).is_ok(), fits);
    }
}
