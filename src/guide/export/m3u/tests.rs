//! The playlist: its text once, and what our own reader makes of it for any channels.

use proptest::prelude::*;

use super::*;
use crate::model::GuideNumber;
use crate::playlist::m3u::{Event, Parser};

fn channel(number: &str, name: &str) -> OutChannel {
    OutChannel {
        number: number.parse().unwrap(),
        name: name.into(),
        logo: None,
        groups: Vec::new(),
        stream_url: format!("http://10.0.0.2:5004/auto/v{number}"),
        station_id: None,
        radio: false,
    }
}

fn written(channels: &[OutChannel], guide: Option<&str>) -> String {
    let mut out = Vec::new();
    write(&mut out, channels, guide).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_playlist() {
    let first = OutChannel {
        logo: Some("http://10.0.0.2/logo/1.png".into()),
        groups: vec!["News".into(), " Local;News ".into(), String::new()],
        station_id: Some("11331".into()),
        ..channel("5.1", "Das \"Erste\", HD\n")
    };
    let second = OutChannel { radio: true, ..channel("6", "") };
    let expected = "#EXTM3U url-tvg=\"http://10.0.0.2/xmltv.xml\" x-tvg-url=\"http://10.0.0.2/xmltv.xml\"\n\
        #EXTINF:-1 channel-id=\"5.1\" channel-number=\"5.1\" tvg-id=\"5.1\" tvg-chno=\"5.1\" tvg-name=\"Das 'Erste', HD\" \
        tvg-logo=\"http://10.0.0.2/logo/1.png\" group-title=\"News;Local\" tvc-guide-stationid=\"11331\",Das 'Erste', HD\n\
        #KODIPROP:mimetype=video/mp2t\nhttp://10.0.0.2:5004/auto/v5.1\n\
        #EXTINF:-1 channel-id=\"6\" channel-number=\"6\" tvg-id=\"6\" tvg-chno=\"6\" tvg-name=\"\" radio=\"true\",6\n\
        #KODIPROP:mimetype=video/mp2t\nhttp://10.0.0.2:5004/auto/v6\n";
    assert_eq!(written(&[first, second], Some("http://10.0.0.2/xmltv.xml")), expected);
    assert_eq!(written(&[], None), "#EXTM3U\n");
}

#[test]
fn errors_are_passed_on() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(write(&mut Full, [], None).unwrap_err().kind(), io::ErrorKind::StorageFull);
}

fn any_channel() -> impl Strategy<Value = OutChannel> {
    let text = || prop_oneof!["[ -~]{0,12}", "\\PC{0,8}", "[a-z]{1,4}=\"[a-z]?\"", "[\"',;=\\n]{0,6}"];
    let optional = (proptest::option::of(text()), proptest::option::of("[0-9]{5}"), any::<bool>());
    let number = (1u32..99_999, proptest::option::of(0u32..9_999));
    (number, text(), proptest::collection::vec(text(), 0..3), optional).prop_map(|((major, minor), name, groups, optional)| {
        let number = minor.map_or(major.to_string(), |minor| format!("{major}.{minor}"));
        let (logo, station_id, radio) = optional;
        OutChannel { logo, groups, station_id, radio, ..channel(&number, &name) }
    })
}

proptest! {
    #[test]
    fn it_is_read_back(channels in proptest::collection::vec(any_channel(), 0..5)) {
        let text = written(&channels, Some("http://h/xmltv.xml"));
        let mut found = Vec::new();
        let mut parser = Parser::new();
        parser.push(text.as_bytes(), &mut |event| found.push(event)).unwrap();
        parser.finish(&mut |event| found.push(event)).unwrap();
        let mut found = found.into_iter();
        let Some(Event::Header(header)) = found.next() else { panic!("{text}") };
        prop_assert_eq!(header.guides(), ["http://h/xmltv.xml"]);
        let entries: Vec<_> = found.map(|event| if let Event::Entry(entry) = event { entry } else { panic!("{event:?} in {text}") }).collect();
        prop_assert_eq!(entries.len(), channels.len());
        for (entry, channel) in entries.iter().zip(&channels) {
            let read = |text: &str| value(text).into_owned();
            let number = channel.number.to_string();
            let name = if read(&channel.name).is_empty() { number.clone() } else { read(&channel.name) };
            prop_assert_eq!(&entry.name, &name, "{}", text);
            prop_assert_eq!(&entry.url, &channel.stream_url);
            for attribute in ["channel-id", "channel-number", "tvg-id", "tvg-chno"] {
                prop_assert_eq!(entry.attributes.get(attribute), Some(number.as_str()));
            }
            let some = |text: String| Some(text).filter(|text| !text.is_empty());
            let attribute = |name: &str| entry.attributes.get(name).map(str::to_owned);
            prop_assert_eq!(attribute("tvg-name"), some(read(&channel.name)));
            prop_assert_eq!(attribute("tvg-logo"), channel.logo.as_deref().and_then(|logo| some(read(logo))));
            prop_assert_eq!(attribute("group-title"), some(read(&groups(&channel.groups))));
            prop_assert_eq!(attribute("tvc-guide-stationid"), channel.station_id.clone());
            prop_assert_eq!(attribute("radio"), channel.radio.then(|| "true".to_owned()));
            prop_assert_eq!(&entry.kodi_properties, &[("mimetype".to_owned(), "video/mp2t".to_owned())]);
        }
        let numbers: Vec<GuideNumber> = channels.iter().map(|channel| channel.number.clone()).collect();
        let read: Vec<GuideNumber> = entries.iter().map(|entry| entry.attributes.get("tvg-chno").unwrap().parse().unwrap()).collect();
        prop_assert_eq!(numbers, read);
    }
}
