use std::env;
use std::fs;
use std::path::PathBuf;
use std::thread;

use lopdf::encryption::{EncryptionState, EncryptionVersion, Permissions};
use lopdf::{Document, Object, Stream, dictionary};

use super::*;

fn extract_path(file: &Path, name: &str, limits: &Limits) -> Result<Text, Failure> {
    let (file, _) = open(file, limits)?;
    extract(&file, name, limits, OcrMode::Off, &|| {})
}

/// Reads bytes as a file of that name.
pub(super) fn extract_bytes(content: &[u8], name: &str, limits: &Limits) -> Result<Text, Failure> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    extract_path(file.path(), name, limits)
}

pub(super) fn code(content: &[u8], name: &str) -> &'static str {
    extract_bytes(content, name, &Limits::default()).unwrap_err().code.as_str()
}

/// A document with one page for each content stream; `/F1` is Helvetica, `/X` a form that says "form".
fn document(contents: &[&str]) -> Document {
    let mut document = Document::with_version("1.5");
    let pages = document.new_object_id();
    let font = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
    });
    let fonts = dictionary! { "Font" => dictionary! { "F1" => font } };
    let form = document.add_object(Stream::new(
        dictionary! {
            "Type" => "XObject", "Subtype" => "Form", "Resources" => fonts.clone(),
            "BBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
        },
        b"BT /F1 10 Tf 50 500 Td (form) Tj ET".to_vec(),
    ));
    let mut resources = fonts;
    resources.set("XObject", dictionary! { "X" => form });
    let kids: Vec<Object> = contents
        .iter()
        .map(|content| {
            let content = document.add_object(Stream::new(dictionary! {}, content.as_bytes().to_vec()));
            let page = dictionary! {
                "Type" => "Page", "Parent" => pages, "Contents" => content, "Resources" => resources.clone(),
                "MediaBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
            };
            document.add_object(page).into()
        })
        .collect();
    let count = i64::try_from(kids.len()).unwrap();
    document.set_object(pages, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count });
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    let id = Object::string_literal("0123456789abcdef");
    document.trailer.set("ID", vec![id.clone(), id]);
    document
}

fn bytes(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn pdf(contents: &[&str]) -> Vec<u8> {
    bytes(document(contents))
}

fn encrypted(password: &str) -> Vec<u8> {
    let mut document = document(&["BT /F1 10 Tf 50 700 Td (segredo) Tj ET"]);
    let state = EncryptionState::try_from(EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: password,
        key_length: 128,
        permissions: Permissions::all(),
    })
    .unwrap();
    document.encrypt(&state).unwrap();
    bytes(document)
}

fn text_of(content: &str) -> String {
    extract_bytes(&pdf(&[content]), "a.pdf", &Limits::default()).unwrap().text
}

#[test]
fn what_is_no_gazette_has_its_code() {
    let html = "<!DOCTYPE html><html><body>404: arquivo não encontrado</body></html>".as_bytes();
    let cases: &[(&[u8], &str, &str)] = &[
        (b"", "a.pdf", "EMPTY_OBJECT"),
        (b" \r\n", "a.txt", "EMPTY_OBJECT"),
        (html, "a.PDF", "NOT_A_PDF"),
        (b"Access denied", "a.pdf", "NOT_A_PDF"),
        (html, "a.html", "ERROR_PAGE"),
        (b"PK\x03\x04\0\0", "a.zip", "FILE_DAMAGED"),
        (b"PK\x03\x04\0\0", "a.pdf", "FILE_DAMAGED"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "a.doc", "FILE_DAMAGED"),
        (b"\x89PNG\r\n\x1a\n", "a.png", "NEEDS_OCR"),
        (b"II*\0", "a.tif", "FILE_DAMAGED"),
        (b"<?xml version='1.0'?><rss/>", "a.xml", "UNSUPPORTED_FORMAT"),
        (b"\0\x01\x02\x03", "a.bin", "UNSUPPORTED_FORMAT"),
        (b"%PDF-1.4 and nothing else", "a.pdf", "PDF_DAMAGED"),
        (&pdf(&[]), "a.pdf", "NO_PAGES"),
        (&pdf(&[""]), "a.pdf", "NEEDS_OCR"),
        (&encrypted("senha"), "a.pdf", "ENCRYPTED"),
    ];
    for (content, name, expected) in cases {
        assert_eq!(code(content, name), *expected, "{name}: {}", sniff::first_bytes(content));
    }
    let failure = extract_bytes(html, "a.pdf", &Limits::default()).unwrap_err();
    assert!(failure.detail.contains("404: arquivo não encontrado"), "{failure}");
    let failure = extract_bytes(b"PK\x03\x04", "a.docx", &Limits::default()).unwrap_err();
    assert!(failure.detail.contains("archive"), "{failure}");
}

#[test]
fn files_and_texts_over_their_limits_are_failures() {
    let content = pdf(&["BT /F1 10 Tf 50 700 Td (seis mil) Tj ET"]);
    let size = content.len() as u64;
    let cases = [
        (Limits { file_bytes: size, ..Limits::default() }, None),
        (Limits { file_bytes: size - 1, ..Limits::default() }, Some(FailureCode::TooLarge)),
        (Limits { text_bytes: 8, ..Limits::default() }, None),
        (Limits { text_bytes: 7, ..Limits::default() }, Some(FailureCode::LimitMemory)),
    ];
    for (limits, expected) in cases {
        let result = extract_bytes(&content, "a.pdf", &limits);
        assert_eq!(result.err().map(|failure| failure.code), expected, "{limits:?}");
    }
    let missing = extract_path(Path::new("no/such/file"), "a.pdf", &Limits::default()).unwrap_err();
    assert_eq!(missing.code, FailureCode::NotFound);
}

#[test]
fn pages_are_separated_by_form_feeds() {
    let content = pdf(&["BT /F1 10 Tf 50 700 Td (um) Tj ET", "", "BT /F1 10 Tf 50 700 Td (tr\\352s) Tj ET"]);
    let text = extract_bytes(&content, "a.pdf", &Limits::default()).unwrap();
    assert_eq!((text.text.as_str(), text.pages, text.characters), ("um\u{c}\u{c}três", 3, 8));
    assert!(!text.recovered);
}

#[test]
fn spaces_and_lines_come_from_places() {
    let cases = [
        ("BT /F1 10 Tf 50 700 Td (Di) Tj (\\341rio) Tj ET", "Diário"),
        ("BT /F1 10 Tf 50 700 Td [(Di) 20 (\\341rio) -300 (Oficial)] TJ ET", "Diário Oficial"),
        ("BT /F1 10 Tf 50 700 Td (a) Tj ( ) Tj ( b) Tj ET", "a b"),
        ("BT /F1 10 Tf 50 700 Td (um) Tj 0 -12 Td (dois) Tj ET", "um\ndois"),
        ("BT /F1 10 Tf 50 700 Td (coluna) Tj 300 0 Td (outra) Tj ET", "coluna\noutra"),
        // An index mark is raised, and on the same line.
        ("BT /F1 10 Tf 50 700 Td (n) Tj 6 Ts /F1 6 Tf (o) Tj ET", "n\no"),
        ("BT /F1 10 Tf 50 700 Td (n) Tj 3 Ts (o) Tj ET", "no"),
        // Turned by a quarter: the line runs upwards.
        ("BT /F1 10 Tf 0 1 -1 0 50 100 Tm (margem) Tj ET", "margem"),
        // Filled and stroked, to look bold.
        ("BT /F1 10 Tf 2 Tr 50 700 Td (negrito) Tj ET", "negrito"),
        // Invisible, as under a scanned page.
        ("BT /F1 10 Tf 3 Tr 50 700 Td (oculto) Tj ET", "oculto"),
        ("/X Do", "form"),
    ];
    for (content, expected) in cases {
        assert_eq!(text_of(content), expected, "{content}");
    }
}

#[test]
fn broken_files_are_mended() {
    let content = pdf(&["BT /F1 10 Tf 50 700 Td (ainda aqui) Tj ET"]);
    let keyword = b"startxref";
    let at = content.windows(keyword.len()).rposition(|window| window == keyword).unwrap();
    let mut astray = content[..at].to_vec();
    astray.extend(b"startxref\n9\n%%EOF\n");
    let cases: &[(&str, Vec<u8>, bool)] = &[
        ("whole", content.clone(), false),
        ("junk before the header", [b"\r\n\r\njunk\n", &content[..]].concat(), false),
        ("tail missing", content[..at].to_vec(), true),
        ("startxref points astray", astray, true),
        ("encrypted with an empty password", encrypted(""), false),
    ];
    for (name, content, recovered) in cases {
        let text = extract_bytes(content, "a.pdf", &Limits::default()).unwrap();
        assert!(["ainda aqui", "segredo"].contains(&text.text.as_str()), "{name}: {}", text.text);
        assert_eq!(text.recovered, *recovered, "{name}");
    }
    let text = extract_bytes(&content[..at], "a.pdf", &Limits::default()).unwrap();
    assert!(!text.partial && text.warnings.is_empty(), "all of its objects are there");
    let blank = pdf(&[""]);
    assert_eq!(code(&blank[..blank.len() - 40], "a.pdf"), "PDF_DAMAGED", "cut, and nothing on what is left");
}

/// A file of several pages that was not copied to its end: what is left of it is read, and is never the whole.
#[test]
fn a_file_that_breaks_off_is_partial() {
    let lines = |page: usize| format!("BT /F1 10 Tf 50 700 Td (p\\341gina {page}, com algum texto) Tj ET");
    let contents: Vec<String> = (0..8).map(lines).collect();
    let content = pdf(&contents.iter().map(String::as_str).collect::<Vec<_>>());
    let ends: Vec<usize> =
        content.windows(6).enumerate().filter(|(_, window)| *window == b"endobj").map(|(at, _)| at).collect();
    let last = *ends.last().unwrap();
    let mut read = 0;
    for cut in (100..last).step_by(37).chain(ends.iter().map(|at| at + 7)) {
        match extract_bytes(&content[..cut], "a.pdf", &Limits::default()) {
            Ok(text) => {
                read += 1;
                let is_whole = text.text.matches("algum texto").count() == 8;
                assert!(text.recovered && (text.partial || is_whole), "cut at {cut} of {last}: {text:?}");
            }
            Err(failure) => assert!(["PDF_DAMAGED", "NO_PAGES"].contains(&failure.code.as_str()), "{cut}: {failure}"),
        }
    }
    assert!(read > 3, "{read}");
}

#[test]
fn pages_of_files_in_an_archive_keep_their_quality() {
    let content = pdf(&["BT /F1 10 Tf 50 700 Td (Extrato do contrato) Tj ET"]);
    let zip = super::zip::tests::Zip::default().store(b"1.txt", b"um").store(b"2.pdf", &content).finish();
    let text = extract_bytes(&zip, "a.zip", &Limits::default()).unwrap();
    assert_eq!((text.pages, text.page_quality.as_slice()), (2, &[None, Some(100)][..]));
}

#[test]
fn a_form_that_draws_itself_ends() {
    let mut document = document(&["/X Do"]);
    let (&form, _) = document
        .objects
        .iter()
        .find(|(_, object)| object.as_stream().is_ok_and(|stream| stream.dict.has_type(b"XObject")))
        .unwrap();
    let stream = document.get_object_mut(form).and_then(Object::as_stream_mut).unwrap();
    let mut resources = stream.dict.get(b"Resources").and_then(Object::as_dict).unwrap().clone();
    resources.set("XObject", dictionary! { "X" => form });
    stream.dict.set("Resources", resources);
    stream.set_content(b"BT /F1 10 Tf 50 500 Td (form) Tj ET /X Do".to_vec());
    let text = extract_bytes(&bytes(document), "a.pdf", &Limits::default()).unwrap();
    assert!(text.text.starts_with("form"), "{}", text.text);
}

#[test]
fn a_panic_is_a_failure_that_quotes_it() {
    for (panic, words) in [
        (Box::new("index out of bounds") as Box<dyn Any + Send>, "index out of bounds"),
        (Box::new(String::from("page 7")), "page 7"),
        (Box::new(7), "without a message"),
    ] {
        // Unwinds like a panic, and leaves the panic hook and its output out of it.
        let failure = guarded::<Text>(|| std::panic::resume_unwind(panic)).unwrap_err();
        assert_eq!(failure.code, FailureCode::ExtractorPanicked);
        assert!(failure.detail.contains(words), "{failure}");
    }
}

/// The folder of shared data, or nothing, aloud.
fn shared(folder: &str) -> Option<Vec<PathBuf>> {
    let root =
        env::var_os("PRELO_TEST_SHARED").map_or(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), Into::into);
    let Ok(entries) = fs::read_dir(root.join(folder)) else {
        eprintln!("SKIPPED: {folder} of the shared data is not there; PRELO_TEST_SHARED may name its folder");
        return None;
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "pdf"));
    files.sort();
    Some(files)
}

/// Reads on a thread with the stack that [`STACK_BYTES`] promises to be enough.
fn extract_shared(file: &Path) -> Result<Text, Failure> {
    let (file, name) = (file.to_path_buf(), file.to_string_lossy().into_owned());
    let read = move || extract_path(&file, &name, &Limits::default());
    thread::Builder::new().stack_size(STACK_BYTES).spawn(read).unwrap().join().unwrap()
}

#[test]
fn every_real_gazette_gives_text() {
    let Some(files) = shared("gazettes") else { return };
    assert!(files.len() >= 60);
    for file in files {
        let text = extract_shared(&file).unwrap_or_else(|failure| panic!("{}: {failure}", file.display()));
        assert!(!text.is_blank() && !text.recovered, "{}", file.display());
        assert_eq!(text.text.matches(PAGE_BREAK).count() + 1, text.pages as usize, "{}", file.display());
        let letters = text.text.chars().filter(|c| c.is_alphabetic()).count();
        assert!(letters * 2 > text.text.chars().count(), "{}: mostly not letters", file.display());
    }
}

#[test]
fn no_odd_file_brings_a_thread_down() {
    let Some(files) = shared("pdf-corpus") else { return };
    let results: Vec<_> = files.iter().map(|file| (file, extract_shared(file))).collect();
    for (file, result) in &results {
        let panicked = result.as_ref().is_err_and(|failure| failure.code == FailureCode::ExtractorPanicked);
        assert!(!panicked, "{}: {result:?}", file.display());
    }
    assert!(results.iter().filter(|(_, result)| result.is_ok()).count() >= 230);
}
