//! Which item of a playlist is which row that an earlier reading left behind. Pure.
//!
//! An item is the same as before if its key is. Of what is left on both sides, what has the same address was renamed; what
//! belongs to the same channel, or has the same name, has moved to another address. Those count only where exactly one row
//! vanished and exactly one item is new, so that nothing is ever guessed between two. A name alone says nothing where guides tell
//! two channels apart.

use std::collections::HashMap;
use std::hash::Hash;

/// A row that an earlier reading left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Old<'a> {
    pub item_key: &'a str,
    pub url_key: &'a str,
    /// The channel it belongs to by itself; `None`: a person put it somewhere, and that channel's key says nothing of the item.
    pub channel_key: Option<&'a str>,
    pub name: &'a str,
    /// Whether the last reading still had it: only such a row can have been renamed or moved just now.
    pub active: bool,
}

/// An item of the playlist as it is now. Item keys differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct New<'a> {
    pub item_key: &'a str,
    pub url_key: &'a str,
    pub channel_key: &'a str,
    pub name: &'a str,
    /// It becomes a source only where a person has made it one.
    pub only_known: bool,
}

/// For each of `new`, the index of its row in `old`. No row is given twice.
pub(super) fn rows_of<'a>(new: &[New<'a>], old: &[Old<'a>]) -> Vec<Option<usize>> {
    let mut found = vec![None; new.len()];
    let mut free: Vec<bool> = vec![true; old.len()];
    let by_key: HashMap<&str, usize> = old.iter().enumerate().map(|(index, row)| (row.item_key, index)).collect();
    for (item, found) in new.iter().zip(&mut found) {
        if let Some(index) = by_key.get(item.item_key)
            && let Some(free) = free.get_mut(*index)
            && std::mem::take(free)
        {
            *found = Some(*index);
        }
    }
    for (row, free) in old.iter().zip(&mut free) {
        *free = *free && row.active;
    }
    // Where persons put rows, any item may have taken their place; elsewhere only those count that are to be sources.
    let wanted = |item: &New<'_>| !item.only_known;
    let put = |row: &Old<'_>| row.channel_key.is_none();
    let any = |_: &New<'_>, _: &Old<'_>| true;
    pair(&mut found, &mut free, new, old, |item| Some(item.url_key), |row| put(row).then_some(row.url_key), any);
    pair(
        &mut found,
        &mut free,
        new,
        old,
        |item| wanted(item).then_some(item.url_key),
        |row| (!put(row)).then_some(row.url_key),
        any,
    );
    // Of what a person put somewhere only the name is left to know it by, so it is asked before others of its channel may take its item.
    pair(&mut found, &mut free, new, old, |item| Some(item.name), |row| put(row).then_some(row.name), any);
    pair(&mut found, &mut free, new, old, |item| wanted(item).then_some(item.channel_key), |row| row.channel_key, any);
    let apart = |item: &New<'_>, row: &Old<'_>| !are_two(item, row);
    pair(&mut found, &mut free, new, old, |item| wanted(item).then_some(item.name), |row| (!put(row)).then_some(row.name), apart);
    found
}

/// Whether item and row have a `tvg-id` each, and not the same.
fn are_two(item: &New<'_>, row: &Old<'_>) -> bool {
    let id = |key: &'_ str| key.starts_with("id:");
    row.channel_key.is_some_and(|key| id(key) && id(item.channel_key) && key != item.channel_key)
}

/// Pairs those left that share something which nothing else left has.
fn pair<'a, K: Eq + Hash>(
    found: &mut [Option<usize>],
    free: &mut [bool],
    new: &[New<'a>],
    old: &[Old<'a>],
    of_item: impl Fn(&New<'a>) -> Option<K>,
    of_row: impl Fn(&Old<'a>) -> Option<K>,
    fits: impl Fn(&New<'a>, &Old<'a>) -> bool,
) {
    let rows = only(old.iter().zip(&*free).map(|(row, free)| free.then(|| of_row(row)).flatten()));
    let items = only(new.iter().zip(&*found).map(|(item, found)| found.is_none().then(|| of_item(item)).flatten()));
    for (key, item) in items {
        if let (Some(item), Some(Some(row))) = (item, rows.get(&key))
            && new.get(item).zip(old.get(*row)).is_some_and(|(item, row)| fits(item, row))
        {
            if let Some(found) = found.get_mut(item) {
                *found = Some(*row);
            }
            if let Some(free) = free.get_mut(*row) {
                *free = false;
            }
        }
    }
}

/// The index of each key, or `None` where it occurs more than once.
fn only<K: Eq + Hash>(keys: impl Iterator<Item = Option<K>>) -> HashMap<K, Option<usize>> {
    let mut only = HashMap::new();
    for (index, key) in keys.enumerate().filter_map(|(index, key)| Some((index, key?))) {
        only.entry(key).and_modify(|index| *index = None).or_insert(Some(index));
    }
    only
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn old<'a>(item_key: &'a str, url_key: &'a str, channel_key: &'a str, name: &'a str) -> Old<'a> {
        Old { item_key, url_key, channel_key: Some(channel_key), name, active: true }
    }

    fn new<'a>(item_key: &'a str, url_key: &'a str, channel_key: &'a str, name: &'a str) -> New<'a> {
        New { item_key, url_key, channel_key, name, only_known: false }
    }

    #[test]
    fn the_key_decides_first() {
        let rows = [old("a", "u1", "c1", "One"), old("b", "u2", "c2", "Two")];
        let items = [new("b", "u1", "c1", "One"), new("a", "u2", "c2", "Two")];
        assert_eq!(rows_of(&items, &rows), [Some(1), Some(0)]);
    }

    #[test]
    fn what_is_renamed_or_moved_is_recognised() {
        let rows = [old("a", "u1", "c1", "One"), old("b", "u2", "c2", "Two"), old("c", "u3", "c3", "Three")];
        let items = [new("x", "u1", "cx", "Uno"), new("y", "uy", "c2", "Zwei"), new("z", "uz", "cz", "Three")];
        assert_eq!(rows_of(&items, &rows), [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn nothing_is_guessed_between_two() {
        let rows = [old("a", "u1", "c1", "Event"), old("b", "u2", "c2", "Event")];
        assert_eq!(rows_of(&[new("x", "u3", "c3", "Event")], &rows), [None]);
        let items = [new("x", "u3", "c3", "Event"), new("y", "u4", "c4", "Event")];
        assert_eq!(rows_of(&items, &rows[..1]), [None, None]);
    }

    #[test]
    fn what_was_gone_before_comes_back_by_its_key_only() {
        let rows = [Old { active: false, ..old("a", "u1", "c1", "One") }];
        assert_eq!(rows_of(&[new("a", "u9", "c9", "Nine")], &rows), [Some(0)]);
        assert_eq!(rows_of(&[new("x", "u1", "c1", "One")], &rows), [None]);
    }

    #[test]
    fn the_same_name_with_another_tvg_id_is_another_channel() {
        let rows = [old("a", "u1", "id:a", "Event"), Old { channel_key: None, ..old("b", "u2", "", "Own") }];
        assert_eq!(rows_of(&[new("x", "u3", "id:x", "Event")], &rows), [None]);
        assert_eq!(rows_of(&[new("x", "u3", "item:x", "Event")], &rows), [Some(0)]);
        assert_eq!(rows_of(&[new("x", "u1", "id:x", "Event")], &rows), [Some(0)]);
        assert_eq!(rows_of(&[new("x", "u3", "id:x", "Own")], &rows), [Some(1)], "a person put it somewhere");
    }

    #[test]
    fn what_is_only_offered_makes_nothing_doubtful() {
        let rows = [old("a", "u1", "c1", "One"), Old { channel_key: None, ..old("b", "u2", "", "Own") }];
        let offered = |item_key, name| New { only_known: true, ..new(item_key, "u9", "c9", name) };
        assert_eq!(rows_of(&[new("x", "u3", "c3", "One"), offered("y", "One")], &rows), [Some(0), None]);
        assert_eq!(rows_of(&[offered("y", "One")], &rows), [None]);
        assert_eq!(rows_of(&[offered("y", "Own")], &rows), [Some(1)], "a person made it one");
        assert_eq!(rows_of(&[offered("y", "Own"), offered("z", "Own")], &rows), [None, None]);
    }

    #[test]
    fn what_a_person_put_somewhere_is_not_taken_for_a_backup_that_vanished() {
        let rows = [Old { channel_key: None, ..old("a", "u1", "", "One") }, old("b", "u2", "id:a", "One backup")];
        assert_eq!(rows_of(&[new("x", "u3", "id:a", "One")], &rows), [Some(0)]);
    }

    proptest! {
        #[test]
        fn no_row_is_given_twice(
            rows in proptest::collection::vec(("[a-d]", "[a-c]", "[a-c]", "[a-c]", any::<bool>()), 0..12),
            items in proptest::collection::btree_map("[a-d][a-c]?", ("[a-c]", "[a-c]", "[a-c]"), 0..12),
        ) {
            let old: Vec<Old<'_>> = rows.iter()
                .map(|(item_key, url_key, channel_key, name, active)| {
                    Old { item_key, url_key, channel_key: Some(channel_key), name, active: *active }
                })
                .collect();
            let new: Vec<New<'_>> =
                items.iter().map(|(item_key, (url_key, channel_key, name))| New { item_key, url_key, channel_key, name, only_known: false }).collect();
            let mut given: Vec<usize> = rows_of(&new, &old).into_iter().flatten().collect();
            let count = given.len();
            given.sort_unstable();
            given.dedup();
            prop_assert_eq!(given.len(), count);
            prop_assert!(given.iter().all(|index| *index < old.len()));
        }
    }
}
