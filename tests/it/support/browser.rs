//! Chromium without a screen, driven by WebDriver (W3C) and, where that has no words for it, the DevTools protocol.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::Request;
use super::netns::Netns;
use super::process::{Running, start};
use super::wait;

const DRIVER: &str = "127.0.0.1:9515";
/// The name of an element in answers (WebDriver, 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one page. It ends when dropped.
pub struct Browser {
    netns: Arc<Netns>,
    session: String,
    home: String,
    _profile: tempfile::TempDir,
    _driver: Running,
}

impl Browser {
    /// Starts one that knows our server by `home` (`http://10.77.0.1`).
    pub fn start(netns: &Arc<Netns>, home: &str) -> Self {
        let profile = tempfile::Builder::new().prefix("rooftop-browser-").tempdir().unwrap();
        let driver = start(netns.command("chromedriver").arg("--port=9515").env("HOME", profile.path()));
        let ready = || {
            let answer = Request::get("/status").send(netns, DRIVER).ok()?;
            answer.json()["value"]["ready"].as_bool().filter(|ready| *ready)
        };
        wait::until("the driver of the browser", Duration::from_secs(20), ready);
        let data = format!("--user-data-dir={}", profile.path().join("data").display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--autoplay-policy=no-user-gesture-required",
            "--no-first-run",
            "--disable-background-networking",
            &data,
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": arguments } } } });
        let answer = call(netns, "POST", "/session", &wanted);
        let session = answer["sessionId"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        Self { netns: Arc::clone(netns), session, home: home.to_owned(), _profile: profile, _driver: driver }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        call(&self.netns, method, &format!("/session/{}{path}", self.session), body)
    }

    /// Says something in the DevTools protocol.
    pub fn tell(&self, command: &str, parameters: Value) -> Value {
        self.ask("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Goes to a path of ours, and waits until it is there.
    pub fn open(&self, path: &str) {
        self.ask("POST", "/url", &json!({ "url": format!("{}{path}", self.home) }));
    }

    /// Path and query of the page.
    pub fn path(&self) -> String {
        let url = self.ask("GET", "/url", &Value::Null);
        let url = url.as_str().unwrap();
        url.strip_prefix(&self.home).unwrap_or(url).to_owned()
    }

    /// The first element of a selector of CSS.
    pub fn find(&self, selector: &str) -> Option<String> {
        let found = self.ask("POST", "/elements", &json!({ "using": "css selector", "value": selector }));
        found.as_array()?.first()?[ELEMENT].as_str().map(str::to_owned)
    }

    fn element(&self, selector: &str) -> String {
        wait::until(&format!("{selector} on {}: {}", self.path(), self.text()), Duration::from_secs(10), || self.find(selector))
    }

    /// Clicks on it, and waits for the page that follows, if one does.
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.ask("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into a field, in the place of what is there.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.ask("POST", &format!("/element/{element}/clear"), &json!({}));
        self.ask("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Gives a field of files a file.
    pub fn choose(&self, selector: &str, path: &std::path::Path) {
        let element = self.element(selector);
        self.ask("POST", &format!("/element/{element}/value"), &json!({ "text": path.display().to_string() }));
    }

    /// Where files go that are taken from pages.
    pub fn downloads(&self, folder: &std::path::Path) {
        std::fs::create_dir_all(folder).unwrap();
        let to = json!({ "behavior": "allow", "downloadPath": folder.display().to_string() });
        self.tell("Browser.setDownloadBehavior", to);
    }

    /// Presses keys, one after the other; `\u{e004}` is Tab, `\u{e007}` Enter (WebDriver, 17.4.2).
    pub fn press(&self, keys: &str) {
        let press = |key: char| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        self.ask("POST", "/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// Drags one element to the middle of another.
    pub fn drag(&self, from: &str, to: &str) {
        let (from, to) = (self.element(from), self.element(to));
        let at = |id: &str, y: i64| json!({ "type": "pointerMove", "duration": 200, "origin": { ELEMENT: id }, "x": 0, "y": y });
        let actions = json!([
            at(&from, 0), { "type": "pointerDown", "button": 0 }, at(&from, -5), at(&to, 2), at(&to, -4),
            { "type": "pause", "duration": 200 }, { "type": "pointerUp", "button": 0 },
        ]);
        self.ask("POST", "/actions", &json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": actions }] }));
    }

    /// What can be read on the page; nothing while another one is coming.
    pub fn text(&self) -> String {
        let body = json!({ "script": "return document.body?.innerText ?? ''", "args": [] });
        let answer = attempt(&self.netns, "POST", &format!("/session/{}/execute/sync", self.session), &body);
        answer.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Waits until this can be read.
    pub fn until(&self, text: &str) {
        wait::until_so(&format!("{text:?} on {}, where it says {}", self.path(), self.text()), Duration::from_secs(15), || {
            self.text().contains(text)
        });
    }

    /// What a function's body gives.
    pub fn run(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What a promise gives.
    pub fn run_async(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; ({script}).then(done, (error) => done({{ error: String(error) }}));");
        self.ask("POST", "/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Says yes to a question.
    pub fn agree(&self) {
        self.ask("POST", "/alert/accept", &json!({}));
    }

    /// How large the page's window is, and whether it is dark.
    pub fn look(&self, width: u32, height: u32, dark: bool) {
        let phone = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.tell("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } }] });
        self.tell("Emulation.setEmulatedMedia", scheme);
    }

    /// Whether scripts of pages run.
    pub fn scripts(&self, on: bool) {
        self.tell("Emulation.setScriptExecutionDisabled", json!({ "value": !on }));
    }

    /// Takes a picture of the whole page, kept with the results of the test run.
    pub fn picture(&self, name: &str) -> PathBuf {
        use base64::Engine;
        let taken = self.tell("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true }));
        let bytes = base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pages");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is the driver's child; it would stay.
        let _ = Request::new("DELETE", &format!("/session/{}", self.session)).send(&self.netns, DRIVER);
    }
}

fn call(netns: &Netns, method: &str, path: &str, body: &Value) -> Value {
    attempt(netns, method, path, body).unwrap_or_else(|answer| panic!("{method} {path} {body}: {answer:#}"))
}

/// The value of an answer, or what is wrong.
fn attempt(netns: &Netns, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
    let mut request = Request::new(method, path).timeout(Duration::from_secs(60)).header("Content-Type", "application/json");
    if method == "POST" {
        request = request.body(body.to_string().as_bytes());
    }
    let response = request.send(netns, DRIVER).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let status = response.status;
    let mut answer = response.json();
    if status == 200 { Ok(answer["value"].take()) } else { Err(answer) }
}
