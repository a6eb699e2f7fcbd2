//! Matches that need nobody's consent.

use super::evidence::{NamedId, Ours, Stand, stand};
use super::index::{Channel, Index};
use super::{How, Wanted, similar};

/// Digits of an id that is only somebody's count ("1", "204"), which another guide uses for another channel.
const COUNT: usize = 4;
/// Channels of one name that are looked at. A guide with more of them says nothing by it.
const ALIKE: usize = 64;

/// The channel and how it was found.
pub(super) fn find(index: &Index, wanted: &Wanted, ours: &Ours) -> Option<(u32, How)> {
    by_id(index, wanted, ours).or_else(|| by_name(index, ours))
}

fn by_id(index: &Index, wanted: &Wanted, ours: &Ours) -> Option<(u32, How)> {
    // Somebody set it: that is beyond doubt.
    let set = wanted.guide_id.map(str::trim).filter(|id| !id.is_empty());
    if let Some(channel) = set.and_then(|id| one(index, index.by_id(id))) {
        return Some((channel, How::GuideId));
    }
    let id = wanted.tvg_id.map(str::trim).filter(|id| !id.is_empty())?;
    // Lists give a channel and the same an hour later one id: what is shown would be an hour off.
    let same_hour = |number: &u32| index.channel(*number).is_some_and(|channel| channel.shift_h == ours.shift_h());
    let exact = one(index, index.by_id(id).filter(same_hour).filter(|number| !is_count(id) || called_so(index, *number, ours)));
    if let Some(channel) = exact {
        return Some((channel, How::TvgId));
    }
    if is_count(id) {
        return None;
    }
    if let Some(channel) = one(index, index.by_spelt_id(id, ours.id.as_ref()).filter(same_hour)) {
        return Some((channel, How::TvgIdSpelling));
    }
    let named = ours.id.as_ref().filter(|named| !named.feed)?;
    let agrees = |channel: &Channel| stand(&ours.countries, channel.own, channel.guide) == Stand::Agrees;
    let channel = by_key(index, named, &agrees, ours)?;
    Some((channel, How::TvgIdName))
}

fn by_key(index: &Index, named: &NamedId, agrees: &dyn Fn(&Channel) -> bool, ours: &Ours) -> Option<u32> {
    let fitting =
        |number: &u32| index.channel(*number).is_some_and(|channel| channel.shift_h == ours.shift_h() && agrees(channel));
    one(index, index.by_key(&named.name.key).take(ALIKE).filter(fitting))
}

fn by_name(index: &Index, ours: &Ours) -> Option<(u32, How)> {
    if ours.name.key.is_empty() || ours.id_says_more() {
        return None;
    }
    let standing = |number: &u32| {
        let channel = index.channel(*number).filter(|channel| channel.shift_h == ours.shift_h())?;
        Some((*number, stand(&ours.countries, channel.own, channel.guide)))
    };
    let named: Vec<(u32, Stand)> = index.by_key(&ours.name.key).take(ALIKE).filter_map(|number| standing(&number)).collect();
    let of = |wanted: Stand| named.iter().filter(move |(_, stand)| *stand == wanted).map(|(number, _)| *number);
    // A channel of the same country goes before one of which nothing is known.
    for stand in [Stand::Agrees, Stand::Unknown] {
        if of(stand).next().is_some() {
            return one(index, of(stand)).map(|channel| (channel, How::Name));
        }
    }
    let bare = similar::bare(&ours.name.words);
    let agreeing = index.by_bare(&bare).take(ALIKE).filter(|number| matches!(standing(number), Some((_, Stand::Agrees))));
    one(index, agreeing).map(|channel| (channel, How::NameAndCountry))
}

/// The only channel of the first guide that has any: priority decides between guides, but nothing decides within one.
fn one(index: &Index, found: impl Iterator<Item = u32>) -> Option<u32> {
    let mut found: Vec<(u32, u32)> = found.filter_map(|number| Some((index.channel(number)?.place, number))).collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [(_, only)] => Some(*only),
        [(first, channel), (second, _), ..] if first != second => Some(*channel),
        _ => None,
    }
}

fn is_count(id: &str) -> bool {
    id.len() <= COUNT && id.bytes().all(|c| c.is_ascii_digit())
}

/// Whether the channel is called about as ours is.
fn called_so(index: &Index, number: u32, ours: &Ours) -> bool {
    let core = similar::core(&ours.name.words);
    index.by_core(&core).take(ALIKE).any(|known| known == number)
}
