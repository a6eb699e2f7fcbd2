//! Who may see and do what: every page and every route of the API, for everybody who may come.

use super::*;
use crate::admin::routes::{Need, Route};

/// All routes that need somebody.
fn routes() -> Vec<Route> {
    let state = state_of(settled());
    let (pages, api) = (web::table(&state), api::table(&state));
    pages.routes().iter().chain(api.routes()).cloned().collect()
}

/// The path with something in the place of each variable.
fn path_of(route: &Route) -> String {
    let part = |part: &str| if part.starts_with('{') { "1".to_owned() } else { part.to_owned() };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Whoever may come, and how.
const COMERS: [&str; 9] = [
    "nobody, before there is a password",
    "nobody",
    "viewer",
    "admin",
    "admin, expired",
    "admin, no csrf",
    "admin, foreign origin",
    "admin, wrong host",
    "admin, outside network",
];

async fn status(app: &Router, route: &Route, comer: &str, cookies: &[String; 2], csrf: &[String; 2]) -> StatusCode {
    let (cookie, csrf) = match comer {
        "viewer" => (cookies[1].as_str(), csrf[1].as_str()),
        "admin, expired" => ("rooftop_session=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", csrf[0].as_str()),
        "admin, no csrf" => (cookies[0].as_str(), ""),
        _ if comer.starts_with("admin") => (cookies[0].as_str(), csrf[0].as_str()),
        _ => ("", ""),
    };
    let changes = route.method != axum::http::Method::GET;
    let fields: &[(&str, &str)] = if changes { &[("csrf", csrf)] } else { &[] };
    let mut request = form(route.method.as_str(), &path_of(route), cookie, fields);
    if route.path.starts_with("/api/") && !csrf.is_empty() {
        request.headers_mut().insert("x-csrf-token", csrf.parse().unwrap());
    }
    match comer {
        "admin, foreign origin" => drop(request.headers_mut().insert("origin", "http://evil.example".parse().unwrap())),
        "admin, wrong host" => drop(request.headers_mut().insert("host", "evil.example".parse().unwrap())),
        "admin, outside network" => {
            let peer = Peer { remote: "203.0.113.9:1".parse().unwrap(), local: "10.0.0.2:5004".parse().unwrap() };
            request.extensions_mut().insert(peer);
        }
        _ => {}
    }
    app.clone().oneshot(request).await.unwrap().status()
}

/// What must come of it; `None`: whatever the route itself says, but no refusal.
fn expected(route: &Route, comer: &str) -> Option<u16> {
    let (page, changes) = (!route.path.starts_with("/api/"), route.method != axum::http::Method::GET);
    let Need::Role(role) = route.need else {
        return match comer {
            "admin, wrong host" => Some(421),
            "admin, outside network" => Some(403),
            "admin, foreign origin" if changes => Some(403),
            _ => None,
        };
    };
    match comer {
        "admin, wrong host" => Some(421),
        "admin, outside network" => Some(403),
        "admin, foreign origin" if changes => Some(403),
        "nobody, before there is a password" => Some(if page { 303 } else { 401 }),
        "nobody" | "admin, expired" => Some(if page && !changes { 303 } else { 401 }),
        "viewer" if role == Role::Admin => Some(403),
        "admin, no csrf" if changes => Some(403),
        _ => None,
    }
}

/// A table of every route and every comer, with the status seen. A new route is in it by itself.
#[tokio::test]
async fn every_route_is_closed_to_whoever_may_not() {
    let routes = routes();
    assert!(routes.len() > 60, "{}", routes.len());
    let mut table = String::new();
    let mut wrong = Vec::new();
    for comer in COMERS {
        let state = state_of(settled());
        let store = state.feeds.store.clone();
        let app = router(state);
        let (mut cookies, mut csrf) = ([String::new(), String::new()], [String::new(), String::new()]);
        if comer != COMERS[0] {
            for (index, role) in [Role::Admin, Role::Viewer].into_iter().enumerate() {
                let user = store.add_user(role.word(), role, "none".into(), false).await.unwrap();
                let secret = store.log_in(user, "10.0.0.9".into(), "").await.unwrap();
                cookies[index] = format!("rooftop_session={}", secret.expose());
                csrf[index] = access::cookie::csrf(secret.expose()).expose().clone();
            }
        }
        for route in &routes {
            // A logout ends what the others need.
            if route.path == "/logout" && expected(route, comer).is_none() {
                continue;
            }
            let status = status(&app, route, comer, &cookies, &csrf).await.as_u16();
            let open = ![401, 403, 421].contains(&status) || (status == 401 && route.path == "/login");
            let fits = expected(route, comer).map_or(open, |expected| expected == status);
            table += &format!("{:<6} {:<44} {comer:<36} {status}\n", route.method, route.path);
            if !fits {
                wrong.push(format!("{} {} for {comer}: {status}, not {:?}", route.method, route.path, expected(route, comer)));
            }
        }
    }
    if let Ok(to) = std::env::var("ROOFTOP_TEST_ACCESS_TABLE") {
        std::fs::write(to, &table).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_first_password_is_set_once_and_opens_the_pages() {
    let app = app(1, settled());
    for path in ["/", "/live"] {
        let response = app.clone().oneshot(request("GET", path, None, None)).await.unwrap();
        assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/setup"));
    }
    for (fields, word) in [
        ([("password", "short"), ("again", "short")], "at least 8"),
        ([("password", PASSWORD), ("again", "correct horses")], "not the same"),
    ] {
        let response = app.clone().oneshot(form("POST", "/setup", "", &fields)).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(response).await.contains(word));
    }
    let mut foreign = form("POST", "/setup", "", &[("password", PASSWORD), ("again", PASSWORD)]);
    foreign.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
    assert_eq!(app.clone().oneshot(foreign).await.unwrap().status(), StatusCode::FORBIDDEN);
    let cookie = cookie(&app).await;
    assert_eq!(page(&app, &cookie, "/").await.0, StatusCode::OK);
    let again = form("POST", "/setup", "", &[("password", "another one"), ("again", "another one")]);
    let response = app.clone().oneshot(again).await.unwrap();
    assert_eq!(response.headers()["location"], "/login", "whoever comes second changes nothing");
    assert!(!response.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn guessing_is_slowed_down_and_a_login_ends() {
    let app = app(1, settled());
    cookie(&app).await;
    let log_in = |password: &'static str| {
        let fields = [("name", "admin"), ("password", password), ("to", "/live")];
        app.clone().oneshot(form("POST", "/login", "", &fields))
    };
    let response = log_in(PASSWORD).await.unwrap();
    assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/live"));
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(log_in("wrong horse").await.unwrap().status().as_u16());
    }
    assert_eq!(seen, [401, 401, 401, 401, 401, 429]);
    let response = log_in(PASSWORD).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS, "not even the right one");
    assert!(response.headers().contains_key("retry-after"));

    let (_, shown) = page(&app, &cookie, "/").await;
    let csrf = shown.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let response = app.clone().oneshot(form("POST", "/logout", &cookie, &[("csrf", csrf)])).await.unwrap();
    assert_eq!(response.headers()["location"], "/login");
    assert_eq!(page(&app, &cookie, "/").await.0, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_token_that_may_only_look_changes_nothing() {
    let app = app(1, settled());
    let ask = |method: &'static str, path: &'static str| app.clone().oneshot(request(method, path, Some(LOOKING), None));
    assert_eq!(ask("GET", "/api/v1/status").await.unwrap().status(), StatusCode::OK);
    assert_eq!(ask("DELETE", "/api/v1/sources/health").await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[rstest::rstest]
#[case(None, "Bearer realm=\"rooftop\"")]
#[case(Some("wrong"), "Bearer realm=\"rooftop\", error=\"invalid_token\"")]
#[tokio::test]
async fn the_api_wants_a_token_for_everything(#[case] token: Option<&str>, #[case] challenge: &str) {
    let app = app(1, settled());
    for (method, path) in
        [("GET", "/api/v1/status"), ("DELETE", "/api/v1/devices/1080F19F"), ("GET", "/api/v1/nothing"), ("PUT", "/api/v1/status")]
    {
        let response = app.clone().oneshot(request(method, path, token, None)).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(response.headers()["www-authenticate"], challenge);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert!(!response.headers().contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn strangers_get_nothing() {
    let app = app(1, settled());
    for path in ["/", "/live", "/static/page.css", "/metrics", "/healthz", "/api/v1/status"] {
        let mut foreign = request("GET", path, Some(TOKEN), None);
        let peer = Peer { remote: "203.0.113.9:1".parse().unwrap(), local: "10.0.0.2:5004".parse().unwrap() };
        foreign.extensions_mut().insert(peer);
        assert_eq!(app.clone().oneshot(foreign).await.unwrap().status(), StatusCode::FORBIDDEN, "{path}");
        let mut rebound = request("GET", path, Some(TOKEN), None);
        rebound.headers_mut().insert("host", "evil.example".parse().unwrap());
        assert_eq!(app.clone().oneshot(rebound).await.unwrap().status(), StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_nobody_may_not_send_much_or_slowly() {
    let app = app(1, settled());
    let long = "x".repeat(20_000);
    for path in ["/login", "/setup"] {
        let response = app.clone().oneshot(form("POST", path, "", &[("password", &long)])).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        let mut endless = form("POST", path, "", &[]);
        *endless.body_mut() = Body::from_stream(futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
        let began = crate::base::clock::now();
        let response = app.clone().oneshot(endless).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert!(crate::base::clock::now() - began < Duration::from_secs(6));
    }
}
