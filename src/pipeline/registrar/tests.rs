use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Mutex;

use async_trait::async_trait;

use super::metadata::Table;
use super::*;
use crate::gazette::GazetteId;

fn write(folder: &Path, path: &str, content: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A catalogue of files in memory.
#[derive(Default)]
struct Rows(Mutex<BTreeMap<String, FolderFile>>);

#[async_trait]
impl Registry for Rows {
    async fn files(&self, after: &str, limit: u32) -> Result<Vec<RegisteredFile>, CatalogError> {
        let rows = self.0.lock().unwrap();
        let registered = |file: &FolderFile| RegisteredFile {
            path: file.path.clone(),
            id: GazetteId(1),
            processed: true,
            bytes: file.bytes,
            modified_ns: file.modified_ns,
            metadata_checksum: file.metadata_checksum.clone(),
        };
        let behind = rows.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
        Ok(behind.take(limit as usize).map(|(_, file)| registered(file)).collect())
    }

    async fn versions(&self, _ids: &[GazetteId]) -> Result<HashMap<GazetteId, (u64, i64)>, CatalogError> {
        Ok(HashMap::new())
    }

    async fn register(&self, files: &[FolderFile]) -> Result<(), CatalogError> {
        assert!(files.len() <= BATCH);
        self.0.lock().unwrap().extend(files.iter().map(|file| (file.path.clone(), file.clone())));
        Ok(())
    }
}

impl Rows {
    fn files(&self) -> Vec<FolderFile> {
        self.0.lock().unwrap().values().cloned().collect()
    }

    fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    /// What was found, and what was told of single files.
    async fn register_all(&self, folder: &Path, data: &Path) -> Result<(Registered, Vec<String>), RegistrarError> {
        let (mut notices, mut compared) = (Vec::new(), vec![0]);
        let notice = |notice: Notice<'_>| match notice {
            Notice::Compared(files) => compared.push(files),
            other => notices.push(format!("{other:?}")),
        };
        let registered = register(folder, data, self, notice).await?;
        assert!(compared.is_sorted(), "{compared:?}");
        let all = registered.new + registered.changed + registered.unchanged;
        assert!(compared.iter().all(|files| *files <= all), "{compared:?} of {all}");
        let batches = all.div_ceil(BATCH as u64);
        assert!(compared.len() as u64 > batches, "after each batch: {compared:?} of {all}");
        Ok((registered, notices))
    }
}

#[tokio::test]
async fn new_changed_and_vanished_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("prelo-data");
    write(folder.path(), "2704302/2024-01-02/a.pdf", "a");
    write(folder.path(), "copy.pdf", "a");
    write(folder.path(), ".hidden.pdf", "h");
    write(folder.path(), "prelo-data/catalog.db", "ours");
    let rows = Rows::default();
    let (registered, _) = rows.register_all(folder.path(), &data).await.unwrap();
    let files = rows.files();
    assert_eq!(rows.paths(), ["2704302/2024-01-02/a.pdf", "copy.pdf"], "a copy is a gazette of its own");
    assert_eq!(files[0].file_checksum, "0cc175b9c0f1b6a831c399e269772661");
    assert_eq!(
        (files[0].territory.id.as_str(), files[0].date.unwrap().to_string().as_str()),
        ("2704302", "2024-01-02")
    );
    assert_eq!((files[1].territory.id.as_str(), files[1].date), ("", None), "what is not known stays empty");
    assert_eq!(registered, Registered { new: 2, ..Registered::default() });

    let (again, notices) = rows.register_all(folder.path(), &data).await.unwrap();
    assert_eq!((again, notices), (Registered { unchanged: 2, ..Registered::default() }, vec![]));

    write(folder.path(), "copy.pdf", "changed");
    std::fs::remove_file(folder.path().join("2704302/2024-01-02/a.pdf")).unwrap();
    let (later, notices) = rows.register_all(folder.path(), &data).await.unwrap();
    assert_eq!((later.new, later.changed, later.unchanged), (0, 1, 0));
    assert_ne!(rows.files()[1].file_checksum, files[1].file_checksum);
    assert_eq!((later.vanished.count, &later.vanished.first[0]), (1, &files[0].path));
    assert_eq!(notices, ["Vanished(\"2704302/2024-01-02/a.pdf\")"]);
}

#[tokio::test]
async fn more_files_than_go_together_and_more_rows_than_one_page_are_told_apart_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let name = |n: u32| format!("{}/{:05}.txt", n % 3, n * 7919 % 100_000);
    let count = 2 * u32::try_from(BATCH).unwrap() + 500;
    for n in 0..count {
        write(folder.path(), &name(n), "x");
    }
    let rows = Rows::default();
    let (first, _) = rows.register_all(folder.path(), Path::new("d")).await.unwrap();
    assert_eq!((first.new, rows.paths().len()), (u64::from(count), count as usize));
    // Every third is gone, and as many are new, before and behind all others and among them.
    let gone: Vec<String> = (0..count).step_by(3).map(name).collect();
    for (n, path) in gone.iter().enumerate() {
        std::fs::remove_file(folder.path().join(path)).unwrap();
        write(folder.path(), &format!("{}{n}.txt", ["0/", "1/x", "z"][n % 3]), "x");
    }
    let (second, notices) = rows.register_all(folder.path(), Path::new("d")).await.unwrap();
    let gone_count = gone.len() as u64;
    assert_eq!((second.new, second.changed), (gone_count, 0));
    assert_eq!((second.unchanged, second.vanished.count), (u64::from(count) - gone_count, gone_count));
    assert_eq!((second.vanished.first.len(), notices.len()), (Paths::KEPT, gone.len()), "each is told, few are kept");
}

#[tokio::test]
async fn the_text_of_a_pdf_is_no_gazette_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for path in
        ["a.pdf", "a.txt", "a.pdf.txt", "reference/a.txt", "reference/deep/a.txt", "B.PDF", "B.txt", "alone.txt"]
    {
        write(folder.path(), path, path);
    }
    write(folder.path(), "gazettes.csv", "file,date\nB.txt,2024-01-02\n");
    let rows = Rows::default();
    let (registered, _) = rows.register_all(folder.path(), Path::new("d")).await.unwrap();
    assert_eq!(rows.paths(), ["B.PDF", "B.txt", "a.pdf", "alone.txt", "reference/deep/a.txt"]);
    assert_eq!(registered.renditions, 3);
}

#[tokio::test]
async fn links_out_of_the_folder_and_data_folders_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    write(&root, "a.txt", "a");
    write(&root, "sub/b.txt", "b");
    write(&root, "sub/gazettes.csv", "file\n");
    write(&root, "old-data/folder.txt", "elsewhere");
    write(&root, "old-data/catalog.db", "ours");
    write(&root, "gazettes.csv", "file\na.txt\ngone.pdf\n");
    std::os::unix::fs::symlink(outside.path(), root.join("out.txt")).unwrap();
    std::os::unix::fs::symlink(root.join("sub"), root.join("link")).unwrap();
    std::os::unix::fs::symlink(root.join("a.txt"), root.join("in.txt")).unwrap();
    let rows = Rows::default();
    let (registered, notices) = rows.register_all(&root, Path::new("d")).await.unwrap();
    assert_eq!(rows.paths(), ["a.txt", "in.txt", "sub/b.txt"]);
    assert_eq!(registered.missing.first, ["gone.pdf"]);
    assert_eq!((registered.left_out.count, notices.len()), (2, 2), "{notices:?}");
}

#[test]
fn a_plan_counts_what_registering_brings_into_the_selection() {
    let file = |date: Option<Date>, territory: &str| Found {
        path: "a.pdf".into(),
        bytes: 1,
        modified_ns: 0,
        metadata: Table::default().metadata(&match date {
            Some(date) => format!("{territory}/{date}/a.pdf"),
            None => "a.pdf".into(),
        }),
    };
    let day = time::macros::date!(2024 - 01 - 02);
    let known = |processed| RegisteredFile {
        path: "a.pdf".into(),
        id: GazetteId(7),
        processed,
        bytes: 1,
        modified_ns: 0,
        metadata_checksum: String::new(),
    };
    let all = Selection { mode: Mode::All, ..Selection::default() };
    let everything = Selection::default();
    assert!(joins(&file(None, ""), None, &everything));
    assert!(joins(&file(None, ""), Some(&known(true)), &everything), "changed: pending again");
    assert!(!joins(&file(None, ""), Some(&known(false)), &everything), "pending already");
    assert!(!joins(&file(None, ""), Some(&known(true)), &all), "in it already");
    let of_territory = Selection { territories: vec!["1".into()], ..Selection::default() };
    assert!(joins(&file(Some(day), "1"), None, &of_territory) && !joins(&file(Some(day), "2"), None, &of_territory));
    let later = Selection { from: day.next_day(), ..Selection::default() };
    assert!(!joins(&file(Some(day), "1"), None, &later) && !joins(&file(None, ""), None, &later));
    let by_id = Selection { ids: vec![GazetteId(8)], ..Selection::default() };
    assert!(!joins(&file(None, ""), None, &by_id) && !joins(&file(None, ""), Some(&known(true)), &by_id));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    let error = Rows::default().register_all(Path::new("no/such/folder"), Path::new("d")).await.unwrap_err();
    assert!(error.to_string().contains("no/such/folder"));
}
