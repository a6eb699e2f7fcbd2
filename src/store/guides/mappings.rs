//! Which channel of a guide is which of ours. What a person said is changed by persons only.

use std::collections::HashMap;

use rusqlite::params;

use crate::base::clock;
use crate::model::{ChannelId, GuideId};
use crate::store::writer::Stale;
use crate::store::{Store, StoreError, load};

/// How a channel came to its guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mapped {
    /// A person said so.
    Person,
    /// The guide's id is the channel's own.
    GuideId,
    /// Its `tvg-id` names it.
    TvgId,
    /// It is called the same.
    Name,
}

impl Mapped {
    fn text(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::GuideId => "guide_id",
            Self::TvgId => "tvg_id",
            Self::Name => "name",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "person" => Self::Person,
            "guide_id" => Self::GuideId,
            "tvg_id" => Self::TvgId,
            _ => Self::Name,
        }
    }
}

/// The guide of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The channel.
    pub channel: ChannelId,
    /// The guide and its channel's id there. `None`: a person said that it has none.
    pub to: Option<(GuideId, String)>,
    /// How it came about.
    pub how: Mapped,
    /// Seconds by which the channel shows everything later than the guide says.
    pub offset_s: i64,
}

impl Store {
    /// All mappings.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn mappings(&self) -> Result<Vec<Mapping>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT channel_id, guide_id, guide_channel, how, offset_s FROM mappings ORDER BY channel_id";
            load::rows(connection, sql, |row| {
                let (guide, channel): (Option<i64>, Option<String>) = (row.get(1)?, row.get(2)?);
                let how: String = row.get(3)?;
                Ok(Mapping {
                    channel: ChannelId(row.get(0)?),
                    to: guide.map(GuideId).zip(channel),
                    how: Mapped::parse(&how),
                    offset_s: row.get(4)?,
                })
            })
        })
        .await
    }

    /// The guide ids that persons gave to channels.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn own_guide_ids(&self) -> Result<HashMap<ChannelId, String>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, own_guide_id FROM channels WHERE own_guide_id <> '' AND removed_ms IS NULL";
            let rows = load::rows(connection, sql, |row| Ok((ChannelId(row.get(0)?), row.get(1)?)))?;
            Ok(rows.into_iter().collect())
        })
        .await
    }

    /// Maps a channel as a person says; `to` of `None`: it has no guide.
    ///
    /// # Errors
    /// When there is no such channel or guide, or it cannot be stored.
    pub async fn set_mapping(&self, channel: ChannelId, to: Option<(GuideId, String)>, offset_s: i64) -> Result<(), StoreError> {
        self.change(move |connection| {
            let exists = |sql: &str, id: i64| connection.query_row(sql, [id], |row| row.get::<_, bool>(0));
            if !exists("SELECT EXISTS (SELECT 1 FROM channels WHERE id = ?1 AND removed_ms IS NULL)", channel.0)? {
                return Err(StoreError::NoSuchChannel);
            }
            if let Some((guide, _)) = &to
                && !exists("SELECT EXISTS (SELECT 1 FROM guides WHERE id = ?1)", guide.0)?
            {
                return Err(StoreError::NoSuchGuide);
            }
            write(connection, &Mapping { channel, to, how: Mapped::Person, offset_s })?;
            Ok((Stale::NOTHING, ()))
        })
        .await
    }

    /// Forgets what a person said of a channel's guide: it is mapped by itself again. `false`: nothing was said.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn clear_mapping(&self, channel: ChannelId) -> Result<bool, StoreError> {
        self.change(move |connection| {
            let changed = connection.execute("DELETE FROM mappings WHERE channel_id = ?1", [channel.0])?;
            Ok((Stale::NOTHING, changed > 0))
        })
        .await
    }

    /// Writes what was found by itself: mappings that are new, and channels that are mapped no more. What a person said stays,
    /// whatever is written here.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn map_by_itself(&self, found: Vec<Mapping>, lost: Vec<ChannelId>) -> Result<(), StoreError> {
        if found.is_empty() && lost.is_empty() {
            return Ok(());
        }
        self.change(move |connection| {
            let mut said =
                connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM mappings WHERE channel_id = ?1 AND how = 'person')")?;
            for mapping in &found {
                if !said.query_row([mapping.channel.0], |row| row.get::<_, bool>(0))? {
                    write(connection, mapping)?;
                }
            }
            let mut forget = connection.prepare_cached("DELETE FROM mappings WHERE channel_id = ?1 AND how <> 'person'")?;
            for channel in &lost {
                forget.execute([channel.0])?;
            }
            Ok((Stale::NOTHING, ()))
        })
        .await
    }
}

fn write(connection: &rusqlite::Connection, mapping: &Mapping) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO mappings (channel_id, guide_id, guide_channel, how, offset_s, mapped_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (channel_id) DO UPDATE SET guide_id = excluded.guide_id, guide_channel = excluded.guide_channel,
                 how = excluded.how, offset_s = excluded.offset_s, mapped_ms = excluded.mapped_ms";
    let (guide, channel) = mapping.to.as_ref().map_or((None, None), |(guide, channel)| (Some(guide.0), Some(channel.as_str())));
    let now = clock::wall_ms();
    connection.prepare_cached(sql)?.execute(params![
        mapping.channel.0,
        guide,
        channel,
        mapping.how.text(),
        mapping.offset_s,
        now
    ])?;
    Ok(())
}
