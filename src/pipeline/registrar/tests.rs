use super::*;
use crate::gazette::GazetteId;

fn write(folder: &Path, path: &str, content: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn scan(
    folder: &Path,
    data: &Path,
    known: &BTreeMap<String, RegisteredFile>,
) -> Result<(Registered, Vec<FolderFile>), RegistrarError> {
    let mut comparison = compare(folder, data, known)?;
    let files = comparison.digest(folder).unwrap();
    Ok((comparison.registered, files))
}

fn known(files: &[FolderFile]) -> BTreeMap<String, RegisteredFile> {
    files
        .iter()
        .map(|file| {
            let registered = RegisteredFile {
                id: GazetteId(1),
                processed: true,
                bytes: file.bytes,
                modified_ns: file.modified_ns,
                metadata_checksum: file.metadata_checksum.clone(),
            };
            (file.path.clone(), registered)
        })
        .collect()
}

#[test]
fn new_changed_and_vanished_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("prelo-data");
    write(folder.path(), "2704302/2024-01-02/a.pdf", "a");
    write(folder.path(), "copy.pdf", "a");
    write(folder.path(), ".hidden.pdf", "h");
    write(folder.path(), "prelo-data/catalog.db", "ours");
    let (registered, files) = scan(folder.path(), &data, &BTreeMap::new()).unwrap();
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["2704302/2024-01-02/a.pdf", "copy.pdf"], "a copy is a gazette of its own");
    assert_eq!(files[0].file_checksum, "0cc175b9c0f1b6a831c399e269772661");
    assert_eq!(
        (files[0].territory.id.as_str(), files[0].date.unwrap().to_string().as_str()),
        ("2704302", "2024-01-02")
    );
    assert_eq!((files[1].territory.id.as_str(), files[1].date), ("", None), "what is not known stays empty");
    assert_eq!(registered.new, 2);

    let before = known(&files);
    let (again, nothing) = scan(folder.path(), &data, &before).unwrap();
    assert_eq!((again.unchanged, nothing.len()), (2, 0));

    write(folder.path(), "copy.pdf", "changed");
    std::fs::remove_file(folder.path().join("2704302/2024-01-02/a.pdf")).unwrap();
    let (later, changed) = scan(folder.path(), &data, &before).unwrap();
    assert_eq!((later.new, later.changed, later.unchanged), (0, 1, 0));
    assert_eq!(changed[0].path, "copy.pdf");
    assert_eq!(later.vanished, ["2704302/2024-01-02/a.pdf"]);
}

#[test]
fn the_text_of_a_pdf_is_no_gazette_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for path in
        ["a.pdf", "a.txt", "a.pdf.txt", "reference/a.txt", "reference/deep/a.txt", "B.PDF", "B.txt", "alone.txt"]
    {
        write(folder.path(), path, path);
    }
    write(folder.path(), "gazettes.csv", "file,date\nB.txt,2024-01-02\n");
    let (registered, files) = scan(folder.path(), Path::new("d"), &BTreeMap::new()).unwrap();
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["B.PDF", "B.txt", "a.pdf", "alone.txt", "reference/deep/a.txt"]);
    assert_eq!(registered.renditions, 3);
}

#[test]
fn links_out_of_the_folder_and_data_folders_are_not_read() {
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
    let (registered, files) = scan(&root, Path::new("d"), &BTreeMap::new()).unwrap();
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a.txt", "in.txt", "sub/b.txt"]);
    assert_eq!(registered.missing, ["gone.pdf"]);
    assert_eq!(registered.unreadable.len(), 2, "{:?}", registered.unreadable);
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

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let error = scan(Path::new("no/such/folder"), Path::new("d"), &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("no/such/folder"));
}
