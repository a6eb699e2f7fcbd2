//! Clips on disk: `<key>.ts` and, written last, `<key>.json` that says how long the clip must be and what its checksum is.
//! A clip without it, or that does not match it, does not exist. All of this blocks, but for [`Growing`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWrite;
use tokio::sync::watch;

use super::{Clip, ClipError, ClipInfo, Key, Settings, Stage};
use crate::base::clock;
use crate::ts::PACKET;

/// Ends the names of drafts.
const DRAFT: &str = "draft";

/// What must hold of a clip.
#[derive(Debug, Serialize, Deserialize)]
struct Seal {
    bytes: u64,
    crc32: u32,
    info: ClipInfo,
}

/// The directory of clips.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    dir: PathBuf,
    max_bytes: u64,
    max_clips: usize,
    swept: Arc<Once>,
}

/// A clip in the making. Dropping it removes the file.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
}

#[cfg(test)]
impl Draft {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The file of a draft, which tells how much of it can be read.
#[derive(Debug)]
pub(super) struct Growing<'a> {
    file: tokio::fs::File,
    path: PathBuf,
    bytes: u64,
    stage: &'a watch::Sender<Stage>,
}

impl<'a> Growing<'a> {
    /// An empty file.
    pub(super) async fn create(draft: &Draft, stage: &'a watch::Sender<Stage>) -> Result<Self, ClipError> {
        let file = tokio::fs::File::create(&draft.path).await.map_err(|error| disk("cannot write a clip", &error))?;
        Ok(Self { file, path: draft.path.clone(), bytes: 0, stage })
    }
}

impl AsyncWrite for Growing<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.file).poll_write(cx, bytes))?;
        self.bytes += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Only now is it certain that the bytes are in the file.
        ready!(Pin::new(&mut self.file).poll_flush(cx))?;
        self.stage.send_replace(Stage::Making { path: self.path.clone(), bytes: self.bytes });
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(cx)
    }
}

impl Cache {
    /// Touches nothing yet.
    pub(super) fn new(settings: Settings) -> Self {
        Self { dir: settings.dir, max_bytes: settings.max_bytes, max_clips: settings.max_clips, swept: Arc::new(Once::new()) }
    }

    /// The clip, if it is there and whole. Marks it as used.
    pub(super) fn find(&self, key: &Key) -> Option<Clip> {
        self.sweep();
        let path = self.stream(key);
        let seal: Seal = serde_json::from_slice(&fs::read(self.seal(key)).ok()?).ok()?;
        match checksum(&path) {
            Ok((bytes, crc32)) if bytes == seal.bytes && crc32 == seal.crc32 => {}
            Ok(_) | Err(_) => {
                tracing::warn!(clip.key = %key, "clip on disk is damaged; it is made again");
                let _ = fs::remove_file(self.seal(key));
                return None;
            }
        }
        let _ = File::options().append(true).open(self.seal(key)).and_then(|seal| seal.set_modified(clock::wall()));
        Some(Clip { path, bytes: seal.bytes, info: seal.info })
    }

    /// A place to write a clip to.
    pub(super) fn draft(&self, key: &Key) -> Result<Draft, ClipError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        self.sweep();
        fs::create_dir_all(&self.dir).map_err(|error| disk(format!("cannot make {}", self.dir.display()), &error))?;
        let unique = format!("{key}.{}-{}.{DRAFT}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Ok(Draft { path: self.dir.join(unique) })
    }

    /// Makes a clip of a draft, and room for it.
    pub(super) fn keep(&self, key: &Key, draft: Draft, info: ClipInfo) -> Result<Clip, ClipError> {
        let cannot = |error: io::Error| disk("cannot keep a clip", &error);
        let (bytes, crc32) = checksum(&draft.path).map_err(cannot)?;
        if bytes == 0 || bytes % PACKET as u64 != 0 {
            return Err(disk("cannot keep a clip", &io::Error::other(format!("{bytes} bytes are no transport packets"))));
        }
        let seal = serde_json::to_vec(&Seal { bytes, crc32, info }).map_err(|error| cannot(error.into()))?;
        let sealed = Draft { path: draft.path.with_extension(format!("seal.{DRAFT}")) };
        fs::write(&sealed.path, seal).map_err(cannot)?;
        let path = self.stream(key);
        let _ = fs::remove_file(self.seal(key));
        fs::rename(&draft.path, &path).map_err(cannot)?;
        fs::rename(&sealed.path, self.seal(key)).map_err(cannot)?;
        self.trim(key);
        Ok(Clip { path, bytes, info })
    }

    /// Removes, once, the drafts that an earlier process left. One process owns the directory, and in a container every one has
    /// the same id: all that is there before the first draft of our own was left.
    fn sweep(&self) {
        self.swept.call_once(|| {
            let Ok(entries) = fs::read_dir(&self.dir) else { return };
            let left = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(DRAFT));
            left.for_each(|entry| _ = fs::remove_file(entry.path()));
        });
    }

    /// Removes, while there is too much, the clips not used for longest; never `kept`. Who is playing a removed clip plays on: its
    /// file is open.
    fn trim(&self, kept: &Key) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let mut clips: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".ts") {
                let used = fs::metadata(path.with_extension("json")).and_then(|meta| meta.modified());
                let bytes = entry.metadata().map_or(0, |meta| meta.len());
                clips.push((used.unwrap_or(SystemTime::UNIX_EPOCH), bytes, path));
            }
        }
        clips.sort();
        let mut count = clips.len();
        let mut total: u64 = clips.iter().map(|(_, bytes, _)| bytes).sum();
        let kept = self.stream(kept);
        for (_, bytes, path) in clips {
            if total <= self.max_bytes && count <= self.max_clips {
                break;
            }
            if path != kept {
                let _ = fs::remove_file(path.with_extension("json"));
                let _ = fs::remove_file(&path);
                total -= bytes;
                count -= 1;
            }
        }
    }

    fn stream(&self, key: &Key) -> PathBuf {
        self.dir.join(format!("{key}.ts"))
    }

    fn seal(&self, key: &Key) -> PathBuf {
        self.dir.join(format!("{key}.json"))
    }
}

/// Length and CRC-32 of a file.
fn checksum(path: &Path) -> io::Result<(u64, u32)> {
    let mut file = File::open(path)?;
    let mut crc = crc32fast::Hasher::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, crc.finalize())),
            count => {
                crc.update(buffer.get(..count).unwrap_or_default());
                bytes += count as u64;
            }
        }
    }
}

fn disk(what: impl Into<String>, error: &io::Error) -> ClipError {
    ClipError::Disk { what: what.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::media::worker::job::ClipSpec;

    const INFO: ClipInfo = ClipInfo { length_90k: 90_000, pictures: 25, audio_frames: 0 };

    fn cache(dir: &Path, max_bytes: u64, max_clips: usize) -> Cache {
        Cache::new(Settings { dir: dir.to_owned(), max_bytes, max_clips })
    }

    fn key(name: &str) -> Key {
        Key::of(&ClipSpec { name: name.to_owned(), ..ClipSpec::default() })
    }

    fn keep(cache: &Cache, name: &str, packets: usize) -> Clip {
        let draft = cache.draft(&key(name)).unwrap();
        fs::write(&draft.path, vec![0x47; packets * PACKET]).unwrap();
        cache.keep(&key(name), draft, INFO).unwrap()
    }

    #[test]
    fn a_kept_clip_is_found_and_a_damaged_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(&dir.path().join("clips"), 1 << 20, 9);
        assert_eq!(cache.find(&key("a")), None);
        let clip = keep(&cache, "a", 10);
        assert_eq!(cache.find(&key("a")), Some(clip.clone()));
        let mut bytes = fs::read(&clip.path).unwrap();
        bytes[1000] ^= 1;
        fs::write(&clip.path, bytes).unwrap();
        assert_eq!(cache.find(&key("a")), None);
        keep(&cache, "a", 10);
        assert!(cache.find(&key("a")).is_some());
        File::options().write(true).open(&clip.path).unwrap().set_len(188).unwrap();
        assert_eq!(cache.find(&key("a")), None);
    }

    #[test]
    fn half_packets_are_not_kept_and_drafts_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path(), 1 << 20, 9);
        let draft = cache.draft(&key("a")).unwrap();
        fs::write(&draft.path, [0x47; 100]).unwrap();
        assert!(cache.keep(&key("a"), draft, INFO).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn drafts_of_an_earlier_process_go_whatever_its_id_was_and_our_own_stay() {
        let dir = tempfile::tempdir().unwrap();
        let mine = format!("{}.{}-0.draft", key("a"), std::process::id());
        let left = [mine.as_str(), "x.1-1.draft", "x.1-1.seal.draft"].map(|name| dir.path().join(name));
        left.iter().for_each(|path| fs::write(path, "left by a dead process").unwrap());
        let cache = cache(dir.path(), 1 << 20, 9);
        assert_eq!(cache.find(&key("a")), None);
        assert!(left.iter().all(|path| !path.exists()));
        let draft = cache.clone().draft(&key("b")).unwrap();
        fs::write(&draft.path, "in the making").unwrap();
        keep(&cache, "c", 1);
        assert!(cache.find(&key("c")).is_some() && draft.path.exists());
    }

    #[test]
    fn the_clip_not_used_for_longest_makes_room() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path(), 25 * PACKET as u64, 9);
        for (name, age) in [("a", 300), ("b", 200)] {
            keep(&cache, name, 10);
            let seal = File::options().append(true).open(cache.seal(&key(name))).unwrap();
            seal.set_modified(clock::wall() - Duration::from_secs(age)).unwrap();
        }
        assert!(cache.find(&key("a")).is_some(), "which marks it as used");
        keep(&cache, "c", 10);
        assert!(cache.find(&key("b")).is_none());
        assert!(cache.find(&key("a")).is_some() && cache.find(&key("c")).is_some());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
        keep(&cache, "huge", 100);
        assert!(cache.find(&key("huge")).is_some(), "the newest stays, however large");
        let few = Cache { max_clips: 2, ..cache };
        for name in ["d", "e", "f"] {
            keep(&few, name, 1);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "two clips, and what seals them");
        assert!(few.find(&key("f")).is_some());
    }
}
