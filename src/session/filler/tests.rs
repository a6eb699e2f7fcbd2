use proptest::prelude::*;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Asks as a driver does, until `until`: what was sent, and when.
fn run(
    filler: &mut Filler,
    start: Instant,
    until: Duration,
    pictures: &[(Duration, usize)],
    tables: bool,
) -> Vec<(Duration, Next)> {
    let (mut now, mut sent) = (start, Vec::new());
    let mut pictures = pictures.iter().map(|&(at, bytes)| Picture { at, bytes }).peekable();
    while now < start + until {
        match filler.next(now, pictures.peek().copied(), tables) {
            Next::Wait(then) => {
                assert!(then > now, "it waits for what is past");
                now = then;
            }
            next => {
                if next == Next::Picture {
                    pictures.next();
                }
                sent.push((now - start, next));
            }
        }
    }
    sent
}

fn gap(mode: Mode, start: Instant, silence: Duration, programme_bps: u64) -> Filler {
    Filler::new(mode, start, SystemTime::UNIX_EPOCH, silence, programme_bps)
}

fn slate(count: u64, step_ms: u64, bytes: usize) -> Vec<(Duration, usize)> {
    (0..count).map(|n| (ms(n * step_ms), bytes)).collect()
}

#[rstest::rstest]
#[case::without_a_slate(Mode::Slate, true, Next::Tables)]
#[case::tables(Mode::Psi, true, Next::Tables)]
#[case::no_tables(Mode::Psi, false, Next::Null)]
#[case::nulls(Mode::Null, true, Next::Null)]
fn each_mode_falls_back_to_the_next(#[case] mode: Mode, #[case] tables: bool, #[case] expected: Next) {
    let start = Instant::now();
    let sent = run(&mut gap(mode, start, ms(0), 2_000_000), start, ms(1000), &[], tables);
    assert_eq!(sent[0], (ms(0), expected), "at once");
    assert!(sent.iter().all(|(_, next)| *next == expected));
    assert!(sent.windows(2).all(|pair| pair[1].0 - pair[0].0 <= EVERY));
}

#[rstest::rstest]
#[case(Mode::Psi)]
#[case(Mode::Null)]
fn a_slate_is_sent_only_where_it_is_wanted(#[case] mode: Mode) {
    let start = Instant::now();
    let sent = run(&mut gap(mode, start, ms(0), 2_000_000), start, ms(1000), &slate(100, 40, 3000), true);
    assert!(sent.iter().all(|(_, next)| *next != Next::Picture));
}

#[test]
fn a_slate_goes_by_its_stamps() {
    let start = Instant::now();
    let sent = run(&mut gap(Mode::Slate, start, ms(0), 2_000_000), start, ms(2000), &slate(100, 40, 2000), true);
    assert_eq!(sent.len(), 50);
    assert!(sent.iter().zip(0..).all(|(sent, n)| *sent == (ms(n * 40), Next::Picture)));
}

#[test]
fn a_silence_before_is_made_up_for() {
    let start = Instant::now();
    let sent = run(&mut gap(Mode::Slate, start, ms(1000), 2_000_000), start, ms(2000), &slate(200, 40, 2000), true);
    let early = sent.iter().filter(|(at, _)| *at <= ms(10)).count();
    assert_eq!(early, 26, "the second that was missed, and the picture that is due");
    assert_eq!(sent.len(), 75);
}

#[test]
fn pictures_that_are_far_apart_are_bridged_by_tables() {
    let start = Instant::now();
    let sent = run(&mut gap(Mode::Slate, start, ms(0), 2_000_000), start, ms(1000), &slate(10, 200, 2000), true);
    assert!(sent.windows(2).all(|pair| pair[1].0 - pair[0].0 <= EVERY), "{sent:?}");
    assert_eq!(sent.iter().filter(|(_, next)| *next == Next::Picture).count(), 5);
}

#[test]
fn a_slate_that_is_too_fat_is_given_up() {
    let start = Instant::now();
    let mut filler = gap(Mode::Slate, start, ms(0), 200_000);
    let sent = run(&mut filler, start, ms(20_000), &slate(1000, 40, 20_000), true);
    assert!(!filler.wants_slate());
    assert_eq!(sent.last().unwrap().1, Next::Tables);
    assert!(sent.windows(2).all(|pair| pair[1].0 - pair[0].0 <= EVERY));
}

#[test]
fn what_was_sent_is_told() {
    let start = Instant::now();
    let mut filler = gap(Mode::Slate, start, ms(0), 2_000_000);
    run(&mut filler, start, ms(500), &[], true);
    let said = filler.stats();
    assert_eq!((said.mode, said.fallbacks, said.fallback_reason), (Mode::Psi, 1, Some("the slate is not there")));
    // One that comes soon has nothing in its place.
    let mut prompt = gap(Mode::Slate, start, ms(0), 2_000_000);
    assert_eq!(prompt.next(start, None, true), Next::Tables);
    run(&mut prompt, start + ms(10), ms(500), &slate(10, 40, 2000), true);
    assert_eq!((prompt.stats().mode, prompt.stats().fallbacks), (Mode::Slate, 0));
    // It comes, with pictures that are far apart: what bridges them is no other filler.
    run(&mut filler, start + ms(500), ms(1000), &slate(10, 200, 2000), true);
    filler.went_out(10_000, 5, start + ms(2000));
    let said = filler.stats();
    assert_eq!((said.mode, said.fallbacks, said.guardrail), (Mode::Slate, 1, 0));
    assert_eq!((said.bytes, said.chunks, said.lasted), (10_000, 5, ms(2000)));
    assert!((said.rate() - 5000.0).abs() < 0.1);

    let mut fat = gap(Mode::Slate, start, ms(0), 200_000);
    run(&mut fat, start, ms(20_000), &slate(1000, 40, 20_000), true);
    let said = fat.stats();
    assert_eq!((said.mode, said.fallback_reason), (Mode::Psi, Some("the slate needs more than the guardrail allows")));
    assert!(said.guardrail > 0);

    let mut bare = gap(Mode::Psi, start, ms(0), 0);
    run(&mut bare, start, ms(300), &[], false);
    assert_eq!((bare.stats().mode, bare.stats().fallbacks, bare.stats().rate()), (Mode::Null, 1, 0.0));
}

#[rstest::rstest]
#[case("slate", Ok(Mode::Slate))]
#[case("psi", Ok(Mode::Psi))]
#[case("null", Ok(Mode::Null))]
#[case("Slate", Err(()))]
#[case("", Err(()))]
fn modes_are_read(#[case] text: &str, #[case] expected: Result<Mode, ()>) {
    assert_eq!(text.parse::<Mode>().map_err(|_| ()), expected);
}

proptest! {
    #[test]
    fn nobody_waits_and_the_guardrail_holds(
        mode in prop_oneof![Just(Mode::Slate), Just(Mode::Psi), Just(Mode::Null)],
        silence in 0..5000u64,
        rate in prop_oneof![Just(0u64), 50_000..20_000_000u64],
        step in 5..400u64,
        sizes in proptest::collection::vec(188..60_000usize, 1..300),
        tables: bool,
    ) {
        let start = Instant::now();
        let pictures: Vec<_> = (0..).map(|n| ms(n * step)).zip(sizes).collect();
        let mut filler = gap(mode, start, ms(silence), rate);
        let sent = run(&mut filler, start, ms(10_000), &pictures, tables);
        prop_assert_eq!(sent[0].0, ms(0));
        prop_assert!(sent.windows(2).all(|pair| pair[1].0 - pair[0].0 <= EVERY));
        let most = 2.5 * if rate == 0 { RATE_UNKNOWN_BPS } else { rate } as f64;
        let (mut bits, mut next) = (0.0, pictures.iter());
        for (at, what) in sent {
            if what == Next::Picture {
                bits += next.next().unwrap().1 as f64 * 8.0;
                prop_assert!(bits <= most * (at + BURST).as_secs_f64() + 16.0, "{bits} bits at {at:?}");
            }
        }
    }
}
