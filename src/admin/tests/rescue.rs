//! Backups taken and brought back, and the support bundle, in which nothing secret may be.

use tracing_subscriber::layer::SubscriberExt;

use super::house::{Visitors, process, session};
use super::*;
use crate::base::tasks::CancellationToken;
use crate::base::telemetry::{self, recent::Recent};

/// A house over a store that the pages see, too.
async fn house() -> (tempfile::TempDir, Visitors) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let memory = Memory(Mutex::new(Catalog::default()), Some(store.clone()), None);
    (dir, Visitors::of(state_with(memory, store, settled())).await)
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

/// A form with a file, as browsers send it.
fn upload(file: &[u8]) -> Vec<u8> {
    let mut body = b"--xyz\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n1\r\n\
        --xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.db\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n"
        .to_vec();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--xyz--\r\n");
    body
}

const MULTIPART: &str = "multipart/form-data; boundary=xyz";

#[tokio::test]
async fn a_backup_is_taken_and_brought_back() {
    let (dir, house) = house().await;
    let taken = house.post(&house.admin, "/backup/download", &[]).await;
    assert_eq!(taken.status(), StatusCode::OK);
    let named = taken.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(named.starts_with("attachment; filename=\"rooftop-20") && named.ends_with(".db\""), "{named}");
    let length: usize = taken.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let file = bytes(taken).await;
    assert!(file.len() == length && file.starts_with(b"SQLite format 3"));

    assert!(!house.see(&house.admin, "/backup").await.contains("A restore waits"));
    let sent = house.app.clone().oneshot(house.raw("/backup/restore", MULTIPART, upload(&file))).await.unwrap();
    assert_eq!(sent.headers()["location"], "/backup?note=restored", "{}", sent.status());
    let shown = house.see(&house.admin, "/backup?note=restored").await;
    assert!(shown.contains("A restore waits") && shown.contains("Restart now"), "{shown}");
    assert_eq!(house.done("/backup/forget", &[]).await, "/backup?note=forgotten");
    assert_eq!(house.refused("/backup/forget", &[]).await.0, 404);

    for (media_type, body, word) in [
        (MULTIPART, upload(b"SQLite format 3 it is not"), "no sound backup"),
        (MULTIPART, upload(b""), "nothing came"),
        (MULTIPART, b"--xyz--\r\n".to_vec(), "nothing came"),
        (MULTIPART, b"--xyz\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhalf".to_vec(), "broke off"),
        ("text/plain", file.clone(), "nothing came"),
    ] {
        let answer = house.app.clone().oneshot(house.raw("/backup/restore", media_type, body)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{word}");
        let said = text(answer).await;
        assert!(said.contains(word), "{word}: {said}");
    }
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_str().unwrap().contains("transfer")), "{left:?}");
    assert!(house.state.feeds.store.staged().is_none());
}

/// The form of the first run, which nobody is logged in for.
fn first(body: impl Into<Body>) -> Request<Body> {
    let mut request = request("POST", "/setup/restore", None, None);
    request.headers_mut().insert("content-type", MULTIPART.parse().unwrap());
    *request.body_mut() = body.into();
    request
}

#[tokio::test]
async fn a_backup_is_brought_back_in_the_place_of_a_first_password() {
    let (_dir, house) = house().await;
    let file = bytes(house.post(&house.admin, "/backup/download", &[]).await).await;
    let (restart, dir) = (CancellationToken::new(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap();
    let memory = Memory(Mutex::new(Catalog::default()), Some(store.clone()), None);
    let app =
        router(state_with(memory, store.clone(), settled()).with_process(Process { restart: restart.clone(), ..process() }));
    assert!(get(&app, "/setup").await.1.contains("I have a backup"));

    let said = app.clone().oneshot(first(upload(b"SQLite format 3 it is not"))).await.unwrap();
    assert_eq!(said.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let said = text(said).await;
    assert!(said.contains("no sound backup") && said.contains("I have a backup"), "{said}");
    let mut foreign = first(upload(&file));
    foreign.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
    assert_eq!(app.clone().oneshot(foreign).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert!(store.staged().is_none() && !restart.is_cancelled());

    let taken = app.clone().oneshot(first(upload(&file))).await.unwrap();
    assert_eq!(taken.status(), StatusCode::OK);
    assert!(text(taken).await.contains("starts again"));
    assert!(store.staged().is_some() && restart.is_cancelled());
}

#[tokio::test]
async fn once_there_is_a_password_nobody_brings_a_backup_without_it() {
    let (_dir, house) = house().await;
    let restart = CancellationToken::new();
    let state = house.state.clone().with_process(Process { restart: restart.clone(), ..process() });
    let file = bytes(house.post(&house.admin, "/backup/download", &[]).await).await;
    let endless = Body::from_stream(futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
    for body in [Body::from(upload(&file)), endless] {
        let answer = router(state.clone()).oneshot(first(body)).await.unwrap();
        assert_eq!((answer.status(), &answer.headers()["location"]), (StatusCode::SEE_OTHER, &"/login".parse().unwrap()));
    }
    assert!(house.state.feeds.store.staged().is_none() && !restart.is_cancelled());
}

#[tokio::test]
async fn the_api_takes_and_brings_it_too() {
    let (_dir, house) = house().await;
    let taken = house.app.clone().oneshot(request("POST", "/api/v1/backup", Some(TOKEN), None)).await.unwrap();
    let file = bytes(taken).await;
    let bring = |body: Vec<u8>| {
        let mut request = request("POST", "/api/v1/restore", Some(TOKEN), None);
        *request.body_mut() = Body::from(body);
        house.app.clone().oneshot(request)
    };
    assert_eq!(bring(b"nonsense".to_vec()).await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(bring(file).await.unwrap().status(), StatusCode::ACCEPTED);
    assert!(house.state.feeds.store.staged().is_some());
    assert_eq!(send(&house.app, "DELETE", "/api/v1/restore", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(&house.app, "DELETE", "/api/v1/restore", None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_admin_may_ask_for_a_restart() {
    let (_dir, house) = house().await;
    let restart = CancellationToken::new();
    let state = house.state.clone().with_process(Process { restart: restart.clone(), ..process() });
    let house = Visitors { app: router(state.clone()), state, ..house };
    let answer = house.post(&house.viewer, "/backup/restart", &[]).await;
    assert!(answer.status() == StatusCode::FORBIDDEN && !restart.is_cancelled());
    let answer = house.post(&house.admin, "/backup/restart", &[]).await;
    assert!(answer.status() == StatusCode::OK && restart.is_cancelled());
    assert!(text(answer).await.contains("starts again"));
}

/// Secrets are planted wherever one can be; none of them may come out, in the bundle or on any page.
#[tokio::test]
async fn nothing_secret_is_in_the_bundle() {
    let logs = Recent::default();
    let subscriber = tracing_subscriber::registry().with(telemetry::filter("debug").unwrap()).with(logs.clone());
    let _log = tracing::subscriber::set_default(subscriber);
    let state = state_of(settled()).with_process(Process { logs, ..process() });
    state.manager.journal().restore(vec![session("News", "no source left")]);
    let house = Visitors::of(state).await;
    let (address, proxy) = ("127.0.0.1:9", format!("http://user:{SECRET}@127.0.0.1:9"));
    let access = json!({ "headers": { "Authorization": SECRET }, "proxy": proxy, "user_agent": "Box" });
    for (path, body) in [
        (
            "/playlists",
            json!({ "name": "List", "location": format!("http://user:{SECRET}@{address}/get.php?password={SECRET}"), "access": access }),
        ),
        ("/playlists", json!({ "name": "Panel", "server": format!("http://{address}"), "username": "user", "password": SECRET })),
        (
            "/guides",
            json!({ "name": "Guide", "location": format!("http://user:{SECRET}@{address}/xmltv.php?password={SECRET}"), "access": access }),
        ),
    ] {
        let (status, added) = send(&house.app, "POST", &format!("/api/v1{path}"), Some(body)).await;
        assert!(status.is_success(), "{path}: {added}");
        if let Some(job) = added["job"].as_u64() {
            house.state.feeds.jobs.ended(job).await;
        }
    }
    let (_, made) = send(&house.app, "POST", "/api/v1/tokens", Some(json!({ "name": "box", "scope": "admin" }))).await;
    let token = made["token"].as_str().unwrap();
    house.done("/people/users", &[("name", "clara"), ("password", "hunter2hunter2"), ("role", "viewer")]).await;
    let bundle = house.see(&house.admin, "/about/bundle").await;
    assert_eq!(send(&house.app, "GET", "/api/v1/support", None).await.0, StatusCode::OK);
    let read: Value = serde_json::from_str(&bundle).unwrap();
    assert_eq!(read["playlists"].as_array().unwrap().len(), 2, "{bundle}");
    assert_eq!((&read["counts"]["tokens"], &read["settings"][0]["value"]), (&json!(1), &json!("true")));
    assert!(!read["logs"].as_array().unwrap().is_empty() && !read["jobs"].as_array().unwrap().is_empty(), "{bundle}");
    assert!(read["sessions"][0]["guide_name"] == "News" && bundle.contains("127.0.0.1:9"), "{bundle}");
    let hash = house.state.feeds.store.user_of_name("anna").await.unwrap().unwrap().password;
    let mut shown = vec![("bundle", bundle)];
    for path in ["/devices", "/history", "/history/4", "/jobs", "/settings", "/people", "/logs", "/backup", "/about"] {
        shown.push((path, house.see(&house.admin, path).await));
    }
    for (path, text) in shown {
        for secret in [SECRET, token, PASSWORD, "argon2", hash.expose()] {
            assert!(!text.contains(secret), "{path} has {secret:?}:\n{text}");
        }
    }
}
