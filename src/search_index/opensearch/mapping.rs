//! The settings and the mapping of an index that prelo creates: those that existing readers of such an index expect.
//! <https://docs.opensearch.org/latest/field-types/>

use serde_json::{Value, json};

/// Body of the request that creates the index and puts the alias over it in one step.
///
/// Fields that another service adds are mapped as they come, as in the indices of the service that prelo replaces.
/// Under `prelo` they are only kept: those types are ours to choose.
pub(super) fn index(alias: &str, shards: u32, replicas: u32) -> Value {
    version(alias, shards, replicas, Value::Null)
}

/// The same with what is to be remembered of a version.
pub(super) fn version(alias: &str, shards: u32, replicas: u32, meta: Value) -> Value {
    let mut aliases = serde_json::Map::new();
    aliases.insert(alias.to_owned(), json!({}));
    let mut body = json!({
        "aliases": aliases,
        "settings": {
            "index": {
                "number_of_shards": shards,
                "number_of_replicas": replicas,
                "sort.field": ["territory_id", "date"],
                "sort.order": ["asc", "desc"],
            },
            "analysis": {
                "filter": {"brazilian_stemmer": {"type": "stemmer", "language": "brazilian"}},
                "analyzer": {
                    "with_stopwords": {
                        "type": "custom", "tokenizer": "standard", "filter": ["lowercase", "brazilian_stemmer"],
                    },
                    "exact": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase"]},
                },
            },
        },
        "mappings": {"dynamic": true, "properties": properties()},
    });
    if !meta.is_null() {
        body["mappings"]["_meta"] = meta;
    }
    body
}

fn properties() -> Value {
    let text = json!({
        "type": "text",
        "fields": {"keyword": {"type": "keyword", "ignore_above": 256}},
    });
    let mut source_text = searched("brazilian");
    source_text["fields"] = json!({"with_stopwords": searched("with_stopwords"), "exact": searched("exact")});
    json!({
        "id": {"type": "keyword"},
        "date": {"type": "date"},
        "edition_number": text,
        "is_extra_edition": {"type": "boolean"},
        "power": {"type": "keyword"},
        "file_checksum": {"type": "keyword"},
        "file_path": {"type": "keyword"},
        "file_url": {"type": "keyword"},
        "url": {"type": "keyword"},
        "file_raw_txt": {"type": "keyword"},
        "scraped_at": {"type": "date"},
        "created_at": {"type": "date"},
        "processed": {"type": "boolean"},
        "territory_id": {"type": "keyword"},
        "territory_name": text,
        "state_code": {"type": "keyword"},
        "source_text": source_text,
        "prelo": {
            "dynamic": false,
            "properties": {
                "extractor_version": {"type": "integer"},
                "pages": {"type": "integer"},
                "ocr_pages": {"type": "integer"},
                "ocr_page_numbers": {"type": "keyword"},
                "ocr_confidence": {"type": "float"},
                "quality": {"type": "float"},
                "run_id": {"type": "keyword"},
                "indexed_at": {"type": "date"},
            },
        },
    })
}

/// Text that can be highlighted fast, however long it is.
fn searched(analyzer: &str) -> Value {
    json!({
        "type": "text",
        "analyzer": analyzer,
        "index_options": "offsets",
        "term_vector": "with_positions_offsets",
    })
}
