//! Whatever comes in, what goes out is a legal stream: recorded streams with their bytes mutated, one after the other.

use proptest::prelude::*;

use super::{Session, assert_legal, corpus};
use crate::ts::input::{Choice, Input};

const FILES: [&str; 7] = [
    "androidx/sample_ait.ts",
    "androidx/sample_h264.ts",
    "androidx/sample_h265_rps_pred.ts",
    "androidx/sample_scte35.ts",
    "androidx/sample_with_junk",
    "androidx/sample_with_sdt.ts",
    "tsduck/test-143.ts",
];
/// As much of each as is mutated.
const BYTES: usize = 200_000;

#[derive(Debug, Clone)]
enum Mutation {
    Byte(usize, u8),
    /// Bytes of a packet's header or of what follows it, where it hurts.
    Head(usize, usize, u8),
    Lose(usize, usize),
    Repeat(usize, usize),
    Junk(usize, Vec<u8>),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..BYTES;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        (at.clone(), 0..24usize, any::<u8>()).prop_map(|(at, offset, byte)| Mutation::Head(at, offset, byte)),
        (at.clone(), 1..1000usize).prop_map(|(at, bytes)| Mutation::Lose(at, bytes)),
        (at.clone(), 1..4usize).prop_map(|(at, packets)| Mutation::Repeat(at, packets)),
        (at, proptest::collection::vec(any::<u8>(), 1..400)).prop_map(|(at, junk)| Mutation::Junk(at, junk)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let length = bytes.len();
    match mutation {
        Mutation::Byte(at, byte) => bytes[at % length] = *byte,
        Mutation::Head(at, offset, byte) => bytes[(at % length / 188 * 188 + offset).min(length - 1)] = *byte,
        Mutation::Lose(at, lost) => drop(bytes.drain(at % length..(at % length + lost).min(length - 1).max(at % length))),
        Mutation::Repeat(at, packets) => {
            let at = at % length / 188 * 188;
            let again = bytes[at..(at + packets * 188).min(length)].to_vec();
            bytes.splice(at..at, again);
        }
        Mutation::Junk(at, junk) => drop(bytes.splice(at % length..at % length, junk.iter().copied())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_out_is_legal(
        sources in proptest::collection::vec(
            (0..FILES.len(), proptest::collection::vec(mutation(), 0..30), any::<bool>()), 1..4),
        chunk in 1..5000usize,
    ) {
        let mut session = Session::default();
        let mut input = Input::new(Choice::First);
        for (file, mutations, cut) in sources {
            let mut bytes = corpus(FILES[file]);
            bytes.truncate(BYTES);
            mutations.iter().for_each(|mutation| mutate(&mut bytes, mutation));
            if cut {
                // Another source; otherwise the same one goes on with another stream.
                input.finish(&mut session);
                input = Input::new(Choice::First);
                session.splice.cut();
            }
            bytes.chunks(chunk).for_each(|chunk| input.push(chunk, &mut session));
            input.settle(&mut session);
        }
        assert_legal(session.packets());
        prop_assert!(session.packets().is_empty() || session.random_access.first() == Some(&0));
    }
}

#[test]
fn another_programme_on_the_same_input_is_followed() {
    let mut session = Session::default();
    let mut input = Input::new(Choice::First);
    for name in ["androidx/sample_h264.ts", "androidx/sample_scte35.ts", "androidx/sample_ait.ts"] {
        let before = session.packets().len();
        corpus(name).chunks(1316).for_each(|chunk| input.push(chunk, &mut session));
        input.settle(&mut session);
        let more = session.packets().len() - before;
        assert!(more > 50, "{name}: {more}");
    }
    assert_legal(session.packets());
}
