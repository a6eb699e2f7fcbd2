//! Users, passwords, tokens and the audit, by forms and by the API.

use super::house::Visitors;
use super::*;

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_the_old_one() {
    let house = Visitors::of(state_of(settled())).await;
    let fields = |old: &'static str, new: &'static str, again: &'static str| [("old", old), ("new", new), ("again", again)];
    for (fields, word) in [
        (fields(PASSWORD, "another horse", "another hors"), "not the same"),
        (fields(PASSWORD, "short", "short"), "at least 8"),
        (fields("wrong horse", "another horse", "another horse"), "old password is wrong"),
    ] {
        let (status, text) = house.refused("/people/password", &fields).await;
        assert!(status == 422 && text.contains(word), "{status} {text}");
    }
    let to = house.done("/people/password", &fields(PASSWORD, "another horse", "another horse")).await;
    assert_eq!(to, "/people?note=password");
    house.see(&house.admin, "/people").await;
    let user = house.state.feeds.store.user_of_name("anna").await.unwrap().unwrap();
    assert!(access::password::verify("another horse", Some(user.password.expose())));
    for _ in 0..8 {
        house.refused("/people/password", &fields("wrong horse", "another horse", "another horse")).await;
    }
    let (status, text) = house.refused("/people/password", &fields("another horse", "third horse", "third horse")).await;
    assert!(status == 409 && text.contains("Too many wrong"), "guessing is slowed down: {status} {text}");
}

#[tokio::test]
async fn users_come_and_go_and_the_last_admin_stays() {
    let house = Visitors::of(state_of(settled())).await;
    let clara = [("name", "clara"), ("password", "long enough"), ("role", "admin")];
    assert_eq!(house.done("/people/users", &clara).await, "/people?note=added#h-users");
    assert_eq!(house.refused("/people/users", &clara).await.0, 409);
    for bad in [
        [("name", "dora"), ("password", "short"), ("role", "admin")],
        [("name", "dora"), ("password", "long enough"), ("role", "king")],
        [("name", " "), ("password", "long enough"), ("role", "viewer")],
    ] {
        assert_eq!(house.refused("/people/users", &bad).await.0, 422, "{bad:?}");
    }
    let store = &house.state.feeds.store;
    let id = store.user_of_name("clara").await.unwrap().unwrap().id;
    let shown = house.see(&house.admin, "/people").await;
    assert!(shown.contains("clara") && shown.contains("POST /people/users") && !shown.contains("argon2"), "{shown}");
    assert!(!house.see(&house.viewer, "/people").await.contains("clara"));
    house.done(&format!("/people/users/{id}/remove"), &[]).await;
    assert_eq!(house.refused(&format!("/people/users/{id}/remove"), &[]).await.0, 404);
    let anna = store.user_of_name("anna").await.unwrap().unwrap().id;
    assert_eq!(house.refused(&format!("/people/users/{anna}/remove"), &[]).await.0, 409);
    assert!(house.see(&house.admin, "/people").await.contains("the last admin stays"));
}

#[tokio::test]
async fn a_token_is_shown_once_and_ends() {
    let house = Visitors::of(state_of(settled())).await;
    let response = house.post(&house.admin, "/people/tokens", &[("name", "grafana"), ("role", "viewer")]).await;
    assert_eq!((response.status(), &response.headers()["cache-control"]), (StatusCode::OK, &"no-store".parse().unwrap()));
    let made = text(response).await;
    let token = made.split("rooftop_").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let store = &house.state.feeds.store;
    let role = store.token_role(&format!("rooftop_{token}")).await;
    assert_eq!(role, Some(("grafana".to_owned(), Role::Viewer)));
    let shown = house.see(&house.admin, "/people").await;
    assert!(shown.contains("grafana") && shown.contains("may look") && !shown.contains(&token), "{shown}");
    let id = store.tokens().await.unwrap()[0].id;
    assert_eq!(house.done(&format!("/people/tokens/{id}/revoke"), &[]).await, "/people?note=revoked#h-tokens");
    assert_eq!(store.token_role(&format!("rooftop_{token}")).await, None);
    assert_eq!(house.refused("/people/tokens", &[("name", ""), ("role", "viewer")]).await.0, 422);
}

#[tokio::test]
async fn the_api_does_the_same() {
    let house = Visitors::of(state_of(settled())).await;
    let app = &house.app;
    let new = json!({ "name": "clara", "role": "viewer", "password": "long enough" });
    let (status, made) = send(app, "POST", "/api/v1/users", Some(new.clone())).await;
    assert_eq!((status, &made["role"]), (StatusCode::CREATED, &json!("viewer")), "{made}");
    assert_eq!(send(app, "POST", "/api/v1/users", Some(new)).await.0, StatusCode::CONFLICT);
    let (_, users) = send(app, "GET", "/api/v1/users", None).await;
    assert_eq!(users["users"].as_array().unwrap().len(), 3);
    assert!(users["users"][0].get("password").is_none(), "{users}");
    let path = format!("/api/v1/users/{}", made["id"]);
    assert_eq!(send(app, "DELETE", &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(app, "DELETE", &path, None).await.0, StatusCode::NOT_FOUND);

    let new = json!({ "name": "box", "scope": "admin" });
    let (status, made) = send(app, "POST", "/api/v1/tokens", Some(new)).await;
    assert!(status == StatusCode::CREATED && made["token"].as_str().unwrap().starts_with("rooftop_"), "{made}");
    let (_, tokens) = send(app, "GET", "/api/v1/tokens", None).await;
    assert_eq!(tokens["tokens"][0]["scope"], "admin");
    assert!(!tokens.to_string().contains(made["token"].as_str().unwrap()));
    let path = format!("/api/v1/tokens/{}", tokens["tokens"][0]["id"]);
    assert_eq!(send(app, "DELETE", &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(app, "DELETE", &path, None).await.0, StatusCode::NOT_FOUND);

    let (_, audit) = send(app, "GET", "/api/v1/audit?limit=1", None).await;
    assert_eq!((&audit["deeds"][0]["who"], audit["deeds"].as_array().unwrap().len()), (&json!("test"), 1), "{audit}");
    assert_eq!(send(app, "GET", "/api/v1/audit?limit=0", None).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_token_goes_with_whoever_made_it() {
    let house = Visitors::of(state_of(settled())).await;
    house.done("/people/users", &[("name", "clara"), ("password", "long enough"), ("role", "admin")]).await;
    let made = text(house.post(&house.admin, "/people/tokens", &[("name", "grafana"), ("role", "viewer")]).await).await;
    let token = format!("rooftop_{}", made.split("rooftop_").nth(1).unwrap().split('<').next().unwrap());
    let store = &house.state.feeds.store;
    let of_nobody = store.create_token("command").await.unwrap();
    let id = store.token_owner(&token).await.unwrap();
    assert_eq!((id, store.token_owner(of_nobody.expose()).await.unwrap()), (Some(store.users().await.unwrap()[0].id), None));
    let owners: Vec<_> = store.tokens().await.unwrap().into_iter().map(|token| token.owner).collect();
    assert_eq!(owners, [Some("anna".to_owned()), None]);
    assert!(store.accepts_token(&token).await);
    let anna = store.user_of_name("anna").await.unwrap().unwrap().id;
    store.remove_user(anna).await.unwrap();
    assert!(!store.accepts_token(&token).await && store.accepts_token(of_nobody.expose()).await);
}

#[tokio::test]
async fn what_goes_on_for_hours_ends_with_the_login_or_the_token() {
    let house = Visitors::of(state_of(settled())).await;
    let store = &house.state.feeds.store;
    let secret = house.admin.cookie.split_once('=').unwrap().1;
    let person = store.person(Some(secret)).await.unwrap().0.unwrap();
    let login = person.login;
    let of_login = access::Asker {
        name: person.name.clone(),
        role: person.role,
        person: Some(person),
        token: None,
        csrf: access::cookie::csrf(secret),
    };
    let token = store.create_token("test").await.unwrap();
    let of_token = access::Asker::of_token("test".into(), Role::Admin, token.expose());
    let of_no_token = access::Asker::of_token("gone".into(), Role::Admin, "rooftop_gone");
    tokio::time::pause();
    let minute = std::time::Duration::from_secs(60);
    let over = |asker: &access::Asker| tokio::time::timeout(minute, access::over::over(house.state.clone(), asker.clone()));
    assert!(over(&of_login).await.is_err() && over(&of_token).await.is_err(), "they go on");
    assert!(over(&of_no_token).await.is_ok());
    store.log_out(login).await.unwrap();
    assert!(over(&of_login).await.is_ok() && over(&of_token).await.is_err());
}

#[tokio::test]
async fn who_comes_in_is_noted() {
    let house = Visitors::of(state_of(settled())).await;
    let typed = [("name", "anna"), ("password", PASSWORD)];
    let answer = house.app.clone().oneshot(form("POST", "/login", "", &typed)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let deeds = house.state.feeds.store.deeds(5).await.unwrap();
    assert_eq!((deeds[0].who.as_str(), deeds[0].what.as_str()), ("anna", "a login"));
}

#[tokio::test]
async fn the_first_page_tells_of_lists_that_cannot_be_read() {
    let house = Visitors::of(state_of(settled())).await;
    let body = json!({ "name": "Provider", "location": "http://127.0.0.1:9/list.m3u" });
    let (_, added) = send(&house.app, "POST", "/api/v1/playlists", Some(body)).await;
    let id = ProviderId(added["id"].as_i64().unwrap());
    house.state.feeds.store.playlist_checked(id, Some("connection refused".into())).await.unwrap();
    let shown = house.see(&house.admin, "/").await;
    let page = format!("/playlists/{}", added["id"]);
    assert!(shown.contains("Provider: It could not be read") && shown.contains(&format!("href=\"{page}\"")), "{shown}");
    let (_, status) = send(&house.app, "GET", "/api/v1/status", None).await;
    assert_eq!(status["warnings"][0]["page"], json!(page), "{status}");
}
