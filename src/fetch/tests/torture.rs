//! Whatever a server does: what is given out is one version, whole, or it is an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;

/// What a server does with one request.
#[derive(Debug, Clone)]
struct Turn {
    /// The connection ends after so many thousandths of the answer; 1000 and more: it does not.
    cut: u16,
    /// Bytes in one write.
    piece: usize,
    /// The file has changed before this request.
    changes: bool,
    framing: Framing,
    lie: Lie,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Framing {
    Length,
    Chunked,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    None,
    /// Ranges are not known.
    NoRanges,
    /// `If-Range` is not heeded.
    Stubborn,
    /// `Content-Range` is off by so much.
    Off(i8),
    /// The rest is shorter than its range says.
    Short,
    /// Status without meaning for us.
    Status(u16),
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Strong,
    Weak,
    Date,
    None,
}

fn turn() -> impl Strategy<Value = Turn> {
    let framing = prop_oneof![Just(Framing::Length), Just(Framing::Chunked)];
    let lie = prop_oneof![
        6 => Just(Lie::None),
        1 => Just(Lie::NoRanges),
        1 => Just(Lie::Stubborn),
        1 => any::<i8>().prop_map(Lie::Off),
        1 => Just(Lie::Short),
        1 => prop_oneof![Just(416), Just(500), Just(503), Just(304)].prop_map(Lie::Status),
    ];
    let piece = prop_oneof![Just(1usize << 20), 500usize..5000];
    (0u16..1400, piece, prop::bool::weighted(0.15), framing, lie).prop_map(|(cut, piece, changes, framing, lie)| Turn {
        cut,
        piece,
        changes,
        framing,
        lie,
    })
}

fn version(number: usize, size: usize) -> Vec<u8> {
    // Versions often have the same length, so that only validators tell them apart.
    content(number as u64 + 100, size + number % 2)
}

fn validator(kind: Kind, number: usize) -> (String, String) {
    let date = |minute: usize| format!("Thu, 01 Jan 2026 {:02}:{:02}:00 GMT", minute / 60, minute % 60);
    match kind {
        Kind::Strong => (format!("ETag: \"{number}\"\r\n"), format!("\"{number}\"")),
        Kind::Weak => (format!("ETag: W/\"{number}\"\r\n"), format!("W/\"{number}\"")),
        Kind::Date => (format!("Last-Modified: {}\r\nDate: {}\r\n", date(number), date(number + 600)), date(number)),
        Kind::None => (String::new(), "none".to_owned()),
    }
}

fn answer(turn: &Turn, kind: Kind, number: usize, size: usize, head: &str) -> Vec<Act> {
    let all = version(number, size);
    let (headers, validator) = validator(kind, number);
    let asked = head_of(head, "range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let heeded = turn.lie == Lie::Stubborn || head_of(head, "if-range").is_none_or(|said| said == validator);
    let first = asked.filter(|first| heeded && turn.lie != Lie::NoRanges && *first < all.len());
    let (status, range, body) = match (turn.lie, first) {
        (Lie::Status(status), _) => (format!("{status} No"), String::new(), Vec::new()),
        (lie, Some(first)) => {
            let shown = if let Lie::Off(by) = lie { (first as i64 + i64::from(by)).max(0) } else { first as i64 };
            let body = all[first..if lie == Lie::Short { first.max(all.len() - 1) } else { all.len() }].to_vec();
            let range = format!("Content-Range: bytes {shown}-{}/{}\r\n", all.len() - 1, all.len());
            ("206 Partial".to_owned(), range, body)
        }
        (_, None) => ("200 OK".to_owned(), String::new(), all),
    };
    let mut sent = match turn.framing {
        _ if status.starts_with("304") => format!("HTTP/1.1 {status}\r\n\r\n").into_bytes(),
        Framing::Length => whole(&status, &format!("{headers}{range}"), &body),
        Framing::Chunked => {
            let mut sent = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n{headers}{range}\r\n").into_bytes();
            for chunk in body.chunks(turn.piece) {
                sent.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                sent.extend(chunk);
                sent.extend(b"\r\n");
            }
            sent.extend(b"0\r\n\r\n");
            sent
        }
    };
    let keep = sent.len() * usize::from(turn.cut) / 1000;
    sent.truncate(keep);
    sent.chunks(turn.piece).map(|piece| Act::Send(piece.to_vec())).collect()
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![3 => Just(Kind::Strong), 1 => Just(Kind::Weak), 1 => Just(Kind::Date), 1 => Just(Kind::None)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn one_version_whole_or_an_error(turns in prop::collection::vec(turn(), 1..20), size in 1usize..200_000, kind in kind()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended: Result<(), TestCaseError> = runtime.block_on(async {
            let number = Arc::new(AtomicUsize::new(0));
            let (known, script) = (Arc::clone(&number), turns.clone());
            let server = Server::start(move |head, n| {
                // A turn for each request, then the server is well.
                let well = Turn { cut: 1000, piece: 1 << 20, changes: false, framing: Framing::Length, lie: Lie::None };
                let turn = script.get(n).unwrap_or(&well);
                let number = known.fetch_add(usize::from(turn.changes), Ordering::SeqCst) + usize::from(turn.changes);
                answer(turn, kind, number, size, head)
            })
            .await;
            let rig = Rig::new();
            let url = server.url("/");
            // Call after call, as long as it breaks off. Each makes a request at least, so that the server gets well.
            for call in 0.. {
                match rig.fetch(&url).await {
                    Ok(Outcome::Fetched(fetched)) => {
                        let bytes = bytes_of(&fetched);
                        let count = number.load(Ordering::SeqCst);
                        prop_assert!((0..=count).any(|number| version(number, size) == bytes), "a file that was never served");
                        drop(fetched);
                        prop_assert_eq!(rig.left(), Vec::<String>::new());
                        return Ok(());
                    }
                    Ok(Outcome::NotModified) => return Err(TestCaseError::fail("nothing was known")),
                    Err(error) => prop_assert!(call <= turns.len(), "it does not end: {}", error),
                }
            }
            Ok(())
        });
        ended?;
    }
}
