//! The API's description of itself has every route, and nothing in it leads nowhere; tags are as they are described.

use std::collections::BTreeSet;

use serde_json::Map;

use super::*;

fn document() -> Value {
    api::openapi::document(api::table(&state_of(settled())).routes())
}

fn every<'a>(value: &'a Value, see: &mut impl FnMut(&'a Map<String, Value>)) {
    match value {
        Value::Array(list) => list.iter().for_each(|one| every(one, see)),
        Value::Object(object) => {
            see(object);
            object.values().for_each(|one| every(one, see));
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_route_is_described() {
    let (document, state) = (document(), state_of(settled()));
    let table = api::table(&state);
    let of = |(path, operations): (&String, &Value)| {
        let methods: Vec<_> = operations.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(|method| format!("{method} /api/v1{path}")).collect::<Vec<_>>()
    };
    let told: BTreeSet<String> = document["paths"].as_object().unwrap().iter().flat_map(of).collect();
    let there: BTreeSet<String> = table.routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(told, there);
    assert!(table.routes().iter().all(|route| route.doc.as_ref().is_some_and(|doc| !doc.summary.is_empty())));
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_operation_has_its_own_name() {
    let document = document();
    let (mut names, mut count) = (BTreeSet::new(), 0);
    every(&document, &mut |object| {
        if let Some(Value::String(reference)) = object.get("$ref") {
            assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        }
        if let Some(Value::String(name)) = object.get("operationId") {
            count += 1;
            assert!(names.insert(name), "{name} twice");
        }
    });
    assert!(count > 60, "{count}");
}

/// What is taken refuses what it does not know, wherever an object is described by its members.
#[tokio::test]
async fn no_body_takes_members_that_it_does_not_know() {
    let document = document();
    let mut bodies = 0;
    every(&document["paths"], &mut |object| {
        let Some(body) = object.get("requestBody") else { return };
        bodies += 1;
        every(body, &mut |schema| {
            if schema.contains_key("properties") && schema.contains_key("type") {
                assert_eq!(schema.get("additionalProperties"), Some(&Value::Bool(false)), "{schema:#?}");
            }
        });
    });
    assert!(bodies > 15, "{bodies}");
}

#[tokio::test]
async fn an_operation_says_what_it_takes_and_gives() {
    let document = document();
    let change = &document["paths"]["/channels/{id}"]["patch"];
    let parameters: Vec<_> = change["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(parameters, ["id", "If-Match"]);
    let name = &change["requestBody"]["content"]["application/merge-patch+json"]["schema"]["properties"]["name"];
    assert_eq!(name["type"], json!(["string", "null"]));
    let statuses: Vec<_> = change["responses"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(statuses, ["200", "400", "401", "403", "404", "408", "409", "412", "413", "415", "422", "500"]);
    assert_eq!(change["responses"]["200"]["headers"]["ETag"]["required"], true);
    let list = &document["paths"]["/channels"]["get"]["parameters"];
    let limit = list.as_array().unwrap().iter().find(|one| one["name"] == "limit").unwrap();
    assert_eq!((&limit["schema"]["type"], &limit["schema"]["maximum"]), (&json!("integer"), &json!(5000)));
    assert_eq!(limit["required"], false);
}

#[tokio::test]
async fn a_query_that_nobody_knows_is_refused() {
    let app = app(1, settled());
    for path in ["/api/v1/status?x=1", "/api/v1/channels?x=1", "/api/v1/devices/10000001?deep=true"] {
        let (status, body) = get(&app, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {body}");
    }
    assert_eq!(get(&app, "/api/v1/status?").await.0, StatusCode::OK);
}

/// Of two who change the same thing, the second is told; whoever does not ask, is not.
#[tokio::test]
async fn a_change_of_something_else_than_was_seen_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let app = app_of(Memory(Mutex::new(Catalog::default()), Some(store.clone()), Some(dir)), store, settled());
    let send = async |method: &str, path: &str, tag: Option<&str>, body: Option<Value>| {
        let mut request = request(method, path, Some(TOKEN), body);
        if let Some(tag) = tag {
            request.headers_mut().insert("if-match", tag.parse().unwrap());
        }
        let response = app.clone().oneshot(request).await.unwrap();
        let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        (response.status().as_u16(), tag, text(response).await)
    };
    let (status, made, body) = send("POST", "/api/v1/channels", None, Some(json!({ "name": "One" }))).await;
    assert_eq!(status, 201, "{body}");
    let path = format!("/api/v1/channels/{}", serde_json::from_str::<Value>(&body).unwrap()["id"]);
    let (status, seen, _) = send("GET", &path, None, None).await;
    assert_eq!((status, &seen), (200, &made));
    let seen = seen.unwrap();
    let (status, other, _) = send("PATCH", &path, Some(&seen), Some(json!({ "name": "Two" }))).await;
    assert_eq!(status, 200);
    assert_ne!(other.as_ref(), Some(&seen));
    for (method, body) in [("PATCH", Some(json!({ "name": "Three" }))), ("DELETE", None)] {
        let (status, _, problem) = send(method, &path, Some(&seen), body).await;
        assert_eq!(status, 412, "{problem}");
        assert!(problem.contains("changed meanwhile"));
    }
    let (status, _, body) = send("PATCH", &path, None, Some(json!({ "favorite": true }))).await;
    assert!(status == 200 && body.contains("Two"), "{status} {body}");
    let order = send("PUT", &format!("{path}/sources"), Some(&seen), Some(json!({ "order": [] }))).await;
    assert_eq!(order.0, 412);
    assert_eq!(send("DELETE", &path, Some("*"), None).await.0, 204);
    assert_eq!(send("DELETE", &path, Some("*"), None).await.0, 404, "what is not there has no tag");
}
