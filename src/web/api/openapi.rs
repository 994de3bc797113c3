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
            "description": "Search in the text of official gazettes. Everything here is only read: methods other than GET and HEAD \
                are answered with 405, addresses that are not here with 404, both as `application/problem+json`. Numbers have \
                at most six digits behind the point. An address or a header of more than 64 KiB, and what is no HTTP, is refused \
                without a body (414, 431, 400).",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": {
            "/api/v1/search": {"get": search()},
            "/api/v1/gazettes/{id}": {"get": gazette()},
            "/api/v1/openapi.json": {"get": {
                "operationId": "openapi",
                "summary": "This document",
                "responses": answers(&json!({"type": "object", "required": ["openapi", "info", "paths"]}), "An OpenAPI document", &[], &json!({})),
            }},
        },
        "components": {"schemas": schemas(), "responses": responses()},
    });
    let (paths, schemas) = operations::openapi();
    for (place, added) in [("/paths", paths), ("/components/schemas", schemas)] {
        if let (Some(Value::Object(whole)), Value::Object(added)) = (document.pointer_mut(place), added) {
            whole.extend(added);
        }
    }
    document
}

/// Every way in which an answer is not what was asked for: status, name of the response, what happened.
const PROBLEMS: [(&str, &str, &str); 6] = [
    (
        "400",
        "BadRequest",
        "A parameter is unknown, empty, given twice or has a value that it cannot have, or the query is none",
    ),
    ("404", "NotFound", "There is none with this id"),
    ("414", "UriTooLong", "Path and query have more than 8,192 bytes"),
    ("500", "Internal", "Something went wrong; the log of the server says what"),
    ("503", "Unavailable", "A service that is needed does not answer, nothing was read yet, or too many ask at once"),
    ("504", "TooLate", "The answer, or that of a service, took too long"),
];
/// What no parameter can help.
const ALWAYS: [&str; 5] = ["400", "414", "500", "503", "504"];

fn responses() -> Value {
    let problem = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    let described = |(status, name, what): (&str, &str, &str)| {
        let mut response = json!({"description": format!("{what} (RFC 9457)"), "content": problem});
        if status == "503" {
            response["headers"] = json!({"Retry-After": {
                "description": "Seconds after which to come again", "required": true, "schema": {"type": "integer", "minimum": 1},
            }});
        }
        (name.to_owned(), response)
    };
    PROBLEMS.into_iter().map(described).collect::<serde_json::Map<_, _>>().into()
}

/// The answers of an operation: `schema` of the good one, with `links` to others, and what can go wrong with every one besides `more`.
pub fn answers(schema: &Value, description: &str, more: &[&str], links: &Value) -> Value {
    let mut good = json!({"description": description, "content": {"application/json": {"schema": schema}}});
    if links.as_object().is_some_and(|links| !links.is_empty()) {
        good["links"] = links.clone();
    }
    let mut answers = serde_json::Map::from_iter([("200".to_owned(), good)]);
    for (status, name, _) in
        PROBLEMS.into_iter().filter(|(status, ..)| ALWAYS.contains(status) || more.contains(status))
    {
        answers.insert(status.to_owned(), json!({"$ref": format!("#/components/responses/{name}")}));
    }
    answers.into()
}

/// A schema of this document.
pub fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
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
        "responses": answers(&schema("Results"), "What was found", &[], &json!({
            "gazette": {
                "operationId": "gazette",
                "description": "The first hit, and the text of the page that holds its first passage",
                "parameters": {"id": "$response.body#/hits/0/id", "page": "$response.body#/hits/0/passages/0/page"},
            },
        })),
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
        "responses": answers(&schema("Gazette"), "The gazette", &["404"], &json!({
            "run": {
                "operationId": "run",
                "description": "The run that finished or failed it",
                "parameters": {"id": "$response.body#/state/run_id"},
            },
        })),
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
        "Gazette": gazette_schema(&count),
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": {"type": "string"},
            },
        },
    })
}

/// The story of a gazette.
fn gazette_schema(count: &Value) -> Value {
    let text = json!({"type": ["string", "null"]});
    let number = json!({"type": ["number", "null"]});
    let moment = json!({"type": ["string", "null"], "format": "date-time"});
    let whole = json!({"type": ["integer", "null"], "minimum": 0});
    let run = json!({"type": ["string", "null"], "format": "uuid"});
    json!({
        "type": "object",
        "description": "What `prelo explain --format json` prints",
        "required": [
            "id", "territory_id", "territory", "date", "edition_number", "is_extra_edition", "power", "file_path", "file_checksum",
            "file_url", "processed", "state", "failure", "attempts", "pages", "text_path", "index", "index_answered",
        ],
        "properties": {
            "id": {"type": "integer", "format": "int64"},
            "territory_id": text,
            "territory": {
                "type": ["object", "null"],
                "required": ["id", "name", "state_code"],
                "properties": {"id": {"type": "string"}, "name": {"type": "string"}, "state_code": {"type": "string"}},
            },
            "date": {"type": ["string", "null"], "format": "date"},
            "edition_number": text,
            "is_extra_edition": {"type": ["boolean", "null"]},
            "power": text,
            "file_path": text,
            "file_checksum": text,
            "file_url": text,
            "processed": {"type": "boolean"},
            "state": {
                "type": ["object", "null"],
                "description": "null when no run has taken it up yet",
                "required": ["state", "run_id", "failure_code", "starts", "failures"],
                "properties": {
                    "state": {"type": "string"},
                    "run_id": run,
                    "failure_code": text,
                    "failure_detail": text,
                    "starts": count,
                    "failures": count,
                    "bytes": whole, "pages": whole, "ocr_pages": whole, "characters": whole,
                    "quality": number, "ocr_confidence": number,
                    "indexed_at": moment, "next_attempt_at": moment, "lease_until": moment,
                },
            },
            "failure": {
                "type": ["object", "null"],
                "required": ["code", "permanence", "meaning", "action"],
                "properties": {
                    "code": {"type": "string"}, "permanence": {"type": "string"},
                    "meaning": {"type": "string"}, "action": {"type": "string"},
                },
            },
            "attempts": {"type": "array", "items": {
                "type": "object",
                "required": ["at", "run", "outcome", "detail", "timings"],
                "properties": {
                    "at": moment, "run": run, "detail": {"type": "string"},
                    "outcome": {"type": "string", "description": "`indexed`, `deferred` (its scans wait for OCR), `interrupted` (the run ended while they were read), or a failure code"},
                    "scans": {
                        "type": "object",
                        "description": "Of an interrupted one: pages that OCR has read, and those that it had to read, these among them",
                        "required": ["pages", "due"],
                        "properties": {"pages": count, "due": count},
                    },
                    "timings": {
                        "type": "object", "description": "Seconds of each stage",
                        "additionalProperties": {"type": "number", "minimum": 0},
                    },
                },
            }},
            "pages": {"type": "array", "items": {
                "type": "object",
                "description": "Pages that are alike",
                "required": ["from", "to", "source", "quality"],
                "properties": {
                    "from": {"type": "integer", "minimum": 1}, "to": {"type": "integer", "minimum": 1},
                    "source": {"type": "string", "enum": ["text", "ocr", "none"]}, "quality": number,
                },
            }},
            "text_path": text,
            "index": {"type": ["object", "null"], "description": "How its document came to be; null when there is none, or the index cannot be asked"},
            "index_answered": {"type": "boolean", "description": "Whether the index could be asked"},
            "page": {"type": "integer", "minimum": 1},
            "text": text,
        },
    })
}
