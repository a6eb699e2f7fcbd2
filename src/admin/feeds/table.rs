//! Channels as a table, to be taken to a spreadsheet and back: CSV (RFC 4180) and JSON.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::edits::{EditRequest, edit, groups};
use super::{Feeds, FeedsError};
use crate::http::json;
use crate::model::{Channel, ChannelId};
use crate::store::ChannelEdit;

/// Most rows of a table.
const MOST: usize = 100_000;

/// One channel. What is absent, or an empty field of CSV, stays as it is; `-` is: as the playlist says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its id; without one it is found by its number.
    #[serde(default)]
    pub id: Option<i64>,
    /// Its number.
    #[serde(default)]
    pub number: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its groups, with `;` between them.
    #[serde(default)]
    pub groups: Option<String>,
    /// Address of its logo.
    #[serde(default)]
    pub logo: Option<String>,
    /// Its id in guides.
    #[serde(default)]
    pub guide_id: Option<String>,
    /// Whether it is in the lineup.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Whether it is a favourite.
    #[serde(default)]
    pub favorite: Option<bool>,
}

/// What came of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Imported {
    /// Rows.
    pub rows: usize,
    /// Channels that are different now.
    pub changed: usize,
}

/// As what a table is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// CSV, with names of columns. A text that a spreadsheet would take for a formula has an apostrophe in front.
    #[default]
    Csv,
    /// A JSON list of objects.
    Json,
}

impl Row {
    fn of(channel: &Channel) -> Self {
        Self {
            id: Some(channel.id.0),
            number: Some(channel.number.to_string()),
            name: Some(channel.name.clone()),
            groups: channel.group.clone(),
            logo: channel.logo.clone(),
            guide_id: channel.guide_id.clone(),
            enabled: Some(channel.enabled),
            favorite: Some(channel.favorite),
        }
    }

    /// The same with `act` done to every text of it.
    fn with(&self, act: impl Fn(&str) -> String) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(&act);
        Self {
            id: self.id,
            number: text(&self.number),
            name: text(&self.name),
            groups: text(&self.groups),
            logo: text(&self.logo),
            guide_id: text(&self.guide_id),
            enabled: self.enabled,
            favorite: self.favorite,
        }
    }

    /// What is to be different about a channel.
    fn change(&self, channel: &Channel) -> EditRequest {
        let text = |said: &Option<String>, is: Option<&str>| match said.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) if Some(text) == is.map(str::trim) => None,
            Some("-") => Some(None),
            Some(text) => Some(Some(text.to_owned())),
        };
        let number = self.number.as_deref().map(str::trim).filter(|number| !number.is_empty());
        let said = text(&self.groups, channel.group.as_deref());
        let list =
            |text: String| text.split(';').map(|group| group.trim().to_owned()).filter(|group| !group.is_empty()).collect();
        let same = |list: &Option<Vec<String>>| {
            list.as_ref().is_some_and(|list: &Vec<String>| groups(channel).eq(list.iter().map(String::as_str)))
        };
        EditRequest {
            number: number.filter(|number| *number != channel.number.to_string()).map(str::to_owned),
            name: text(&self.name, Some(&channel.name)),
            logo: text(&self.logo, channel.logo.as_deref()),
            guide_id: text(&self.guide_id, channel.guide_id.as_deref()),
            groups: said.map(|groups| groups.map(list)).filter(|list| !same(list)),
            enabled: self.enabled.filter(|enabled| *enabled != channel.enabled),
            favorite: self.favorite.filter(|favorite| *favorite != channel.favorite),
            hot_standby: None,
        }
    }
}

impl Feeds {
    /// All channels as a table, those too that are not in the lineup.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn export_channels(&self, form: Form) -> Result<Vec<u8>, FeedsError> {
        let channels = self.store.all_channels().await?;
        let rows: Vec<Row> = channels.iter().map(Row::of).collect();
        match form {
            Form::Json => serde_json::to_vec_pretty(&rows).map_err(|_| FeedsError::Failed),
            Form::Csv => write_csv(&rows),
        }
    }

    /// Changes channels as a table says: all of it, or nothing.
    ///
    /// # Errors
    /// When a row cannot be understood, names no channel, or says what cannot be; the text says which row.
    pub async fn import_channels(&self, form: Form, table: &[u8]) -> Result<Imported, FeedsError> {
        let rows = read(form, table)?;
        let channels = self.store.all_channels().await?;
        let edits = plan(&rows, &channels)?;
        let changed = edits.len();
        self.store.edit_channels(edits).await?;
        tracing::info!(rows = rows.len(), channels = changed, "channels were changed by a table");
        self.readers.changed();
        Ok(Imported { rows: rows.len(), changed })
    }
}

fn write_csv(rows: &[Row]) -> Result<Vec<u8>, FeedsError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if rows.is_empty() {
        let names = ["id", "number", "name", "groups", "logo", "guide_id", "enabled", "favorite"];
        writer.write_record(names).map_err(|_| FeedsError::Failed)?;
    }
    for row in rows {
        writer.serialize(row.with(plain)).map_err(|_| FeedsError::Failed)?;
    }
    writer.into_inner().map_err(|_| FeedsError::Failed)
}

/// Whether a spreadsheet would work a cell out instead of showing it: names come from playlists, and somebody else's formulas must not
/// run. Texts that begin with apostrophes in front of such are counted in, so that [`typed`] knows which one is ours.
fn is_formula(text: &str) -> bool {
    let begins = |text: &str| text.starts_with(|first: char| "=+-@".contains(first) || first.is_whitespace());
    // Where lists are separated by semicolons, each part is a cell to a spreadsheet that was told nothing.
    let within = |part: &str| begins(part.trim_start_matches(['"', '\'', ' ']));
    begins(text.trim_start_matches('\'')) || text.split(';').skip(1).any(within)
}

/// A text as a cell that is only shown. Blanks at its end are lost, as readers of tables lose them.
fn plain(text: &str) -> String {
    let text = text.trim_end();
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// The text of a cell, whether [`plain`] or a person wrote it.
fn typed(text: &str) -> String {
    match text.strip_prefix('\'') {
        Some(rest) if is_formula(text) => rest.to_owned(),
        _ => text.to_owned(),
    }
}

fn bad(text: String) -> FeedsError {
    FeedsError::Invalid("table", text)
}

fn read(form: Form, table: &[u8]) -> Result<Vec<Row>, FeedsError> {
    let rows: Vec<Row> = match form {
        Form::Json => json::read(table).map_err(|error| bad(format!("The JSON is not what is wanted: {error}.")))?,
        Form::Csv => {
            // Spreadsheets put a byte order mark in front, and some write semicolons.
            let table = table.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(table);
            let head = table.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let count = |wanted: u8| head.iter().filter(|byte| **byte == wanted).count();
            let delimiter = if count(b';') > count(b',') { b';' } else { b',' };
            let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(table);
            reader
                .deserialize()
                .map(|row| row.map(|row: Row| row.with(typed)))
                .collect::<Result<_, _>>()
                .map_err(|error| bad(format!("The table is not what is wanted: {error}.")))?
        }
    };
    if rows.len() > MOST { Err(bad(format!("The table has more than {MOST} rows."))) } else { Ok(rows) }
}

/// What rows mean for these channels. Pure.
fn plan(rows: &[Row], channels: &[Channel]) -> Result<Vec<(ChannelId, ChannelEdit)>, FeedsError> {
    let by_id: HashMap<i64, &Channel> = channels.iter().map(|channel| (channel.id.0, channel)).collect();
    let by_number: HashMap<String, &Channel> = channels.iter().map(|channel| (channel.number.to_string(), channel)).collect();
    let mut seen = HashSet::new();
    let mut edits = Vec::new();
    for (place, row) in (1..).zip(rows) {
        let number = row.number.as_deref().map(str::trim).unwrap_or_default();
        let channel = match row.id {
            Some(id) => by_id.get(&id),
            None => by_number.get(number),
        };
        let channel =
            channel.ok_or_else(|| bad(format!("Row {place} names no channel: give the `id` or the `number` it has.")))?;
        if !seen.insert(channel.id) {
            return Err(bad(format!("Row {place} names the channel {} once more.", channel.number)));
        }
        let request = row.change(channel);
        if request == EditRequest::default() {
            continue;
        }
        let edit = edit(&request).map_err(|error| match error {
            FeedsError::Invalid(field, text) => bad(format!("Row {place}, {field}: {text}")),
            other => other,
        })?;
        edits.push((channel.id, edit));
    }
    Ok(edits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn channel(id: i64, number: &str, name: &str) -> Channel {
        Channel {
            id: ChannelId(id),
            number: number.parse().unwrap(),
            name: name.into(),
            logo: None,
            guide_id: Some("g".into()),
            group: Some("A;B".into()),
            enabled: true,
            favorite: false,
            drm: false,
            info: None,
            hot_standby: None,
            station_id: None,
        }
    }

    #[test]
    fn only_what_differs_is_changed() {
        let channels = [channel(1, "5", "One"), channel(2, "6", "Two")];
        let table = b"\xEF\xBB\xBFid;number;name;groups;guide_id;enabled\r\n1;5;One;A;g;true\r\n2;7;;A;-;false\r\n;5;;;;\r\n";
        let rows = read(Form::Csv, table).unwrap();
        assert!(plan(&rows, &channels).is_err(), "a channel is named twice");
        let edits = plan(&rows[..2], &channels).unwrap();
        let expected = [
            (ChannelId(1), ChannelEdit { group: Some(Some("A".into())), ..ChannelEdit::default() }),
            (
                ChannelId(2),
                ChannelEdit {
                    number: Some("7".parse().unwrap()),
                    group: Some(Some("A".into())),
                    guide_id: Some(None),
                    enabled: Some(false),
                    ..ChannelEdit::default()
                },
            ),
        ];
        assert_eq!(edits, expected);
        let same = read(Form::Csv, b"number,name,groups\n5,One,A; B\n").unwrap();
        assert!(plan(&same, &channels).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn a_text_comes_back_and_is_no_formula(text in "['=+@\t\r -]{0,4}[a-z0-9'=,;\"\n\u{a0}ä -]{0,12}") {
            let row = Row { id: Some(1), name: Some(text.clone()), logo: Some(text.clone()), ..Row::default() };
            let table = write_csv(&[row]).unwrap();
            let cells: Vec<Row> = csv::Reader::from_reader(table.as_slice()).deserialize().collect::<Result<_, _>>().unwrap();
            let cell = cells[0].name.clone().unwrap_or_default();
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{:?}", cell);
            let read = read(Form::Csv, &table).unwrap();
            prop_assert_eq!(read[0].name.clone().unwrap_or_default(), text.trim_end());
            prop_assert_eq!(&read[0].name, &read[0].logo);
            let named = Channel { logo: Some(text.clone()), ..channel(1, "5", &text) };
            prop_assert!(plan(&read, &[named]).unwrap().is_empty(), "nothing was changed");
        }
    }

    #[rstest::rstest]
    #[case("=1+1", "'=1+1")]
    #[case("+49 TV", "'+49 TV")]
    #[case("-", "'-")]
    #[case("@home", "'@home")]
    #[case("\tx", "'\tx")]
    #[case("\rx", "'\rx")]
    #[case("'=x", "''=x")]
    #[case("'n Sync", "'n Sync")]
    #[case("A=B", "A=B")]
    #[case("", "")]
    fn cells_are_only_shown(#[case] text: &str, #[case] cell: &str) {
        assert_eq!((plain(text).as_str(), typed(cell).as_str()), (cell, text));
    }

    #[test]
    fn what_people_type_is_taken_as_it_is() {
        let rows = read(Form::Csv, b"number,name,groups,guide_id\n5,'Allo,-,'-1.de\n").unwrap();
        let row = &rows[0];
        assert_eq!(
            (row.name.as_deref(), row.groups.as_deref(), row.guide_id.as_deref()),
            (Some("'Allo"), Some("-"), Some("-1.de"))
        );
        let edits = plan(&rows, &[channel(1, "5", "One")]).unwrap();
        assert_eq!(edits[0].1.group, Some(None), "as the playlist says");
    }

    #[rstest::rstest]
    #[case(Form::Csv, "id,nmae\n1,x\n", "nmae")]
    #[case(Form::Csv, "id\nx\n", "invalid")]
    #[case(Form::Csv, "id,number\n99,5\n", "Row 1 names no channel")]
    #[case(Form::Csv, "number,name\n5,ok\n77,x\n", "Row 2 names no channel")]
    #[case(Form::Csv, "id,number\n1,0\n", "Row 1, number: Numbers begin at 1.")]
    #[case(Form::Json, "{}", "JSON")]
    #[case(Form::Json, r#"[{"id":1,"logo":"x"}]"#, "Row 1, logo")]
    fn what_cannot_be_says_where(#[case] form: Form, #[case] table: &str, #[case] told: &str) {
        let error = read(form, table.as_bytes()).and_then(|rows| plan(&rows, &[channel(1, "5", "One")])).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}
