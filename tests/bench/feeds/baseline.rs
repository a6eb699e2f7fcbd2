//! The least that storing a feed can cost: a plain copy, and a database that takes the file line by line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// A copy that is on disk.
pub fn copy(from: &Path, folder: &Path) -> Result<Duration, Error> {
    let to = folder.join("copy");
    let began = Instant::now();
    std::fs::copy(from, &to)?;
    File::open(&to)?.sync_all()?;
    let time = began.elapsed();
    std::fs::remove_file(to)?;
    Ok(time)
}

/// Each line a row of a SQLite file, without a journal and in one transaction; and the file's size.
pub fn rows(from: &Path, folder: &Path) -> Result<(Duration, u64), Error> {
    let to = folder.join("rows.db");
    let began = Instant::now();
    let connection = rusqlite::Connection::open(&to)?;
    connection.execute_batch(
        "PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         CREATE TABLE lines (id INTEGER PRIMARY KEY, text TEXT NOT NULL); BEGIN",
    )?;
    {
        let mut insert = connection.prepare("INSERT INTO lines (text) VALUES (?1)")?;
        let mut input = BufReader::with_capacity(64 * 1024, File::open(from)?);
        let mut line = String::new();
        while input.read_line(&mut line)? > 0 {
            insert.execute([line.trim_end()])?;
            line.clear();
        }
    }
    connection.execute_batch("COMMIT")?;
    drop(connection);
    let file = File::open(&to)?;
    file.sync_all()?;
    let (time, bytes) = (began.elapsed(), file.metadata()?.len());
    std::fs::remove_file(to)?;
    Ok((time, bytes))
}
