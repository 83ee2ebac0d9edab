//! The table of routes as an `OpenAPI` document (3.1): made when it is asked for, so that it can't be behind. Pure.

use serde_json::{Map, Value, json};

use crate::roles::Role;
use crate::route::{Cost, WebRoute};

/// What a query may say: of which path, name, and for what.
pub(crate) const QUERIES: [(&str, &str, &str); 20] = [
    ("/api/folders", "path", "beneath a root; the first root if left out"),
    ("/api/apps/{}/history", "since", "in ms since 1970; an hour ago if left out"),
    ("/api/apps/{}/history", "until", "in ms since 1970"),
    ("/api/apps/{}/history", "step", "the points so far apart at least, in ms"),
    ("/api/logs/ticket", "apps", "names, or `id:N`, parted by commas; all apps if left out"),
    ("/api/logs/ticket", "stream", "`out`, `err` or `both`"),
    ("/api/logs/ticket", "grep", "lines with this text, or like `/this/`"),
    ("/api/logs/ticket", "since", "not before this, in ms since 1970"),
    ("/api/logs/ticket", "until", "before this, in ms since 1970"),
    ("/api/logs", "apps", "names, or `id:N`, parted by commas; all apps if left out"),
    ("/api/logs", "stream", "`out`, `err` or `both`"),
    ("/api/logs", "limit", "so many lines, 200 if left out, 1000 at most"),
    ("/api/logs", "before", "the page before the one that said this"),
    ("/api/logs", "grep", "lines with this text, or like `/this/`"),
    ("/api/logs", "since", "not before this, in ms since 1970"),
    ("/api/logs", "until", "before this, in ms since 1970"),
    (
        "/api/events",
        "topics",
        "`apps`, `usage`, `host`, `logs:NAME`, `logs:id:N`, parted by commas",
    ),
    ("/api/events", "stream", "of logs: `out`, `err` or `both`"),
    ("/api/events", "past", "so many lines of logs first"),
    ("/api/events", "Last-Event-ID", "what was heard last: only what came since is told"),
];

/// The document for these routes.
pub(crate) fn document(routes: &[WebRoute]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let path = paths.entry(route.path.replace("{}", "{id}")).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation(route);
    }
    let session = json!({
        "post": {
            "summary": "sign in, by a link or by name and password",
            "security": [],
            "requestBody": body(&json!({ "oneOf": [
                object(&[("link", "string")]),
                object(&[("name", "string"), ("password", "string")]),
            ] })),
            "responses": responses("application/json"),
        }
    });
    if let (Some(Value::Object(known)), Value::Object(more)) =
        (paths.get_mut("/api/session"), session)
    {
        known.extend(more);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "pm web",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What changes something is one command line of pm, which the answer shows.",
        },
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "schemas": {
                "Denial": object(&[("code", "string"), ("message", "string")]),
                "DeedEnd": {
                    "type": "object",
                    "required": ["argv", "exit", "out", "err", "cut"],
                    "properties": {
                        "argv": { "type": "array", "items": { "type": "string" } },
                        "exit": { "type": ["integer", "null"] },
                        "out": { "type": "string" },
                        "err": { "type": "string" },
                        "cut": { "type": "boolean" },
                    },
                },
            },
        },
    })
}

fn operation(route: &WebRoute) -> Value {
    let kind = match route.cost {
        Cost::Stream => "text/event-stream",
        Cost::Plain | Cost::Search if route.path == "/metrics" => "text/plain",
        Cost::Plain | Cost::Search => "application/json",
    };
    let mut operation = json!({
        "summary": route.doc,
        "description": format!("for {}", role(route.role)),
        "x-role": route.role,
        "x-deed": route.deed,
        "parameters": parameters(route),
        "responses": responses(kind),
    });
    if route.method == "POST" {
        operation["requestBody"] = body(&wanted(route));
        if !["scout", "fetch logs", "look at a domain"].contains(&route.deed.unwrap_or_default()) {
            operation["responses"]["200"]["content"]["application/json"]["schema"] =
                json!({ "$ref": "#/components/schemas/DeedEnd" });
        }
    }
    operation
}

fn role(role: Role) -> String {
    match role {
        Role::Viewer => "everybody who is signed in".into(),
        Role::Operator | Role::Admin => format!("{} and above", role.name()),
    }
}

/// What a body has to hold.
fn wanted(route: &WebRoute) -> Value {
    match route.deed {
        Some("scale") => object(&[("to", "integer")]),
        Some("access") => json!({
            "oneOf": [
                object(&[("deed", "string"), ("name", "string")]),
                object(&[("deed", "string"), ("name", "string"), ("role", "string")]),
            ],
            "description": "`deed`: add_user (with `password`), remove_user, add_token, remove_token, end_session (`name` is its id); `apps`, `days` may be left out",
        }),
        Some("alerts") => json!({
            "type": "object",
            "required": ["deed"],
            "description": "`deed`: set (`key`, `value`), add (`name`, `kind`, `url`, and `secret`, `chat`, `user`, `from`, `to` as the kind takes them), remove or test (`name`)",
        }),
        Some("domain" | "look at a domain") => json!({
            "type": "object",
            "required": ["deed", "name"],
            "description": "`deed`: add (`name`, `app` is the number of an instance; `port`, `config` may be left out) or remove (`name`); a change takes the `token` of its plan",
        }),
        Some("scout") => object(&[("folder", "string")]),
        Some("add") => object(&[("folder", "string"), ("start", "boolean"), ("token", "string")]),
        Some("signal") => object(&[("signal", "string")]),
        Some("bulk") => json!({
            "type": "object",
            "required": ["deed", "ids"],
            "properties": {
                "deed": { "enum": ["start", "stop", "restart", "reload", "reset", "flush", "delete"] },
                "ids": { "type": "array", "items": { "type": "integer" }, "minItems": 1 },
            },
        }),
        Some(_) | None => json!({ "type": "object" }),
    }
}

fn parameters(route: &WebRoute) -> Value {
    let mut all = Vec::new();
    if route.path.contains("{}") {
        let schema = json!({ "type": "integer" });
        all.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
    }
    for (_, name, about) in QUERIES.iter().filter(|(path, ..)| *path == route.path) {
        let place = if *name == "Last-Event-ID" { "header" } else { "query" };
        let schema = json!({ "type": "string" });
        all.push(json!({ "name": name, "in": place, "description": about, "schema": schema }));
    }
    all.into()
}

fn responses(kind: &str) -> Value {
    let denial = json!({ "$ref": "#/components/schemas/Denial" });
    json!({
        "200": { "description": "as asked", "content": { kind: {} } },
        "default": {
            "description": "a refusal: `code` is one of a closed list",
            "content": { "application/json": { "schema": denial } },
        },
    })
}

fn body(schema: &Value) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

/// An object with these fields, all of which it must have.
fn object(fields: &[(&str, &str)]) -> Value {
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        fields.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind }))).collect();
    json!({ "type": "object", "required": names, "properties": properties })
}
