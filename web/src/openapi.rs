//! The API description, generated from the table of endpoints. Committed as `web/openapi.json`; a test says when it is stale.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::problem::ErrorBody;
use crate::routes::{self, Access, Out, Route};

/// The description as pretty JSON with a newline at its end.
#[must_use]
pub fn document() -> String {
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    schemas.push(("Error".to_owned(), <ErrorBody as utoipa::PartialSchema>::schema()));
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes::all() {
        let method = route.method.as_str().to_lowercase();
        paths.entry(route.path).or_default().insert(method, operation(route, &mut schemas));
    }
    let live = json!({ "get": {
        "summary": "The live stream: a WebSocket, described in docs/protocols/live.md",
        "tags": ["live"],
        "security": [{ "session": [] }, { "bearer": [] }],
        "x-roles": "signed in",
        "responses": { "101": { "description": "Upgraded" }, "401": { "description": "Not signed in" } },
    }});
    paths.insert("/live", live.as_object().expect("an object").clone());
    let schemas: BTreeMap<String, RefOr<Schema>> = schemas.into_iter().collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Anlan 安澜", "version": "1", "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Real-time supervision of hazardous-chemical enterprises. See docs/protocols/http.md." },
        "servers": [{ "url": "/api/v1" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "cookie", "name": crate::gate::COOKIE },
                "bearer": { "type": "http", "scheme": "bearer" },
            },
        },
    });
    format!("{document:#}\n")
}

fn operation(route: &Route, schemas: &mut Vec<(String, RefOr<Schema>)>) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(route.query.iter().map(|name| {
        json!({ "name": name, "in": "query", "required": false, "schema": { "type": query_type(name) } })
    }));
    let roles = match route.access {
        Access::Open => json!("all"),
        Access::SignedIn => json!("signed in"),
        Access::Roles(roles) => json!(roles),
    };
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let (status, good) = match route.out {
        Out::Nothing => ("204", json!({ "description": "Done" })),
        Out::One(shape) => {
            ("200", json!({ "description": "OK", "content": content(json!(shape(schemas))) }))
        }
        Out::List(shape) => {
            let page = json!({
                "type": "object",
                "required": ["items", "next_cursor"],
                "properties": {
                    "items": { "type": "array", "items": shape(schemas) },
                    "next_cursor": { "type": ["string", "null"] },
                },
            });
            ("200", json!({ "description": "OK", "content": content(page) }))
        }
        Out::Free => ("200", json!({ "description": "OK", "content": content(json!({})) })),
    };
    let error = json!({ "description": "Not done", "content": content(json!({ "$ref": "#/components/schemas/Error" })) });
    let mut operation = json!({
        "summary": route.summary,
        "tags": [route.path.split('/').nth(1).unwrap_or_default()],
        "parameters": parameters,
        "x-roles": roles,
        "responses": { status: good, "4XX": error },
    });
    if route.access != Access::Open {
        operation["security"] = json!([{ "session": [] }, { "bearer": [] }]);
    }
    if let Some(body) = route.body {
        operation["requestBody"] =
            json!({ "required": true, "content": content(json!(body(schemas))) });
    }
    operation
}

fn query_type(name: &str) -> &'static str {
    match name {
        "from" | "to" | "limit" | "pixels" | "version" => "integer",
        "open" | "late" => "boolean",
        _ => "string",
    }
}
