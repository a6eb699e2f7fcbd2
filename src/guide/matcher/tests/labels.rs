//! The channels that were labelled by hand: `tests/data/mapping/labels.tsv`.

/// A row.
pub struct Label {
    pub line: u32,
    pub name: String,
    pub tvg_id: String,
    pub group: String,
    /// Guide and id, if one of the guides has it.
    pub right: Option<(String, String)>,
    pub sure: bool,
}

pub fn labels() -> Vec<Label> {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mapping/labels.tsv"));
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|row| {
        let [line, name, tvg_id, group, guide, id, _, sure] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let right = (guide != "-").then(|| (guide.to_owned(), id.to_owned()));
        let line = line.parse().expect("a number");
        Label { line, name: name.to_owned(), tvg_id: tvg_id.to_owned(), group: group.to_owned(), right, sure: sure == "yes" }
    })
    .collect()
}

#[test]
fn the_labels_are_as_many_as_their_page_says() {
    let labels = labels();
    let count =
        |sure: bool, found: bool| labels.iter().filter(|label| label.sure == sure && label.right.is_some() == found).count();
    assert_eq!((count(true, true), count(true, false), labels.iter().filter(|label| !label.sure).count()), (37, 212, 7));
}
