//! The pages about the house, for an admin and for somebody who may only look.

use super::*;
use crate::base::telemetry::recent::Recent;
use crate::model::{SessionHistory, SourceHistory, SubscriberHistory};

/// Somebody who is logged in.
pub struct Visitor {
    pub cookie: String,
    csrf: String,
}

/// A house with an admin and a viewer in it.
pub struct Visitors {
    pub state: AdminState,
    pub app: Router,
    pub admin: Visitor,
    pub viewer: Visitor,
}

impl Visitors {
    /// Two people in a house; the admin has a password.
    pub async fn of(state: AdminState) -> Self {
        let store = state.feeds.store.clone();
        let hash = access::password::hash(PASSWORD).unwrap();
        let admin = Self::enter(&store, "anna", Role::Admin, hash).await;
        let viewer = Self::enter(&store, "bert", Role::Viewer, "none".into()).await;
        Self { app: router(state.clone()), state, admin, viewer }
    }

    async fn enter(store: &Store, name: &str, role: Role, hash: String) -> Visitor {
        let user = store.add_user(name, role, hash, false).await.unwrap();
        let secret = store.log_in(user, "10.0.0.9".into(), "").await.unwrap();
        let csrf = access::cookie::csrf(secret.expose()).expose().clone();
        Visitor { cookie: format!("rooftop_session={}", secret.expose()), csrf }
    }

    /// A page as somebody sees it.
    pub async fn see(&self, who: &Visitor, path: &str) -> String {
        let (status, text) = page(&self.app, &who.cookie, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    /// Sends a form.
    pub async fn post(&self, who: &Visitor, path: &str, fields: &[(&str, &str)]) -> Response<Body> {
        let mut all = vec![("csrf", who.csrf.as_str())];
        all.extend_from_slice(fields);
        self.app.clone().oneshot(form("POST", path, &who.cookie, &all)).await.unwrap()
    }

    /// Sends a form that is taken; gives where it leads.
    pub async fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let response = self.post(&self.admin, path, fields).await;
        let status = response.status();
        let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {}", text(response).await);
        to.unwrap()
    }

    /// Sends a form that is refused; gives the reason.
    pub async fn refused(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let response = self.post(&self.admin, path, fields).await;
        let status = response.status().as_u16();
        assert!((400..500).contains(&status), "{path}: {status}");
        (status, text(response).await)
    }

    /// A request with the cookie of the admin and whatever body.
    pub fn raw(&self, path: &str, media_type: &str, body: impl Into<Body>) -> Request<Body> {
        let mut request = form("POST", &format!("{path}?csrf={}", self.admin.csrf), &self.admin.cookie, &[]);
        request.headers_mut().insert("content-type", media_type.parse().unwrap());
        *request.body_mut() = body.into();
        request
    }
}

/// A process with a setting and two log records.
pub fn process() -> Process {
    let setting = Setting {
        name: "recovery.fail_back".into(),
        table: "recovery".into(),
        value: "true".into(),
        default: "false".into(),
        origin: "/etc/rooftop/rooftop.toml:7".into(),
        said: true,
        help: "What <it> does.".into(),
        variable: "ROOFTOP_RECOVERY_FAIL_BACK".into(),
        flag: None,
    };
    let logs = Recent::default();
    logs.push(1_700_000_000_000, tracing::Level::INFO, "rooftop::app::wire", "ready channels=3".into());
    logs.push(1_700_000_001_000, tracing::Level::WARN, "rooftop::session", "source <lost>".into());
    let table = SettingTable { name: "recovery".into(), about: "What is done.".into() };
    Process {
        settings: vec![setting],
        tables: vec![table],
        settings_file: "/etc/rooftop/rooftop.toml".into(),
        logs,
        ..Process::default()
    }
}

pub fn session(name: &str, error: &str) -> SessionHistory {
    let now = crate::base::clock::wall_ms();
    let source = SourceHistory {
        source_id: 1,
        stream_url: format!("http://user:{SECRET}@tv.example/live/user/{SECRET}/1.ts"),
        selected_at: Moment(now - 7_200_000),
        deselected_at: Some(Moment(now - 1000)),
        selection_reason: "start".into(),
        ..SourceHistory::default()
    };
    SessionHistory {
        session_id: 4,
        guide_number: "7".into(),
        guide_name: name.into(),
        opened_at: Moment(now - 7_200_000),
        closed_at: Some(Moment(now - 1000)),
        terminal_status: if error.is_empty() { "nobody watches".into() } else { "error".into() },
        terminal_error: error.into(),
        total_subscribers: 1,
        source_select_count: 1,
        sources: vec![source],
        subscribers: vec![SubscriberHistory {
            client_addr: "10.0.0.44".into(),
            connected_at: Moment(now - 7_200_000),
            closed_at: Some(Moment(now - 1000)),
            close_reason: "left".into(),
            ..SubscriberHistory::default()
        }],
        ..SessionHistory::default()
    }
}

#[tokio::test]
async fn everybody_sees_the_pages_and_only_admins_the_forms() {
    let state = state_of(settled()).with_process(process());
    state.manager.journal().restore(vec![session("News <1>", "no source left")]);
    let house = Visitors::of(state).await;
    for (path, words) in [
        ("/devices", ["Attic &#60;1&#62;", "0 of 2 tuners in use"]),
        ("/history", ["News &#60;1&#62;", "no source left"]),
        ("/history/4", ["10.0.0.44", "primary · IPTV"]),
        ("/jobs", ["Nothing is going on.", "Nothing was done"]),
        ("/settings", ["What &#60;it&#62; does.", "/etc/rooftop/rooftop.toml:7"]),
        ("/people", ["Your password", "current-password"]),
        ("/about", ["http://10.0.0.2:5004", "MIT License"]),
    ] {
        for who in [&house.admin, &house.viewer] {
            let shown = house.see(who, path).await;
            assert!(words.iter().all(|word| shown.contains(word)), "{path}: {words:?} in\n{shown}");
            assert!(!shown.contains(SECRET), "{path}");
        }
        // The logout, and one's own password.
        let forms = if path == "/people" { 2 } else { 1 };
        assert_eq!(house.see(&house.viewer, path).await.matches("method=\"post\"").count(), forms, "{path}");
    }
    for path in ["/logs", "/backup", "/about/bundle"] {
        house.see(&house.admin, path).await;
        assert_eq!(page(&house.app, &house.viewer.cookie, path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(page(&house.app, &house.viewer.cookie, "/history/99").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn figures_and_a_session_are_told() {
    let state = state_of(settled());
    state.manager.journal().restore(vec![session("News", "no source left"), session("News", "")]);
    let house = Visitors::of(state).await;
    let shown = house.see(&house.viewer, "/history").await;
    assert!(shown.contains("<b>3 h 59 min</b>") && shown.contains("<b>2</b> sessions"), "{shown}");
    assert!(shown.contains("<span>7 News</span>") && shown.contains("1 time</span>"), "{shown}");
    let path = shown.split("href=\"/history/").nth(1).unwrap().split('"').next().unwrap();
    let one = house.see(&house.viewer, &format!("/history/{path}")).await;
    assert!(one.contains("http://***@tv.example/live/***/***/1.ts") && one.contains("it came first"), "{one}");
}

#[tokio::test]
async fn a_job_is_followed_and_stopped() {
    let house = Visitors::of(state_of(settled())).await;
    let jobs = house.state.feeds.jobs.clone();
    let id = jobs.start("playlist.refresh", 1, "IPTV", |progress| async move {
        progress.step("fetching", Some(2000));
        progress.set_bytes(1000);
        progress.cancelled().await;
        Err("stopped".to_owned())
    });
    while jobs.get(id).unwrap().progress.bytes == 0 {
        tokio::task::yield_now().await;
    }
    let shown = house.see(&house.admin, "/jobs").await;
    assert!(shown.contains(&format!("data-job=\"{id}\"")) && shown.contains("value=\"1000\" max=\"2000\""), "{shown}");
    assert!(shown.contains("Reading the playlist IPTV") && shown.contains("fetching · 1.0 kB of 2.0 kB"), "{shown}");
    assert_eq!(house.done(&format!("/jobs/{id}/cancel"), &[]).await, "/jobs?note=cancelled");
    jobs.ended(id).await;
    assert!(house.see(&house.viewer, "/jobs").await.contains(">stopped</td>"));
    assert_eq!(house.refused(&format!("/jobs/{id}/cancel"), &[]).await.0, 409);
    assert_eq!(house.refused("/jobs/99/cancel", &[]).await.0, 404);
}

#[tokio::test]
async fn logs_are_found_by_level_and_text() {
    let house = Visitors::of(state_of(settled()).with_process(process())).await;
    let rows = |shown: &str| shown.matches("<li class=").count();
    let all = house.see(&house.admin, "/logs").await;
    assert!(rows(&all) == 2 && all.contains("source &#60;lost&#62;") && all.contains("11-14 22:13:20.000"), "{all}");
    assert_eq!(rows(&house.see(&house.admin, "/logs?level=warn").await), 1);
    assert!(house.see(&house.admin, "/logs?search=nothing").await.contains("No record."));
    let (_, found) = send(&house.app, "GET", "/api/v1/logs?search=READY", None).await;
    assert_eq!((&found["records"][0]["text"], &found["records"][0]["level"]), (&json!("ready channels=3"), &json!("info")));
    for (bad, field) in [("level=loud", "level"), ("limit=0", "limit")] {
        let (status, problem) = send(&house.app, "GET", &format!("/api/v1/logs?{bad}"), None).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)));
    }
}

#[tokio::test]
async fn documents_are_carried_along() {
    let house = Visitors::of(state_of(settled())).await;
    let shown = house.see(&house.viewer, "/about").await;
    for path in shown.split("href=\"/about/documents/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(house.see(&house.viewer, &format!("/about/documents/{path}")).await.len() > 500, "{path}");
    }
    assert_eq!(page(&house.app, &house.viewer.cookie, "/about/documents/passwd").await.0, StatusCode::NOT_FOUND);
}
