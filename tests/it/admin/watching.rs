//! A channel is watched in the browser, on its page.

use std::time::Duration;

use serde_json::{Value, json};

use super::Home;
use crate::support::wait;

/// Pictures that were shown, and whether the clock runs on.
fn shown(home: &Home) -> (u64, f64) {
    let seen = home.browser.run(
        "const video = document.querySelector('video');
         return [video.getVideoPlaybackQuality().totalVideoFrames, video.currentTime];",
    );
    (seen[0].as_u64().unwrap_or(0), seen[1].as_f64().unwrap_or(0.0))
}

fn plays_on(home: &Home) {
    let (pictures, time) = shown(home);
    wait::until_so("pictures that follow", Duration::from_secs(15), || {
        let now = shown(home);
        now.0 > pictures + 20 && now.1 > time + 0.5
    });
}

#[test]
fn a_channel_plays_on_its_page_and_goes_over_to_another_source() {
    let home = Home::with(2);
    let channel = home.send("GET", "/channels", Value::Null)["channels"][0]["id"].clone();
    home.send("POST", &format!("/channels/{channel}/sources"), json!({ "url": home.origin.url("/one?again") }));
    let browser = &home.browser;
    browser.look(1280, 1100, false);
    browser.open(&format!("/channels/{channel}"));
    // From the click to the first picture, as the page itself sees it.
    browser.run(
        "const start = document.querySelector('[data-start]');
         start.addEventListener('click', () => {
             const clicked = performance.now();
             document.querySelector('video').requestVideoFrameCallback(() => { window.took = performance.now() - clicked; });
         }, { capture: true });",
    );
    browser.click("[data-start]");
    let took = wait::until("the first picture", Duration::from_secs(15), || browser.run("return window.took ?? null").as_f64());
    println!("from the click to the first picture: {took:.0} ms");
    plays_on(&home);
    browser.picture("playing");
    assert_eq!(home.app.busy(), 1, "it is a viewer as others are");
    home.send("POST", "/tuners/recovery", json!({ "channel_id": channel }));
    wait::until_so("the other source", Duration::from_secs(10), || !home.origin.hits("/one?again").is_empty());
    plays_on(&home);
    browser.click("[data-stop]");
    home.app.until_idle(Duration::from_secs(15));
}

#[test]
fn a_channel_that_cannot_be_opened_says_why() {
    let home = Home::with(2);
    let channel = home.send("GET", "/channels", Value::Null)["channels"][1]["id"].clone();
    home.browser.open(&format!("/channels/{channel}"));
    home.browser.click("[data-start]");
    home.browser.until("Connection refused");
}
