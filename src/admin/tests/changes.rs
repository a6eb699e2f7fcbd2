//! What people change about channels and accounts.

use super::*;

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
