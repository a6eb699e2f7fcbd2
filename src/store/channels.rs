//! Channels: what people change about them. They come into being by an import.

use rusqlite::{OptionalExtension, params};

use super::writer::Stale;
use super::{Store, StoreError, load};
use crate::base::clock;
use crate::model::{Channel, ChannelId, GuideNumber, StreamInfo};

impl Store {
    /// Marks the living channel of this number as a favourite, or not. `false`: there is none.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_favorite(&self, number: &GuideNumber, favorite: bool) -> Result<bool, StoreError> {
        self.set("UPDATE channels SET favorite = ?2 WHERE number = ?1 AND removed_ms IS NULL", number, favorite).await
    }

    /// Puts the living channel of this number into the lineup, or takes it out; it keeps its number. `false`: there is none.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_channel_enabled(&self, number: &GuideNumber, enabled: bool) -> Result<bool, StoreError> {
        self.set("UPDATE channels SET enabled = ?2 WHERE number = ?1 AND removed_ms IS NULL", number, enabled).await
    }

    async fn set(&self, sql: &'static str, number: &GuideNumber, value: bool) -> Result<bool, StoreError> {
        let number = number.to_string();
        self.change(move |connection| Ok((Stale::CATALOG, connection.execute(sql, params![number, value])? > 0))).await
    }

    /// All living channels, those too that are not in the lineup.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn all_channels(&self) -> Result<Vec<Channel>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, number, coalesce(own_name, name), coalesce(own_logo, logo), coalesce(own_guide_id, guide_id),
                        coalesce(own_group, group_name), enabled, favorite, drm, info, hot_standby, station_id
                 FROM channels WHERE removed_ms IS NULL";
            let mut channels = load::rows(connection, sql, load::channel)?;
            channels.sort_by(|a, b| a.number.cmp(&b.number));
            Ok(channels)
        })
        .await
    }

    /// Gives a channel another number; the old one is kept aside and given to no channel by itself.
    ///
    /// # Errors
    /// When there is no such channel, the number belongs to another one, or the change cannot be stored.
    pub async fn set_channel_number(&self, channel: ChannelId, number: GuideNumber) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "SELECT number FROM channels WHERE id = ?1 AND removed_ms IS NULL";
            let old: Option<String> = connection.query_row(sql, [channel.0], |row| row.get(0)).optional()?;
            let old = old.ok_or(StoreError::NoSuchChannel)?;
            let text = number.to_string();
            if old == text {
                return Ok((Stale::NOTHING, ()));
            }
            let sql = "SELECT EXISTS (SELECT 1 FROM channels WHERE number = ?1 AND removed_ms IS NULL)";
            if connection.query_row(sql, [&text], |row| row.get(0))? {
                return Err(StoreError::NumberTaken(number));
            }
            retire(connection, &old, channel)?;
            connection.execute("DELETE FROM retired_numbers WHERE number = ?1", [&text])?;
            connection.execute("UPDATE channels SET number = ?2 WHERE id = ?1", params![channel.0, text])?;
            Ok((Stale::CATALOG, ()))
        })
        .await
    }

    /// Takes a channel away for good. Its number is kept aside, and no import brings it back.
    ///
    /// # Errors
    /// When there is no such channel, or the change cannot be stored.
    pub async fn remove_channel(&self, channel: ChannelId) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "UPDATE channels SET removed_ms = ?2 WHERE id = ?1 AND removed_ms IS NULL RETURNING number";
            let number: Option<String> =
                connection.query_row(sql, params![channel.0, clock::wall_ms()], |row| row.get(0)).optional()?;
            retire(connection, &number.ok_or(StoreError::NoSuchChannel)?, channel)?;
            Ok((Stale::CATALOG, ()))
        })
        .await
    }

    /// Keeps what was seen in a channel's stream. Never waits; written within a second or two, the newest only.
    pub fn record_stream_info(&self, channel: ChannelId, info: StreamInfo) {
        self.fact(|facts| facts.info(channel, info));
    }
}

pub(super) fn retire(connection: &rusqlite::Connection, number: &str, channel: ChannelId) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO retired_numbers (number, channel_id, retired_ms) VALUES (?1, ?2, ?3)
         ON CONFLICT (number) DO UPDATE SET channel_id = excluded.channel_id, retired_ms = excluded.retired_ms",
        params![number, channel.0, clock::wall_ms()],
    )?;
    Ok(())
}
