//! `rooftop backup` and `rooftop restore`.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::args::{Backup, Restore};
use super::data::Data;
use crate::store;

pub(super) fn backup(args: &Backup, as_json: bool) -> anyhow::Result<ExitCode> {
    let data = Data::find(&args.at)?;
    let to = std::path::absolute(&args.to).context("cannot tell where the backup should go")?;
    let opened = data.open()?;
    super::small_runtime()?.block_on(async {
        let done = opened.backup(&to).await;
        opened.close().await;
        done
    })?;
    drop(opened);
    data.hand_over()?;
    let bytes = std::fs::metadata(&to).map(|meta| meta.len()).unwrap_or_default();
    if as_json {
        super::print_json(&json!({ "file": to, "bytes": bytes }));
    } else {
        println!("{} has everything: {bytes} bytes, credentials among them; keep it where only you can read it", to.display());
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(args: &Restore, as_json: bool) -> anyhow::Result<ExitCode> {
    let data = Data::find(&args.at)?;
    let kept = store::restore(&args.from, &data.dir).with_context(|| format!("cannot restore {}", args.from.display()))?;
    data.hand_over()?;
    if as_json {
        super::print_json(&json!({ "data_dir": data.dir, "kept": kept }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} is restored into {}", args.from.display(), data.dir.display());
    if let Some(kept) = kept {
        println!("the database that was there is kept as {}", kept.display());
    }
    Ok(ExitCode::SUCCESS)
}
