//! Writes the document, plain and packed, and puts both in place at once. Blocking.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::guide::export::OutChannel;
use crate::guide::export::xmltv::{self, Written};
use crate::guide::gaps;
use crate::guide::now::Sources;
use crate::model::{Channel, Programme};
use crate::store::StoreError;

/// Programmes are given that have ended this long ago at most …
const BACK_S: i64 = 24 * 3600;
/// … and that begin this far ahead.
const AHEAD_S: i64 = 14 * 24 * 3600;
/// Placeholders reach into the window from before it by this much at most.
const LEAD_S: i64 = 2 * 3600;

/// Why a programme could not be handed on.
enum Trouble {
    Store(StoreError),
    Write(io::Error),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// A channel as it is given out; its stream at `streams` (`http://10.0.0.2:5004`).
pub(super) fn out(channel: &Channel, streams: &str) -> OutChannel {
    OutChannel {
        number: channel.number.clone(),
        name: channel.name.clone(),
        logo: channel.logo.clone(),
        groups: channel.group.iter().cloned().collect(),
        stream_url: format!("{streams}/auto/v{}", channel.number),
        station_id: channel.station_id.clone(),
        radio: channel.info.as_ref().is_some_and(|info| info.video.is_none() && !info.audio.is_empty()),
    }
}

/// Writes the document of these channels for the window that begins at `from_s`; gives what is in it, and whether it differs from the
/// one that was there.
pub(super) fn document(
    plain: &Path,
    packed: &Path,
    channels: &[Channel],
    sources: &Sources,
    from_s: i64,
) -> Result<(Written, bool), StoreError> {
    let folder = plain.parent().unwrap_or(Path::new("."));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| StoreError::Io { what: "cannot write", path, error }
    };
    std::fs::create_dir_all(folder).map_err(io(folder))?;
    let (plain_part, packed_part) = (plain.with_extension("xml.part"), packed.with_extension("gz.part"));
    let file = File::create(&plain_part).map_err(io(&plain_part))?;
    let zip = File::create(&packed_part).map_err(io(&packed_part))?;
    let mut both = Both(BufWriter::with_capacity(64 * 1024, file), GzEncoder::new(BufWriter::new(zip), Compression::fast()));
    let given: Vec<OutChannel> = channels.iter().map(|channel| out(channel, "")).collect();
    let opened = sources.open();
    let window = from_s - BACK_S..from_s + AHEAD_S;
    let done = xmltv::write(&mut both, &given, |channel, each| {
        let Some(id) = channels.iter().find(|one| one.number == channel.number).map(|one| one.id) else { return Ok(()) };
        let mut programmes: Vec<Programme> = Vec::new();
        opened.each(id, window.start - LEAD_S, window.end, |programme| {
            programmes.push(programme);
            Ok::<_, StoreError>(())
        })?;
        for programme in gaps::fill_unsorted(programmes, window.clone(), &channel.name) {
            each(&programme)?;
        }
        Ok::<(), Trouble>(())
    });
    let written = match done.and_then(|written| both.finish().map(|()| written).map_err(Trouble::from)) {
        Ok(written) => written,
        Err(trouble) => {
            let _ = std::fs::remove_file(&plain_part);
            let _ = std::fs::remove_file(&packed_part);
            return Err(match trouble {
                Trouble::Store(error) => error,
                Trouble::Write(error) => io(&plain_part)(error),
            });
        }
    };
    if same(plain, &plain_part).unwrap_or(false) && packed.exists() {
        // Nothing has changed for those who have it: its date stays.
        let _ = std::fs::remove_file(&plain_part);
        let _ = std::fs::remove_file(&packed_part);
        return Ok((written, false));
    }
    std::fs::rename(&packed_part, packed).map_err(io(packed))?;
    std::fs::rename(&plain_part, plain).map_err(io(plain))?;
    Ok((written, true))
}

/// Two files that are written at once.
struct Both(BufWriter<File>, GzEncoder<BufWriter<File>>);

impl Both {
    fn finish(self) -> io::Result<()> {
        let sync = |writer: BufWriter<File>| writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all();
        sync(self.0)?;
        sync(self.1.finish()?)
    }
}

impl Write for Both {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.1.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        self.1.flush()
    }
}

/// Whether two files hold the same bytes.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    let (mut a, mut b) = ([0; 8192], [0; 8192]);
    loop {
        let count = one.read(&mut a)?;
        let Some(expected) = b.get_mut(..count) else { return Ok(false) };
        other.read_exact(expected)?;
        if a.get(..count) != Some(&*expected) {
            return Ok(false);
        }
        if count == 0 {
            return Ok(true);
        }
    }
}
