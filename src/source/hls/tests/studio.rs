//! A folder that ffmpeg fills with HLS, served on loopback with byte ranges; and ffmpeg's judgement of what comes out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::source::testing::{Answer, Server, path};

/// Six seconds of H.264 with B-frames and AAC, made once.
static CLIP: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clip.mp4");
    let picture = "testsrc2=size=320x180:rate=25:duration=6";
    let sound = "sine=frequency=440:sample_rate=48000:duration=6";
    let video = ["-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p", "-b:v", "400k"];
    let audio = ["-c:a", "aac", "-b:a", "96k", "-ac", "2"];
    ffmpeg(&[&["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound], &video[..], &audio[..]].concat(), &file);
    (folder, file)
});

/// The clip.
pub fn clip() -> &'static Path {
    &CLIP.1
}

/// Runs ffmpeg, which must succeed.
pub fn ffmpeg(arguments: &[&str], out: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(arguments).arg(out).stdin(Stdio::null());
    let done = command.output().expect("ffmpeg is installed");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A folder of HLS.
pub struct Studio {
    folder: tempfile::TempDir,
}

impl Studio {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Makes `list.m3u8` of the clip, with segments of two seconds.
    pub fn hls(&self, arguments: &[&str]) {
        self.make(&["-map", "0", "-c", "copy"], arguments, "list.m3u8");
    }

    /// Makes a playlist of the clip.
    pub fn make(&self, streams: &[&str], arguments: &[&str], name: &str) {
        let stem = name.trim_end_matches(".m3u8");
        let kind = if arguments.contains(&"fmp4") { "m4s" } else { "ts" };
        let file = self.path(&format!("{stem}%d.{kind}"));
        let init = format!("{stem}-init.mp4");
        let hls = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "0", "-hls_fmp4_init_filename", &init];
        let file = ["-hls_segment_filename", file.to_str().unwrap()];
        let file = if arguments.contains(&"single_file") { &[][..] } else { &file[..] };
        let clip = CLIP.1.to_str().unwrap();
        ffmpeg(&[&["-i", clip], streams, &hls[..], file, arguments].concat(), &self.path(name));
    }

    /// The same, encrypted.
    pub fn encrypted_hls(&self, own_vector: bool) {
        self.write("key.bin", b"0123456789abcdef");
        let vector = if own_vector { "000102030405060708090a0b0c0d0e0f\n" } else { "" };
        let info = format!("key.bin\n{}\n{vector}", self.path("key.bin").display());
        self.write("key.info", info.as_bytes());
        self.hls(&["-hls_key_info_file", self.path("key.info").to_str().unwrap()]);
        if !own_vector {
            let list = std::fs::read_to_string(self.path("list.m3u8")).unwrap();
            let cut = |line: &str| line.split(",IV=").next().unwrap().to_owned() + "\n";
            self.write("list.m3u8", list.lines().map(cut).collect::<String>().as_bytes());
        }
    }

    /// Encrypts all files that end so with a key of its own and a vector for each, and says so in `list.m3u8`.
    pub fn encrypt(&self, ending: &str) {
        use aes::cipher::block_padding::Pkcs7;
        use aes::cipher::{BlockEncryptMut, KeyIvInit};
        let key = *b"0123456789abcdef";
        self.write("key.bin", &key);
        let list = std::fs::read_to_string(self.path("list.m3u8")).unwrap();
        let mut text = String::new();
        for (number, line) in (1u8..).zip(list.lines()) {
            if line.starts_with("#EXTINF") {
                text += &format!("#EXT-X-KEY:METHOD=AES-128,URI=\"key.bin\",IV=0x{}\n", format!("{number:02x}").repeat(16));
            }
            if line.ends_with(ending) && !line.starts_with('#') {
                let iv = [number - 1; 16];
                let plain = std::fs::read(self.path(line)).unwrap();
                let cipher = cbc::Encryptor::<aes::Aes128>::new(&key.into(), &iv.into());
                self.write(line, &cipher.encrypt_padded_vec_mut::<Pkcs7>(&plain));
            }
            text += line;
            text.push('\n');
        }
        self.write("list.m3u8", text.as_bytes());
    }

    /// Contents of all files that end so, in the order of their numbers.
    pub fn concatenated(&self, ending: &str) -> Vec<u8> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.to_str().unwrap().ends_with(ending));
        files.sort_by_key(|file| (file.as_os_str().len(), file.clone()));
        files.iter().flat_map(|file| std::fs::read(file).unwrap()).collect()
    }

    /// Removes all files that end so.
    pub fn clear(&self, ending: &str) {
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let file = entry.unwrap().path();
            if file.to_str().unwrap().ends_with(ending) {
                std::fs::remove_file(file).unwrap();
            }
        }
    }

    /// Serves the folder as it is now, and later.
    pub async fn serve(&self) -> Server {
        let folder = self.folder.path().to_owned();
        Server::start(move |head| {
            let name = path(head).trim_start_matches('/').split('?').next().unwrap().to_owned();
            let Ok(bytes) = std::fs::read(folder.join(name)) else {
                return Answer::Close(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
            };
            let part = head.lines().find_map(|line| line.strip_prefix("range: bytes="));
            let (status, bytes) = match part.and_then(|part| part.split_once('-')) {
                None => ("200 OK", &bytes[..]),
                Some((first, last)) => {
                    let last = last.parse().map_or(bytes.len(), |last: usize| last + 1);
                    ("206 Partial Content", &bytes[first.parse().unwrap()..last.min(bytes.len())])
                }
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", bytes.len());
            Answer::Close([head.as_bytes(), bytes].concat())
        })
        .await
    }
}

/// Hashes of the pictures of a file, decoded, and of its frames of sound as they are, without headers of ADTS.
pub fn frames(file: &Path) -> (Vec<String>, Vec<String>) {
    let hashes = |how: &[&str]| -> Vec<String> {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-i"]).arg(file).args(how).args(["-f", "framemd5", "-"]);
        let done = command.output().expect("ffmpeg is installed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        // Behind it stand hashes of side data.
        let hash = |line: &str| line.split(',').nth(5).unwrap().trim().to_owned();
        text.lines().filter(|line| !line.starts_with('#')).map(hash).collect()
    };
    let bare: &[&str] = if file.extension().is_some_and(|end| end == "ts") { &["-bsf:a", "aac_adtstoasc"] } else { &[] };
    (hashes(&["-map", "0:v"]), hashes(&[&["-map", "0:a", "-c", "copy"], bare].concat()))
}

/// The same of bytes of a transport stream.
pub fn frames_of(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.ts");
    std::fs::write(&file, bytes).unwrap();
    frames(&file)
}

/// What ffmpeg thinks of a transport stream: that many streams, all of the clip, decoded without a word.
pub fn check(bytes: &[u8], streams: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.ts");
    std::fs::write(&file, bytes).unwrap();
    let mut probe = Command::new("ffprobe");
    probe.args([
        "-v",
        "error",
        "-count_packets",
        "-show_entries",
        "stream=codec_name,nb_read_packets,duration",
        "-of",
        "csv=p=0",
    ]);
    let probed = probe.arg(&file).output().expect("ffprobe is installed");
    let text = String::from_utf8_lossy(&probed.stdout).into_owned();
    // Programmes first, then all streams.
    let all = text.trim().rsplit("\n\n").next().unwrap();
    let lines: Vec<Vec<&str>> = all.lines().map(|line| line.split(',').collect()).filter(|l: &Vec<&str>| l.len() >= 3).collect();
    assert_eq!(lines.len(), streams, "{text} {}", String::from_utf8_lossy(&probed.stderr));
    for line in &lines {
        let packets: u32 = line[2].parse().unwrap();
        let expected = if line[0] == "h264" || line[0] == "hevc" { 150..=150 } else { 120..=285 };
        assert!(expected.contains(&packets), "{text}");
    }
    let mut decode = Command::new("ffmpeg");
    decode.args(["-nostdin", "-v", "error", "-xerror", "-i"]).arg(&file).args(["-map", "0", "-f", "null", "-"]);
    let decoded = decode.output().unwrap();
    let words = String::from_utf8_lossy(&decoded.stderr);
    assert!(decoded.status.success() && words.is_empty(), "{words}");
}
