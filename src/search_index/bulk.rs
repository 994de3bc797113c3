//! The bulk request and what its answer says, item by item.
//! <https://docs.opensearch.org/latest/api-reference/document-apis/bulk/>

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Diagnosis;
use super::opensearch::answer::{self, Cause};
use super::{Document, ItemOutcome, SearchIndexErrorKind as Kind};
use crate::failure::{Failure, FailureCode};
use crate::gazette::GazetteId;

/// What an error says was being done.
pub fn operation(documents: usize) -> String {
    format!("write a bulk of {documents} document{}", if documents == 1 { "" } else { "s" })
}

/// Two lines for each document: what to do, and the document. Written straight into one buffer.
///
/// # Errors
/// When a document cannot be JSON, which no [`Document`] is known to cause.
pub fn encode(documents: &[&Document]) -> Result<Bytes, serde_json::Error> {
    encode_as("index", documents)
}

/// The same for documents that are not to replace any.
///
/// # Errors
/// As [`encode`].
pub fn encode_new(documents: &[&Document]) -> Result<Bytes, serde_json::Error> {
    encode_as("create", documents)
}

fn encode_as(action: &str, documents: &[&Document]) -> Result<Bytes, serde_json::Error> {
    // Escaped line ends, quotes and the other fields take about a tenth.
    let text: usize = documents.iter().map(|document| document.source_text.len()).sum();
    let mut body = Vec::with_capacity(text + text / 8 + documents.len() * 2_048);
    for document in documents {
        body.extend_from_slice(format!("{{\"{action}\":{{\"_id\":\"{}\"}}}}\n", document.id).as_bytes());
        serde_json::to_writer(&mut body, document)?;
        body.push(b'\n');
    }
    Ok(body.into())
}

#[derive(Deserialize)]
struct Answer<I> {
    items: Vec<I>,
}

#[derive(Deserialize)]
struct Item {
    index: ItemAnswer,
}

#[derive(Deserialize)]
struct NewItem {
    create: ItemAnswer,
}

#[derive(Deserialize)]
struct ItemAnswer {
    #[serde(rename = "_id")]
    id: String,
    status: u16,
    error: Option<Cause>,
}

/// What one looks at to see which version of the index took a bulk.
#[derive(Deserialize)]
struct TakenBy {
    items: Vec<ItemTakenBy>,
}

#[derive(Deserialize)]
struct ItemTakenBy {
    index: VersionName,
}

#[derive(Deserialize)]
struct VersionName {
    #[serde(rename = "_index")]
    version: Option<String>,
}

/// The index behind the alias that took the documents, where the answer names it.
pub(super) fn taken_by(body: &[u8]) -> Option<String> {
    let answer: TakenBy = serde_json::from_slice(body).ok()?;
    answer.items.into_iter().find_map(|item| item.index.version)
}

/// Judges the answer to a bulk: an outcome for each document sent, in order.
///
/// # Errors
/// When nothing is known of any of them, or the trouble is the index's and not a document's.
pub(super) fn judge(status: u16, body: &[u8], sent: &[GazetteId]) -> Result<Vec<ItemOutcome>, Diagnosis> {
    judge_items(status, body, sent, |item: Item, id| judge_item(item.index, id))
}

/// The same after [`encode_new`]: a document that was there before is well.
pub(super) fn judge_new(status: u16, body: &[u8], sent: &[GazetteId]) -> Result<Vec<ItemOutcome>, Diagnosis> {
    judge_items(status, body, sent, |item: NewItem, id| {
        let there = item.create.status == 409 && item.create.id == id.to_string();
        if there { Ok(ItemOutcome::Acknowledged) } else { judge_item(item.create, id) }
    })
}

fn judge_items<I: DeserializeOwned>(
    status: u16,
    body: &[u8],
    sent: &[GazetteId],
    judge: impl Fn(I, GazetteId) -> Result<ItemOutcome, Diagnosis>,
) -> Result<Vec<ItemOutcome>, Diagnosis> {
    answer::refused(status, body)?;
    let Answer::<I> { items } = answer::json(body)?;
    if items.len() != sent.len() {
        let advice = format!("it answered for {} documents of {}; nothing is known of them", items.len(), sent.len());
        return Err(Diagnosis::new(Kind::Unavailable, advice));
    }
    items.into_iter().zip(sent).map(|(item, id)| judge(item, *id)).collect()
}

fn judge_item(item: ItemAnswer, sent: GazetteId) -> Result<ItemOutcome, Diagnosis> {
    if item.id != sent.to_string() {
        let advice = format!("it answered for document {} where {sent} was sent; nothing is known of them", item.id);
        return Err(Diagnosis::new(Kind::Unavailable, advice));
    }
    let cause = item.error.unwrap_or_default();
    if let (300.., Some(diagnosis)) = (item.status, answer::blames_the_index(&cause)) {
        return Err(diagnosis);
    }
    Ok(match item.status {
        200..=299 => ItemOutcome::Acknowledged,
        // Another writer of the same document came between.
        409 | 429 | 500.. => ItemOutcome::Resend(format!("{}: {cause}", item.status)),
        status => ItemOutcome::Rejected(Failure::new(FailureCode::MappingRejected, format!("{status}: {cause}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::super::document::{Links, Provenance, tests::gazette};
    use super::*;

    /// One word for an outcome, or the kind of error.
    fn judged(status: u16, body: &str, sent: &[i64]) -> String {
        let sent: Vec<GazetteId> = sent.iter().copied().map(GazetteId).collect();
        match judge(status, body.as_bytes(), &sent) {
            Err(Diagnosis { kind, .. }) => format!("{kind:?}"),
            Ok(outcomes) => outcomes.iter().map(word).collect::<Vec<_>>().join(" "),
        }
    }

    fn word(outcome: &ItemOutcome) -> &'static str {
        match outcome {
            ItemOutcome::Acknowledged => "ack",
            ItemOutcome::Resend(_) => "resend",
            ItemOutcome::Rejected(_) => "rejected",
        }
    }

    fn item(id: &str, status: u16, kind: &str, reason: &str) -> String {
        let error = format!(r#","error":{{"type":"{kind}","reason":"{reason}"}}"#);
        let error = if kind.is_empty() { "" } else { &error };
        format!(r#"{{"index":{{"_id":"{id}","status":{status}{error}}}}}"#)
    }

    fn items(items: &[String]) -> String {
        format!(r#"{{"took":3,"errors":true,"items":[{}]}}"#, items.join(","))
    }

    #[test]
    fn whole_answers() {
        let block =
            "index [gazettes-000001] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]";
        let whole =
            |kind: &str, reason: &str| format!(r#"{{"error":{{"type":"{kind}","reason":"{reason}"}},"status":0}}"#);
        for (status, body, expected) in [
            (413, String::new(), "TooLarge"),
            (413, "<html>413 Request Entity Too Large</html>".into(), "TooLarge"),
            (429, String::new(), "Throttled"),
            (429, whole("circuit_breaking_exception", "[parent] Data too large"), "Throttled"),
            (429, whole("cluster_block_exception", block), "Blocked"),
            (403, whole("cluster_block_exception", "blocked by: [FORBIDDEN/8/index write (api)]"), "Blocked"),
            (403, whole("security_exception", "no permissions for [indices:data/write/bulk]"), "Unauthorized"),
            (401, "Unauthorized".into(), "Unauthorized"),
            (404, whole("index_not_found_exception", "no such index [x]"), "NotThere"),
            (400, whole("illegal_argument_exception", "request [/x/_bulk] contains unrecognized parameter"), "Other"),
            (404, "<html>".into(), "Other"),
            (302, String::new(), "Other"),
            (408, String::new(), "Timeout"),
            (504, String::new(), "Unavailable"),
            (502, "<html><h1>502 Bad Gateway</h1></html>".into(), "Unavailable"),
            (503, whole("cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master]"), "Unavailable"),
            (200, "<html>login</html>".into(), "Unavailable"),
            (200, String::new(), "Unavailable"),
            (200, r#"{"took":3,"errors":false,"items":[{"index":{"_id":"1","#.into(), "Unavailable"),
            (200, r#"{"took":3}"#.into(), "Unavailable"),
            (200, r#"{"items":[{"create":{"_id":"1","status":201}}]}"#.into(), "Unavailable"),
            (200, r#"{"items":[]}"#.into(), "Unavailable"),
            (200, items(&[item("1", 201, "", ""), item("2", 201, "", "")]), "Unavailable"),
            (200, items(&[item("2", 201, "", "")]), "Unavailable"),
        ] {
            assert_eq!(judged(status, &body, &[1]), expected, "{status} {body}");
        }
    }

    #[test]
    fn items_one_by_one() {
        for (status, kind, reason, expected) in [
            (201, "", "", "ack resend ack"),
            (200, "", "", "ack resend ack"),
            (429, "rejected_execution_exception", "rejected execution of coordinating operation", "resend resend ack"),
            (429, "circuit_breaking_exception", "[parent] Data too large", "resend resend ack"),
            (409, "version_conflict_engine_exception", "[1]: version conflict", "resend resend ack"),
            (500, "", "", "resend resend ack"),
            (503, "unavailable_shards_exception", "primary shard is not active", "resend resend ack"),
            (400, "mapper_parsing_exception", "failed to parse field [date]", "rejected resend ack"),
            (400, "strict_dynamic_mapping_exception", "mapping set to strict", "rejected resend ack"),
            (400, "illegal_argument_exception", "Document contains at least one immense term", "rejected resend ack"),
            (400, "illegal_argument_exception", "no write index is defined for alias [x]", "Other"),
            (403, "cluster_block_exception", "blocked by: [FORBIDDEN/8/index write (api)]", "Blocked"),
            (429, "cluster_block_exception", "blocked by: [TOO_MANY_REQUESTS/12/disk usage]", "Blocked"),
            (503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master]", "Unavailable"),
            (400, "index_closed_exception", "closed", "Blocked"),
            (403, "security_exception", "no permissions", "Unauthorized"),
            (404, "index_not_found_exception", "no such index [x]", "NotThere"),
        ] {
            let body = items(&[item("1", status, kind, reason), item("2", 429, "x", "y"), item("3", 200, "", "")]);
            assert_eq!(judged(200, &body, &[1, 2, 3]), expected, "{status} {kind}");
        }
    }

    #[test]
    fn what_was_there_is_well_for_who_adds() {
        let body = r#"{"items":[{"create":{"_id":"1","status":409,"error":{"type":"version_conflict_engine_exception"}}},
            {"create":{"_id":"2","status":201,"_index":"a-000002"}},{"create":{"_id":"3","status":429}}]}"#;
        let outcomes = judge_new(200, body.as_bytes(), &[1, 2, 3].map(GazetteId)).unwrap();
        assert_eq!(outcomes.iter().map(word).collect::<Vec<_>>(), ["ack", "ack", "resend"]);
        assert_eq!(taken_by(br#"{"items":[{"index":{"_id":"1","_index":"a-000002"}}]}"#).as_deref(), Some("a-000002"));
        assert_eq!(taken_by(br#"{"items":[{"index":{"_id":"1"}}]}"#), None);
    }

    #[test]
    fn a_rejection_tells_the_innermost_reason() {
        let body = r#"{"items":[{"index":{"_id":"5","status":400,"error":{"type":"mapper_parsing_exception",
            "reason":"failed to parse field [date] of type [date]","caused_by":{"type":"illegal_argument_exception",
            "reason":"failed to parse date field [x]","caused_by":{"type":"date_time_parse_exception","reason":"index 0"}}}}}]}"#;
        let outcomes = judge(200, body.as_bytes(), &[GazetteId(5)]).unwrap();
        let [ItemOutcome::Rejected(failure)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert_eq!(failure.code, FailureCode::MappingRejected);
        assert_eq!(
            failure.detail,
            "400: failed to parse field [date] of type [date] (failed to parse date field [x]; index 0)"
        );
    }

    #[test]
    fn two_lines_a_document() {
        let document = |id, text: &str| {
            Document::new(&gazette(id), text.into(), "k.txt", &Links::default(), Provenance::default())
        };
        let (first, second) = (document(1, "a\u{c}\n\"b\"\u{2028}"), document(-2, ""));
        let body = encode(&[&first, &second]).unwrap();
        let lines: Vec<&[u8]> = body.split(|&b| b == b'\n').collect();
        assert_eq!(lines.len(), 5, "four lines and the end of the last");
        assert_eq!(lines[0], br#"{"index":{"_id":"1"}}"#);
        assert_eq!(lines[2], br#"{"index":{"_id":"-2"}}"#);
        let read: serde_json::Value = serde_json::from_slice(lines[1]).unwrap();
        assert_eq!(read["source_text"], "a\u{c}\n\"b\"\u{2028}");
        assert!(encode(&[]).unwrap().is_empty());
    }
}
