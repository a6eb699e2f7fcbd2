//! The real executable, in the namespace of a test, with a fresh data directory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::http::{Request, Response};
use super::netns::Netns;
use super::playlist::{Entry, m3u};
use super::process::{Output, run};
use super::wait;

/// The executable under test.
pub const EXE: &str = env!("CARGO_BIN_EXE_rooftop");
/// The port of metadata.
pub const WEB: &str = "10.77.0.1:80";
/// The port of streams.
pub const STREAM: &str = "10.77.0.1:5004";

/// How to start it.
pub struct Setup {
    netns: Arc<Netns>,
    dir: tempfile::TempDir,
    data: Arc<tempfile::TempDir>,
    playlists: Vec<String>,
    listen: Vec<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// A running server.
pub struct App {
    /// Its network.
    pub netns: Arc<Netns>,
    dir: tempfile::TempDir,
    data: Arc<tempfile::TempDir>,
    child: Child,
    token: OnceLock<String>,
    cookie: OnceLock<String>,
}

impl Setup {
    /// A server with no playlist yet, on ports 5004 and 80.
    pub fn new(netns: &Arc<Netns>) -> Self {
        Self {
            netns: Arc::clone(netns),
            dir: temporary(),
            data: Arc::new(temporary()),
            playlists: Vec::new(),
            listen: vec!["0.0.0.0:5004".into(), "0.0.0.0:80".into()],
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// One more playlist with these entries.
    pub fn playlist(self, entries: &[Entry]) -> Self {
        self.playlist_text(m3u(entries).as_bytes())
    }

    /// One more playlist with this text.
    pub fn playlist_text(mut self, text: &[u8]) -> Self {
        let path = self.dir.path().join(format!("list{}.m3u", self.playlists.len()));
        std::fs::write(&path, text).unwrap();
        self.playlists.push(path.display().to_string());
        self
    }

    /// One more playlist from an address.
    pub fn playlist_url(mut self, url: &str) -> Self {
        self.playlists.push(url.into());
        self
    }

    /// Every entry in a playlist of its own, hence with a connection limit of its own.
    pub fn playlist_each(self, entries: &[Entry]) -> Self {
        entries.iter().fold(self, |setup, entry| setup.playlist(std::slice::from_ref(entry)))
    }

    /// A further argument.
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// An environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The number of tuners.
    pub fn tuners(self, count: u8) -> Self {
        self.env("ROOFTOP_TUNERS", &count.to_string())
    }

    /// Other addresses to listen at.
    pub fn listen(mut self, at: &[&str]) -> Self {
        self.listen = at.iter().map(|at| (*at).to_owned()).collect();
        self
    }

    /// With a log that does not grow by every detail: for those that run long.
    pub fn quiet(self) -> Self {
        self.env("ROOFTOP_LOG", "info")
    }

    /// The data directory of another server, stopped meanwhile.
    pub fn data_of(mut self, app: &App) -> Self {
        self.data = Arc::clone(&app.data);
        self
    }

    /// Starts it without waiting for anything.
    pub fn spawn(self) -> App {
        let mut command = self.netns.command(EXE);
        command.arg("serve").arg("--data-dir").arg(self.data.path().join("data"));
        for listen in &self.listen {
            command.args(["--listen", listen]);
        }
        for playlist in &self.playlists {
            command.args(["--playlist", playlist]);
        }
        // A probe at the wrong moment would be a hit at the origin that no test has asked for.
        command.env("ROOFTOP_PROBER_INTERVAL_H", "0");
        command.env("ROOFTOP_LOG", "debug").env("NO_COLOR", "1").env_remove("RUST_LOG");
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        let log = File::options().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        App { netns: self.netns, dir: self.dir, data: self.data, child, token: OnceLock::new(), cookie: OnceLock::new() }
    }

    /// Starts it and waits until it says that it is ready.
    pub fn start(self) -> App {
        let first = self.listen.first().map_or(STREAM.to_owned(), |at| at.replace("0.0.0.0", "10.77.0.1"));
        let mut app = self.spawn();
        wait::until("the server to be ready", Duration::from_secs(20), || {
            if let Some(status) = app.exited() {
                panic!("the server ended with {status}:\n{}", app.log());
            }
            let answer = Request::get("/readyz").timeout(Duration::from_secs(1)).send(&app.netns, &first).ok()?;
            (answer.status == 200).then_some(())
        });
        app
    }
}

impl App {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        wait::until("the server to end", limit, || self.child.try_wait().unwrap())
    }

    /// Where its database lies.
    pub fn data_dir(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// The folder of its log and playlists; a test may put more there.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let mut text = Vec::new();
        if let Ok(mut file) = File::open(self.dir.path().join("log")) {
            let _ = file.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Fails the test unless the log has a line with all of these words.
    pub fn assert_logged(&self, words: &[&str]) {
        let log = self.log();
        let found = log.lines().any(|line| words.iter().all(|word| line.to_lowercase().contains(&word.to_lowercase())));
        assert!(found, "no log line with {words:?} in:\n{log}");
    }

    /// A GET on port 80.
    pub fn get(&self, target: &str) -> Response {
        Request::get(target).send(&self.netns, WEB).unwrap_or_else(|error| panic!("{target}: {error}"))
    }

    /// A JSON document on port 80.
    pub fn json(&self, target: &str) -> Value {
        let response = self.get(target);
        assert_eq!(response.status, 200, "{target}");
        response.json()
    }

    /// A GET of the API with a token.
    pub fn api(&self, target: &str) -> Response {
        let request = Request::get(target).header("Authorization", &format!("Bearer {}", self.token()));
        request.send(&self.netns, WEB).unwrap()
    }

    /// Any request of the API with a token, and JSON for a body.
    pub fn api_with(&self, method: &str, target: &str, body: Option<&str>) -> Response {
        let mut request = Request::new(method, target).header("Authorization", &format!("Bearer {}", self.token()));
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.as_bytes());
        }
        request.send(&self.netns, WEB).unwrap()
    }

    /// A page, as the admin sees it; sets the first password if need be.
    pub fn page(&self, target: &str) -> Response {
        Request::get(target).header("Cookie", self.cookie()).send(&self.netns, WEB).unwrap()
    }

    /// The cookie of the admin, made once.
    pub fn cookie(&self) -> &str {
        self.cookie.get_or_init(|| {
            let form = Request::new("POST", "/setup").header("Content-Type", "application/x-www-form-urlencoded");
            let response = form.body(b"password=correct+horse&again=correct+horse").send(&self.netns, WEB).unwrap();
            assert_eq!(response.status, 303);
            response.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
        })
    }

    /// A token, made once.
    pub fn token(&self) -> &str {
        self.token.get_or_init(|| {
            let output = self.cli(&["token", "--data-dir", &self.data_dir().display().to_string()]).ok();
            output.lines().last().unwrap().split_whitespace().last().unwrap().to_owned()
        })
    }

    /// Runs another command of the executable in the same namespace.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        run(self.netns.command(EXE).args(arguments), Duration::from_secs(20))
    }

    /// A real client in the same namespace.
    pub fn client(&self, program: &str) -> Command {
        self.netns.command(program)
    }

    /// `hdhomerun_config` with these arguments.
    pub fn hdhomerun(&self, arguments: &[&str]) -> Output {
        run(self.netns.command("hdhomerun_config").args(arguments), Duration::from_secs(70))
    }

    /// Its device id.
    pub fn device_id(&self) -> String {
        self.json("/discover.json")["DeviceID"].as_str().unwrap().to_owned()
    }

    /// The rows of `status.json`.
    pub fn tuners(&self) -> Vec<Value> {
        self.json("/status.json").as_array().unwrap().clone()
    }

    /// How many tuners `status.json` shows as busy.
    pub fn busy(&self) -> usize {
        self.tuners().iter().filter(|row| row.as_object().unwrap().len() > 1).count()
    }

    /// Waits until no tuner is busy, and says how long that took.
    pub fn until_idle(&self, limit: Duration) -> Duration {
        wait::until_so("all tuners idle", limit, || self.busy() == 0)
    }

    /// The value of a metric: the sum of all its rows.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = String::from_utf8(self.get("/metrics").body()).unwrap();
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        let values = rows.filter(|line| line.split(['{', ' ']).next() == Some(name));
        let values: Vec<f64> = values.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// What its open file descriptors are: paths, `socket:[…]`, `pipe:[…]`.
    pub fn open_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().flatten();
        let targets = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        targets.map(|target| target.to_string_lossy().into_owned()).collect()
    }

    /// Open file descriptors but for those of the databases, which are opened when they are needed first, and stay.
    pub fn descriptors(&self) -> usize {
        let data = self.data_dir().canonicalize().unwrap();
        let database = |file: &&String| file.starts_with(&*data.join("rooftop.db").to_string_lossy()) || in_spool(file, &data);
        let open = self.open_files();
        open.len() - open.iter().filter(database).count()
    }

    /// How many threads it has of each name, without the number at its end.
    pub fn threads(&self) -> BTreeMap<String, usize> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.fold(BTreeMap::new(), |mut count, name| {
            *count.entry(name.trim().trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()).or_default() += 1;
            count
        })
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Fails the test unless it runs, answers, and has not panicked.
    pub fn assert_well(&mut self) {
        let log = self.log();
        assert!(self.exited().is_none(), "the server is gone:\n{log}");
        assert!(!log.contains("panicked"), "a panic:\n{log}");
        let answer = Request::get("/healthz").timeout(Duration::from_secs(3)).send(&self.netns, STREAM).unwrap();
        assert_eq!(answer.status, 200);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Asks it to end, which it does with code 0 within 12 s and without a panic.
    pub fn stop(mut self) -> Self {
        self.signal(Signal::TERM);
        let status = self.wait_exit(Duration::from_secs(12));
        let log = self.log();
        assert!(status.success(), "ended with {status}:\n{log}");
        assert!(!log.contains("panicked"), "a panic:\n{log}");
        self
    }
}

impl Drop for App {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let from = log.lines().count().saturating_sub(150);
            let tail: Vec<&str> = log.lines().skip(from).collect();
            eprintln!("--- the end of the server's log ---\n{}", tail.join("\n"));
        }
    }
}

fn in_spool(file: &str, data: &Path) -> bool {
    Path::new(file).starts_with(data.join("spool"))
}

fn temporary() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("rooftop-it-").tempdir().unwrap()
}

/// The address of a port at 10.77.0.1.
pub fn at(port: u16) -> SocketAddr {
    SocketAddr::new(super::IP.parse().unwrap(), port)
}
