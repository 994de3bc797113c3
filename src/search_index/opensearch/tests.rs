use std::time::Instant;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::document::{Links, tests::gazette};
use super::*;
use crate::failure::FailureCode;

/// URL of an index of one test alone, or `None` when there is no server.
pub fn url(test: &str) -> Option<String> {
    let Ok(base) = std::env::var("PRELO_TEST_INDEX") else {
        eprintln!("SKIPPED: {test}: PRELO_TEST_INDEX is not set");
        return None;
    };
    Some(format!("{}-{}", base.trim_end_matches('/'), uuid::Uuid::new_v4().simple()))
}

pub fn settings() -> Settings {
    Settings {
        user: None,
        password: None,
        connections: 4,
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_mins(1),
        shards: 1,
        replicas: 0,
    }
}

/// Removes the indices of a test when it ends, however it ends.
pub struct Cleanup(pub String);

impl Drop for Cleanup {
    fn drop(&mut self) {
        let url = self.0.clone();
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let index = OpenSearchIndex::new(&url, settings()).unwrap();
                let name = index.http.name();
                let versions = (1..=3).map(|n| format!("/{name}-00000{n}"));
                for path in versions.chain([format!("/{name}")]) {
                    drop(index.http.send("delete", Method::Delete, &path, None).await);
                }
            });
        });
        drop(deleting.join());
    }
}

fn document(id: i64, text: &str) -> Document {
    let prelo = Provenance { indexed_at: "2026-01-02T03:04:05Z".into(), ..Provenance::default() };
    Document::new(&gazette(id), text.into(), "k.txt", &Links::default(), prelo)
}

/// An index on the real server.
struct World {
    index: OpenSearchIndex,
    cleanup: Cleanup,
}

impl World {
    fn new(test: &str) -> Option<Self> {
        let url = url(test)?;
        let index = OpenSearchIndex::new(&url, settings()).unwrap();
        Some(Self { index, cleanup: Cleanup(url) })
    }

    async fn raw(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let path = path.replace("NAME", self.index.http.name());
        let (status, body) = self.index.send_json("ask", method, &path, &body).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

#[tokio::test]
async fn the_index_is_made_behind_its_alias_as_readers_expect_it() {
    let Some(world) = World::new("mapping") else { return };
    let other = OpenSearchIndex::new(&world.cleanup.0, settings()).unwrap();
    let (one, two) = tokio::join!(world.index.prepare(), other.prepare());
    one.unwrap();
    two.unwrap();
    let name = world.index.http.name();
    let real = format!("{name}-000001");
    let (_, alias) = world.raw(Method::Get, "/_alias/NAME", json!({})).await;
    assert!(alias.get(&real).is_some(), "{alias}");
    let (_, mapping) = world.raw(Method::Get, "/NAME/_mapping", json!({})).await;
    let fields = &mapping[&real]["mappings"]["properties"];
    assert_eq!(
        fields["source_text"],
        json!({
            "type": "text", "analyzer": "brazilian", "index_options": "offsets", "term_vector": "with_positions_offsets",
            "fields": {
                "with_stopwords": {"type": "text", "analyzer": "with_stopwords", "index_options": "offsets",
                    "term_vector": "with_positions_offsets"},
                "exact": {"type": "text", "analyzer": "exact", "index_options": "offsets",
                    "term_vector": "with_positions_offsets"},
            },
        })
    );
    for (field, kind) in [("id", "keyword"), ("date", "date"), ("edition_number", "text"), ("url", "keyword")] {
        assert_eq!(fields[field]["type"], kind, "{field}");
    }
    assert_eq!(fields["prelo"]["properties"]["run_id"]["type"], "keyword");
    let (_, all) = world.raw(Method::Get, "/NAME/_settings?flat_settings=true", json!({})).await;
    let set = &all[&real]["settings"];
    assert_eq!(set["index.sort.field"], json!(["territory_id", "date"]));
    assert_eq!(set["index.sort.order"], json!(["asc", "desc"]));
    assert_eq!((&set["index.number_of_shards"], &set["index.number_of_replicas"]), (&json!("1"), &json!("0")));

    world.index.bulk(&[&document(1, "casa")]).await.unwrap();
    let (_, after) = world.raw(Method::Get, "/NAME/_mapping", json!({})).await;
    assert_eq!(after, mapping, "a document adds no field of a guessed type");
}

#[tokio::test]
async fn readers_can_highlight_a_text_of_more_than_a_million_characters() {
    let Some(world) = World::new("highlight") else { return };
    world.index.prepare().await.unwrap();
    let text = format!("{} xilofone", "palavra comum do diário oficial. ".repeat(40_000));
    world.index.bulk(&[&document(1, &text)]).await.unwrap();
    world.index.refresh().await.unwrap();
    let body = json!({
        "_source": false,
        "query": {"match": {"source_text": "xilofone"}},
        "highlight": {"fields": {"source_text": {"type": "fvh", "number_of_fragments": 3}}},
    });
    let (status, answer) = world.raw(Method::Post, "/NAME/_search", body).await;
    let fragment = answer["hits"]["hits"][0]["highlight"]["source_text"][0].as_str();
    assert!(fragment.is_some_and(|fragment| fragment.ends_with("<em>xilofone</em>")), "{status} {answer}");
}

#[tokio::test]
async fn an_index_of_that_very_name_is_used_as_it_is() {
    let Some(world) = World::new("concrete") else { return };
    let (status, _) = world.raw(Method::Put, "/NAME", json!({"settings": {"number_of_replicas": 0}})).await;
    assert_eq!(status, 200);
    world.index.prepare().await.unwrap();
    assert_eq!(world.index.bulk(&[&document(1, "casa")]).await.unwrap(), [ItemOutcome::Acknowledged]);
    let (status, _) = world.raw(Method::Get, "/_alias/NAME", json!({})).await;
    assert_eq!(status, 404);
    let foreign = json!({"territory_id": "1", "edition_number": null, "source_text": "casa"});
    for id in ["a%2Fb", "77"] {
        world.raw(Method::Put, &format!("/NAME/_doc/{id}?refresh=true"), foreign.clone()).await;
    }
    assert_eq!(world.index.find(GazetteId(77)).await.unwrap(), Some(Provenance::default()), "there, by nobody known");
    assert!(world.index.find(GazetteId(1)).await.unwrap().is_some());
    let results = world.index.search(&SearchQuery { text: "casa".into(), limit: 9, ..SearchQuery::default() }).await;
    let results = results.unwrap();
    assert_eq!(results.total, 3, "documents of another service are found too");
    assert!(results.hits.iter().all(|hit| hit.passages.len() == 1), "{results:?}");
}

#[tokio::test]
async fn documents_of_another_service_are_found_by_what_they_say() {
    let Some(world) = World::new("foreign") else { return };
    world.index.prepare().await.unwrap();
    world.index.bulk(&[&document(1, "casa"), &document(2, "casa")]).await.unwrap();
    for (key, id) in [("0cc175b9c0f1b6a831c399e269772661", json!("3")), ("twin", json!(2)), ("nobody", json!(null))] {
        let foreign = json!({"id": id, "file_checksum": key, "source_text": "casa"});
        world.raw(Method::Put, &format!("/NAME/_doc/{key}?refresh=true"), foreign).await;
    }
    let held = world.index.held(&[1, 2, 3, 4].map(GazetteId)).await.unwrap();
    let shown: Vec<_> = held.iter().map(|held| (held.gazette.0, held.key.as_str())).collect();
    assert_eq!(shown, [(1, "1"), (2, "2"), (3, "0cc175b9c0f1b6a831c399e269772661")]);
    assert!(!held[2].is_in_its_place());

    let entries = world.index.entries(None, 10).await.unwrap();
    let shown: Vec<_> =
        entries.iter().map(|entry| (entry.key.as_str(), entry.gazette.map(|id| id.0), entry.by_prelo)).collect();
    assert_eq!(
        shown,
        [
            ("0cc175b9c0f1b6a831c399e269772661", Some(3), false),
            ("1", Some(1), false),
            ("2", Some(2), false),
            ("nobody", None, false),
            ("twin", Some(2), false),
        ]
    );
}

#[tokio::test]
async fn a_look_up_that_a_shard_did_not_answer_is_an_error_not_a_gap() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n{\"timed_out\":false,\"_shards\":{\"failed\":1},\"hits\":{\"hits\":[    ]}}",
        "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n{\"timed_out\":true, \"_shards\":{\"failed\":0},\"hits\":{\"hits\":[    ]}}",
    ] {
        let (url, _) = answering(answer).await;
        let error = OpenSearchIndex::new(&url, settings()).unwrap().entries(None, 10).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "{error}");
        assert!(error.to_string().contains("a part of the index"), "{error}");
    }
    let (url, _) = answering("HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n{\"docs\":[{\"_id\":\"1\",\"error\":{\"type\":\"no_shard_available\"}}]}").await;
    let error = OpenSearchIndex::new(&url, settings()).unwrap().held(&[GazetteId(1)]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
}

#[tokio::test]
async fn an_index_that_lost_its_alias_gets_it_back_and_one_that_vanished_is_not_guessed() {
    let Some(world) = World::new("alias") else { return };
    world.index.prepare().await.unwrap();
    let (status, _) = world.raw(Method::Delete, "/NAME-000001/_alias/NAME", json!({})).await;
    assert_eq!(status, 200);
    world.index.prepare().await.unwrap();
    world.index.bulk(&[&document(1, "casa")]).await.unwrap();
    world.raw(Method::Delete, "/NAME-000001", json!({})).await;
    let error = world.index.bulk(&[&document(2, "casa")]).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotThere, "{error}");
    assert!(world.index.existing("look").await.unwrap().is_none(), "an index with a guessed mapping was made");
}

#[tokio::test]
async fn one_document_that_the_mapping_refuses_does_not_harm_its_neighbours() {
    let Some(world) = World::new("rejected") else { return };
    let mapping = json!({
        "settings": {"number_of_replicas": 0},
        "mappings": {"properties": {"edition_number": {"type": "integer"}}},
    });
    world.raw(Method::Put, "/NAME", mapping).await;
    world.index.prepare().await.unwrap();
    let numbered = |id, edition: &str| {
        let mut document = document(id, "casa");
        document.metadata.edition_number = edition.into();
        document
    };
    let (good, bad, fine) = (numbered(1, "1"), numbered(2, "12-A"), numbered(3, "3"));
    let outcomes = world.index.bulk(&[&good, &bad, &fine]).await.unwrap();
    let [ItemOutcome::Acknowledged, ItemOutcome::Rejected(failure), ItemOutcome::Acknowledged] = outcomes.as_slice()
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(failure.code, FailureCode::MappingRejected);
    assert!(failure.detail.contains("edition_number") && failure.detail.contains("12-A"), "{failure}");
}

#[tokio::test]
async fn a_write_block_stops_the_run_and_blames_no_document() {
    let Some(world) = World::new("blocked") else { return };
    world.index.check_writable().await.unwrap();
    world.index.prepare().await.unwrap();
    for block in ["index.blocks.write", "index.blocks.read_only_allow_delete"] {
        let (status, _) = world.raw(Method::Put, "/NAME/_settings", json!({ block: true })).await;
        assert_eq!(status, 200);
        let error = world.index.bulk(&[&document(1, "casa")]).await.unwrap_err();
        assert_eq!(error.kind, Kind::Blocked, "{block}: {error}");
        assert!(!error.to_string().contains(";;"), "{error}");
        let error = world.index.check_writable().await.unwrap_err();
        assert!(error.kind == Kind::Blocked && error.to_string().contains(block), "{error}");
        world.index.check().await.unwrap();
        world.raw(Method::Put, "/NAME/_settings", json!({ block: null })).await;
    }
    world.index.check_writable().await.unwrap();
    assert_eq!(world.index.bulk(&[&document(1, "casa")]).await.unwrap(), [ItemOutcome::Acknowledged]);
}

#[tokio::test]
async fn of_two_that_begin_a_version_at_once_one_does() {
    let Some(world) = World::new("begun") else { return };
    world.index.prepare().await.unwrap();
    let versions = world.index.versions().unwrap();
    let (one, other) = tokio::join!(versions.begin("2026-01-02T03:04:05Z"), versions.begin("2026-01-02T03:04:05Z"));
    let refused = [one, other].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(refused.iter().map(|error| error.kind).collect::<Vec<_>>(), [Kind::Locked], "{refused:?}");
    assert!(versions.named().await.unwrap().next.is_some());
    assert_eq!(world.index.bulk(&[&document(1, "casa")]).await.unwrap(), [ItemOutcome::Acknowledged], "runs go on");
    versions.switch().await.unwrap();
    assert_eq!(world.index.bulk(&[&document(2, "casa")]).await.unwrap(), [ItemOutcome::Acknowledged]);
}

/// Listens for one request after another, tells each, and answers with these bytes; with none at all to `silence`.
async fn answering(answer: &'static str) -> (String, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = request(&mut stream).await;
            if request.is_empty() {
                continue; // only asked whether somebody listens
            }
            drop(tell.send(request));
            if answer == "silence" {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    (format!("opensearch+http://user:hunter2@127.0.0.1:{port}/gazettes"), told)
}

/// Reads head and body of a request.
async fn request(stream: &mut TcpStream) -> String {
    let mut request = String::new();
    let mut buffer = [0; 8_192];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        request.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break;
            }
        }
    }
    request
}

#[tokio::test]
async fn odd_answers_over_the_wire() {
    for (answer, kind) in [
        ("HTTP/1.1 413 Request Entity Too Large\r\ncontent-length: 0\r\n\r\n", Kind::TooLarge),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 13\r\n\r\n<html></html>", Kind::Unavailable),
        ("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>", Kind::Unavailable),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"items\":", Kind::Unavailable),
        ("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"items\":[", Kind::Unavailable),
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 12\r\n\r\nUnauthorized", Kind::Unauthorized),
        ("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n", Kind::Throttled),
        ("SSH-2.0-OpenSSH_9.2\r\n", Kind::BadUrl),
        ("", Kind::Unavailable),
        ("silence", Kind::Timeout),
    ] {
        let (url, mut told) = answering(answer).await;
        let quick = Settings { request_timeout: Duration::from_millis(500), ..settings() };
        let index = OpenSearchIndex::new(&url, quick).unwrap();
        let error = index.bulk(&[&document(1, "casa")]).await.unwrap_err();
        assert_eq!(error.kind, kind, "{answer}: {error} {error:?}");
        let request = told.recv().await.unwrap();
        assert!(request.contains("authorization: Basic dXNlcjpodW50ZXIy\r\n"), "{request}");
        assert!(request.contains("content-type: application/x-ndjson\r\n"), "{request}");
        assert!(told.try_recv().is_err(), "the client tried again by itself");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "a password in {shown}");
        assert!(error.to_string().starts_with("could not write a bulk of 1 document (opensearch+http://127"));
    }
}

#[tokio::test]
async fn hosts_that_are_not_there() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = format!("opensearch+http://127.0.0.1:{}/a", taken.local_addr().unwrap().port());
    drop(taken);
    for (url, kind, words) in [
        (refused.as_str(), Kind::Unavailable, "nobody listens"),
        ("opensearch+http://no-such-host.invalid:9200/a", Kind::NameNotResolved, "cannot be resolved"),
    ] {
        let index = OpenSearchIndex::new(url, settings()).unwrap();
        let start = Instant::now();
        let error = index.check().await.unwrap_err();
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
