//! Writes a version of a guide.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::params;

use crate::model::{GuideChannel, Programme};
use crate::store::StoreError;
use crate::store::items::ItemFile;
use crate::store::playlists::json;
use crate::store::whole::WholeFile;

const SCHEMA: &str = "
    CREATE TABLE channels (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data TEXT NOT NULL, wanted INTEGER NOT NULL) STRICT;
    CREATE TABLE programmes (
        channel INTEGER NOT NULL, start_s INTEGER NOT NULL, stop_s INTEGER, title TEXT NOT NULL, sub_title TEXT, data TEXT NOT NULL
    ) STRICT;
    BEGIN;";

/// A version that is being written. Dropped, it leaves nothing behind.
pub struct GuideWriter {
    file: WholeFile,
    rows: HashMap<String, i64>,
}

impl GuideWriter {
    /// Begins a version in `folder`; `stem` begins its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(folder: &Path, stem: &str) -> Result<Self, StoreError> {
        let file = WholeFile::create(folder, stem)?;
        file.connection()?.execute_batch(SCHEMA)?;
        Ok(Self { file, rows: HashMap::new() })
    }

    /// Adds a channel; `wanted`: its programmes are kept. One that is there already is passed over.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn channel(&mut self, channel: &GuideChannel, wanted: bool) -> Result<(), StoreError> {
        let connection = self.file.connection()?;
        let sql = "INSERT OR IGNORE INTO channels (id, data, wanted) VALUES (?1, ?2, ?3)";
        if connection.prepare_cached(sql)?.execute(params![channel.id, json(channel)?, wanted])? > 0 && wanted {
            self.rows.insert(channel.id.clone(), connection.last_insert_rowid());
        }
        Ok(())
    }

    /// Adds a programme of a channel that is wanted; of another one it is passed over.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn programme(&mut self, channel: &str, programme: &Programme) -> Result<(), StoreError> {
        let Some(row) = self.rows.get(channel) else { return Ok(()) };
        let sql = "INSERT INTO programmes (channel, start_s, stop_s, title, sub_title, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let sub_title = programme.sub_titles.first().map(|text| text.text.as_str());
        self.file.connection()?.prepare_cached(sql)?.execute(params![
            row,
            programme.start_s,
            programme.stop_s,
            programme.title(),
            sub_title,
            json(programme)?
        ])?;
        Ok(())
    }

    /// Writes what is left and gives the file its name: it is on disk then, whole.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left behind then.
    pub fn finish(self) -> Result<ItemFile, StoreError> {
        self.file.connection()?.execute_batch("CREATE INDEX of_channel ON programmes (channel, start_s)")?;
        self.file.finish()
    }
}
