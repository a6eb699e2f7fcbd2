//! Waits for a job with a bar in the terminal: what is done, how fast, how long it will take yet. Ctrl-C stops the job in good order.

use std::time::Duration;

use anyhow::bail;
use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::admin::feeds::Feeds;
use crate::base::clock;
use crate::base::jobs::State;
use crate::base::progress::Reading;

const EVERY: Duration = Duration::from_millis(100);

/// Waits for the end of a job; gives what came of it.
///
/// # Errors
/// When it failed or was stopped.
pub(super) async fn for_job(feeds: &Feeds, id: u64) -> anyhow::Result<Value> {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let mut interrupted = false;
    let ended = loop {
        tokio::select! {
            ended = feeds.jobs.ended(id) => break ended,
            () = clock::sleep(EVERY) => if let Some(job) = feeds.jobs.get(id) {
                show(&bar, &job.name, &job.progress);
            },
            _ = tokio::signal::ctrl_c(), if !interrupted => {
                interrupted = true;
                feeds.jobs.cancel(id);
            }
        }
    };
    bar.finish_and_clear();
    let Some(job) = ended else { bail!("the job is not known any more") };
    match job.state {
        State::Done => Ok(job.result.unwrap_or_default()),
        State::Cancelled => bail!("it was stopped; everything is as before"),
        _ => bail!("{}", job.error.unwrap_or_else(|| "it failed".to_owned())),
    }
}

fn show(bar: &ProgressBar, name: &str, reading: &Reading) {
    let template = if reading.total_bytes.is_some() { "{bar:30} {msg}" } else { "{spinner} {msg}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_length(reading.total_bytes.unwrap_or(0));
    bar.set_position(reading.bytes);
    bar.set_message(message(name, reading));
    bar.tick();
}

/// `list: reading, 12.00 MiB of 260.00 MiB, 41,000 items, 52.00 MiB/s, 5 seconds left`.
fn message(name: &str, reading: &Reading) -> String {
    let mut text = format!("{name}: {}", reading.step);
    if reading.bytes > 0 {
        text.push_str(&format!(", {}", HumanBytes(reading.bytes)));
        if let Some(total) = reading.total_bytes {
            text.push_str(&format!(" of {}", HumanBytes(total)));
        }
    }
    if reading.items > 0 {
        text.push_str(&format!(", {} items", HumanCount(reading.items)));
    }
    if reading.bytes > 0 {
        text.push_str(&format!(", {}/s", HumanBytes(reading.bytes_per_s)));
    }
    if let Some(left) = reading.left_s.filter(|left| *left > 0) {
        text.push_str(&format!(", {} left", HumanDuration(Duration::from_secs(left))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_known() {
        let mut reading = Reading {
            step: "reading",
            bytes: 0,
            total_bytes: None,
            items: 0,
            bytes_per_s: 0,
            items_per_s: 0,
            left_s: None,
            elapsed_ms: 5,
        };
        assert_eq!(message("list", &reading), "list: reading");
        reading = Reading {
            bytes: 1 << 20,
            total_bytes: Some(3 << 20),
            items: 41_000,
            bytes_per_s: 1 << 20,
            left_s: Some(2),
            ..reading
        };
        assert_eq!(message("list", &reading), "list: reading, 1.00 MiB of 3.00 MiB, 41,000 items, 1.00 MiB/s, 2 seconds left");
    }
}
