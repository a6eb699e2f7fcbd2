//! The three real guides of `../shared/data/xmltv`: their channels, read with no more than is needed here.

use std::io::BufReader;

use flate2::read::GzDecoder;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

use crate::model::GuideChannel;
use crate::model::programme::Text;

/// A guide, and the country it is made for.
pub struct Guide {
    pub name: &'static str,
    /// ISO 3166, upper case.
    pub country: &'static str,
    pub channels: Vec<GuideChannel>,
}

/// The guides in the order of their priority.
pub fn guides() -> Vec<Guide> {
    [("nz-epg", "NZ"), ("pbs-all", "US"), ("plutotv-us", "US")]
        .map(|(name, country)| Guide { name, country, channels: channels(name) })
        .into()
}

fn channels(name: &str) -> Vec<GuideChannel> {
    let path = format!("{}/../shared/data/xmltv/{name}.xml.gz", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut reader = Reader::from_reader(BufReader::new(GzDecoder::new(file)));
    let (mut channels, mut buffer) = (Vec::<GuideChannel>::new(), Vec::new());
    let mut text: Option<String> = None;
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).expect("the guide is well-formed") {
            Event::Eof => break,
            Event::Start(tag) if tag.name().as_ref() == "programme" => break,
            Event::Start(tag) if tag.name().as_ref() == "channel" => {
                let id = tag.try_get_attribute("id").expect("an attribute").expect("an id");
                channels.push(GuideChannel { id: id.value.into_owned(), ..GuideChannel::default() });
            }
            Event::Start(tag) if tag.name().as_ref() == "display-name" => text = Some(String::new()),
            Event::Text(part) => text.iter_mut().for_each(|text| text.push_str(&part)),
            Event::GeneralRef(entity) => {
                let plain = resolve_xml_entity(&entity).expect("an entity of XML");
                text.iter_mut().for_each(|text| text.push_str(plain));
            }
            Event::End(tag) if tag.name().as_ref() == "display-name" => {
                let name = Text { text: text.take().unwrap_or_default(), lang: None };
                channels.last_mut().expect("a channel").names.push(name);
            }
            _ => {}
        }
    }
    channels
}

#[test]
fn the_guides_are_read_with_all_their_channels() {
    let guides = guides();
    assert_eq!(guides.iter().map(|guide| guide.channels.len()).collect::<Vec<_>>(), [45, 146, 421]);
    assert!(guides.iter().flat_map(|guide| &guide.channels).all(|channel| !channel.names.is_empty()));
    assert!(guides[2].channels.iter().any(|channel| channel.names[0].text == "Law & Order"));
}
