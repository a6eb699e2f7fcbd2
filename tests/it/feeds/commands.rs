//! `rooftop playlist`, `rooftop guide` and `rooftop channel` beside a server that runs, which follows.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{House, now_s, xmltv};
use crate::support::app::EXE;
use crate::support::process::{Output, start};
use crate::support::shelf::{Page, Shelf};
use crate::support::wait;
use crate::support::xtream::Provider;

/// The server follows what commands change within this.
const FOLLOWS: Duration = Duration::from_secs(3);

const LIST: &str = "#EXTM3U\n#EXTINF:-1 tvg-id=\"one\" tvg-chno=\"5\" group-title=\"News\",One\nhttp://10.77.0.1:9/1\n\
                    #EXTINF:-1 tvg-id=\"two\" tvg-chno=\"6\" group-title=\"Sport\",Two\nhttp://10.77.0.1:9/2\n\
                    #EXTINF:-1 tvg-id=\"three\" tvg-chno=\"7\" group-title=\"News\",Three\nhttp://10.77.0.1:9/3\n";

impl House {
    /// `rooftop WHAT --data-dir … ARGUMENTS`.
    fn command(&self, what: &str, arguments: &[&str]) -> Output {
        let data = self.app.data_dir().display().to_string();
        let output = self.app.cli(&[&[what, "--data-dir", &data], arguments].concat());
        let said = output.text() + &output.stderr;
        assert!(!said.contains("panicked") && !said.contains(super::SECRET), "{output:?}");
        output
    }

    /// The same with `--json`; it must work.
    fn json(&self, what: &str, arguments: &[&str]) -> Value {
        let text = self.command(what, &[arguments, &["--json"]].concat()).ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what} {arguments:?}: {error}: {text}"))
    }

    /// The same for people; it must fail with code 1 and say this.
    fn fails(&self, what: &str, arguments: &[&str], word: &str) {
        let output = self.command(what, arguments);
        assert_eq!(output.code(), 1, "{what} {arguments:?}: {output:?}");
        assert!(output.stderr.starts_with("rooftop: ") && output.stderr.contains(word), "{what} {arguments:?}: {output:?}");
        let as_json = self.command(what, &[arguments, &["--json"]].concat());
        let told: Value = serde_json::from_slice(&as_json.stdout).unwrap();
        assert!(as_json.code() == 1 && told["error"].as_str().unwrap().contains(word), "{what} {arguments:?}: {as_json:?}");
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.app.dir().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

#[test]
fn playlists_at_the_command_line() {
    let mut house = House::new();
    let file = house.file("list.m3u", LIST);
    let added = house.json("playlist", &["add", &file, "--name", "Mine", "--connections", "2"]);
    assert_eq!((&added["name"], &added["sources"], &added["max_connections"]), (&json!("Mine"), &json!(3), &json!(2)));
    house.until_lineup(&["5 One", "6 Two", "7 Three"], FOLLOWS);
    assert_eq!(house.get("/providers")["providers"][0]["max_connections"], 2);
    let id = added["id"].to_string();
    let text = house.command("playlist", &["list"]).ok();
    assert!(text.contains("Mine") && text.contains("3 sources") && text.contains("served"), "{text}");
    let list = house.json("playlist", &["list"]);
    assert!(list.as_array().unwrap().iter().any(|one| one["id"] == added["id"] && one["name"] == "Mine"), "{list}");
    let groups = house.json("playlist", &["groups", &id]);
    assert_eq!(groups, json!([{ "name": "News", "items": 2, "chosen": true }, { "name": "Sport", "items": 1, "chosen": true }]));

    house.command("playlist", &["choose", &id, "news"]).ok();
    house.until_lineup(&["5 One", "7 Three"], FOLLOWS);
    house.command("playlist", &["choose", &id, "--none"]).ok();
    house.until_lineup(&[], FOLLOWS);
    house.command("playlist", &["choose", &id, "--all"]).ok();
    house.until_lineup(&["5 One", "6 Two", "7 Three"], FOLLOWS);
    let items = house.json("playlist", &["items", &id, "--group", "News", "--search", "thr"]);
    assert_eq!((&items["items"][0]["name"], items["items"].as_array().unwrap().len()), (&json!("Three"), 1), "{items}");
    let items = house.command("playlist", &["items", &id, "--limit", "2"]).ok();
    assert!(items.contains("One") && items.contains("Two") && !items.contains("Three"), "{items}");

    house.file("list.m3u", &LIST.replace("Two", "Zwei"));
    let read = house.json("playlist", &["refresh", &id]);
    assert_eq!((&read[0]["outcome"], &read[0]["sources_changed"]), (&json!("published"), &json!(1)), "{read}");
    house.until_lineup(&["5 One", "6 Zwei", "7 Three"], FOLLOWS);
    house.file("list.m3u", "#EXTM3U\n");
    let text = house.command("playlist", &["refresh"]).ok();
    assert!(text.contains("held back: it has no channels at all"), "{text}");
    assert!(house.command("playlist", &["list"]).ok().contains("a version is held back"));
    assert_eq!(house.json("playlist", &["difference", &id])["gone"], 3);
    house.command("playlist", &["discard", &id]).ok();
    assert_eq!(house.lineup(), ["5 One", "6 Zwei", "7 Three"]);

    // Of an account too, whose password is shown nowhere.
    let panel = Provider::start(&house.netns);
    let server = format!("http://{}", panel.address());
    let account = house.json("playlist", &["add", &server, "--username", "hugo", "--password", super::SECRET]);
    assert_eq!((&account["kind"], &account["sources"]), (&json!("xtream"), &json!(2)));
    house.until_lineup(&["1 One", "2 Zwölf & 3", "5 One", "6 Zwei", "7 Three"], FOLLOWS);
    house.command("playlist", &["remove", &account["id"].to_string()]).ok();
    house.until_lineup(&["5 One", "6 Zwei", "7 Three"], FOLLOWS);

    house.fails("playlist", &["show", "99"], "no ");
    house.fails("playlist", &["refresh", "99"], "no ");
    house.fails("playlist", &["accept", &id], "held back");
    house.fails("playlist", &["add", "rtsp://10.77.0.1/x"], "http and https");
    house.fails("playlist", &["add", &file], "already");
    house.fails("playlist", &["choose", &id], "name groups");
    // What cannot be read yet is there all the same: it is tried again.
    let output = house.command("playlist", &["add", "/nowhere/list.m3u"]);
    assert!(output.code() == 1 && output.stderr.contains("No such file"), "{output:?}");
    // Added again, it is tried again, and there once.
    let listed = |house: &House| house.json("playlist", &["list"]).to_string().matches("/nowhere/list.m3u").count();
    let once = listed(&house);
    let output = house.command("playlist", &["add", "/nowhere/list.m3u"]);
    assert!(output.code() == 1 && output.stderr.contains("No such file"), "{output:?}");
    assert!(once > 0 && listed(&house) == once, "{once}");
    for usage in [&["add"][..], &["add", "http://x/", "--username", "hugo"], &["show", "x"], &["nonsense"]] {
        assert_eq!(house.command("playlist", usage).code(), 2, "{usage:?}");
    }
    house.app.assert_well();
}

#[test]
fn guides_and_channels_at_the_command_line() {
    let mut house = House::new();
    house.command("playlist", &["add", &house.file("list.m3u", LIST)]).ok();
    house.until_lineup(&["5 One", "6 Two", "7 Three"], FOLLOWS);
    let hour = now_s() / 3600 * 3600;
    let guide = xmltv(&[("one", "One"), ("zwei", "Something else")], |id| {
        (-1..5).map(|at| (hour + at * 3600, hour + (at + 1) * 3600, format!("{id} at {at}"))).collect()
    });
    let file = house.file("guide.xml", &guide);
    let added = house.json("guide", &["add", &file, "--name", "Mine"]);
    let report = &added["current"]["report"];
    assert_eq!((&report["channels"], &report["mapped"]), (&json!(2), &json!(1)), "{added}");
    let id = added["id"].to_string();
    let now = house.json("guide", &["now"]);
    assert_eq!((&now[0]["now"], &now[0]["next"], &now[1]["now"]), (&json!("one at 0"), &json!("one at 1"), &Value::Null));
    house.until_guide("one at 0");
    house.command("guide", &["map", "6", &id, "zwei", "--offset-s", "-3600"]).ok();
    let text = house.command("guide", &["now"]).ok();
    assert!(text.contains("zwei at 1 | zwei at 2"), "an hour earlier: {text}");
    house.until_guide("zwei at 1");
    let found = house.json("guide", &["search", "zwei", "at", "3"]);
    assert_eq!((&found[0]["number"], &found[0]["title"]), (&json!("6"), &json!("zwei at 3")), "{found}");
    assert_eq!(found[0]["start_s"], hour + 2 * 3600);
    assert!(house.command("guide", &["mappings"]).ok().contains("zwei"));
    house.command("guide", &["unmap", "6"]).ok();
    assert_eq!(house.json("guide", &["now"])[1]["now"], Value::Null);
    house.fails("guide", &["map", "99", &id, "zwei"], "no channel with the number 99");
    house.fails("guide", &["map", "6", &id, "nobody"], "no ");
    house.fails("guide", &["refresh", "99"], "no ");
    assert_eq!(house.command("guide", &["search"]).code(), 2);

    // Channels: to a table and back, all of it or nothing.
    let table = house.app.dir().join("table.csv").display().to_string();
    house.command("channel", &["export", &table]).ok();
    let text = std::fs::read_to_string(&table).unwrap();
    for row in [",5,One,News,,one,true,false", ",6,Two,Sport,,two,true,false", ",7,Three,News,,three,true,false"] {
        assert!(text.lines().any(|line| line.ends_with(row)), "{row}: {text}");
    }
    assert_eq!(house.command("channel", &["export"]).ok(), text);
    std::fs::write(&table, text.replace(",6,Two,Sport", ",60.1,\"Zwei, \"\"die\"\"\",Sport;Mehr")).unwrap();
    assert_eq!(house.json("channel", &["import", &table]), json!({ "rows": text.lines().count() - 1, "changed": 1 }));
    house.until_lineup(&["5 One", "7 Three", "60.1 Zwei, \"die\""], FOLLOWS);
    std::fs::write(&table, text.replace(",5,One", ",50,Eins").replace(",7,Three", ",50,Drei")).unwrap();
    house.fails("channel", &["import", &table], "50");
    assert_eq!(house.lineup(), ["5 One", "7 Three", "60.1 Zwei, \"die\""], "nothing of it");
    house.fails("channel", &["import", "/nowhere.csv"], "/nowhere.csv");
    let list = house.app.dir().join("table.json").display().to_string();
    house.command("channel", &["export", &list]).ok();
    let rows: Value = serde_json::from_slice(&std::fs::read(&list).unwrap()).unwrap();
    assert!(rows.as_array().unwrap().iter().any(|row| row["number"] == "60.1" && row["name"] == "Zwei, \"die\""), "{rows}");

    house.command("channel", &["renumber", "--from", "100", "--step", "10", "60.1", "5"]).ok();
    house.until_lineup(&["7 Three", "100 Zwei, \"die\"", "110 One"], FOLLOWS);
    house.command("channel", &["renumber", "--from", "200", "--group", "News"]).ok();
    house.until_lineup(&["100 Zwei, \"die\"", "200 Three", "201 One"], FOLLOWS);
    house.fails("channel", &["renumber", "--from", "100", "201"], "100");
    house.fails("channel", &["renumber", "--from", "1"], "which channels");
    house.command("channel", &["set", "200", "--name", "Drei", "--enabled", "false"]).ok();
    house.until_lineup(&["100 Zwei, \"die\"", "201 One"], FOLLOWS);
    house.command("channel", &["set", "200", "--name", "-", "--enabled", "true"]).ok();
    house.until_lineup(&["100 Zwei, \"die\"", "200 Three", "201 One"], FOLLOWS);
    house.command("channel", &["add", "--name", "Own", "--number", "30", "--url", "http://10.77.0.1:9/own"]).ok();
    house.command("channel", &["remove", "201"]).ok();
    house.until_lineup(&["30 Own", "100 Zwei, \"die\"", "200 Three"], FOLLOWS);
    house.app.assert_well();
}

#[test]
fn ctrl_c_stops_reading_and_leaves_everything_as_it_was() {
    let mut house = House::new();
    let shelf = Shelf::start(&house.netns);
    shelf.put("/list.m3u", Page::list(LIST));
    let added = house.json("playlist", &["add", &shelf.url("/list.m3u")]);
    let lineup = ["5 One", "6 Two", "7 Three"];
    house.until_lineup(&lineup, FOLLOWS);
    let shown = |house: &House| {
        let mut shown = house.get(&format!("/playlists/{}", added["id"]));
        shown["job"] = Value::Null;
        shown
    };
    let before = shown(&house);
    let more: String = (0..2000).map(|at| format!("#EXTINF:-1,More {at}\nhttp://10.77.0.1:9/more{at}\n")).collect();
    shelf.put("/list.m3u", Page::list(format!("#EXTM3U\n{more}")).tagged("more").stalls_after(more.len() / 2));

    let data = house.app.data_dir().display().to_string();
    let mut command = house.netns.command(EXE);
    let running = start(command.args(["playlist", "--data-dir", &data, "refresh", &added["id"].to_string()]));
    wait::until_so("the server to be asked", Duration::from_secs(10), || shelf.asked("/list.m3u").len() == 2);
    std::thread::sleep(Duration::from_millis(300));
    // Who reads it at the same time is told, and does no harm.
    house.fails("playlist", &["refresh", &added["id"].to_string()], "being read already");
    running.signal(Signal::INT);
    let output = running.finish(Duration::from_secs(5));
    assert_eq!(output.code(), 1, "{output:?}");
    assert!(output.stderr.contains("stopped") && output.stderr.contains("as before"), "{output:?}");
    assert_eq!((house.lineup(), shown(&house)), (lineup.map(str::to_owned).to_vec(), before));

    // The server's own job is stopped as well.
    let started = house.done("POST", &format!("/playlists/{}/refresh", added["id"]), Value::Null);
    wait::until_so("the server to be asked again", Duration::from_secs(10), || shelf.asked("/list.m3u").len() == 3);
    assert_eq!(house.get(&format!("/playlists/{}", added["id"]))["job"], started["job"]);
    house.done("DELETE", &format!("/jobs/{}", started["job"]), Value::Null);
    assert_eq!(house.job(&started)["state"], "cancelled");
    assert_eq!(house.send("DELETE", &format!("/jobs/{}", started["job"]), Value::Null).0, 409);
    assert_eq!(house.lineup(), lineup);
    // It goes on where it was.
    shelf.put("/list.m3u", Page::list(format!("#EXTM3U\n{more}")).tagged("more"));
    house.command("playlist", &["refresh"]).ok();
    let heads = shelf.asked("/list.m3u");
    assert!(heads.last().unwrap().contains("if-range: \"more\""), "{heads:#?}");
    wait::until_so("the lineup to follow", FOLLOWS, || house.lineup().len() == 2000);
    house.app.assert_well();
}
