//! What the device does now: the scan that clients insist on, and its tuners. Pure.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::xml::escape;
use crate::model::GuideNumber;
use crate::session::{SessionStats, TunerView};

/// How long a scan pretends to take: clients that poll see it run once and then read the lineup.
const SCAN: Duration = Duration::from_secs(1);

/// `lineup_status.json`.
///
/// `ScanPossible` stays 1, else Plex finishes its scan with no channels instead of reading the lineup.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LineupStatus {
    scan_in_progress: u8,
    scan_possible: u8,
    source: &'static str,
    source_list: [&'static str; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<usize>,
}

impl LineupStatus {
    /// The state `since` the start of a scan, if there was one, with that many channels.
    pub(super) fn new(since: Option<Duration>, channels: usize) -> Self {
        let progress = since.filter(|since| *since < SCAN).map(|since| {
            // Less than 100 for as long as it runs.
            u8::try_from(since.as_millis() * 100 / SCAN.as_millis()).unwrap_or(99).min(99)
        });
        Self {
            scan_in_progress: u8::from(progress.is_some()),
            scan_possible: 1,
            source: "Antenna",
            source_list: ["Antenna", "Cable"],
            progress,
            found: progress.map(|progress| channels * usize::from(progress) / 100),
        }
    }
}

/// A row of `status.json`. A client takes a tuner for idle when it has no `VctNumber` and no `TargetIP`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TunerStatus {
    resource: String,
    #[serde(flatten)]
    active: Option<Active>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Active {
    vct_number: String,
    vct_name: String,
    frequency: u32,
    signal_strength_percent: u8,
    signal_quality_percent: u8,
    symbol_quality_percent: u8,
    network_rate: u64,
    #[serde(rename = "TargetIP", skip_serializing_if = "Option::is_none")]
    target_ip: Option<String>,
}

/// `status.json`: every tuner of a device of `count`, in order.
pub(super) fn tuner_status(count: u8, tuners: &[TunerView]) -> Vec<TunerStatus> {
    let row = |index: u8| {
        let view = tuners.iter().find(|view| view.index == index);
        let active = view.and_then(|view| {
            let session = watched(view)?;
            Some(Active {
                vct_number: session.number.to_string(),
                vct_name: session.name.clone(),
                frequency: frequency_hz(&session.number),
                signal_strength_percent: 100,
                signal_quality_percent: 100,
                symbol_quality_percent: 100,
                network_rate: session.bitrate_bps,
                target_ip: view.client.map(|client| client.to_string()),
            })
        });
        TunerStatus { resource: format!("tuner{index}"), active }
    };
    (0..count).map(row).collect()
}

/// `tuners.html`: a row for each tuner, on a line of its own as its readers expect.
pub(super) fn tuners_html(count: u8, tuners: &[TunerView]) -> String {
    let mut out = String::from("<!DOCTYPE html>\n<html><head><title>Tuners</title></head><body><table>\n");
    for index in 0..count {
        let session = tuners.iter().find(|view| view.index == index).and_then(watched);
        let channel = session.map(|session| format!("{} {}", session.number, session.name));
        let shown = channel.as_deref().map_or("not in use".into(), escape);
        let _ = writeln!(out, "<tr><td>Tuner {index} Channel</td><td>{shown}</td></tr>");
    }
    out.push_str("</table></body></html>\n");
    out
}

/// The session that a tuner is used for. One that nobody watches any more gives its tuner up as soon as it is wanted, and so does
/// a probe: both are idle to clients.
fn watched(view: &TunerView) -> Option<&SessionStats> {
    view.session.as_ref().filter(|session| !view.probing && (!session.live || !session.subscribers.is_empty()))
}

/// A frequency for a channel that has none: the centre of one of the US UHF channels 14 to 36.
pub(super) fn frequency_hz(number: &GuideNumber) -> u32 {
    473_000_000 + 6_000_000 * (number.major() % 23)
}

#[cfg(test)]
mod tests;
