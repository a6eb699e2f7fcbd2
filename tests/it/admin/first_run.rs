//! From an empty box to a playing channel: with a mouse, with the keyboard alone, and without scripts.

use std::time::Duration;

use super::{Home, PASSWORD};
use crate::support::shelf::Page;
use crate::support::viewer::Viewer;

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const SPACE: char = ' ';

impl Home {
    /// The playlist of the provider, which names its guide.
    fn provide(&self) {
        let list = self.list("First", 12).replace("#EXTM3U", &format!("#EXTM3U url-tvg=\"{}\"", self.shelf.url("/guide.xml")));
        self.shelf.put("/list.m3u", Page::list(list));
        self.shelf.put("/guide.xml", Page { kind: "application/xml", ..Page::list(super::guide(12)) });
    }

    /// What must be true at the end of the first run.
    fn plays(&self) {
        let viewer = Viewer::open(&self.netns, "/auto/v1");
        viewer.more(100 * 188, Duration::from_secs(10));
    }
}

#[test]
fn a_person_sets_it_up_with_a_mouse() {
    let home = Home::new();
    home.provide();
    let browser = &home.browser;
    browser.look(1280, 900, false);
    browser.open("/");
    assert_eq!(browser.path(), "/setup");
    browser.picture("first-1-password");
    browser.fill("input[name=password]", PASSWORD);
    browser.fill("input[name=again]", PASSWORD);
    browser.click("main button");
    assert_eq!(browser.path(), "/welcome");
    browser.picture("first-2-channels");
    browser.fill("input[name=location]", &home.shelf.url("/list.m3u"));
    browser.click("form[action='/playlists'] button.primary");
    browser.until("Which channels do you want?");
    browser.until("Those of the groups marked below");
    browser.picture("first-3-groups");
    browser.click("input[value=groups]");
    browser.click("input[name=group][value=Films]");
    browser.click("main button.primary");
    browser.until("What is on?");
    browser.picture("first-4-guide");
    browser.click("main a.primary");
    browser.until("Ready: 9 channels");
    browser.picture("first-5-players");
    let text = browser.text();
    assert!(text.contains("Plex") && text.contains("Jellyfin") && text.contains("10.77.0.1:5004/playlist.m3u"), "{text}");
    browser.click("main a.primary");
    browser.until("Everything is set up");
    home.plays();
}

#[test]
fn the_keyboard_is_enough() {
    let home = Home::new();
    home.provide();
    let browser = &home.browser;
    browser.look(1280, 900, false);
    browser.open("/");
    browser.press(&format!("{PASSWORD}{TAB}{PASSWORD}{ENTER}"));
    browser.until("Where do your channels come from?");
    // To the address: behind the menu, which can be skipped.
    browser.press(&format!("{TAB}{ENTER}{TAB}{}{ENTER}", home.shelf.url("/list.m3u")));
    browser.until("Those of the groups marked below");
    // From the choice of all to the next one of the same name by an arrow, then to the first group, which is taken out.
    browser.press(&format!("{TAB}{ENTER}{TAB}\u{e015}{TAB}{SPACE}"));
    assert_eq!(browser.run("return document.activeElement.name").as_str(), Some("group"));
    browser.press(&ENTER.to_string());
    browser.until("What is on?");
    let marked = "return document.activeElement.textContent";
    for _ in 0..40 {
        if browser.run(marked).as_str() == Some("Continue") {
            break;
        }
        browser.press(&TAB.to_string());
    }
    let outline = browser.run("return getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline.as_str(), Some("solid"), "where the keyboard is can be seen");
    browser.press(&ENTER.to_string());
    browser.until("Ready: 9 channels");
}

#[test]
fn it_works_without_scripts() {
    let home = Home::new();
    home.provide();
    let browser = &home.browser;
    browser.look(1280, 1400, false);
    browser.scripts(false);
    browser.open("/");
    browser.fill("input[name=password]", PASSWORD);
    browser.fill("input[name=again]", PASSWORD);
    browser.click("main button");
    browser.fill("input[name=location]", &home.shelf.url("/list.m3u"));
    browser.click("form[action='/playlists'] button.primary");
    // Nothing follows the job: the page offers to look again.
    for _ in 0..20 {
        if browser.find("input[value=groups]").is_some() {
            break;
        }
        browser.open("/welcome/groups");
    }
    browser.click("main button.primary");
    browser.until("What is on?");
    browser.click("main a.primary");
    browser.until("Ready: 12 channels");
    // A channel is renamed and numbered anew, two are switched off, a playlist is read again.
    browser.open("/channels");
    browser.click("tbody tr:nth-child(2) a");
    browser.fill("#settings input[name=name]", "Mine");
    browser.fill("#settings input[name=number]", "77");
    browser.click("#settings button.primary");
    browser.until("Saved.");
    browser.until("77 Mine");
    browser.open("/channels");
    browser.click("tbody tr:nth-child(3) input");
    browser.click("tbody tr:nth-child(4) input");
    browser.click("select[name=act] option[value=off]");
    browser.click(".bulk button");
    browser.until("10 of 12");
    browser.open("/playlists");
    browser.click("form[action$='/refresh'] button");
    browser.until("It has begun.");
    browser.open("/guide");
    browser.until("Hour 0 of 1");
    let lineup = home.app.json("/lineup.json").to_string();
    assert!(lineup.contains("\"77\"") && lineup.contains("Mine"), "{lineup}");
    browser.click("form.who button");
    assert_eq!(browser.path(), "/login");
    home.plays();
}
