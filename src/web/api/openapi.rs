//! The `OpenAPI` 3.1 document (<https://spec.openapis.org/oas/v3.1.0>). Pages that add routes to the API add them here.

use serde_json::{Value, json};

use crate::web::operations;

/// The whole document.
pub fn document() -> Value {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "prelo",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Search in the text of official gazettes. Everything here is only read.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": {
            "/api/v1/search": {"get": search()},
            "/api/v1/gazettes/{id}": {"get": gazette()},
            "/api/v1/openapi.json": {"get": {
                "operationId": "openapi",
                "summary": "This document",
                "responses": {"200": {
                    "description": "An OpenAPI document",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                }},
            }},
        },
        "components": {"schemas": schemas(), "responses": {"Problem": {
            "description": "What went wrong and what to do now (RFC 9457)",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }}},
    });
    let (paths, schemas) = operations::openapi();
    for (place, added) in [("/paths", paths), ("/components/schemas", schemas)] {
        if let (Some(Value::Object(whole)), Value::Object(added)) = (document.pointer_mut(place), added) {
            whole.extend(added);
        }
    }
    document
}

fn problems(statuses: &[&str]) -> serde_json::Map<String, Value> {
    statuses.iter().map(|status| ((*status).to_owned(), json!({"$ref": "#/components/responses/Problem"}))).collect()
}

fn answers(schema: &str, description: &str, others: &[&str]) -> Value {
    let mut answers = problems(others);
    let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
    answers.insert(
        "200".to_owned(),
        json!({"description": description, "content": {"application/json": {"schema": schema}}}),
    );
    answers.into()
}

fn search() -> Value {
    let parameter = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "query", "description": description, "schema": schema});
    let mut query = parameter(
        "q",
        "Words and \"phrases\", all of which must occur; OR (or OU) between alternatives; -word for what must not occur. Holds at \
         least one word that is not a stop word of Portuguese, else the answer is 400. May be left out where a filter \
         (territory, state, from, to, edition, power) is given: then all gazettes are found that it leaves, the newest first.",
        json!({"type": "string", "minLength": 1, "maxLength": 1_000}),
    );
    query["example"] = json!("\"dispensa de licitação\" obras");
    let text = json!({"type": "string", "minLength": 1, "maxLength": 200});
    let date = json!({"type": "string", "format": "date"});
    json!({
        "operationId": "search",
        "summary": "Gazettes whose text matches, with passages and totals",
        "parameters": [
            query,
            parameter(
                "territory",
                "Id of a territory, or its name, with or without its state, such as `Maceió (AL)`; may be given up to 100 times. \
                 A name that no territory has is 400.",
                json!({"type": "array", "items": text, "minItems": 1, "maxItems": 100}),
            ),
            parameter("state", "Two letters, such as AL", json!({"type": "string", "pattern": "^[A-Za-z]{2}$"})),
            parameter("from", "Gazettes from this date on; not after `to`", date.clone()),
            parameter("to", "Gazettes up to this date", date),
            parameter("edition", "Only extra editions, or only the others", json!({"type": "string", "enum": ["extra", "regular"]})),
            parameter("power", "Whose gazette it is, in the word of the catalogue, such as executive", text),
            parameter("sort", "What comes first; without `q`, relevance is the same as newest", json!({"type": "string", "enum": ["relevance", "newest", "oldest"], "default": "relevance"})),
            parameter("offset", "Gazettes passed over; with `limit` 10,000 at most", json!({"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0})),
            parameter("limit", "Gazettes at most", json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 10})),
        ],
        "responses": answers("Results", "What was found", &["400", "414", "500", "503", "504"]),
    })
}

fn gazette() -> Value {
    json!({
        "operationId": "gazette",
        "summary": "Everything known about one gazette, and the text of one page of it",
        "parameters": [
            {
                "name": "id", "in": "path", "required": true, "description": "Id in the catalogue",
                "schema": {"type": "integer", "format": "int64", "minimum": 0},
            },
            {
                "name": "page", "in": "query",
                "description": "Adds the text of this page, counted from 1, as `text`; null where there is none",
                "schema": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
            },
        ],
        "responses": answers("Gazette", "The gazette", &["400", "404", "414", "500", "503", "504"]),
    })
}

fn schemas() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let object = |properties: Value| {
        let required: Vec<&String> = properties.as_object().map(|map| map.keys().collect()).unwrap_or_default();
        json!({"type": "object", "required": required, "properties": properties})
    };
    let list = |schema: &str| json!({"type": "array", "items": {"$ref": format!("#/components/schemas/{schema}")}});
    json!({
        "Results": object(json!({
            "total": {"type": "integer", "minimum": 0, "description": "Gazettes in all that match"},
            "hits": list("Hit"),
            "totals": {"$ref": "#/components/schemas/Totals"},
        })),
        "Hit": object(json!({
            "id": {"type": "integer", "format": "int64", "description": "0 where another service has written the document"},
            "date": {"type": ["string", "null"]},
            "territory_id": {"type": "string"},
            "territory_name": {"type": "string"},
            "state_code": {"type": "string"},
            "edition_number": {"type": "string"},
            "is_extra_edition": {"type": ["boolean", "null"]},
            "power": {"type": "string"},
            "file_path": {"type": "string"},
            "url": {"type": "string"},
            "score": {"type": "number"},
            "passages": list("Passage"),
        })),
        "Passage": object(json!({
            "page": {"type": "integer", "minimum": 1},
            "text": {"type": "string"},
            "highlights": {
                "type": "array",
                "description": "Byte ranges in the UTF-8 of `text` of the words that matched",
                "items": {"type": "array", "items": count, "minItems": 2, "maxItems": 2},
            },
        })),
        "Totals": object(json!({
            "by_territory": list("TerritoryTotal"),
            "of_other_territories": count,
            "by_month": list("MonthTotal"),
        })),
        "TerritoryTotal": object(json!({
            "territory_id": {"type": "string"},
            "territory_name": {"type": "string"},
            "state_code": {"type": "string"},
            "gazettes": count,
        })),
        "MonthTotal": object(json!({
            "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
            "gazettes": count,
        })),
        "Gazette": {
            "type": "object",
            "description": "What `prelo explain --format json` prints",
            "required": ["id"],
            "properties": {
                "id": {"type": "integer", "format": "int64"},
                "date": {"type": ["string", "null"]},
                "territory_id": {"type": ["string", "null"]},
                "edition_number": {"type": ["string", "null"]},
                "file_path": {"type": ["string", "null"]},
                "processed": {"type": "boolean"},
                "page": {"type": "integer", "minimum": 1},
                "text": {"type": ["string", "null"]},
            },
        },
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
            },
        },
    })
}
