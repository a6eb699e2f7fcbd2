use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn base() -> Url {
    Url::parse("http://tv.example/a/b/list.m3u8?token=1").unwrap()
}

fn media(text: &str) -> Media {
    match parse(text.as_bytes(), &base()).unwrap() {
        Playlist::Media(media) => media,
        Playlist::Master(master) => panic!("{master:?}"),
    }
}

fn master(text: &str) -> Master {
    match parse(text.as_bytes(), &base()).unwrap() {
        Playlist::Master(master) => master,
        Playlist::Media(media) => panic!("{media:?}"),
    }
}

#[test]
fn a_live_playlist_of_a_careless_server() {
    let media = media(
        "\u{FEFF}#EXTM3U x-tvg-url=\"a=b\"\r\n#EXT-X-VERSION:3\r\n#EXT-X-TARGETDURATION:9.6\r\n#EXT-X-MEDIA-SEQUENCE:41\r\n\
         # a comment\r\n#EXTINF:9.009,News, Local\r\n1.ts?x=1\r\n\r\n#EXT-X-PROGRAM-DATE-TIME:yesterday\r\n#EXTINF:8\r\n/c/2.ts\r\n\
         #EXT-X-DISCONTINUITY\r\n#EXT-X-GAP\r\n#EXTINF:abc,\r\nhttps://cdn.example/3.ts#frag",
    );
    assert_eq!((media.target, media.ended), (Duration::from_secs(10), false));
    let urls: Vec<_> = media.segments.iter().map(|segment| segment.url.as_str()).collect();
    assert_eq!(urls, ["http://tv.example/a/b/1.ts?x=1", "http://tv.example/c/2.ts", "https://cdn.example/3.ts"]);
    let facts: Vec<_> = media.segments.iter().map(|s| (s.sequence, s.duration.as_millis(), s.discontinuity, s.gap)).collect();
    assert_eq!(facts, [(41, 9009, false, false), (42, 8000, false, false), (43, 0, true, true)]);
}

#[test]
fn ranges_go_on_where_the_last_one_ended() {
    let media = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"700@10\"\n#EXT-X-BYTERANGE:100@710\n#EXTINF:4,\n\
         all.mp4\n#EXT-X-BYTERANGE:50\n#EXTINF:4,\nall.mp4\n#EXT-X-BYTERANGE:20\n#EXTINF:4,\nother.mp4\n#EXT-X-ENDLIST\n",
    );
    let ranges: Vec<_> = media.segments.iter().map(|segment| segment.range.unwrap()).map(|r| (r.first, r.count)).collect();
    assert_eq!(ranges, [(710, 100), (810, 50), (0, 20)]);
    assert!(media.ended);
    assert!(media.segments.iter().all(|s| s.map.as_ref().unwrap().range == Some(Range { first: 10, count: 700 })));
}

#[test]
fn keys_apply_until_the_next_one() {
    let media = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"k?a=1,2\",IV=0x0A\n#EXTINF:4,\n2.ts\n\
         #EXTINF:4,\n3.ts\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:4,\n4.ts\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\",\
         KEYFORMAT=\"com.apple.streamingkeydelivery\"\n#EXTINF:4,\n5.ts\n",
    );
    let is = |index: usize| media.segments[index].encryption.clone();
    assert_eq!((is(0), is(3)), (Encryption::Clear, Encryption::Clear));
    let Encryption::Aes128(key) = is(1) else { panic!() };
    assert_eq!(key.url.as_str(), "http://tv.example/a/b/k?a=1,2");
    assert_eq!(key.iv.unwrap()[14..], [0, 10]);
    assert_eq!(is(2), is(1));
    assert_eq!(is(4), Encryption::Other(Arc::from("SAMPLE-AES")));
}

#[rstest]
#[case::the_usable_one("METHOD=AES-128,URI=\"k\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"d\",KEYFORMAT=\"com.drm\"", true)]
#[case::the_usable_one_last("METHOD=AES-128,URI=\"d\",KEYFORMAT=\"com.drm\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"", true)]
#[case::none_usable("METHOD=AES-128,URI=\"d\",KEYFORMAT=\"com.drm\"", false)]
#[case::no_method("URI=\"d\"", false)]
fn of_several_keys(#[case] keys: &str, #[case] usable: bool) {
    let media = media(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:{keys}\n#EXTINF:4,\n1.ts\n"));
    match &media.segments[0].encryption {
        Encryption::Aes128(key) => assert!(usable && key.url.path() == "/a/b/k"),
        other => assert!(!usable && *other != Encryption::Clear, "{other:?}"),
    }
}

#[test]
fn a_map_is_encrypted_by_the_key_before_it_only() {
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n";
    let map = "#EXT-X-MAP:URI=\"init\"\n";
    let encrypted = |head: [&str; 2]| {
        let media = media(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{}{}#EXTINF:4,\n1.m4s\n", head[0], head[1]));
        assert_ne!(media.segments[0].encryption, Encryption::Clear);
        media.segments[0].map.as_ref().unwrap().encryption != Encryption::Clear
    };
    assert!(encrypted([key, map]));
    assert!(!encrypted([map, key]));
}

#[test]
fn a_master_playlist() {
    let master = master(
        "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",DEFAULT=YES,FORCED=NO,URI=\"a.m3u8\"\n\
         #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"x\",URI=\"s.m3u8\"\n\
         #EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=1,BANDWIDTH=2000000 ,CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=1280X720,AUDIO=\"a\"\nhi.m3u8\n\
         #EXT-X-STREAM-INF:PROGRAM-ID=1\nlo.m3u8\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i.m3u8\"\n",
    );
    let facts: Vec<_> = master.variants.iter().map(|v| (v.url.path(), v.bandwidth, v.picture, v.audio.as_deref())).collect();
    assert_eq!(facts, [("/a/b/hi.m3u8", 2_000_000, true, Some("a")), ("/a/b/lo.m3u8", 0, false, None)]);
    assert_eq!(master.variants[0].codecs.as_deref(), Some("avc1.4d401f,mp4a.40.2"));
    assert_eq!(master.audio.len(), 1);
    assert!(master.audio[0].default && master.audio[0].url.as_ref().unwrap().path() == "/a/b/a.m3u8");
}

#[rstest]
#[case::file_of_this_machine("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///etc/passwd\n")]
#[case::key_of_this_machine("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI=\"file:///k\"\n#EXTINF:4,\n1.ts\n")]
#[case::key_frames("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-I-FRAMES-ONLY\n#EXTINF:4,\n1.ts\n")]
#[case::no_variant("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n")]
#[case::bad_vector("#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0xZZ\n#EXTINF:4,\n1.ts\n")]
fn refuses(#[case] text: &str) {
    assert!(matches!(parse(text.as_bytes(), &base()), Err(SourceError::Hls { .. })));
}

#[test]
fn a_playlist_without_a_target_is_as_long_as_its_longest_segment() {
    assert_eq!(media("#EXTM3U\n#EXTINF:3,\n1.ts\n#EXTINF:6.5,\n2.ts\n").target, Duration::from_millis(6500));
    assert_eq!(media("#EXTM3U\n#EXT-X-TARGETDURATION:0\n").target, Duration::from_millis(100));
}

fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("#EXT-X-TARGETDURATION:5".to_owned()),
        Just("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"".to_owned()),
        Just("#EXT-X-MAP:URI=\"m\",BYTERANGE=\"1@2\"".to_owned()),
        Just("#EXT-X-ENDLIST".to_owned()),
        "#EXTINF:[0-9.,a-z\"=-]{0,8}",
        "#EXT-X-(KEY|MAP|MEDIA|STREAM-INF|BYTERANGE|MEDIA-SEQUENCE):[A-Z0-9=,\"@x-]{0,30}",
        "[a-z:/?=#,\"\\PC]{0,12}",
    ];
    proptest::collection::vec(line, 0..30).prop_map(|lines| format!("#EXTM3U\n{}", lines.join("\n")))
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = parse(&bytes, &base());
    }

    #[test]
    fn anything_like_a_playlist_is_read_or_refused(text in lines()) {
        if let Ok(Playlist::Media(media)) = parse(text.as_bytes(), &base()) {
            prop_assert!(media.segments.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1));
            prop_assert!(media.target >= Duration::from_millis(100));
        }
    }

    #[test]
    fn what_is_written_is_read(durations in proptest::collection::vec(1u32..20_000, 1..40), sequence: u32) {
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:20\n#EXT-X-MEDIA-SEQUENCE:{sequence}\n");
        for (n, ms) in durations.iter().enumerate() {
            text += &format!("#EXTINF:{}.{:03},\ns{n}.ts\n", ms / 1000, ms % 1000);
        }
        let media = media(&text);
        prop_assert_eq!(media.segments.len(), durations.len());
        for (n, (segment, ms)) in media.segments.iter().zip(&durations).enumerate() {
            prop_assert_eq!(segment.sequence, u64::from(sequence) + n as u64);
            prop_assert!(segment.duration.as_millis().abs_diff(u128::from(*ms)) <= 1);
        }
    }
}
