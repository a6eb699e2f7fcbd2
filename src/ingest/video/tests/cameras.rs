//! What cameras and servers do, though no standard says so, and where access units end with them. Marked SEI, empty fragments, other
//! types in later fragments, the reserved bit, one fragment for all and byte streams are among the cameras that retina names.

use rstest::rstest;

use super::streams::{Kind, PPS, SPS, is_delimiter, nal, sei, slice};
use super::{Line, Wire, nals};
use crate::ingest::video::gate::OnHole;
use crate::ingest::video::{AccessUnit, Depacketizer, Settings};
use crate::model::Codec;

fn settings() -> Settings {
    Settings { on_hole: OnHole::Pass, ..Settings::default() }
}

/// A NAL unit by a letter: `s` and `p` are parameter sets, `e` SEI, `d` a delimiter, `f` filler, `o` the end of a sequence; `I` is the
/// first slice of an IDR picture, `P` of another, `x` and `X` slices that go on with them.
fn by_letter(letter: char) -> Vec<u8> {
    match letter {
        's' => SPS.to_vec(),
        'p' => PPS.to_vec(),
        'e' => sei(Codec::H264, 5),
        'd' => vec![0x09, 0xF0],
        'f' => vec![0x0C, 0xFF, 0xFF, 0x80],
        'o' => vec![0x0A],
        'v' => vec![0x1E, 1, 2],
        'I' => slice(Codec::H264, Kind::Idr, true, 1, &[7; 20]),
        'X' => slice(Codec::H264, Kind::Idr, false, 2, &[7; 20]),
        'P' => slice(Codec::H264, Kind::Referred, true, 3, &[7; 20]),
        'x' => slice(Codec::H264, Kind::Referred, false, 4, &[7; 20]),
        other => panic!("{other}"),
    }
}

fn letter(nal: &[u8]) -> char {
    "spedfovIXPx".chars().find(|letter| by_letter(*letter) == nal).unwrap_or('?')
}

/// Words are packets: a time, letters of NAL units (several make a STAP-A), and `*` for a marker; `-` stands for a lost one.
fn packets(words: &str) -> Vec<Option<Wire>> {
    let wire = |word: &str| {
        let timestamp = word.chars().next().and_then(|digit| digit.to_digit(10))?;
        let bytes: Vec<Vec<u8>> = word.chars().filter(char::is_ascii_alphabetic).map(by_letter).collect();
        let payload = match bytes.as_slice() {
            [one] => one.clone(),
            several => {
                let sized = several.iter().flat_map(|nal| [&(nal.len() as u16).to_be_bytes(), nal.as_slice()].concat());
                std::iter::once(0x78).chain(sized).collect()
            }
        };
        Some(Wire { timestamp: u64::from(timestamp) * 3_600, marker: word.ends_with('*'), payload })
    };
    words.split(' ').map(wire).collect()
}

/// A unit as its time and letters, with `!` where it is damaged and `R` in front where decoding can begin; `.` for a delimiter that
/// is missing.
fn written(unit: &AccessUnit) -> String {
    let nals = nals(&unit.data);
    let (delimiters, others): (Vec<_>, Vec<_>) = nals.iter().partition(|nal| is_delimiter(Codec::H264, nal));
    let letters: String = others.iter().map(|nal| letter(nal)).collect();
    let delimited = match delimiters.len() {
        0 => ".",
        1 if is_delimiter(Codec::H264, &nals[0]) => "",
        _ => "?",
    };
    let (random, damaged) = (if unit.random_access { "R" } else { "" }, if unit.damaged { "!" } else { "" });
    format!("{random}{delimited}{}{letters}{damaged}", unit.timestamp / 3_600)
}

#[rstest]
#[case::markers("1sp 1I* 2P* 3P 3x*", "R1spI 2P 3Px", 0)]
#[case::no_markers("1sp 1I 2P 3P 3x 4P", "R1spI 2P 3Px 4P", 0)]
#[case::a_delimiter_ends_the_one_before("1dspI 1d 1P*", "R1spI 1P", 0)]
#[case::delimiters_out_of_place("1spdI 1x 2dedP*", "R1spIx 2eP", 0)]
#[case::marked_parameter_sets("1s* 1p* 1I* 2P*", "R1spI 2P", 0)]
#[case::marked_sei("1spI* 2e* 2P*", "R1spI 2eP", 0)]
#[case::sets_with_another_time("0s 1p 2I* 3P*", "R2spI 3P", 0)]
#[case::sei_with_the_time_before("1spI 1e 2P* 3P*", "R1spI 2eP 3P", 0)]
#[case::sei_between_slices("1spI 1e 1X* 2P*", "R1spIeX 2P", 0)]
#[case::every_packet_marked("1sp* 1I* 1X* 1X* 2P* 2x* 3P* 3x*", "R1spI .1XX 2Px 3Px", 1)]
#[case::same_time_for_ever("1spI 1P 1P 1P", "R1spI 1P 1P 1P", 0)]
#[case::fillers("1spI 1f* 2P 2f*", "R1spI 2P", 0)]
#[case::end_of_sequence("1spI 1o* 2P*", "R1spIo 2P", 0)]
#[case::end_of_sequence_behind_the_marker("1spI* 1o 2P*", "R1spI .1o 2P", 0)]
#[case::nobodys_types("1v 1spI* 2v 2P*", "R1spI 2P", 0)]
#[case::marker_lost("1spI 1X - 2P*", "R1spIX! 2P", 0)]
#[case::slice_lost("1spI - 1X*", "R1spIX!", 0)]
#[case::first_slice_lost("1spI* - 2x*", "R1spI 2x!", 0)]
#[case::last_slice_lost("1spI* 2P", "R1spI 2P!", 0)]
#[case::whole_picture_lost("1spI* - 3P*", "R1spI 3P", 0)]
#[case::rest_lost_behind_a_false_marker("1spI* - 1X* 2P*", "R1spI .1X! 2P", 0)]
#[case::sets_only_once("1sp 1I* 2P* 3I* 4eI*", "R1spI 2P R3spI R4speI", 0)]
#[case::one_of_the_sets("1spI* 2sI*", "R1spI R2spsI", 0)]
#[case::no_sets("1I* 2P*", "1I 2P", 0)]
fn access_units(#[case] words: &str, #[case] given: &str, #[case] false_markers: u64) {
    let mut depacketizer = Depacketizer::new(Codec::H264, None, settings());
    let mut line = Line::new(&mut depacketizer);
    for (wire, sequence) in packets(words).iter().zip(1..) {
        if let Some(wire) = wire {
            line.send(sequence, false, wire);
        }
    }
    line.flush();
    let found: Vec<String> = line.units.iter().map(written).collect();
    assert_eq!((found.join(" ").as_str(), line.depacketizer.stats().false_markers), (given, false_markers));
}

/// How many units have gone out with each packet, and at the end.
#[rstest]
#[case::marked_ones_at_once("1spI* 2P 2x* 3P*", &[1, 0, 1, 1, 0])]
#[case::others_with_the_next("1spI 2P 2x 3P", &[0, 1, 0, 1, 1])]
#[case::or_with_a_delimiter("1spI 2d 2P 3d", &[0, 1, 0, 1, 0])]
#[case::no_longer_believed("1spI* 1X* 2P* 2x* 3P*", &[1, 0, 1, 0, 1, 1])]
fn when_they_end(#[case] words: &str, #[case] ended: &[usize]) {
    let mut depacketizer = Depacketizer::new(Codec::H264, None, settings());
    let mut line = Line::new(&mut depacketizer);
    let mut found: Vec<usize> = packets(words).iter().flatten().zip(1..).map(|(wire, at)| line.send(at, false, wire)).collect();
    found.push(line.flush());
    assert_eq!(found, ended);
}

/// Packets of one time, the last with a marker.
fn payloads(depacketizer: &mut Depacketizer, payloads: &[Vec<u8>]) -> Vec<AccessUnit> {
    let last = payloads.len() - 1;
    let wire = |(at, payload): (usize, &Vec<u8>)| Wire { timestamp: 0, marker: at == last, payload: payload.clone() };
    let wires: Vec<Wire> = payloads.iter().enumerate().map(wire).collect();
    super::all(depacketizer, &wires)
}

/// The IDR slice `65 9A 11 22 33`, however it comes: in packets of these bytes, `-` for one of none. Whether its unit is damaged.
#[rstest]
#[case::whole("659A112233", false)]
#[case::fragments("7C859A 7C051122 7C4533", false)]
#[case::one_fragment("7CC59A112233", false)]
#[case::empty_fragments("7C85 7C059A112233 7C45", false)]
#[case::other_types_behind("7C859A 7C011122 7C4133", false)]
#[case::reserved_bit("7CA59A1122 7C6533", false)]
#[case::start_code("00000001659A112233", false)]
#[case::zeros_behind("659A1122330000", false)]
#[case::keep_alive("- 659A112233", false)]
#[case::aggregated("780005659A112233", false)]
#[case::with_a_number("7900090005659A112233", false)]
#[case::fragment_with_a_number("7D8500099A11 7C452233", false)]
#[case::no_end("659A112233 7C854D01 614D02", true)]
#[case::no_beginning("7C059A 7C459A 659A112233", false)]
#[case::begun_anew("7C859A55 7C859A1122 7C4533", false)]
#[case::cut_aggregate("780005659A11223300 614D01", true)]
#[case::forbidden_bit("659A112233 E54D01 06050101", true)]
fn one_slice(#[case] packets: &str, #[case] damaged: bool) {
    let bytes = |word: &str| {
        let digit = |at: usize| u8::from_str_radix(&word[at..at + 2], 16).unwrap();
        (0..word.len() / 2).map(|at| digit(2 * at)).collect::<Vec<u8>>()
    };
    let mut depacketizer = Depacketizer::new(Codec::H264, None, settings());
    let units = payloads(&mut depacketizer, &packets.split(' ').map(bytes).collect::<Vec<_>>());
    let wanted = vec![0x65, 0x9A, 0x11, 0x22, 0x33];
    let unit = units.iter().find(|unit| nals(&unit.data).contains(&wanted)).expect("the slice");
    assert_eq!(unit.damaged, damaged);
}

/// A byte stream where a NAL unit belongs, cut anywhere: in a packet, in an aggregate, in fragments.
#[rstest]
#[case::packet(0)]
#[case::aggregate(1)]
#[case::fragments(2)]
fn byte_streams_are_taken_apart(#[case] way: usize) {
    let idr = slice(Codec::H264, Kind::Idr, true, 9, &[3; 30]);
    let stream = [&SPS[..], &[0, 0, 0, 1], &PPS, &[0, 0, 1], &idr].concat();
    for cut in 2..stream.len() - 1 {
        let packets: Vec<Vec<u8>> = match way {
            0 => vec![stream.clone()],
            1 => vec![[&[0x78, 0, stream.len() as u8], stream.as_slice()].concat()],
            _ => vec![[&[0x7C, 0x87], &stream[1..cut]].concat(), [&[0x7C, 0x47], &stream[cut..]].concat()],
        };
        let mut depacketizer = Depacketizer::new(Codec::H264, None, settings());
        let units = payloads(&mut depacketizer, &packets);
        let [unit] = units.as_slice() else { panic!("{units:x?}") };
        assert_eq!(nals(&unit.data)[1..], [SPS.to_vec(), PPS.to_vec(), idr.clone()]);
        assert!(unit.random_access && !unit.damaged);
    }
}

/// Two fields of one frame have one time; without a marker between them they stay together, if the parameter sets allow fields.
#[test]
fn fields_stay_together() {
    let interlaced = [
        0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x04, 0x4F, 0xDE, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00,
        0x06, 0x43, 0xE2, 0xC5, 0xB2, 0xC0,
    ];
    let field = |number| slice(Codec::H264, Kind::Referred, true, number, &[5; 9]);
    let packets = [interlaced.to_vec(), PPS.to_vec(), field(1), field(2), field(3)];
    let mut depacketizer = Depacketizer::new(Codec::H264, None, settings());
    let units = payloads(&mut depacketizer, &packets);
    assert_eq!(units.iter().map(|unit| nals(&unit.data).len()).collect::<Vec<_>>(), [5, 2]);
}

/// A sub-layer non-reference picture may be referred to by those of the sub-layers above it (HEVC, table 7-1).
#[rstest]
#[case::one_sub_layer(1, &[0, 2])]
#[case::another_above_it(2, &[0])]
fn what_sub_layers_above_may_need(#[case] above: u8, #[case] given: &[u64]) {
    let sets = super::streams::parameter_sets(Codec::Hevc);
    let idr = nal(&[0x26, 1], 0x9A, &[1; 9]);
    let other = nal(&[0x00, above], 0x9A, &[2; 9]);
    let broken = [&[0x62, 1, 0x80], [0x9A; 9].as_slice()].concat();
    let trailing = nal(&[0x02, 1], 0x9A, &[4; 9]);
    let mut depacketizer = Depacketizer::new(Codec::Hevc, None, Settings::default());
    let mut line = Line::new(&mut depacketizer);
    let pictures: [(u64, &[u8]); 4] = [(0, &sets[0]), (0, &sets[1]), (0, &sets[2]), (0, &idr)];
    let damaged: [(u64, &[u8]); 2] = [(1, &broken), (2, &trailing)];
    let seen: &[(u64, &[u8])] = if above > 1 { &[(0, &other)] } else { &[] };
    let all: Vec<_> = pictures.iter().chain(seen).chain(&damaged).collect();
    for (at, (timestamp, payload)) in all.iter().enumerate() {
        let marker = at >= 3 && *payload != broken.as_slice();
        line.send(at as u64, false, &Wire { timestamp: *timestamp, marker, payload: payload.to_vec() });
    }
    let mut times: Vec<u64> = line.units.iter().map(|unit| unit.timestamp).collect();
    times.dedup();
    assert_eq!(times, given);
}

#[test]
fn leading_pictures_of_hevc_wait_for_their_random_access_picture() {
    let sets = super::streams::parameter_sets(Codec::Hevc);
    let cra = nal(&[0x2A, 1], 0x9A, &[1; 9]);
    let rasl = nal(&[0x10, 1], 0x9A, &[2; 9]);
    let radl = nal(&[0x0E, 1], 0x9A, &[3; 9]);
    let trailing = nal(&[0x02, 1], 0x9A, &[4; 9]);
    let mut depacketizer = Depacketizer::new(Codec::Hevc, None, Settings::default());
    let mut line = Line::new(&mut depacketizer);
    let mut sequence = 0;
    let mut send = |line: &mut Line<'_>, timestamp, nals: &[&Vec<u8>]| {
        let last = nals.len() - 1;
        for (at, nal) in nals.iter().enumerate() {
            sequence += 1;
            line.send(sequence, false, &Wire { timestamp, marker: at == last, payload: nal.to_vec() });
        }
    };
    send(&mut line, 1, &[&trailing]);
    send(&mut line, 9, &[&sets[0], &sets[1], &sets[2], &cra]);
    for (timestamp, nal) in [(7, &rasl), (20, &trailing), (21, &trailing), (19, &rasl)] {
        send(&mut line, timestamp, &[nal]);
    }
    send(&mut line, 30, &[&cra]);
    for (timestamp, nal) in [(27, &rasl), (28, &radl)] {
        send(&mut line, timestamp, &[nal]);
    }
    assert_eq!(line.units.iter().map(|unit| unit.timestamp).collect::<Vec<_>>(), [9, 20, 21, 19, 30, 27, 28]);
}

/// Behind 200 ms without a packet a picture goes as it is, and a NAL unit that is not whole does not.
#[test]
fn what_ends_with_no_marker_is_not_waited_for() {
    let mut depacketizer = Depacketizer::new(Codec::H264, None, settings());
    let mut line = Line::new(&mut depacketizer);
    let wires = packets("1spI 1X");
    line.send(1, false, wires[0].as_ref().unwrap());
    assert_eq!((line.wait(150), line.send(2, false, wires[1].as_ref().unwrap()), line.wait(199)), (0, 0, 0));
    assert_eq!(line.depacketizer.deadline(), Some(line.now + std::time::Duration::from_millis(1)));
    assert_eq!((line.wait(1), line.depacketizer.deadline()), (1, None));
    let begun = Wire { timestamp: 7_200, marker: false, payload: vec![0x7C, 0x81, 0x9A, 1, 2, 3] };
    line.send(3, false, &begun);
    assert_eq!((line.wait(200), line.depacketizer.held_bytes()), (0, 0));
    // Its end is of no use any more, but the next picture is.
    let ends = Wire { marker: true, payload: vec![0x7C, 0x41, 4, 5], ..begun };
    assert_eq!(line.send(4, false, &ends), 0);
    assert_eq!(line.send(5, false, packets("3P*")[0].as_ref().unwrap()), 1);
    assert_eq!(line.units.iter().map(written).collect::<Vec<_>>(), ["R1spIX", "3P"]);
    assert_eq!(line.depacketizer.stats().timeouts, 2);
}

/// A slice that comes behind the timeout goes on with what went already.
#[test]
fn a_late_rest_goes_without_a_delimiter() {
    let mut depacketizer = Depacketizer::new(Codec::H264, None, settings());
    let mut line = Line::new(&mut depacketizer);
    let wires = packets("1spI 1X* 2P*");
    line.send(1, false, wires[0].as_ref().unwrap());
    line.wait(200);
    (2..4).zip(&wires[1..]).for_each(|(at, wire)| {
        line.send(at, false, wire.as_ref().unwrap());
    });
    assert_eq!(line.units.iter().map(written).collect::<Vec<_>>(), ["R1spI", ".1X", "2P"]);
}

/// Where nothing of it went, what comes behind the timeout is a unit of its own.
#[test]
fn a_late_rest_of_nothing_has_a_delimiter() {
    let mut depacketizer = Depacketizer::new(Codec::H264, None, settings());
    let mut line = Line::new(&mut depacketizer);
    line.send(1, false, &Wire { timestamp: 7_200, marker: false, payload: vec![0x7C, 0x81, 0x9A, 1, 2, 3] });
    line.wait(200);
    line.send(2, false, packets("2x*")[0].as_ref().unwrap());
    assert_eq!(line.units.iter().map(written).collect::<Vec<_>>(), ["2x!"]);
}
