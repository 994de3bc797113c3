use futures_util::FutureExt;
use tempfile::TempDir;

use super::*;
use crate::storage::conformance;

async fn folder(files: &TempDir, data: &TempDir) -> Folder {
    let url = Url::from_directory_path(files.path()).unwrap();
    Folder::open(&url, data.path().join("texts")).await.unwrap()
}

fn kind<T>(result: Result<T, StorageError>) -> Kind {
    result.err().expect("it should have failed").kind
}

#[tokio::test]
async fn a_folder_is_a_storage() {
    let (files, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let storage = folder(&files, &data).await;
    let root = files.path().to_path_buf();
    let put = move |key: String, content: Vec<u8>| {
        let path = root.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        std::future::ready(()).boxed()
    };
    conformance::suite(&storage, &put).await;
}

#[tokio::test]
async fn the_users_folder_is_never_written_to() {
    let (files, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let storage = folder(&files, &data).await;
    for key in ["a", "a.txt/b", &format!("{}.pdf", "x".repeat(250)), "a"] {
        storage.put_text(key, Bytes::from(format!("text of {key}"))).await.unwrap();
    }
    for key in ["a", "a.txt/b", &format!("{}.pdf", "x".repeat(250))] {
        assert_eq!(storage.get_text(key).await.unwrap(), format!("text of {key}"));
    }
    assert_eq!(std::fs::read_dir(files.path()).unwrap().count(), 0);
    let unfinished = std::fs::read_dir(data.path().join("texts.part")).unwrap();
    assert_eq!(unfinished.count(), 0, "a temporary file is left");
}

#[tokio::test]
async fn what_a_killed_run_was_writing_is_removed_by_the_next() {
    let (files, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    folder(&files, &data).await.put_text("a.pdf", "whole".into()).await.unwrap();
    let left = data.path().join("texts.part/left");
    std::fs::write(&left, "hal").unwrap();
    let next = folder(&files, &data).await;
    next.get_text("a.pdf").await.unwrap();
    assert!(left.exists(), "reading removes nothing: another process may be at work");
    next.put_text("b.pdf", "whole".into()).await.unwrap();
    assert!(!left.exists());
    std::fs::write(&left, "of this process").unwrap();
    next.put_text("c.pdf", "whole".into()).await.unwrap();
    assert!(left.exists(), "what it is writing itself stays");
}

#[cfg(unix)]
#[tokio::test]
async fn links_may_not_lead_out() {
    use std::os::unix::fs::symlink;
    let (files, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let storage = folder(&files, &data).await;
    std::fs::write(data.path().join("secret"), "out").unwrap();
    std::fs::write(files.path().join("real.pdf"), "in").unwrap();
    symlink(data.path().join("secret"), files.path().join("out.pdf")).unwrap();
    symlink(data.path(), files.path().join("out")).unwrap();
    symlink(files.path().join("real.pdf"), files.path().join("in.pdf")).unwrap();
    assert_eq!(storage.head("in.pdf").await.unwrap().bytes, 2);
    for key in ["out.pdf", "out/secret"] {
        assert_eq!(kind(storage.head(key).await), Kind::BadKey, "{key}");
        assert_eq!(kind(storage.get(key, None).await), Kind::BadKey, "{key}");
        assert_eq!(kind(storage.local(key).await), Kind::BadKey, "{key}");
    }
}

#[tokio::test]
async fn a_file_is_where_it_lies_and_its_versions_differ() {
    let (files, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let storage = folder(&files, &data).await;
    let path = files.path().canonicalize().unwrap().join("a.pdf");
    std::fs::write(&path, "one").unwrap();
    let one = storage.local("a.pdf").await.unwrap().unwrap();
    assert_eq!((&one.path, one.version.bytes), (&path, 3));
    assert_eq!(storage.local("a.pdf").await.unwrap().unwrap(), one);
    std::fs::write(&path, "three").unwrap();
    assert_ne!(storage.local("a.pdf").await.unwrap().unwrap().version, one.version);
    std::fs::create_dir(files.path().join("sub")).unwrap();
    assert_eq!(storage.local("sub").await.unwrap(), None);
    assert_eq!(kind(storage.local("b.pdf").await), Kind::NotFound);
}

#[tokio::test]
async fn what_is_not_a_file_is_not_found() {
    let (files, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let storage = folder(&files, &data).await;
    std::fs::create_dir(files.path().join("sub")).unwrap();
    std::fs::write(files.path().join("a.pdf"), "a").unwrap();
    for key in ["sub", "a.pdf/b"] {
        assert_eq!(kind(storage.get(key, None).await), Kind::NotFound, "{key}");
    }
    for key in ["../a.pdf", "/etc/hostname"] {
        assert_eq!(kind(storage.put_text(key, Bytes::new()).await), Kind::BadKey, "{key}");
    }
}

#[tokio::test]
async fn a_file_that_shrinks_ends_with_an_error() {
    let (files, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let storage = folder(&files, &data).await;
    let path = files.path().join("a.pdf");
    std::fs::write(&path, vec![b'x'; 3 * CHUNK_BYTES]).unwrap();
    let mut body = storage.get("a.pdf", None).await.unwrap();
    assert!(body.next().await.unwrap().is_ok());
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(10).unwrap();
    let mut last = None;
    while let Some(chunk) = body.next().await {
        last = Some(chunk);
    }
    assert_eq!(kind(last.unwrap()), Kind::Truncated);
}

#[tokio::test]
async fn a_missing_folder_is_told_at_once() {
    let files = TempDir::new().unwrap();
    std::fs::write(files.path().join("file"), "").unwrap();
    for name in ["missing", "file"] {
        let url = Url::from_file_path(files.path().join(name)).unwrap();
        let error = Folder::open(&url, files.path().join("texts")).await.unwrap_err();
        assert_eq!(error.kind, Kind::NoBucket, "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
}
