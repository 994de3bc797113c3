//! What the index holds of a gazette, read leniently: another service may have written the document.

use serde_json::{Map, Value};

use super::{Hit, Passage};
use crate::gazette::GazetteId;

/// The fields of a document that a hit shows.
pub(super) const FIELDS: [&str; 9] = [
    "date",
    "territory_id",
    "territory_name",
    "state_code",
    "edition_number",
    "is_extra_edition",
    "power",
    "file_path",
    "url",
];

/// A hit from the document's fields. What is missing or of an odd type is empty.
pub(super) fn hit(
    id: GazetteId,
    fields: &Map<String, Value>,
    score: f32,
    passages: Vec<Passage>,
    handle: String,
) -> Hit {
    let text = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    Hit {
        id,
        date: Some(text("date")).filter(|date| !date.is_empty()),
        territory_id: text("territory_id"),
        territory_name: text("territory_name"),
        state_code: text("state_code"),
        edition_number: text("edition_number"),
        is_extra_edition: fields.get("is_extra_edition").and_then(Value::as_bool),
        power: text("power"),
        file_path: text("file_path"),
        url: text("url"),
        score,
        passages,
        handle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_fields_do_no_harm() {
        let fields = serde_json::json!({"date": null, "territory_id": 2_704_302, "url": ["x"], "edition_number": "7"});
        let hit = hit(GazetteId(3), fields.as_object().unwrap(), 1.5, Vec::new(), String::new());
        assert_eq!((hit.date, hit.territory_id.as_str(), hit.url.as_str()), (None, "2704302", ""));
        assert_eq!(hit.edition_number, "7");
    }
}
