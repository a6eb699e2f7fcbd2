use proptest::prelude::*;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn values(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let frame = Frame::of_datagram(bytes).unwrap();
    frame.values().map(|value| value.map(|(tag, value)| (tag.0, value.to_vec())).unwrap()).collect()
}

/// What real clients send (hdhr-protocol 1.1), with the values they mean.
#[rstest::rstest]
#[case("0002000c 0104ffffffff 0204ffffffff 73cc7d8f", &[(1, "ffffffff"), (2, "ffffffff")])]
#[case("0002000c 010400000001 0204ffffffff 4e507f35", &[(1, "00000001"), (2, "ffffffff")])]
#[case("00020006 0104ffffffff 4c20cb4e", &[(1, "ffffffff")])]
#[case("00020006 010400000001 393077e7", &[(1, "00000001")])]
#[case("0002000a 2d080000000100000005 4f63391f", &[(0x2D, "0000000100000005")])]
#[case("0002000c 0104ffffffff 02041080f19f a6fefd8d", &[(1, "ffffffff"), (2, "1080f19f")])]
#[case("0002000c 010400000005 0204ffffffff 5d7430c1", &[(1, "00000005"), (2, "ffffffff")])]
fn discovery_requests_are_read(#[case] frame: &str, #[case] expected: &[(u8, &str)]) {
    let bytes = hex(frame);
    assert_eq!(Frame::of_datagram(&bytes).unwrap().kind, Kind::DISCOVER_REQUEST);
    assert_eq!(values(&bytes), expected.iter().map(|(tag, value)| (*tag, hex(value))).collect::<Vec<_>>());
}

/// The replies of hdhr-protocol 1.2.
#[test]
fn discovery_replies_are_written() {
    let reply = |builder: Builder| builder.number(Tag::DEVICE_TYPE, 1).number(Tag::DEVICE_ID, 0x1080_F19F);
    let minimal = reply(Builder::new(Kind::DISCOVER_REPLY)).value(Tag::TUNER_COUNT, &[2]).finish().unwrap();
    assert_eq!(minimal, hex("0003000f 010400000001 02041080f19f 100102 92996759"));
    let full = reply(Builder::new(Kind::DISCOVER_REPLY))
        .value(Tag::TUNER_COUNT, &[2])
        .value(Tag::DEVICE_AUTH_STR, b"abcdefghijklmnopqrstuvwx")
        .value(Tag::BASE_URL, b"http://127.0.0.1:80")
        .value(Tag::LINEUP_URL, b"http://127.0.0.1:80/lineup.json")
        .finish()
        .unwrap();
    assert_eq!(
        full,
        hex("0003005f 010400000001 02041080f19f 100102 2b18 6162636465666768696a6b6c6d6e6f707172737475767778 \
             2a13 687474703a2f2f3132372e302e302e313a3830 \
             271f 687474703a2f2f3132372e302e302e313a38302f6c696e6575702e6a736f6e f5887bd3")
    );
}

/// The control messages of hdhr-protocol 3, both ways.
#[test]
fn control_frames_are_written_as_on_the_wire() {
    let get = Builder::new(Kind::GETSET_REQUEST).text_nul(Tag::GETSET_NAME, "/sys/model").finish().unwrap();
    assert_eq!(get, hex("0004000d 030b 2f7379732f6d6f64656c00 8f5b54b5"));
    let reply = Builder::new(Kind::GETSET_REPLY)
        .text_nul(Tag::GETSET_NAME, "/sys/model")
        .text_nul(Tag::GETSET_VALUE, "hdhomerun4_atsc")
        .finish()
        .unwrap();
    assert_eq!(reply, hex("0005001f 030b 2f7379732f6d6f64656c00 0410 6864686f6d6572756e345f6174736300 aa54a687"));
    let set = Builder::new(Kind::GETSET_REQUEST)
        .text_nul(Tag::GETSET_NAME, "/tuner0/vchannel")
        .text_nul(Tag::GETSET_VALUE, "5.1")
        .number(Tag::GETSET_LOCKKEY, 1234)
        .finish()
        .unwrap();
    assert_eq!(set, hex("0004001f 0311 2f74756e6572302f766368616e6e656c00 0404 352e3100 1504 000004d2 e6576800"));
    let error = Builder::new(Kind::GETSET_REPLY)
        .text_nul(Tag::GETSET_NAME, "/nope")
        .text_nul(Tag::ERROR_MESSAGE, "ERROR: unknown getset variable")
        .finish()
        .unwrap();
    let wire = hex("00050029 0306 2f6e6f706500 051f \
                    4552524f523a20756e6b6e6f776e20676574736574207661726961626c6500 6dcbbd89");
    assert_eq!(error, wire);
    assert_eq!(values(&wire)[0], (3, b"/nope\0".to_vec()));
}

#[test]
fn lengths_over_127_take_two_bytes() {
    let frame = Builder::new(Kind(9)).value(Tag(0x7E), &[7; 200]).finish().unwrap();
    assert_eq!(frame[4..7], [0x7E, 0xC8, 0x01]);
    assert_eq!(values(&frame), [(0x7E, vec![7; 200])]);
}

#[rstest::rstest]
#[case::no_length(&[1])]
#[case::half_a_length(&[1, 0x84])]
#[case::shorter_than_it_says(&[1, 200, 0])]
#[case::second_one(&[1, 1, 0, 2, 4, 0])]
fn cut_off_values_end_the_walk(#[case] payload: &[u8]) {
    let mut values = Frame { kind: Kind(2), payload }.values();
    assert!(values.any(|value| value.is_err()));
    assert!(values.next().is_none());
}

#[test]
fn frames_that_are_none_are_refused() {
    let good = hex("0002000c 0104ffffffff 0204ffffffff 73cc7d8f");
    for length in 0..good.len() {
        assert_eq!(Frame::of_datagram(&good[..length]), Err(FrameError::Length), "{length} bytes");
        assert_eq!(Frame::split(&good[..length]), Ok(None));
    }
    let mut bad = good.clone();
    bad[7] ^= 1;
    assert_eq!(Frame::split(&bad), Err(FrameError::Checksum));
    assert_eq!(Frame::of_datagram(&[good, vec![0]].concat()), Err(FrameError::Length));
    assert_eq!(Frame::split(&[0, 4, 0xFF, 0xFF]), Err(FrameError::TooLong(0xFFFF)));
    assert_eq!(Builder::new(Kind(2)).value(Tag(1), &[0; 1450]).finish(), Err(TooLong));
    assert_eq!(Builder::new(Kind(2)).value(Tag(1), &vec![0; 40_000]).finish(), Err(TooLong));
    assert_eq!(Builder::new(Kind(2)).value(Tag(1), &[0; 1449]).finish().unwrap().len(), MAX_FRAME);
}

fn any_frame() -> impl Strategy<Value = (u16, Vec<(u8, Vec<u8>)>)> {
    (any::<u16>(), proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..260)), 0..5))
}

fn build(kind: u16, values: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let frame = values.iter().fold(Builder::new(Kind(kind)), |frame, (tag, value)| frame.value(Tag(*tag), value));
    frame.finish().unwrap()
}

proptest! {
    #[test]
    fn what_is_written_reads_back((kind, written) in any_frame()) {
        let bytes = build(kind, &written);
        prop_assert_eq!(Frame::of_datagram(&bytes).unwrap().kind, Kind(kind));
        prop_assert_eq!(values(&bytes), written);
    }

    /// Any run of frames, cut anywhere, comes out as it went in.
    #[test]
    fn frames_survive_any_cutting(frames in proptest::collection::vec(any_frame(), 1..5), cuts in proptest::collection::vec(1usize..700, 1..20)) {
        let sent: Vec<Vec<u8>> = frames.iter().map(|(kind, values)| build(*kind, values)).collect();
        let stream = sent.concat();
        let (mut decoder, mut received, mut rest) = (Decoder::default(), Vec::new(), &stream[..]);
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            decoder.push(piece);
            while let Some(frame) = decoder.frame().unwrap() {
                received.push((frame.kind.0, frame.payload.to_vec()));
            }
            prop_assert!(decoder.bytes.len() - decoder.taken < MAX_FRAME);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let expected: Vec<_> = sent.iter().zip(&frames).map(|(bytes, (kind, _))| (*kind, bytes[4..bytes.len() - 4].to_vec())).collect();
        prop_assert_eq!(received, expected);
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let mut decoder = Decoder::default();
        decoder.push(&noise);
        while let Ok(Some(frame)) = decoder.frame() {
            let _ = frame.values().count();
        }
        let _ = Frame { kind: Kind(0), payload: &noise }.values().count();
    }
}
