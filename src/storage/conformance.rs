//! What every storage has to do, whatever it is made of. One suite, run against each.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt};

use super::{ObjectBody, Storage, StorageError, StorageErrorKind as Kind};

/// Puts a file where the storage under test will find it; prelo itself never does.
pub(super) type Put<'a> = &'a (dyn Fn(String, Vec<u8>) -> BoxFuture<'static, ()> + Sync);

/// Runs every case. The storage has to be empty.
pub(super) async fn suite(storage: &dyn Storage, put: Put<'_>) {
    assert!(!storage.check().await.unwrap().is_empty());
    bytes_arrive_as_they_are(storage, put).await;
    odd_keys_are_kept_apart(storage, put).await;
    missing_files_are_not_found(storage).await;
    impossible_keys_are_refused(storage).await;
    a_replaced_file_is_noticed(storage, put).await;
    texts_live_beside_their_files(storage, put).await;
}

async fn collect(body: ObjectBody) -> Result<Vec<u8>, StorageError> {
    body.map_ok(|chunk| chunk.to_vec()).try_concat().await
}

fn kind<T>(result: Result<T, StorageError>) -> Kind {
    result.err().expect("it should have failed").kind
}

async fn bytes_arrive_as_they_are(storage: &dyn Storage, put: Put<'_>) {
    let large: Vec<u8> = (0u32..5 << 20).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    for (key, content) in [("empty.pdf", vec![]), ("small.pdf", b"%PDF\0\xff".to_vec()), ("large.pdf", large)] {
        put(key.into(), content.clone()).await;
        let head = storage.head(key).await.unwrap();
        assert_eq!(head.bytes, content.len() as u64, "{key}");
        assert!(head.etag.is_some(), "{key}");
        assert_eq!(storage.head(key).await.unwrap(), head, "{key}: its version changed by itself");
        assert!(collect(storage.get(key, None).await.unwrap()).await.unwrap() == content, "{key}");
        assert!(collect(storage.get(key, head.etag.as_deref()).await.unwrap()).await.unwrap() == content, "{key}");
    }
    for (first, bytes, expected) in
        [(0, 4, &b"%PDF"[..]), (1, 3, b"PDF"), (4, 100, b"\0\xff"), (5, 1, b"\xff"), (2, 0, b"")]
    {
        let part = storage.get_part("small.pdf", first, bytes, None).await.unwrap();
        assert_eq!(collect(part).await.unwrap(), expected, "{bytes} from {first}");
    }
    // A body may be left unread half-way.
    let mut body = storage.get("large.pdf", None).await.unwrap();
    assert!(!body.next().await.unwrap().unwrap().is_empty());
}

async fn odd_keys_are_kept_apart(storage: &dyn Storage, put: Put<'_>) {
    let keys = [
        "2704302/2024-01-05/diário oficial nº 12.pdf",
        "odd/a b.pdf",
        "odd/a+b.pdf",
        "odd/a%20b.pdf",
        "odd/100%.pdf",
        "odd/x=1&y=2?z.pdf",
        "odd/#1;'(~)!.pdf",
        "odd/..two..dots...pdf",
    ];
    for key in keys {
        put(key.into(), key.into()).await;
    }
    for key in keys {
        assert_eq!(storage.head(key).await.unwrap().bytes, key.len() as u64, "{key}");
        assert_eq!(collect(storage.get(key, None).await.unwrap()).await.unwrap(), key.as_bytes(), "{key}");
        storage.put_text(key, Bytes::from(format!("text of {key}"))).await.unwrap();
        assert_eq!(storage.get_text(key).await.unwrap(), format!("text of {key}"), "{key}");
        let streamed = collect(storage.stream_text(key).await.unwrap()).await.unwrap();
        assert_eq!(streamed, format!("text of {key}").as_bytes(), "{key}");
    }
}

async fn missing_files_are_not_found(storage: &dyn Storage) {
    assert_eq!(kind(storage.head("no/such.pdf").await), Kind::NotFound);
    assert_eq!(kind(storage.get("no/such.pdf", None).await), Kind::NotFound);
    assert_eq!(kind(storage.get_text("no/such.pdf").await), Kind::NotFound);
    assert_eq!(kind(storage.stream_text("no/such.pdf").await), Kind::NotFound);
    let error = storage.head("no/such.pdf").await.unwrap_err();
    assert!(error.to_string().contains("no/such.pdf"), "{error}");
}

async fn impossible_keys_are_refused(storage: &dyn Storage) {
    for key in ["", "a\0b"] {
        assert_eq!(kind(storage.head(key).await), Kind::BadKey, "{key:?}");
        assert_eq!(kind(storage.get(key, None).await), Kind::BadKey, "{key:?}");
        assert_eq!(kind(storage.put_text(key, Bytes::new()).await), Kind::BadKey, "{key:?}");
        assert_eq!(kind(storage.get_text(key).await), Kind::BadKey, "{key:?}");
        assert_eq!(kind(storage.stream_text(key).await), Kind::BadKey, "{key:?}");
    }
}

async fn a_replaced_file_is_noticed(storage: &dyn Storage, put: Put<'_>) {
    put("replaced.pdf".into(), b"before".to_vec()).await;
    let before = storage.head("replaced.pdf").await.unwrap();
    put("replaced.pdf".into(), b"after it".to_vec()).await;
    let after = storage.head("replaced.pdf").await.unwrap();
    assert_ne!(before.etag, after.etag);
    assert_eq!(kind(storage.get("replaced.pdf", before.etag.as_deref()).await), Kind::Replaced);
    let body = storage.get("replaced.pdf", after.etag.as_deref()).await.unwrap();
    assert_eq!(collect(body).await.unwrap(), b"after it");
    assert_eq!(kind(storage.get_part("replaced.pdf", 0, 3, before.etag.as_deref()).await), Kind::Replaced);
    let part = storage.get_part("replaced.pdf", 6, 3, after.etag.as_deref()).await.unwrap();
    assert_eq!(collect(part).await.unwrap(), b"it");
}

async fn texts_live_beside_their_files(storage: &dyn Storage, put: Put<'_>) {
    put("texts/a.pdf".into(), b"file".to_vec()).await;
    let before = storage.head("texts/a.pdf").await.unwrap();
    for text in ["primeira página\u{c}segunda", "mais curto", ""] {
        storage.put_text("texts/a.pdf", Bytes::from(text)).await.unwrap();
        assert_eq!(storage.get_text("texts/a.pdf").await.unwrap(), text);
        let streamed = storage.stream_text("texts/a.pdf").await.unwrap();
        assert_eq!(collect(streamed).await.unwrap(), text.as_bytes());
    }
    let long = "página inteira de um diário\u{c}".repeat(60_000);
    storage.put_text("texts/a.pdf", Bytes::from(long.clone())).await.unwrap();
    let streamed = storage.stream_text("texts/a.pdf").await.unwrap();
    assert!(collect(streamed).await.unwrap() == long.as_bytes(), "a text of many chunks");
    assert_eq!(storage.head("texts/a.pdf").await.unwrap(), before, "the file itself was touched");
    assert_eq!(kind(storage.get_text("texts/a.docx").await), Kind::NotFound);
}
