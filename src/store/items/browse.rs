//! Reads a version: all of it in order, a page of what somebody looks for, its groups.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{TVG_NAME, code, kind};
use crate::model::{Headers, ItemKind, PlaylistItem};
use crate::store::{StoreError, whole};

const COLUMNS: &str = "items.id, line, kind, items.name, groups.name, guide_id, ifnull(l.text, '') || logo, number, flags,
    ifnull(u.text, '') || url, headers, more";
const TABLES: &str = "items LEFT JOIN groups ON groups.id = group_id
    LEFT JOIN beginnings AS l ON l.id = logo_begins LEFT JOIN beginnings AS u ON u.id = url_begins";
/// Most items of one page.
const MOST: usize = 1000;

/// A version, open for reading.
pub struct Items(Connection);

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Browse {
    /// Only behind this item ([`Found::id`]); 0: from the beginning.
    pub after: i64,
    /// At most so many; 0: as many as a page has.
    pub limit: usize,
    /// Only of this group.
    pub group: Option<String>,
    /// Only with this in their name, whatever the case.
    pub search: String,
    /// Only of this kind.
    pub kind: Option<ItemKind>,
}

/// An item, and its number in the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub id: i64,
    /// The item.
    pub item: PlaylistItem,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Group {
    /// Its name; `None`: items without a group.
    pub name: Option<String>,
    /// How many items it has.
    pub items: u64,
}

impl Items {
    /// Opens a version.
    ///
    /// # Errors
    /// When it is not there or damaged.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(whole::open(path)?))
    }

    /// Every item, in the playlist's order, one at a time.
    ///
    /// # Errors
    /// When it is damaged; those of `each`.
    pub fn each(&self, mut each: impl FnMut(PlaylistItem) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.each_found(|found| each(found.item))
    }

    /// The same, with the number of each.
    ///
    /// # Errors
    /// When it is damaged; those of `each`.
    pub fn each_found(&self, mut each: impl FnMut(Found) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut statement = self.0.prepare(&format!("SELECT {COLUMNS} FROM {TABLES} ORDER BY items.id"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(found(row)?)?;
        }
        Ok(())
    }

    /// A page of what is looked for, in the playlist's order.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn browse(&self, browse: &Browse) -> Result<Vec<Found>, StoreError> {
        let wanted = if browse.limit == 0 { MOST } else { browse.limit.min(MOST) };
        let search = browse.search.to_lowercase();
        let mut statement = self.0.prepare(&format!(
            "SELECT {COLUMNS} FROM {TABLES}
             WHERE items.id > :after AND (:group IS NULL OR groups.name = :group) AND (:kind IS NULL OR kind = :kind)
             ORDER BY items.id"
        ))?;
        let mut rows =
            statement.query(named_params! { ":after": browse.after, ":group": browse.group, ":kind": browse.kind.map(code) })?;
        let mut page = Vec::new();
        while page.len() < wanted
            && let Some(row) = rows.next()?
        {
            // SQLite knows the case of ASCII only.
            if search.is_empty() || row.get_ref(3)?.as_str().is_ok_and(|name| name.to_lowercase().contains(&search)) {
                page.push(found(row)?);
            }
        }
        Ok(page)
    }

    /// The item with this number.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn get(&self, id: i64) -> Result<Option<Found>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE items.id = ?1");
        self.0.query_row(&sql, [id], |row| Ok(found(row))).optional()?.transpose()
    }

    /// The groups, in the order in which they first appear; last of all those items that have none.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn groups(&self) -> Result<Vec<Group>, StoreError> {
        let mut groups = Vec::new();
        let mut statement = self.0.prepare("SELECT name, items FROM groups ORDER BY id")?;
        let mut rows = statement.query([])?;
        let mut grouped = 0;
        while let Some(row) = rows.next()? {
            let items = row.get::<_, i64>(1)?.unsigned_abs();
            grouped += items;
            groups.push(Group { name: Some(row.get(0)?), items });
        }
        let all = self.len()?;
        if all > grouped {
            groups.push(Group { name: None, items: all - grouped });
        }
        Ok(groups)
    }

    /// How many items there are.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn len(&self) -> Result<u64, StoreError> {
        // Items are numbered without gaps; counting them would read the whole file.
        let last: Option<i64> = self.0.query_row("SELECT max(id) FROM items", [], |row| row.get(0))?;
        Ok(last.unwrap_or(0).unsigned_abs())
    }

    /// Whether there is none.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.len()? == 0)
    }
}

fn found(row: &Row<'_>) -> Result<Found, StoreError> {
    let nonsense = |error: serde_json::Error| StoreError::Nonsense(format!("an item of a playlist: {error}"));
    let headers: Option<String> = row.get(10)?;
    let more: Option<String> = row.get(11)?;
    let flags: i64 = row.get(8)?;
    let mut item = PlaylistItem {
        line: row.get::<_, i64>(1)?.unsigned_abs(),
        kind: kind(row.get(2)?),
        name: row.get(3)?,
        group: row.get(4)?,
        guide_id: row.get(5)?,
        logo: row.get(6)?,
        number: row.get(7)?,
        drm: flags & 1 != 0,
        favorite: flags & 2 != 0,
        url: row.get(9)?,
        headers: headers.map_or(Ok(Headers::default()), |text| serde_json::from_str(&text)).map_err(nonsense)?,
        more: more.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text)).map_err(nonsense)?,
    };
    if flags & 4 != 0 {
        item.more.insert(0, (TVG_NAME.to_owned(), item.name.clone()));
    }
    Ok(Found { id: row.get(0)?, item })
}
