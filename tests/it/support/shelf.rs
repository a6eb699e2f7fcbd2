//! A web server in the namespace of the test for files that change: with tags, with ranges, and with connections that break.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::netns::Netns;

/// What lies at a path.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The file.
    pub body: Arc<Vec<u8>>,
    /// Its tag, with its quotation marks: with one, the server knows "not modified" and ranges.
    pub tag: Option<String>,
    /// Its media type.
    pub kind: &'static str,
    /// The next answer breaks off behind so many bytes of the body.
    pub breaks_after: Option<usize>,
    /// Behind so many bytes of the body nothing more comes, and the connection stays.
    pub stalls_after: Option<usize>,
}

impl Page {
    /// A playlist, or whatever is none of the others.
    pub fn list(body: impl Into<Vec<u8>>) -> Self {
        Self { body: Arc::new(body.into()), kind: "audio/x-mpegurl", ..Self::default() }
    }

    /// A page for people.
    pub fn html(body: &str) -> Self {
        Self { kind: "text/html; charset=utf-8", ..Self::list(body) }
    }

    /// With a tag, written without quotation marks.
    pub fn tagged(self, tag: &str) -> Self {
        Self { tag: Some(format!("\"{tag}\"")), ..self }
    }

    /// Its next answer breaks off.
    pub fn breaks_after(self, bytes: usize) -> Self {
        Self { breaks_after: Some(bytes), ..self }
    }

    /// It is never sent whole.
    pub fn stalls_after(self, bytes: usize) -> Self {
        Self { stalls_after: Some(bytes), ..self }
    }
}

#[derive(Default)]
struct State {
    pages: HashMap<String, Page>,
    asked: Vec<(String, String)>,
}

/// The server. It ends when dropped.
pub struct Shelf {
    address: String,
    state: Arc<Mutex<State>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Shelf {
    /// Starts one on a port of its own at 10.77.0.1.
    pub fn start(netns: &Netns) -> Self {
        let listener = netns.listen("10.77.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (state, over) = (Arc::new(Mutex::new(State::default())), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (state, over) = (Arc::clone(&state), Arc::clone(&over));
            move || serve(&listener, &state, &over)
        });
        Self { address, state, over, thread: Some(thread) }
    }

    /// What lies at `path` from now on.
    pub fn put(&self, path: &str, page: Page) {
        self.state.lock().unwrap().pages.insert(path.to_owned(), page);
    }

    /// The address of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of the requests of `path` so far, in lower case.
    pub fn asked(&self, path: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.asked.iter().filter(|(asked, _)| asked == path).map(|(_, head)| head.clone()).collect()
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, state: &Arc<Mutex<State>>, over: &Arc<AtomicBool>) {
    listener.set_nonblocking(true).unwrap();
    let mut open = Vec::new();
    while !over.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                let (state, over) = (Arc::clone(state), Arc::clone(over));
                open.push(std::thread::spawn(move || answer(stream, &state, &over)));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    open.into_iter().for_each(|thread| drop(thread.join()));
}

/// One connection carries one request. Errors are the client's leaving.
fn answer(mut stream: TcpStream, state: &Mutex<State>, over: &AtomicBool) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => head.extend_from_slice(&buffer[..length]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let page = {
        let mut state = state.lock().unwrap();
        state.asked.push((path.clone(), head.to_lowercase()));
        let page = state.pages.get(&path).cloned();
        if let Some(kept) = state.pages.get_mut(&path) {
            kept.breaks_after = None;
        }
        page
    };
    let Some(page) = page else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let field = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let tag = page.tag.clone().map(|tag| format!("ETag: {tag}\r\nAccept-Ranges: bytes\r\n")).unwrap_or_default();
    if page.tag.is_some() && field("if-none-match") == page.tag {
        return stream.write_all(format!("HTTP/1.1 304 Not Modified\r\n{tag}Connection: close\r\n\r\n").as_bytes());
    }
    let wanted = field("range").filter(|_| page.tag.is_some() && field("if-range").is_none_or(|seen| Some(seen) == page.tag));
    let from = wanted.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let from = from.filter(|from| *from < page.body.len());
    let (status, range) = match from {
        Some(from) => {
            ("206 Partial Content", format!("Content-Range: bytes {from}-{}/{}\r\n", page.body.len() - 1, page.body.len()))
        }
        None => ("200 OK", String::new()),
    };
    let body = &page.body[from.unwrap_or(0)..];
    let (kind, length) = (page.kind, body.len());
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{tag}{range}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let sent = page.breaks_after.or(page.stalls_after).unwrap_or(length).min(length);
    stream.write_all(&body[..sent])?;
    if page.stalls_after.is_some() {
        stream.set_nonblocking(true)?;
        while !over.load(Ordering::Relaxed) && !matches!(stream.read(&mut buffer), Ok(0)) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}
