//! `GET /api/v1/openapi.json`: the API's description of itself (OpenAPI 3.1), written from the table of routes and the types it names.

use std::sync::OnceLock;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Response, StatusCode};
use bytes::Bytes;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::doc::{Content, Doc};
use super::problem::{MEDIA_TYPE, Problem};
use crate::admin::AdminState;
use crate::admin::routes::{ADMIN, Route};
use crate::http::reply::{self, media_type};

/// Where the API is.
const BASE: &str = "/api/v1";
const SCHEMAS: &str = "/components/schemas";

/// `GET /openapi.json`.
pub async fn show(State(state): State<AdminState>) -> Response<Body> {
    static WRITTEN: OnceLock<Bytes> = OnceLock::new();
    let written = WRITTEN.get_or_init(|| document(super::table(&state).routes()).to_string().into());
    reply::document(media_type::JSON, written.clone())
}

/// The description of these routes. Pure.
pub fn document(routes: &[Route]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let Some(doc) = &route.doc else { continue };
        let path = route.path.strip_prefix(BASE).unwrap_or(&route.path);
        let operations = paths.entry(path).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_lowercase()] = operation(&mut schemas, route, path, doc);
    }
    let problem = content(&mut schemas.given, &[Content { media: MEDIA_TYPE, shape: |given| given.subschema_for::<Problem>() }]);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rooftop",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A home network tuner.",
            "description": "Errors are problems (RFC 9457) that say what failed and what to do. Unknown members are refused, in bodies \
                as in queries. What is shown with an `ETag` can be changed with `If-Match`: if it is not the same any more, nothing is done.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": BASE }],
        "paths": paths,
        "components": {
            "schemas": schemas.given.take_definitions(true),
            "responses": {
                "Problem": { "description": "It was not done; the problem says why.", "content": problem },
                "Unknown": {
                    "description": "Nobody is known who asks.",
                    "headers": { "WWW-Authenticate": { "schema": { "type": "string" } } },
                    "content": problem,
                },
            },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token; `rooftop token` makes one." },
                "login": { "type": "apiKey", "in": "cookie", "name": "rooftop_session", "description": "A login of a browser." },
                "csrf": {
                    "type": "apiKey", "in": "header", "name": "X-CSRF-Token",
                    "description": "With a login, every change needs what the forms of its pages carry.",
                },
            },
        },
    });
    bound(&mut document);
    document
}

/// The generators of schemas: what is given, and what is taken, have different rules of what may be absent.
struct Schemas {
    given: SchemaGenerator,
    taken: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
        let given = settings.clone().for_serialize().with(|settings| settings.definitions_path = SCHEMAS.into());
        let taken = settings.for_deserialize().with(|settings| settings.inline_subschemas = true);
        Self { given: given.into_generator(), taken: taken.into_generator() }
    }
}

fn operation(schemas: &mut Schemas, route: &Route, path: &str, doc: &Doc) -> Value {
    let changes = route.method != Method::GET;
    let login = if changes { json!({ "login": [], "csrf": [] }) } else { json!({ "login": [] }) };
    let words = path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty());
    let id = std::iter::once(route.method.as_str().to_lowercase()).chain(words.map(str::to_owned)).collect::<Vec<_>>();
    let mut operation = json!({
        "operationId": id.join("_"),
        "summary": doc.summary,
        "tags": [path.split('/').nth(1).unwrap_or_default()],
        "security": [{ "token": [] }, login],
        "parameters": parameters(schemas, route, doc),
        "responses": responses(schemas, route, doc),
    });
    if route.need == ADMIN {
        operation["description"] = "For admins.".into();
    }
    if !doc.bodies.is_empty() {
        operation["requestBody"] = json!({ "required": true, "content": content(&mut schemas.taken, &doc.bodies) });
    }
    operation
}

fn parameters(schemas: &mut Schemas, route: &Route, doc: &Doc) -> Vec<Value> {
    let mut parameters = Vec::new();
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let schema = (doc.id)(&mut schemas.taken);
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    if let Some(query) = doc.query {
        let mut query = query(&mut schemas.taken).to_value();
        let required = query["required"].take();
        for (name, schema) in query["properties"].as_object_mut().into_iter().flatten() {
            let mut schema = schema.take();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            without_null(&mut schema);
            let required = required.as_array().is_some_and(|required| required.iter().any(|one| one == name));
            let mut parameter = json!({ "name": name, "in": "query", "required": required, "schema": schema });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            parameters.push(parameter);
        }
    }
    if doc.takes_if_match(&route.method) {
        let how = "Tags (`ETag`) of which what is to be changed has one; otherwise 412.";
        parameters.push(json!({ "name": "If-Match", "in": "header", "description": how, "schema": { "type": "string" } }));
    }
    parameters
}

fn responses(schemas: &mut Schemas, route: &Route, doc: &Doc) -> Value {
    let mut headers = json!({});
    if doc.answer.located {
        headers["Location"] = json!({ "required": true, "schema": { "type": "string" } });
    }
    if doc.tagged && !doc.answer.contents.is_empty() {
        headers["ETag"] = json!({ "required": true, "schema": { "type": "string" } });
    }
    let mut done = json!({ "description": doc.answer.status.canonical_reason().unwrap_or("Done") });
    if headers.as_object().is_some_and(|headers| !headers.is_empty()) {
        done["headers"] = headers;
    }
    if !doc.answer.contents.is_empty() {
        done["content"] = content(&mut schemas.given, &doc.answer.contents);
    }
    let mut responses = json!({ doc.answer.status.as_str(): done });
    for problem in doc.problems(&route.method, &route.path) {
        let what = if problem == StatusCode::UNAUTHORIZED { "Unknown" } else { "Problem" };
        responses[problem.as_str()] = json!({ "$ref": format!("#/components/responses/{what}") });
    }
    responses
}

fn content(generator: &mut SchemaGenerator, contents: &[Content]) -> Value {
    contents.iter().map(|one| (one.media.to_owned(), json!({ "schema": (one.shape)(generator) }))).collect::<Map<_, _>>().into()
}

/// In a query there is no `null`, and what is absent need not be said.
fn without_null(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("default");
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|one| one["type"] != "null");
        if let [one] = choices.as_slice() {
            *schema = one.clone();
        }
    }
}

/// A `format` of a number is only a remark to most readers: what fits in is said as well.
fn bound(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(bound),
        Value::Object(object) => {
            let (least, most) = match object.get("format").and_then(Value::as_str) {
                Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
                Some("uint64" | "uint") => (json!(0), json!(u64::MAX)),
                Some("uint32") => (json!(0), json!(u32::MAX)),
                Some("uint16") => (json!(0), json!(u16::MAX)),
                Some("uint8") => (json!(0), json!(u8::MAX)),
                _ => (Value::Null, Value::Null),
            };
            if !least.is_null() {
                object.entry("minimum").or_insert(least);
                object.entry("maximum").or_insert(most);
            }
            object.values_mut().for_each(bound);
        }
        _ => {}
    }
}
