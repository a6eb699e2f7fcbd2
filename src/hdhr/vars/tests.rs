use std::cell::RefCell;
use std::net::Ipv4Addr;

use super::show::{OnAir, Signal};
use super::*;

const OWNER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5));

/// Two tuners that look alike, locked with a key perhaps.
#[derive(Default)]
struct Fake {
    shown: Shown,
    key: Option<u32>,
    asked: RefCell<Vec<u8>>,
}

impl Tuners for Fake {
    fn count(&self) -> u8 {
        2
    }

    fn shown(&self, tuner: u8) -> Shown {
        self.asked.borrow_mut().push(tuner);
        self.shown.clone()
    }

    fn may_change(&self, _: u8, key: Option<u32>) -> Result<(), IpAddr> {
        if self.key.is_none() || self.key == key { Ok(()) } else { Err(OWNER) }
    }
}

fn idle() -> Shown {
    Shown { map: "us-bcast", filter: "0x0000-0x1fff".into(), ..Shown::default() }
}

fn on_air(name: &str) -> Shown {
    let on_air = OnAir {
        number: "5.1".parse().unwrap(),
        name: name.into(),
        bits_per_second: 8_000_000,
        packets_per_second: 5319,
        missed: 3,
        scrambled: false,
    };
    Shown { signal: Signal::Locked(on_air), ..idle() }
}

fn get(shown: Shown, name: &str) -> String {
    match decide(&Request { name, value: None, key: None }, &Fake { shown, ..Fake::default() }) {
        Ok(Decision::Say(value)) => value,
        other => panic!("{name}: {other:?}"),
    }
}

fn set(name: &str, value: &str) -> Result<Decision, Fault> {
    decide(&Request { name, value: Some(value), key: None }, &Fake { shown: idle(), ..Fake::default() })
}

#[rstest::rstest]
#[case("/sys/model", "hdhomerun4_atsc")]
#[case("/sys/hwmodel", "HDHR4-2US")]
#[case("/tuner0/status", "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0")]
#[case("/tuner1/vstatus", "vch=none name=none auth=unspecified cci=none cgms=none")]
#[case("/tuner0/streaminfo", "none")]
#[case("/tuner0/channel", "none")]
#[case("/tuner0/vchannel", "none")]
#[case("/tuner0/channelmap", "us-bcast")]
#[case("/tuner0/filter", "0x0000-0x1fff")]
#[case("/tuner0/program", "none")]
#[case("/tuner0/target", "none")]
#[case("/tuner0/lockkey", "none")]
#[case("/tuner0/plpinfo", "none")]
fn an_idle_device_says(#[case] name: &str, #[case] value: &str) {
    assert_eq!(get(idle(), name), value);
}

#[rstest::rstest]
#[case("/tuner0/status", "ch=8vsb:503000000 lock=8vsb ss=100 snq=100 seq=100 bps=8000000 pps=0")]
#[case("/tuner0/vstatus", "vch=5.1 name=Das Erste auth=unspecified cci=none cgms=none")]
#[case("/tuner0/streaminfo", "1: 5.1 Das Erste\ntsid=0x0001\n")]
#[case("/tuner0/channel", "8vsb:503000000")]
#[case("/tuner0/vchannel", "5.1")]
#[case("/tuner0/program", "1")]
fn a_tuned_device_says(#[case] name: &str, #[case] value: &str) {
    assert_eq!(get(on_air("Das Erste"), name), value);
}

#[test]
fn what_clients_take_apart_has_its_form() {
    assert!(get(idle(), "help").starts_with("Supported configuration options:\n"));
    let version = get(idle(), "/sys/version");
    assert!(version.len() >= 8 && version.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(get(idle(), "/sys/features").contains("channelmap: us-bcast"));
    let sent = Shown { target: Some("rtp://10.0.0.5:5000".parse().unwrap()), ..on_air("x") };
    assert!(get(sent.clone(), "/tuner0/status").ends_with(" pps=759"));
    assert_eq!(get(sent, "/tuner0/target"), "rtp://10.0.0.5:5000");
    let watched = Shown { watched_by: Some(OWNER), ..on_air("x") };
    assert_eq!(get(watched, "/tuner0/lockkey"), "10.0.0.5");
    let opening = Shown { signal: Signal::Tuning("5.1".parse().unwrap()), ..idle() };
    assert_eq!(get(opening.clone(), "/tuner0/status"), "ch=8vsb:503000000 lock=none ss=100 snq=0 seq=0 bps=0 pps=0");
    assert_eq!(get(opening, "/tuner0/streaminfo"), "none");
    let scanned = Shown { physical: Some("auto:57000000".into()), ..idle() };
    assert_eq!(get(scanned, "/tuner0/status"), "ch=auto:57000000 lock=none ss=0 snq=0 seq=0 bps=0 pps=0");
    let off_air = Shown { remembered: Some("5.1".parse().unwrap()), ..idle() };
    assert_eq!(get(off_air.clone(), "/tuner0/vchannel"), "5.1");
    assert_eq!(get(off_air, "/tuner0/status"), "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0");
    for line in get(on_air("x"), "/tuner0/debug").lines() {
        assert!(["tun: ", "dev: ", "ts:  ", "flt: ", "net: "].iter().any(|start| line.starts_with(start)), "{line}");
    }
}

/// libhdhomerun has 64 bytes for a line.
#[test]
fn long_names_are_cut_between_letters() {
    let info = get(on_air(&"ü".repeat(60)), "/tuner0/streaminfo");
    let line = info.lines().next().unwrap();
    assert!(line.len() <= 63 && line.ends_with('ü'), "{line}");
    let mut shown = on_air(&"x\n".repeat(60));
    let Signal::Locked(on_air) = &mut shown.signal else { panic!() };
    on_air.scrambled = true;
    let info = get(shown, "/tuner0/streaminfo");
    let line = info.lines().next().unwrap();
    assert!(line.len() == 63 && line.ends_with("x (encrypted)"), "{line}");
}

#[rstest::rstest]
#[case("/nope")]
#[case("")]
#[case("/tuner2/status")]
#[case("/tuner0/nope")]
#[case("/tuner/status")]
#[case("/tuner-1/status")]
#[case("/tuner+1/status")]
#[case("/tuner99999999999/status")]
#[case("/tuner0status")]
#[case("/sys/model/")]
fn unknown_names_are_refused(#[case] name: &str) {
    let fake = Fake { shown: idle(), ..Fake::default() };
    for value in [None, Some("1")] {
        assert_eq!(decide(&Request { name, value, key: None }, &fake), Err(Fault::Unknown), "{name}");
    }
    assert!(fake.asked.borrow().is_empty());
}

#[test]
fn sets_are_read() {
    let change = |change| Ok(Decision::Change(1, change));
    assert_eq!(set("/tuner1/lockkey", "1234"), change(Change::Lock(1234)));
    assert_eq!(set("/tuner1/lockkey", "none"), change(Change::Unlock));
    assert_eq!(set("/tuner1/lockkey", "force"), change(Change::Force));
    assert_eq!(set("/tuner1/vchannel", "5.1"), change(Change::Tune("5.1".parse().unwrap(), "5.1".into())));
    let profile = "5.1 transcode=mobile";
    assert_eq!(set("/tuner1/vchannel", profile), change(Change::Tune("5.1".parse().unwrap(), profile.into())));
    assert_eq!(set("/tuner1/vchannel", "none"), change(Change::Leave));
    assert_eq!(set("/tuner1/channel", "none"), change(Change::Leave));
    assert_eq!(set("/tuner1/channel", "a8qam64-6900:57000000"), change(Change::Physical("a8qam64-6900:57000000".into())));
    assert_eq!(set("/tuner1/channelmap", "eu-bcast"), change(Change::Map("eu-bcast")));
    let filter = "0x0000-0x0001 0x0100-0x0101";
    assert_eq!(set("/tuner1/filter", filter), change(Change::Filter(filter.into())));
    assert_eq!(set("/tuner1/program", "3"), change(Change::Program(3)));
    assert_eq!(set("/tuner1/target", "none"), change(Change::Target(None)));
    let target = "udp://10.0.0.5:5000";
    assert_eq!(set("/tuner1/target", target), change(Change::Target(Some(target.parse().unwrap()))));
}

#[rstest::rstest]
#[case("/tuner0/lockkey", "0", Fault::Malformed)]
#[case("/tuner0/lockkey", "4294967296", Fault::Malformed)]
#[case("/tuner0/lockkey", "", Fault::Malformed)]
#[case("/tuner0/vchannel", "five", Fault::NoChannel)]
#[case("/tuner0/vchannel", "", Fault::NoChannel)]
#[case("/tuner0/channel", "8vsb 57", Fault::Malformed)]
#[case("/tuner0/channelmap", "moon-bcast", Fault::NoChannelMap)]
#[case("/tuner0/program", "x", Fault::Malformed)]
#[case("/tuner0/target", "tcp://10.0.0.5:1", Fault::Target(BadTarget::Syntax))]
#[case("/tuner0/status", "x", Fault::Unknown)]
#[case("/tuner0/streaminfo", "none", Fault::Unknown)]
#[case("/sys/model", "x", Fault::Unknown)]
#[case("help", "x", Fault::Unknown)]
fn bad_sets_are_refused(#[case] name: &str, #[case] value: &str, #[case] fault: Fault) {
    assert_eq!(set(name, value), Err(fault));
}

#[test]
fn a_locked_tuner_is_changed_by_its_owner_only() {
    let fake = Fake { shown: idle(), key: Some(1234), ..Fake::default() };
    for (name, value) in [
        ("/tuner0/channel", "none"),
        ("/tuner0/vchannel", "none"),
        ("/tuner0/channelmap", "us-bcast"),
        ("/tuner0/target", "none"),
        ("/tuner0/lockkey", "none"),
        ("/tuner0/program", "1"),
        ("/tuner0/filter", "0x0000"),
    ] {
        let set = |key| decide(&Request { name, value: Some(value), key }, &fake);
        assert_eq!(set(None), Err(Fault::Locked(OWNER)), "{name}");
        assert_eq!(set(Some(99)), Err(Fault::Locked(OWNER)), "{name}");
        assert!(set(Some(1234)).is_ok(), "{name}");
        assert!(decide(&Request { name, value: None, key: None }, &fake).is_ok(), "everybody may look at {name}");
    }
    let force = Request { name: "/tuner0/lockkey", value: Some("force"), key: None };
    assert_eq!(decide(&force, &fake), Ok(Decision::Change(0, Change::Force)));
}

/// Real devices' words; programs compare them.
#[test]
fn errors_have_their_exact_texts() {
    let text = |fault: Fault| fault.to_string();
    assert_eq!(text(Fault::Unknown), "ERROR: unknown getset variable");
    assert_eq!(text(Fault::Malformed), "ERROR: malformed getset request");
    assert_eq!(text(Fault::Locked(OWNER)), "ERROR: resource locked by 10.0.0.5");
    assert_eq!(text(Fault::Target(BadTarget::Syntax)), "ERROR: invalid target");
}

fn frame(values: &[(Tag, &[u8])]) -> Vec<u8> {
    values.iter().fold(Builder::new(Kind::GETSET_REQUEST), |frame, (tag, value)| frame.value(*tag, value)).finish().unwrap()
}

/// Name, value and key.
type Read = (&'static str, Option<&'static str>, Option<u32>);

#[rstest::rstest]
#[case::get(&[(Tag::GETSET_NAME, &b"/sys/model\0"[..])], Ok(("/sys/model", None, None)))]
#[case::without_nul(&[(Tag::GETSET_NAME, &b"help"[..])], Ok(("help", None, None)))]
#[case::set(&[(Tag::GETSET_NAME, &b"a\0"[..]), (Tag::GETSET_VALUE, b"b\0"), (Tag::GETSET_LOCKKEY, &[0, 0, 4, 210])], Ok(("a", Some("b"), Some(1234))))]
#[case::other_tags(&[(Tag(0x7E), &[1][..]), (Tag::GETSET_NAME, b"a\0")], Ok(("a", None, None)))]
#[case::nothing(&[], Err(None))]
#[case::value_only(&[(Tag::GETSET_VALUE, &b"x\0"[..])], Err(None))]
#[case::no_text(&[(Tag::GETSET_NAME, &[0xFF, 0xFE, 0][..])], Err(None))]
#[case::nul_within(&[(Tag::GETSET_NAME, &b"a\0b\0"[..])], Err(None))]
#[case::long_name(&[(Tag::GETSET_NAME, &[b'a'; 200][..])], Err(None))]
#[case::bad_value(&[(Tag::GETSET_NAME, &b"a\0"[..]), (Tag::GETSET_VALUE, &[0xFF, 0])], Err(Some("a")))]
#[case::bad_key(&[(Tag::GETSET_NAME, &b"a\0"[..]), (Tag::GETSET_LOCKKEY, &[1])], Err(Some("a")))]
fn requests_are_read(#[case] values: &[(Tag, &[u8])], #[case] expected: Result<Read, Option<&str>>) {
    let bytes = frame(values);
    let request = Request::of(Frame::of_datagram(&bytes).unwrap());
    assert_eq!(request, expected.map(|(name, value, key)| Request { name, value, key }));
}

/// Jellyfin: the name's tag at byte 4, one length byte, then the value's or the error's (hdhr-protocol 3).
#[test]
fn replies_lie_as_jellyfin_reads_them() {
    for (outcome, tag) in [(Ok("none".to_owned()), 4), (Err(Fault::Unknown), 5)] {
        let bytes = reply(Some("/tuner0/lockkey"), &outcome);
        assert_eq!((bytes[1], bytes[4], bytes[5]), (5, 3, 16));
        assert_eq!(bytes[6 + 16], tag);
        assert!(bytes[7 + 16] < 128);
    }
    let anonymous = reply(None, &Err(Fault::Malformed));
    assert_eq!(anonymous[4], 5);
    let longest = reply(Some(&"n".repeat(127)), &Ok("v".repeat(1000)));
    assert!(Frame::of_datagram(&longest).is_ok());
    assert!(Frame::of_datagram(&reply(Some("help"), &Ok(get(idle(), "help")))).is_ok());
}

proptest::proptest! {
    #[test]
    fn noise_never_panics(payload in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), name: String, value: String) {
        let _ = Request::of(Frame { kind: Kind::GETSET_REQUEST, payload: &payload });
        let fake = Fake { shown: on_air("x"), ..Fake::default() };
        for name in [name.as_str(), "/tuner0/channel", "/tuner0/target", "/tuner0/vchannel", "/tuner0/lockkey", "/tuner0/filter"] {
            let _ = decide(&Request { name, value: Some(&value), key: None }, &fake);
        }
    }
}
