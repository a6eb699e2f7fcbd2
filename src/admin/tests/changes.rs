//! What people change about channels and accounts.

use super::*;

#[tokio::test]
async fn a_channel_may_say_otherwise_about_what_is_kept_ready() {
    let app = app(2, settled());
    let path = "/api/v1/channels/1";
    assert_eq!(send(&app, "GET", path, None).await.1["hot_standby"], Value::Null, "as the settings say");
    for said in [json!(true), json!(false), Value::Null] {
        let (status, changed) = send(&app, "PATCH", path, Some(json!({ "hot_standby": said }))).await;
        assert_eq!((status, &changed["hot_standby"], &changed["name"]), (StatusCode::OK, &said, &json!("Channel & 1")));
        let (status, same) = send(&app, "PATCH", path, Some(json!({}))).await;
        assert_eq!((status, &same["hot_standby"]), (StatusCode::OK, &said), "what is absent stays");
    }
    for bad in [json!({ "hot_standby": "yes" }), json!({ "name": "x" })] {
        assert_eq!(send(&app, "PATCH", path, Some(bad)).await.0, StatusCode::BAD_REQUEST);
    }
    let there = send(&app, "PATCH", "/api/v1/channels/99", Some(json!({ "hot_standby": true }))).await.0;
    assert_eq!(there, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_connections_of_an_account_can_be_said() {
    let app = app(1, settled());
    let provider = send(&app, "GET", "/api/v1/providers", None).await.1["providers"][0].clone();
    let path = format!("/api/v1/providers/{}", provider["id"]);
    let (status, changed) = send(&app, "PATCH", &path, Some(json!({ "max_connections": 5 }))).await;
    assert_eq!((status, &changed["max_connections"], &changed["name"]), (StatusCode::OK, &json!(5), &provider["name"]));
    assert_eq!(send(&app, "PATCH", &path, Some(json!({}))).await.1["max_connections"], 5);
    let (status, problem) = send(&app, "PATCH", &path, Some(json!({ "max_connections": 0 }))).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("max_connections")));
    let there = send(&app, "PATCH", "/api/v1/providers/99", Some(json!({ "max_connections": 1 }))).await.0;
    assert_eq!(there, StatusCode::NOT_FOUND);
}
