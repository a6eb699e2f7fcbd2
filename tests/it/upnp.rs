//! Checks 71 to 73: SSDP, UPnP and mDNS.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::process::{run, start};
use crate::support::rig::Rig;
use crate::support::{script, udp, wait};

const MEDIA_SERVER: &str = "urn:schemas-upnp-org:device:MediaServer:1";

fn discover(rig: &Rig, arguments: &[&str]) -> String {
    let mut gssdp = rig.netns.command("gssdp-discover");
    run(gssdp.args(["-i", "v0"]).args(arguments), Duration::from_secs(20)).text()
}

#[test]
fn check_71_ssdp() {
    let rig = Rig::standard();
    let xml = String::from_utf8(rig.app.get("/device.xml").body()).unwrap();
    let udn = xml.split("<UDN>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let kind = xml.split("<deviceType>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(kind == MEDIA_SERVER || kind == "urn:schemas-upnp-org:device:Basic:1", "{kind}");
    let text = discover(&rig, &["--timeout=3", &format!("--target={kind}")]);
    assert!(text.contains(&format!("USN:      {udn}::{kind}")), "{text}");
    assert!(text.contains("Location: http://10.77.0.1"), "{text}");
    let text = discover(&rig, &["--timeout=3", "--target=ssdp:all"]);
    assert!(text.matches("resource available").count() >= 3, "{text}");
    let text = discover(&rig, &["--timeout=3", "--target=urn:schemas-upnp-org:device:InternetGatewayDevice:1"]);
    assert!(!text.contains("resource available"), "{text}");
    let watch = start(rig.netns.command("gssdp-discover").args(["-i", "v0", "--timeout=6", "--message-type=unavailable"]));
    std::thread::sleep(Duration::from_secs(2));
    rig.app.stop();
    let text = watch.finish(Duration::from_secs(10)).text();
    assert!(text.contains("resource unavailable") && text.contains(&udn), "{text}");
}

/// What searches look like beyond GSSDP's: other targets, other spellings, nonsense.
#[test]
fn check_71_searches_of_all_kinds() {
    let mut rig = Rig::standard();
    let socket = rig.netns.udp("10.77.0.1:0").unwrap();
    let group = "239.255.255.250:1900".parse().unwrap();
    let search = |target: &str, line: &str| {
        format!("{line}\r\nhost: 239.255.255.250:1900\r\nMan: \"ssdp:discover\"\r\nMX: 1\r\nst: {target}\r\n\r\n").into_bytes()
    };
    for (target, line) in [("upnp:rootdevice", "M-SEARCH * HTTP/1.1"), ("ssdp:all", "M-SEARCH * HTTP/1.0")] {
        let answers = udp::ask(&socket, group, &search(target, line), Duration::from_millis(1800));
        assert!(!answers.is_empty(), "{target}");
        for (bytes, from) in &answers {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert_eq!(from.ip().to_string(), "10.77.0.1");
            assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
            let upper = text.to_uppercase();
            for field in ["CACHE-CONTROL: MAX-AGE=1800", "EXT:", "LOCATION: HTTP://10.77.0.1", "SERVER: ", "ST: ", "USN: UUID:"] {
                assert!(upper.contains(&format!("\r\n{field}")), "{field} in {text}");
            }
        }
    }
    let bad: [&[u8]; 5] = [
        b"",
        b"M-SEARCH",
        b"M-SEARCH * HTTP/1.1\r\n\r\n",
        &[0xFF; 1400],
        b"NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\nNT: x\r\nUSN: y\r\n\r\n",
    ];
    for datagram in bad {
        assert!(udp::ask(&socket, group, datagram, Duration::from_millis(300)).is_empty(), "{datagram:?}");
    }
    rig.app.assert_well();
}

#[test]
fn check_72_a_control_point() {
    let rig = Rig::standard();
    let discover = rig.app.json("/discover.json");
    let mut python = rig.netns.command("/usr/bin/python3");
    let output = run(python.args([&script("gupnp_cp.py"), "v0"]), Duration::from_secs(20));
    let text = output.text();
    let device = text.lines().find(|line| line.starts_with("DEVICE ")).unwrap_or_else(|| panic!("{output:?}"));
    assert!(device.contains(" uuid:") || device.starts_with("DEVICE uuid:"), "{device}");
    assert!(device.contains(discover["FriendlyName"].as_str().unwrap()), "{device}");
    assert!(device.contains(discover["DeviceID"].as_str().unwrap()), "{device}");
    // A MediaServer without a ContentDirectory would be a lie.
    assert!(!device.contains("MediaServer") || text.contains("service:ContentDirectory:1"), "{text}");
}

/// A DLNA browser's Browse of the root, by its SOAP bytes: every channel, with the address to play.
#[test]
fn check_72_content_directory_browse() {
    let rig = Rig::standard();
    let mut python = rig.netns.command("/usr/bin/python3");
    let text = run(python.args([&script("gupnp_cp.py"), "v0"]), Duration::from_secs(20)).text();
    let Some(service) = text.lines().find(|line| line.contains("service:ContentDirectory:1")) else {
        assert!(!text.contains("MediaServer"), "{text}");
        return;
    };
    let control = service.split_whitespace().nth(2).unwrap();
    let soap = r#"<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body><u:Browse xmlns:u="urn:schemas-upnp-org:service:ContentDirectory:1"><ObjectID>0</ObjectID><BrowseFlag>BrowseDirectChildren</BrowseFlag><Filter>*</Filter><StartingIndex>0</StartingIndex><RequestedCount>100</RequestedCount><SortCriteria></SortCriteria></u:Browse></s:Body></s:Envelope>"#;
    let mut curl = rig.netns.command("curl");
    curl.args(["-s", "-H", "Content-Type: text/xml; charset=\"utf-8\""]);
    curl.args(["-H", "SOAPACTION: \"urn:schemas-upnp-org:service:ContentDirectory:1#Browse\"", "-d", soap, control]);
    let answer = run(&mut curl, Duration::from_secs(5)).ok();
    assert!(answer.contains("BrowseResponse") && answer.contains("DIDL-Lite"), "{answer}");
    // Either the channels themselves, or a container that holds them.
    if !answer.contains("/auto/v1") {
        let id = answer.split("container id=&quot;").nth(1).or_else(|| answer.split("container id=\"").nth(1)).unwrap();
        let id = id.split(['&', '"']).next().unwrap();
        let soap = soap.replace("<ObjectID>0<", &format!("<ObjectID>{id}<"));
        let mut curl = rig.netns.command("curl");
        curl.args(["-s", "-H", "Content-Type: text/xml; charset=\"utf-8\""]);
        curl.args(["-H", "SOAPACTION: \"urn:schemas-upnp-org:service:ContentDirectory:1#Browse\"", "-d", &soap, control]);
        let inner = run(&mut curl, Duration::from_secs(5)).ok();
        assert!(inner.contains("http://10.77.0.1:5004/auto/v1"), "{inner}");
    }
}

/// avahi in a mount and process namespace of its own, so that no bus and no lock of the machine is touched.
#[test]
fn check_73_mdns() {
    let rig = Rig::standard();
    let id = rig.app.device_id();
    let folder = rig.app.dir().join("avahi");
    std::fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "mount -t tmpfs tmpfs /run && mkdir -p /run/dbus /run/avahi-daemon && mount --bind {folder} /etc/avahi && \
         printf '[server]\\nallow-interfaces=v0\\nuse-ipv6=no\\nhost-name=tester\\n[publish]\\npublish-workstation=no\\n' > /etc/avahi/avahi-daemon.conf && \
         dbus-daemon --system --nofork --nopidfile & sleep 0.5; \
         avahi-daemon --no-drop-root --no-rlimits --no-chroot & sleep 2.5; \
         for i in 1 2 3 4 5; do avahi-resolve -4 -n {id}.local && break; sleep 1; done; avahi-resolve -4 -n hdhomerun.local; kill %1 %2",
        folder = folder.display(),
    );
    let mut unshare = rig.netns.command("unshare");
    unshare.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script]);
    let output = run(&mut unshare, Duration::from_secs(30));
    let text = output.text();
    assert!(text.contains(&format!("{id}.local\t10.77.0.1")), "{output:?}");
    assert!(text.contains("hdhomerun.local\t10.77.0.1"), "{output:?}");
    for (path, document) in
        [("/discover.json", rig.app.get("/discover.json").body()), ("/lineup.json", rig.app.get("/lineup.json").body())]
    {
        assert!(!String::from_utf8(document).unwrap().contains(".local"), "{path}");
    }
}

/// A server that is killed leaves nothing that keeps the next from being found.
#[test]
fn found_again_after_a_kill() {
    let rig = Rig::standard();
    let id = rig.app.device_id();
    let mut app = rig.app;
    app.signal(Signal::KILL);
    app.wait_exit(Duration::from_secs(2));
    let again = crate::support::app::Setup::new(&rig.netns).data_of(&app).start();
    wait::until_so("to be found again", Duration::from_secs(3), || {
        again.hdhomerun(&["discover", "127.0.0.1"]).text().contains(&id)
    });
}
