//! Every page at the width of a phone and of a desk, light and dark: nothing sticks out, nothing keeps anybody out (axe-core), and
//! nothing is large.

use serde_json::Value;

use super::Home;

/// Our own assets of a page, in bytes.
const MOST_BYTES: u64 = 100_000;

/// The rules that `axe-core` knows (npm), put where `packaging/install-test-needs` puts it.
fn axe() -> String {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/js/axe.min.js");
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}; run packaging/install-test-needs"))
}

#[test]
fn pages_fit_and_keep_nobody_out() {
    let home = Home::with(40);
    let first = home.send("GET", "/channels", Value::Null)["channels"][0]["id"].clone();
    let playlist = home.send("GET", "/playlists", Value::Null)["playlists"]
        .as_array()
        .unwrap()
        .iter()
        .find(|list| list["name"] == "Provider")
        .unwrap()["id"]
        .clone();
    let guide = home.send("GET", "/guides", Value::Null)["guides"][0]["id"].clone();
    let pages = [
        ("home", "/".to_owned()),
        ("channels", "/channels".into()),
        ("channel", format!("/channels/{first}")),
        ("playlists", "/playlists".into()),
        ("playlist", format!("/playlists/{playlist}")),
        ("playlist-new", "/playlists/new".into()),
        ("items", format!("/playlists/{playlist}/items")),
        ("inputs", "/inputs".into()),
        ("guide", "/guide".into()),
        ("guide-mapping", "/guide/mapping".into()),
        ("guide-sources", "/guide/sources".into()),
        ("guide-source", format!("/guide/sources/{guide}")),
        ("welcome", "/welcome".into()),
        ("welcome-groups", format!("/welcome/groups?playlist={playlist}")),
        ("welcome-guide", "/welcome/guide".into()),
        ("welcome-done", "/welcome/done".into()),
        ("devices", "/devices".into()),
        ("history", "/history".into()),
        ("jobs", "/jobs".into()),
        ("settings", "/settings".into()),
        ("people", "/people".into()),
        ("logs", "/logs".into()),
        ("backup", "/backup".into()),
        ("about", "/about".into()),
        ("play", format!("/channels/{first}/play")),
        ("refusal", "/channels/999999".into()),
    ];
    let (axe, browser) = (axe(), &home.browser);
    let mut wrong = Vec::new();
    for (name, path) in &pages {
        for (width, height) in [(360, 740), (1440, 900)] {
            for dark in [false, true] {
                browser.look(width, height, dark);
                browser.open(path);
                browser.picture(&format!("{name}-{width}-{}", if dark { "dark" } else { "light" }));
                let wide = browser.run("return document.documentElement.scrollWidth - innerWidth").as_i64().unwrap();
                if wide > 0 {
                    wrong.push(format!("{path} at {width}: {wide} pixels stick out"));
                }
                browser.run(&axe);
                let found = browser.run_async("axe.run(document, { resultTypes: ['violations'] })");
                let violations = found["violations"].as_array().unwrap_or_else(|| panic!("{found}"));
                for one in
                    violations.iter().filter(|one| ["serious", "critical"].contains(&one["impact"].as_str().unwrap_or_default()))
                {
                    let place = &one["nodes"][0];
                    wrong.push(format!(
                        "{path} at {width}, dark {dark}: {} {} {}",
                        one["id"], place["html"], place["failureSummary"]
                    ));
                }
            }
        }
        let sizes = "return performance.getEntriesByType('resource').filter((one) => one.name.startsWith(location.origin))
            .reduce((sum, one) => sum + one.decodedBodySize, 0)";
        let bytes = browser.run(sizes).as_u64().unwrap();
        if bytes > MOST_BYTES {
            wrong.push(format!("{path}: {bytes} bytes of assets"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
