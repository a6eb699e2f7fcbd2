//! How long the admin pages take to their first paint in Chromium, with 500 channels and 50,000 items stored: each beside the same
//! bytes as a static page of a plain server, in the same run.
//!
//! `cargo bench --bench pages` builds the optimised program. It needs `chromedriver` and `python3`. `PAGES_ROUNDS` (15) is how often
//! each page is loaded.

#[path = "../feeds/list.rs"]
mod list;
#[expect(dead_code, reason = "the feeds use the rest of it")]
#[path = "../feeds/server.rs"]
mod server;

mod browser;
mod plain;
mod session;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::json;

type Error = Box<dyn std::error::Error>;

const CHANNELS: u32 = 500;
const ITEMS: u32 = 50_000;
const PASSWORD: &str = "correct horse";

fn main() -> Result<(), Error> {
    let rounds: usize = std::env::var("PAGES_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(15);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let path = folder.path().join("list.m3u");
    write(&path)?;
    let server = server::Server::start(&folder.path().join("data"))?;
    let rules = json!({ "channels": "groups", "groups": ["Own"] });
    let (playlist, job) = server.add("playlists", &json!({ "location": path, "rules": rules }))?;
    server.wait(job)?;
    let first = server.json("GET", "/api/v1/channels?limit=1", &serde_json::Value::Null)?;
    let channel = first["channels"][0]["id"].as_i64().ok_or("no channel")?;
    let cookie = session::log_in(server.address, PASSWORD)?;
    let (ours, theirs) = (server.address, plain::Plain::start(&folder.path().join("plain"))?);
    let browser = browser::Browser::start()?;
    browser.cookie(&format!("http://{ours}/"), &cookie)?;
    println!(
        "pages: {CHANNELS} channels, {ITEMS} items; first paint, median of {rounds}, and of the same bytes from a plain server"
    );
    for page in [
        "/",
        "/channels",
        &format!("/channels/{channel}"),
        "/playlists",
        &format!("/playlists/{playlist}"),
        &format!("/playlists/{playlist}/items"),
        "/guide",
        "/guide/mapping",
    ] {
        let html = session::page(ours, page, &cookie)?;
        let copy = theirs.keep(page, &html, |asset| session::page(ours, asset, &cookie))?;
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (times, address) in times.iter_mut().zip([format!("http://{ours}{page}"), copy.clone()]) {
                times.push(browser.first_paint(&address)?);
            }
        }
        let [own, plain] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied().unwrap_or_default()
        });
        println!("  {page:<24} {:>4} kB  {own:>6.1} ms  {plain:>6.1} ms  {:.2} × (goal 2)", html.len() / 1000, own / plain);
    }
    Ok(())
}

/// A list with channels of a group of their own, and many items beside them.
fn write(path: &Path) -> Result<(), Error> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "#EXTM3U")?;
    for n in 1..=CHANNELS {
        writeln!(out, "#EXTINF:-1 tvg-id=\"channel-{n}.example\" tvg-chno=\"{n}\" group-title=\"Own\",Own {n}")?;
        writeln!(out, "http://own.example/{n}.ts")?;
    }
    list::list(&mut out, ITEMS - CHANNELS, 1)?;
    Ok(out.flush()?)
}
