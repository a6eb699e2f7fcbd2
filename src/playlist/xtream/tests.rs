//! Accounts as they are pasted, answers as panels give them, and chance.

mod accounts;
mod answers;
mod chance;
mod lists;

use std::io::Read;
use std::ops::ControlFlow;

use super::*;
use crate::playlist::m3u::{Entry, Event};

fn account() -> Account {
    Account::new("http://h:8080", "hugo", "geheim77").unwrap()
}

/// What is found in a list of channels: entries, places of what is broken.
fn read(json: &str) -> Result<(Vec<Entry>, Vec<u64>), XtreamError> {
    read_with(json.as_bytes(), &Categories::default())
}

fn read_with(input: impl Read, groups: &Categories) -> Result<(Vec<Entry>, Vec<u64>), XtreamError> {
    let (mut entries, mut broken) = (Vec::new(), Vec::new());
    let listing = streams(input, &account(), groups, Format::Ts, |event| {
        match event {
            Event::Entry(entry) => entries.push(entry),
            Event::Broken(place) => broken.push(place.line),
            Event::Header(_) => panic!("a panel's list has no header"),
        }
        ControlFlow::Continue(())
    })?;
    assert_eq!(listing, Listing { entries: entries.len() as u64, broken: broken.len() as u64, complete: true });
    Ok((entries, broken))
}
