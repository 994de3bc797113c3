//! Files of a folder as rows: only SQLite has them.

use std::collections::BTreeMap;

use time::macros::date;

use super::super::{FolderFile, RegisteredFile, Registry};
use super::world::{World, in_postgres, in_sqlite, mode};
use crate::gazette::{GazetteId, Mode, Territory};

fn file(path: &str, content: &str) -> FolderFile {
    FolderFile {
        path: path.into(),
        bytes: content.len() as u64,
        modified_ns: 1_767_225_600_000_000_001,
        file_checksum: format!("md5 of {content}"),
        metadata_checksum: "digest".into(),
        territory: Territory { id: "2704302".into(), name: "Maceió".into(), state_code: "AL".into() },
        date: Some(date!(2026 - 01 - 02)),
        edition_number: Some("12-A".into()),
        is_extra_edition: Some(true),
        power: None,
        file_url: None,
    }
}

fn unknown() -> Territory {
    Territory { id: String::new(), name: String::new(), state_code: String::new() }
}

async fn registry(world: &World) -> &dyn Registry {
    world.catalog.migrate().await.unwrap();
    world.catalog.registry().unwrap()
}

/// All of them, a page of two at a time.
async fn known(registry: &dyn Registry) -> BTreeMap<String, RegisteredFile> {
    let (mut known, mut after) = (BTreeMap::new(), String::new());
    loop {
        let page = registry.files(&after, 2).await.unwrap();
        assert!(page.is_sorted_by(|a, b| a.path < b.path) && page.len() <= 2, "{page:?}");
        let Some(last) = page.last() else { return known };
        after.clone_from(&last.path);
        known.extend(page.into_iter().map(|file| (file.path.clone(), file)));
    }
}

#[tokio::test]
async fn registered_files_come_in_the_order_of_bytes() {
    in_sqlite(async |world| {
        let registry = registry(world).await;
        let mut paths = ["a/b", "a.pdf", "a-b", "a", "A", "é", "ação", "z", "a/b/c"];
        registry.register(&paths.map(|path| file(path, path))).await.unwrap();
        paths.sort_unstable();
        let read = registry.files("", 100).await.unwrap();
        assert_eq!(read.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), paths);
        assert_eq!(registry.files("a/b", 1).await.unwrap()[0].path, "a/b/c");
    })
    .await;
}

#[tokio::test]
async fn files_become_rows() {
    in_sqlite(async |world| {
        let registry = registry(world).await;
        assert!(known(registry).await.is_empty());
        let bare = FolderFile { territory: unknown(), date: None, edition_number: None, ..file("b.txt", "b") };
        registry.register(&[file("a.pdf", "a"), file("copy/of a.pdf", "a"), bare]).await.unwrap();

        let known = known(registry).await;
        assert_eq!(known.keys().collect::<Vec<_>>(), ["a.pdf", "b.txt", "copy/of a.pdf"]);
        assert_eq!((known["a.pdf"].bytes, known["a.pdf"].modified_ns), (1, 1_767_225_600_000_000_001));
        let versions = registry.versions(&[known["a.pdf"].id, GazetteId(99)]).await.unwrap();
        assert_eq!(versions, [(known["a.pdf"].id, (1, 1_767_225_600_000_000_001))].into());
        let gazette = world.catalog.explain(known["a.pdf"].id).await.unwrap().unwrap().gazette;
        assert_eq!(gazette.territory, Some(file("a.pdf", "a").territory));
        assert_eq!((gazette.date, gazette.is_extra_edition), (Some(date!(2026 - 01 - 02)), Some(true)));
        assert!(gazette.scraped_at.is_some() && gazette.scraped_at == gazette.created_at);
        let bare = world.catalog.explain(known["b.txt"].id).await.unwrap().unwrap().gazette;
        assert_eq!((bare.territory, bare.date, bare.edition_number), (Some(unknown()), None, None));
        assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 2, 3]);
    })
    .await;
}

#[tokio::test]
async fn only_what_changed_is_read_again() {
    in_sqlite(async |world| {
        let registry = registry(world).await;
        let paths = ["same.pdf", "touched.pdf", "replaced.pdf", "described.pdf"];
        registry.register(&paths.map(|path| file(path, path))).await.unwrap();
        world.execute("UPDATE gazettes SET file_checksum = 'checksum ' || id").await;
        world.indexed(&[1, 2, 3, 4]).await;
        world.execute("UPDATE gazettes SET file_checksum = 'md5 of ' || file_path").await;

        let touched = FolderFile { modified_ns: 2, ..file("touched.pdf", "touched.pdf") };
        let described = FolderFile {
            metadata_checksum: "other".into(),
            territory: Territory { name: String::new(), ..file("", "").territory },
            edition_number: Some("13".into()),
            ..file("described.pdf", "described.pdf")
        };
        registry.register(&[touched, file("replaced.pdf", "new content"), described]).await.unwrap();

        assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [3, 4]);
        assert_eq!(known(registry).await["touched.pdf"].modified_ns, 2);
        world.holds(3, "state = 'pending' AND bytes = 11 AND pages IS NULL AND text_checksum IS NULL").await;
        let described = world.catalog.explain(GazetteId(4)).await.unwrap().unwrap().gazette;
        assert_eq!(described.edition_number.as_deref(), Some("13"));
        assert_eq!(described.territory, Some(file("", "").territory), "a name once given stays");
        world.indexed(&[3, 4]).await;
    })
    .await;
}

#[tokio::test]
async fn ids_of_deleted_rows_are_not_given_again() {
    in_sqlite(async |world| {
        let registry = registry(world).await;
        registry.register(&[file("a.pdf", "a")]).await.unwrap();
        world.execute("DELETE FROM gazettes").await;
        assert!(known(registry).await.is_empty());
        registry.register(&[file("a.pdf", "a")]).await.unwrap();
        assert_eq!(known(registry).await["a.pdf"].id, GazetteId(2));
    })
    .await;
}

#[tokio::test]
async fn the_scrapers_database_takes_no_files() {
    in_postgres(async |world| assert!(world.catalog.registry().is_none())).await;
}
