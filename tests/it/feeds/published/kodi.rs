//! Kodi with IPTV Simple, on a screen that nobody sees: it lists the same channels and shows the same programmes.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::{MAPPED, channels, house, programmes, text};
use crate::feeds::House;
use crate::support::http::Request;
use crate::support::process::{Running, start};
use crate::support::wait;

/// Where it answers in its namespace.
const RPC: &str = "127.0.0.1:8080";

const SETTINGS: [(&str, &str); 4] = [
    ("services.webserver", "true"),
    ("services.webserverport", "8080"),
    ("services.webserverauthentication", "false"),
    ("pvrmanager.usebackendchannelnumbers", "true"),
];
/// 1: from the network.
const ADDON: [(&str, &str); 4] = [
    ("m3uPathType", "1"),
    ("m3uUrl", "http://10.77.0.1/playlist.m3u"),
    ("epgPathType", "1"),
    ("epgUrl", "http://10.77.0.1/xmltv.xml"),
];

/// A running Kodi, and its screen.
struct Kodi<'a> {
    house: &'a House,
    running: Running,
    _screen: Running,
}

impl<'a> Kodi<'a> {
    fn start(house: &'a House) -> Self {
        let home = house.app.dir().join("kodi");
        let folder = home.join(".kodi/userdata");
        std::fs::create_dir_all(folder.join("addon_data/pvr.iptvsimple")).unwrap();
        let document = |settings: &[(&str, &str)]| {
            let each = settings.iter().map(|(id, value)| format!("<setting id=\"{id}\">{value}</setting>"));
            format!("<settings version=\"2\">{}</settings>", each.collect::<String>())
        };
        std::fs::write(folder.join("guisettings.xml"), document(&SETTINGS)).unwrap();
        std::fs::write(folder.join("addon_data/pvr.iptvsimple/settings.xml"), document(&ADDON)).unwrap();
        // The display is reached by an abstract socket only, of which each namespace has its own: its number may be any.
        let mut screen = house.netns.command("Xvfb");
        screen.args([":7", "-screen", "0", "640x360x24", "-nolisten", "tcp", "-nolisten", "unix", "-nolock"]);
        let screen = start(&mut screen);
        std::thread::sleep(Duration::from_millis(500));
        // The script around it would stay when this is killed, and the program is all that is needed.
        let mut kodi = house.netns.command(&program().display().to_string());
        kodi.args(["--standalone", "--windowing=x11"]).env("HOME", &home).env("XDG_RUNTIME_DIR", &home);
        kodi.env("DISPLAY", ":7").env("LIBGL_ALWAYS_SOFTWARE", "1").env("DBUS_SESSION_BUS_ADDRESS", "disabled:");
        let kodi = Self { house, running: start(&mut kodi), _screen: screen };
        wait::until("Kodi to answer", Duration::from_secs(60), || kodi.ask("JSONRPC.Ping", &json!({})));
        kodi
    }

    /// The result of a request, if there is one yet.
    fn ask(&self, method: &str, parameters: &Value) -> Option<Value> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters }).to_string();
        let request = Request::new("POST", "/jsonrpc").header("Content-Type", "application/json").body(body.as_bytes());
        let answer = request.timeout(Duration::from_secs(5)).send(&self.house.netns, RPC).ok()?;
        let result = answer.json()["result"].take();
        (!result.is_null()).then_some(result)
    }

    /// The list that a request gives, once it has as many members as this.
    fn list(&self, method: &str, parameters: &Value, name: &str, least: usize) -> Vec<Value> {
        let mut last = Value::Null;
        for _ in 0..60 {
            last = self.ask(method, parameters).unwrap_or_default();
            if let Some(list) = last[name].as_array().filter(|list| list.len() >= least) {
                return list.clone();
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        panic!("{method} {parameters}: {last:#}\n{}", self.running.so_far());
    }
}

fn program() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let found = folders.map(|folder| folder.path().join("kodi/kodi.bin")).find(|path| path.exists());
    found.expect("Kodi is not installed; packaging/install-test-needs installs it")
}

#[test]
fn kodi_shows_the_same_channels_and_programmes() {
    let house = house();
    let kodi = Kodi::start(&house);
    kodi.ask("Addons.SetAddonEnabled", &json!({ "addonid": "pvr.iptvsimple", "enabled": true })).unwrap();
    let wanted = json!({ "channelgroupid": "alltv", "properties": ["channelnumber"] });
    let mut listed = kodi.list("PVR.GetChannels", &wanted, "channels", channels().len());
    listed.sort_by_key(|channel| channel["channelnumber"].as_i64());
    let seen: Vec<(i64, &str)> =
        listed.iter().map(|channel| (channel["channelnumber"].as_i64().unwrap(), text(&channel["label"]))).collect();
    // IPTV Simple leaves out what is behind the point of a number.
    let major = |number: &str| number.split('.').next().unwrap().parse::<i64>().unwrap();
    let expected: Vec<(i64, String)> =
        channels().iter().map(|(number, _, name)| (major(number), name.replace('"', "'"))).collect();
    assert_eq!(seen, expected.iter().map(|(number, name)| (*number, name.as_str())).collect::<Vec<_>>());

    for at in [0, 1, 5, MAPPED - 1] {
        let (_, id, name) = &channels()[at];
        let written = programmes(id);
        let wanted = json!({ "channelid": listed[at]["channelid"], "properties": ["starttime", "endtime"] });
        let shown = kodi.list("PVR.GetBroadcasts", &wanted, "broadcasts", written.len());
        let date = |at_s: i64| jiff::Timestamp::from_second(at_s).unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let written: Vec<_> = written.into_iter().map(|(start, stop, title)| json!([date(start), date(stop), title])).collect();
        let of_guide = shown.iter().filter(|one| text(&one["label"]) != name);
        let of_guide: Vec<_> = of_guide.map(|one| json!([one["starttime"], one["endtime"], one["label"]])).collect();
        assert_eq!(of_guide, written, "{name}");
        assert!(shown.windows(2).all(|pair| pair[0]["endtime"] == pair[1]["starttime"]), "{name}: holes: {shown:#?}");
    }
    // It has looked at everything, and opened nothing.
    assert_eq!(house.app.busy(), 0);
}
