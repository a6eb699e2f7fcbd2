use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn session(media: &str) -> String {
    format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 239.1.2.3/32\r\nt=0 0\r\n{media}")
        .replace("\r\n", "\n")
        .replace('\n', "\r\n")
}

fn only(media: &str) -> Media {
    let mut description = Description::parse(&session(media)).unwrap();
    assert_eq!(description.media.len(), 1);
    description.media.remove(0)
}

fn error(media: &str) -> String {
    Description::parse(&session(media)).unwrap_err().to_string()
}

/// RFC 8866, 5.
#[test]
fn what_the_specification_prints() {
    let text = "v=0\n\
                o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\n\
                s=Call to John Smith\n\
                i=SDP Offer #1\n\
                u=http://www.jdoe.example.com/home.html\n\
                e=Jane Doe <jane@jdoe.example.com>\n\
                p=+1 617 555-6011\n\
                c=IN IP4 198.51.100.1\n\
                t=0 0\n\
                m=audio 49170 RTP/AVP 0\n\
                m=audio 49180 RTP/AVP 0\n\
                m=video 51372 RTP/AVP 99\n\
                c=IN IP6 2001:db8::2\n\
                a=rtpmap:99 h263-1998/90000\n";
    let description = Description::parse(text).unwrap();
    assert_eq!(description.name.as_deref(), Some("Call to John Smith"));
    let parts = |media: &Media| (media.kind, media.line, media.address, media.port, media.rtcp.port, media.is_multicast());
    assert_eq!(
        description.media.iter().map(parts).collect::<Vec<_>>(),
        [
            (Kind::Audio, 10, ip("198.51.100.1"), 49_170, Some(49_171), false),
            (Kind::Audio, 11, ip("198.51.100.1"), 49_180, Some(49_181), false),
            (Kind::Video, 12, ip("2001:db8::2"), 51_372, Some(51_373), false),
        ]
    );
    let format = description.format(99).unwrap();
    assert_eq!((format.encoding.as_str(), format.clock_rate, format.channels, format.line), ("h263-1998", 90_000, None, 14));
    assert_eq!(description.format(0).map(|format| (format.encoding.as_str(), format.channels)), Some(("PCMU", Some(1))));
}

/// The forms of RFC 4570, 3, with groups of these media.
#[rstest]
#[case::include("a=source-filter: incl IN IP4 239.1.2.3 192.0.2.10\nm=video 5004 RTP/AVP 33", SourceFilter::Include(vec![ip("192.0.2.10")]))]
#[case::several("a=source-filter: incl IN IP4 * 192.0.2.10 192.0.2.11\nm=video 5004 RTP/AVP 33",
    SourceFilter::Include(vec![ip("192.0.2.10"), ip("192.0.2.11")]))]
#[case::of_another_group("a=source-filter: incl IN IP4 232.3.4.5 192.0.2.10\nm=video 5004 RTP/AVP 33", SourceFilter::Any)]
#[case::exclude("m=video 5004 RTP/AVP 33\na=source-filter: excl IN IP4 239.1.2.3 192.0.2.11", SourceFilter::Exclude(vec![ip("192.0.2.11")]))]
#[case::the_medium_counts(
    "a=source-filter: incl IN IP4 * 192.0.2.10\nm=video 5004 RTP/AVP 33\na=source-filter:incl IN IP4 * 192.0.2.12",
    SourceFilter::Include(vec![ip("192.0.2.12")])
)]
#[case::v6("m=video 5004 RTP/AVP 33\nc=IN IP6 FF0E::11A\na=source-filter: incl IN IP6 FF0E::11A 2001:DB8:1:2:240:96FF:FE25:8EC9",
    SourceFilter::Include(vec![ip("2001:DB8:1:2:240:96FF:FE25:8EC9")]))]
fn filters(#[case] media: &str, #[case] expected: SourceFilter) {
    assert_eq!(only(media).sources, expected);
}

/// RFC 3605, 2.1 and 4.
#[rstest]
#[case::next("", Some(49_171), None, false)]
#[case::port("a=rtcp:53020", Some(53_020), None, false)]
#[case::address("a=rtcp:53020 IN IP4 126.16.64.4", Some(53_020), Some("126.16.64.4"), false)]
#[case::v6(
    "a=rtcp:53020 IN IP6 2001:2345:6789:ABCD:EF01:2345:6789:ABCD",
    Some(53_020),
    Some("2001:2345:6789:ABCD:EF01:2345:6789:ABCD"),
    false
)]
#[case::mux("a=rtcp:53020\na=rtcp-mux", Some(49_170), None, true)]
#[case::live555("a=rtcp:unicast reflection", Some(49_171), None, false)]
fn rtcp(#[case] attribute: &str, #[case] port: Option<u16>, #[case] address: Option<&str>, #[case] mux: bool) {
    let media = only(&format!("m=audio 49170 RTP/AVP 0\n{attribute}"));
    assert_eq!(media.rtcp, Rtcp { port, address: address.map(ip), mux });
}

#[test]
fn the_last_port_has_none_behind_it() {
    assert_eq!(only("m=audio 65535 RTP/AVP 0").rtcp.port, None);
}

/// As ffmpeg prints it, with its word in front.
#[test]
fn what_ffmpeg_writes() {
    let text = "SDP:\nv=0\no=- 0 0 IN IP4 127.0.0.1\ns=No Name\nc=IN IP4 239.255.0.1/16\nt=0 0\na=tool:libavformat 59.27.100\n\
                m=video 5004 RTP/AVP 96\nb=AS:200\na=rtpmap:96 H264/90000\n\
                a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z2QAH6zZQA==,aOvjyyLA; profile-level-id=64001F\n\
                m=audio 5006 RTP/AVP 97\nb=AS:128\na=rtpmap:97 MPEG4-GENERIC/48000/2\n\
                a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=119056E500\n\n";
    let description = Description::parse(text).unwrap();
    assert_eq!((description.name.clone(), description.media[0].ttl), (None, Some(16)));
    let video = description.format(96).unwrap();
    assert_eq!((video.line, video.parameters.get("sprop-parameter-sets")), (11, Some("Z2QAH6zZQA==,aOvjyyLA")));
    let audio = description.format(97).unwrap();
    assert_eq!(
        (audio.channels, audio.parameters.get("config"), audio.parameters.get("mode")),
        (Some(2), Some("119056E500"), Some("AAC-hbr"))
    );
    assert!(crate::ingest::depay::Depacketiser::new(audio).is_ok());
}

#[test]
fn a_transport_stream_needs_no_more_than_two_lines() {
    let media = only("m=video 5004 RTP/AVP 33");
    assert_eq!(
        (media.formats[0].encoding.as_str(), media.formats[0].clock_rate, media.transport),
        ("MP2T", 90_000, Transport::Rtp)
    );
    let bare = only("m=video 1234 udp 33");
    assert_eq!((bare.transport, bare.formats.len(), bare.address), (Transport::TransportStream, 0, ip("239.1.2.3")));
    let lower = only("m=video 1234 UDP mp2t\nc=IN IP4 0.0.0.0");
    assert_eq!((lower.transport, lower.address), (Transport::TransportStream, IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
}

#[test]
fn what_cannot_be_received_is_left_out() {
    let media = only(
        "m=audio 0 RTP/AVP 0\nm=application 9 TCP/BFCP *\nm=video 5000 RTP/SAVP 33\nm=video 5002 RTP/AVP 33\na=inactive\n\
         m=video 5004 RTP/AVPF 96 33 96\na=rtpmap:96 AV1/90000\na=fmtp:96 Profile=0 ; LEVEL-IDX = 8;;tier",
    );
    assert_eq!((media.port, media.line), (5004, 11));
    assert_eq!(media.formats.iter().map(|format| format.payload_type).collect::<Vec<_>>(), [96, 33]);
    let parameters: Vec<_> = media.formats[0].parameters.iter().collect();
    assert_eq!(parameters, [("profile", "0"), ("level-idx", "8"), ("tier", "")]);
}

#[rstest]
#[case::srtp("m=video 5004 RTP/SAVP 33", "line 6: encrypted RTP (SRTP); switch the encryption off at the sender")]
#[case::webrtc("m=video 9 UDP/TLS/RTP/SAVPF 96", "line 6: encrypted RTP (SRTP); switch the encryption off at the sender")]
#[case::other("m=video 5004 RTP/XYZ 33", "line 6: \"RTP/XYZ\" is not supported; send RTP/AVP")]
#[case::bare("m=video 5004 udp h264", "line 6: bare UDP with something else than MP2T; send RTP, or a transport stream")]
#[case::rtsp(
    "m=video 0 RTP/AVP 96\na=control:track1",
    "line 6: port 0 means that the stream is fetched by RTSP; this needs a sender that sends to a port"
)]
#[case::unmapped(
    "m=video 5004 RTP/AVP 96",
    "line 6: nothing says what payload type 96 is; add a line like a=rtpmap:96 H264/90000"
)]
#[case::no_number("m=video 5004 RTP/AVP x", "line 6: \"x\" is no payload type; payload types are numbers from 0 to 127")]
#[case::no_clock(
    "m=video 5004 RTP/AVP 96\na=x\na=rtpmap:96 H264/0",
    "line 8: a=rtpmap has no name or no clock rate; write a=rtpmap:96 H264/90000, with your numbers and name"
)]
#[case::half_a_map(
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264",
    "line 7: a=rtpmap cannot be read; write a=rtpmap:96 H264/90000, with your numbers and name"
)]
#[case::channels(
    "m=audio 5004 RTP/AVP 96\na=rtpmap:96 opus/48000/x",
    "line 7: the number of channels cannot be read; write a=rtpmap:96 H264/90000, with your numbers and name"
)]
#[case::name(
    "m=video 5004 RTP/AVP 33\nc=IN IP4 encoder.local",
    "line 7: \"encoder.local\" is no IP address; write the address as a number: names are not resolved"
)]
#[case::groups("m=video 5004 RTP/AVP 33\nc=IN IP4 239.0.0.1/16/3", "line 7: a stream over several groups; send it to one group")]
#[case::ports("m=video 5004/2 RTP/AVP 33", "line 6: a stream over several ports; send it to one port")]
#[case::atm("m=video 5004 RTP/AVP 33\nc=ATM NSAP 47.0091", "line 7: no address of the Internet; write c=IN IP4 and the address")]
#[case::filter(
    "m=video 5004 RTP/AVP 33\na=source-filter: incl IN IP4 *",
    "line 7: a=source-filter names no sender; write a=source-filter: incl IN IP4, the group, and the sender's address"
)]
#[case::mode(
    "m=video 5004 RTP/AVP 33\na=source-filter: only IN IP4 * 10.0.0.1",
    "line 7: a=source-filter has neither incl nor excl; write a=source-filter: incl IN IP4, the group, and the sender's address"
)]
#[case::family(
    "m=video 5004 RTP/AVP 33\na=source-filter: incl IN IP6 * ::1",
    "line 7: a sender of another family than the address; write a=source-filter: incl IN IP4, the group, and the sender's address"
)]
#[case::rtcp("m=video 5004 RTP/AVP 33\na=rtcp:99999", "line 7: a=rtcp has no port; write a=rtcp: and the port")]
#[case::no_port("m=video x RTP/AVP 33", "line 6: Media port cannot be read; correct it")]
#[case::no_line("m=video 5004 RTP/AVP 33\nhello", "line 7: Line not in key=value format; every line is a letter, = and a value")]
#[case::nothing("", "nothing in it can be received: it needs a line like m=video 5004 RTP/AVP 33")]
fn errors_say_which_line_and_what_to_do(#[case] media: &str, #[case] text: &str) {
    assert_eq!(error(media), text);
}

#[test]
fn no_description() {
    for text in ["", "hello", "<html>\n</html>", "m=video 5004 RTP/AVP 33"] {
        assert_eq!(Description::parse(text), Err(SdpError::NotSdp), "{text}");
    }
    assert_eq!(Description::parse(&"v=0\n".repeat(20_000)), Err(SdpError::TooLong));
    let no_address = "v=0\nm=video 5004 RTP/AVP 33\n";
    assert_eq!(
        Description::parse(no_address).unwrap_err().to_string(),
        "line 2: no address for this medium; add a line like c=IN IP4 239.0.0.1/32"
    );
    // Numbers are those of the text as it was pasted.
    let behind = "\u{FEFF}\n\nSDP:\nv=0\nx\n";
    assert_eq!(Description::parse(behind).unwrap_err().line(), Some(5));
}

#[test]
fn what_is_too_much_is_refused() {
    let error = error(&"m=video 5004 RTP/AVP 33\n".repeat(MOST_MEDIA + 1));
    assert_eq!(error, "line 38: more than 32 media; describe only those that are to be received");
    let formats: Vec<String> = (35..70).map(|number: u8| number.to_string()).collect();
    let maps: String = formats.iter().map(|number| format!("a=rtpmap:{number} H264/90000\n")).collect();
    let error = self::error(&format!("m=video 5004 RTP/AVP {}\n{maps}", formats.join(" ")));
    assert_eq!(error, "line 6: more than 32 payload types; keep only those that are sent");
    let sources = "a=source-filter: incl IN IP4 * ".to_owned() + &"10.0.0.1 ".repeat(33);
    assert!(self::error(&format!("m=video 5004 RTP/AVP 33\n{sources}")).contains("more than 32 senders"));
    let many = "x=1;".repeat(1000);
    assert_eq!(
        only(&format!("m=video 5004 RTP/AVP 33\na=fmtp:33 {many}")).formats[0].parameters.iter().count(),
        parameters::MOST
    );
}

proptest! {
    #[test]
    fn any_text_is_survived(text in ".{0,200}") {
        let _ = Description::parse(&text);
        let _ = Description::parse(&format!("v=0\n{text}"));
    }

    #[test]
    fn any_lines_are_survived(
        lines in proptest::collection::vec(
            ("(v=0|c=IN IP4 |m=video |m=audio |a=rtpmap:|a=fmtp:|a=source-filter: |a=rtcp:|a=|s=)", "[0-9a-zA-Z/ .;=:*-]{0,30}"), 0..20,
        ),
    ) {
        let text: String = lines.iter().map(|(key, value)| format!("{key}{value}\n")).collect();
        if let Ok(description) = Description::parse(&session(&text)) {
            for media in &description.media {
                prop_assert!(media.formats.iter().all(|format| format.clock_rate > 0 && format.payload_type < 128));
                prop_assert!(media.formats.len() <= MOST_FORMATS);
            }
        }
    }

    /// What is written is read, whatever the addresses, ports and names.
    #[test]
    fn descriptions_come_back(group: [u8; 3], port in 1u16..65_535, ttl: u8, payload_type in 96u8..128, clock in 1u32.., name in "[A-Za-z0-9-]{1,20}") {
        let address = Ipv4Addr::new(239, group[0], group[1], group[2]);
        let text = format!("m=audio {port} RTP/AVP {payload_type}\nc=IN IP4 {address}/{ttl}\na=rtpmap:{payload_type} {name}/{clock}/6\n");
        let media = only(&text);
        prop_assert_eq!((media.address, media.ttl, media.port), (IpAddr::V4(address), Some(ttl), port));
        let format = &media.formats[0];
        prop_assert_eq!((format.encoding.as_str(), format.clock_rate, format.channels, format.line), (name.as_str(), clock, Some(6), 8));
    }
}
