//! Runs for programs.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use crate::catalog::{CatalogError, RunRecord, ShownRun};
use crate::gazette::RunId;
use crate::web::api::{answers, number, schema, told};
use crate::web::asked::Asked;
use crate::web::problem::Problem;
use crate::web::site::{Shared, Site};

const PATH: &str = "/api/v1/runs";
const LIMIT: u32 = 20;
const MOST: u32 = 100;

async fn seen(site: &Site, limit: u32) -> Result<Vec<RunRecord>, CatalogError> {
    let mut runs = site.catalog.runs(limit).await?;
    if let Some(shown) = site.catalog.live_run().await? {
        shown.refresh(&mut runs);
    }
    Ok(runs)
}

/// The last runs, newest first.
pub async fn runs(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let found = async {
        let limit = number(query.as_deref(), "limit", MOST)?.unwrap_or(LIMIT);
        let runs = seen(&site, limit).await?;
        Ok(json!({ "runs": runs.iter().map(of_record).collect::<Vec<_>>() }))
    };
    told(found.await, PATH, &headers)
}

/// One run, with what was last to be seen of it.
pub async fn run(State(site): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "Esta execução não existe.", "There is no such run.");
    let found = async {
        Asked::strictly_named(uri.query(), &[])?;
        let run = site.catalog.run(run_id(&uri).ok_or_else(unknown)?).await?.ok_or_else(unknown)?;
        Ok(of_shown(&run))
    };
    told(found.await, PATH, &headers)
}

/// At the end of a path.
pub fn run_id(uri: &Uri) -> Option<RunId> {
    uri.path().rsplit('/').next()?.parse().ok().map(RunId)
}

/// The selection as an object, not as the text that the catalogue keeps; and the rate, which everybody would compute.
fn of_record(run: &RunRecord) -> Value {
    let mut json = json!(run);
    json["selection"] = serde_json::from_str(&run.selection).unwrap_or_default();
    // It may say where services are and files lie.
    if let Some(counts) = json["counts"].as_object_mut() {
        counts.remove("stopped_detail");
    }
    json["documents_per_second"] = run.counts.documents_per_second().into();
    json
}

fn of_shown(run: &ShownRun) -> Value {
    let mut json = of_record(&run.record);
    json["is_live"] = run.is_live.into();
    json["live"] = json!(run.live);
    json["shown_seconds_ago"] = json!(run.shown_seconds_ago);
    json
}

/// Paths and schemas of this part of the API, for the `OpenAPI` 3.1 document.
pub fn openapi() -> (Value, Value) {
    let paths = json!({
        "/api/v1/runs": { "get": {
            "operationId": "runs",
            "summary": "The last runs, newest first",
            "parameters": [{
                "name": "limit", "in": "query", "required": false, "description": "Runs at most",
                "schema": { "type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT },
            }],
            "responses": answers(&schema("Runs"), "The runs", &[], &json!({ "run": {
                "operationId": "run",
                "description": "The newest of them",
                "parameters": { "id": "$response.body#/runs/0/id" },
            } })),
        } },
        "/api/v1/runs/{id}": { "get": {
            "operationId": "run",
            "summary": "One run, with what was last to be seen of it",
            "parameters": [{
                "name": "id", "in": "path", "required": true, "description": "Id of the run",
                "schema": { "type": "string", "format": "uuid" },
            }],
            "responses": answers(&schema("ShownRun"), "The run", &["404"], &json!({})),
        } },
    });
    let moment = json!({ "type": ["string", "null"], "format": "date-time" });
    let run = json!({
        "type": "object",
        "required": ["id", "selection", "started_at", "finished_at", "heartbeat_at", "counts", "stopped_by", "documents_per_second"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "selection": { "type": ["object", "null"] },
            "started_at": moment, "finished_at": moment, "heartbeat_at": moment,
            "counts": { "type": "object", "description": "Selected, indexed, failed by code, bytes, pages, seconds, and the two lanes" },
            "stopped_by": { "type": ["string", "null"] },
            "documents_per_second": { "type": "number" },
        },
    });
    let mut shown = run.clone();
    shown["properties"]["is_live"] = json!({ "type": "boolean" });
    shown["properties"]["live"] = json!({ "type": ["object", "null"], "description": "Lanes, rates, memory, stages, what takes longest, breakers" });
    shown["properties"]["shown_seconds_ago"] = json!({ "type": ["number", "null"] });
    let runs = json!({
        "type": "object", "required": ["runs"],
        "properties": { "runs": { "type": "array", "items": { "$ref": "#/components/schemas/Run" } } },
    });
    (paths, json!({ "Run": run, "Runs": runs, "ShownRun": shown }))
}
