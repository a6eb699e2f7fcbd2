//! Lists that may be long, a stretch at a time: `after` is where the answer before ended, and `next` where the next one goes on.

use schemars::JsonSchema;
use serde::Deserialize;

use super::problem::Problem;
use crate::model::GuideNumber;

/// Most entries of one answer.
pub const MOST: usize = 5000;

/// A stretch of a list whose entries have no numbers of their own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stretch {
    /// Those after so many; it is `next` of the answer before.
    pub after: Option<usize>,
    /// At most this many.
    #[schemars(range(min = 1, max = MOST))]
    pub limit: Option<usize>,
}

/// A stretch of the lineup, in order of numbers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ByNumber {
    /// Those after this number; it is `next` of the answer before.
    pub after: Option<String>,
    /// At most this many.
    #[schemars(range(min = 1, max = MOST))]
    pub limit: Option<usize>,
}

impl Stretch {
    /// Cuts it out; gives where the next one goes on, if there is more.
    ///
    /// # Errors
    /// When the limit is none.
    pub fn of<T>(&self, list: Vec<T>) -> Result<(Vec<T>, Option<usize>), Problem> {
        let (after, limit) = (self.after.unwrap_or(0), valid(self.limit)?);
        let end = after.saturating_add(limit);
        let next = (end < list.len()).then_some(end);
        Ok((list.into_iter().skip(after).take(limit).collect(), next))
    }
}

impl ByNumber {
    /// Cuts it out of what is in order of numbers; gives where the next one goes on, if there is more.
    ///
    /// # Errors
    /// When the limit is none, or `after` is no number.
    pub fn of<'a, T>(&self, list: &'a [T], number: impl Fn(&T) -> &GuideNumber) -> Result<(&'a [T], Option<String>), Problem> {
        let limit = valid(self.limit)?;
        let after = self.after.as_deref().map(str::parse::<GuideNumber>).transpose();
        let after = after.map_err(|error| Problem::field("after", format!("`after` is the number of a channel: {error}.")))?;
        let begin = after.map_or(0, |after| list.partition_point(|one| *number(one) <= after));
        let end = begin.saturating_add(limit);
        let last = list.get(end.saturating_sub(1)).filter(|_| end < list.len());
        let next = last.map(|last| number(last).to_string());
        Ok((list.get(begin..end.min(list.len())).unwrap_or_default(), next))
    }
}

fn valid(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(MOST);
    if (1..=MOST).contains(&limit) { Ok(limit) } else { Err(Problem::field("limit", format!("`limit` is 1 to {MOST}."))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(None, Some(2), &[0, 1], Some(2))]
    #[case(Some(2), Some(2), &[2, 3], Some(4))]
    #[case(Some(4), Some(2), &[4], None)]
    #[case(Some(3), Some(2), &[3, 4], None)]
    #[case(Some(9), None, &[], None)]
    #[case(Some(usize::MAX), Some(1), &[], None)]
    #[case(None, None, &[0, 1, 2, 3, 4], None)]
    fn a_list_is_cut(
        #[case] after: Option<usize>,
        #[case] limit: Option<usize>,
        #[case] cut: &[i32],
        #[case] next: Option<usize>,
    ) {
        assert_eq!(Stretch { after, limit }.of((0..5).collect()).unwrap(), (cut.to_vec(), next));
    }

    #[rstest::rstest]
    #[case(None, Some(2), &[1, 2], Some("2"))]
    #[case(Some("2"), Some(2), &[3, 5], None)]
    #[case(Some("4"), None, &[5], None)]
    #[case(Some("5"), None, &[], None)]
    fn a_lineup_is_cut_by_number(
        #[case] after: Option<&str>,
        #[case] limit: Option<usize>,
        #[case] cut: &[u32],
        #[case] next: Option<&str>,
    ) {
        let list: Vec<GuideNumber> = [1, 2, 3, 5].into_iter().map(GuideNumber::whole).collect();
        let (found, went) = ByNumber { after: after.map(str::to_owned), limit }.of(&list, |number| number).unwrap();
        assert_eq!((found.iter().map(GuideNumber::major).collect::<Vec<_>>(), went.as_deref()), (cut.to_vec(), next));
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        assert!(Stretch { after: None, limit: Some(0) }.of(vec![1]).is_err());
        assert!(Stretch { after: None, limit: Some(MOST + 1) }.of(vec![1]).is_err());
        assert!(ByNumber { after: Some("x".into()), limit: None }.of(&[GuideNumber::whole(1)], |number| number).is_err());
    }
}
