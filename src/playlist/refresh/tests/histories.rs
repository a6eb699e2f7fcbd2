//! Random histories of households: what providers do to their lists, and what people do in between. Whatever it is, a channel stays
//! the channel it was made for, numbers and what people set stay, and the last good version is what is served.

mod checks;
mod house;
mod lists;

use proptest::prelude::*;

use house::House;

/// What a provider does to its list.
#[derive(Debug, Clone)]
pub enum Change {
    Name,
    Move,
    Tvg,
    NoTvg,
    Numbers,
    Tokens,
    Host,
    Order,
    Add,
    Gone,
    Return,
    Repeat,
    Backup,
}

/// How a list arrives.
#[derive(Debug, Clone)]
pub enum Arrival {
    Whole,
    Packed,
    /// With lines that nobody understands.
    Hostile(Vec<u8>),
    /// In the middle of a line of this entry it is over.
    Cut(u8, u8),
    /// Only the first entries.
    Shrunk(u8),
    Page,
    Empty,
    PackedAndCut,
    /// No list at all.
    Bytes(Vec<u8>),
    /// The server says so, or the file is not there.
    Refused,
}

/// What a person does.
#[derive(Debug, Clone)]
pub enum Act {
    Number(u8, u8),
    Name(u8),
    Pin(u8, u8, u8),
    Order(u8),
    Enabled(u8, bool),
    Remove(u8),
    Map(u8),
    Rules(u8, u8),
    Accept(u8),
    Discard(u8),
    Restart,
}

/// What happens next.
#[derive(Debug, Clone)]
pub enum Step {
    /// A playlist changes, and is read.
    Read(u8, Vec<(Change, u8)>, Arrival),
    Act(Act),
}

fn change() -> impl Strategy<Value = Change> {
    use Change::*;
    prop_oneof![
        4 => Just(Name), 4 => Just(Move), 4 => Just(Tvg), 1 => Just(NoTvg), 2 => Just(Numbers), 4 => Just(Tokens), 1 => Just(Host),
        2 => Just(Order), 3 => Just(Add), 4 => Just(Gone), 3 => Just(Return), 2 => Just(Repeat), 3 => Just(Backup),
    ]
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let bytes = || proptest::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        20 => Just(Arrival::Whole),
        2 => Just(Arrival::Packed),
        2 => bytes().prop_map(Arrival::Hostile),
        3 => any::<(u8, u8)>().prop_map(|(which, far)| Arrival::Cut(which, far)),
        3 => (0u8..4).prop_map(Arrival::Shrunk),
        1 => Just(Arrival::Page),
        1 => Just(Arrival::Empty),
        1 => Just(Arrival::PackedAndCut),
        1 => bytes().prop_map(Arrival::Bytes),
        1 => Just(Arrival::Refused),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let which = any::<u8>;
    prop_oneof![
        3 => (which(), which()).prop_map(|(channel, number)| Act::Number(channel, number)),
        2 => which().prop_map(Act::Name),
        5 => (which(), which(), which()).prop_map(|(playlist, item, channel)| Act::Pin(playlist, item, channel)),
        3 => which().prop_map(Act::Order),
        2 => (which(), any::<bool>()).prop_map(|(channel, enabled)| Act::Enabled(channel, enabled)),
        1 => which().prop_map(Act::Remove),
        2 => which().prop_map(Act::Map),
        2 => (which(), which()).prop_map(|(playlist, rules)| Act::Rules(playlist, rules)),
        2 => which().prop_map(Act::Accept),
        1 => which().prop_map(Act::Discard),
        1 => Just(Act::Restart),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let read = (any::<u8>(), proptest::collection::vec((change(), any::<u8>()), 0..4), arrival());
    prop_oneof![
        3 => read.prop_map(|(playlist, changes, arrival)| Step::Read(playlist, changes, arrival)),
        2 => act().prop_map(Step::Act),
    ]
}

/// The playlists of a household: whether each comes from a server, and what it shows.
fn playlists() -> impl Strategy<Value = Vec<(bool, Vec<u8>)>> {
    proptest::collection::vec((any::<bool>(), proptest::collection::vec(0u8..12, 1..9)), 1..4)
}

/// Few in the daily run; `ROOFTOP_TEST_HISTORIES` says how many.
fn cases() -> u32 {
    std::env::var("ROOFTOP_TEST_HISTORIES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_ever_lost_by_a_refresh(playlists in playlists(), steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut house = House::new(&playlists).await;
            for playlist in 0..playlists.len() {
                house.step(&Step::Read(playlist as u8, Vec::new(), Arrival::Whole)).await;
            }
            for step in &steps {
                house.step(step).await;
            }
            house.restart().await;
            house.store().verify().await.unwrap();
        });
    }
}
