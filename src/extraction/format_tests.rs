//! Every format that office programs write, read whole: the words of documents whose text is known, and what is made to
//! do harm.

use std::collections::HashMap;
use std::fs;
use std::hash::Hash;
use std::path::PathBuf;

use super::tests::{code, extract_bytes};
use super::zip::tests::{Zip, fields};
use super::*;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats")
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(fixtures().join(name)).unwrap()
}

fn known(name: &str) -> String {
    fs::read_to_string(fixtures().join("known").join(format!("{name}.txt"))).unwrap()
}

/// All that a document holds.
fn whole(name: &str) -> String {
    let parts = [name.to_owned(), format!("{name}.notes"), format!("{name}.heads")];
    parts.map(|part| known(&part)).join("\n")
}

fn read(content: &[u8], name: &str) -> Text {
    extract_bytes(content, name, &Limits::default()).unwrap_or_else(|failure| panic!("{name}: {failure}"))
}

/// Words: letters, digits and underscores of Unicode.
fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect()
}

fn lines(text: &str) -> Vec<String> {
    let folded = text.split(['\n', PAGE_BREAK]).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    folded.filter(|line| !line.is_empty()).collect()
}

/// F1 over bags: twice what both have, through what each has.
#[allow(clippy::cast_precision_loss)] // a few thousand
fn f1<T: Hash + Eq>(got: Vec<T>, wanted: Vec<T>) -> f64 {
    let all = got.len() + wanted.len();
    let mut counts: HashMap<T, usize> = HashMap::new();
    for item in got {
        *counts.entry(item).or_default() += 1;
    }
    let common = wanted.into_iter().filter(|item| match counts.get_mut(item) {
        Some(count @ 1..) => {
            *count -= 1;
            true
        }
        _ => false,
    });
    2.0 * common.count() as f64 / all as f64
}

const BOX: &str = "Caixa de avisos: a sessão de 5ª-feira foi adiada.";
const NAMES: [&str; 3] = ["atos", "quadros", "colunas"];

#[test]
fn the_words_of_every_format_are_those_that_are_known() {
    for extension in ["doc", "docx", "odt", "fodt", "rtf", "html", "txt"] {
        for name in NAMES {
            let file = format!("{name}.{extension}");
            let text = read(&fixture(&file), &file);
            // Plain text has neither notes nor what is printed on every page.
            let wanted = if extension == "txt" { known(name) } else { whole(name) };
            // LibreOffice leaves boxes out of both.
            let wanted = if ["html", "txt"].contains(&extension) { wanted.replace(BOX, "") } else { wanted };
            let (by_word, by_line) = (f1(words(&text.text), words(&wanted)), f1(lines(&text.text), lines(&wanted)));
            eprintln!("{file:12} words {by_word:.4} lines {by_line:.4} pages {}", text.pages);
            if let Some(folder) = std::env::var_os("PRELO_TEST_TEXTS") {
                fs::write(PathBuf::from(folder).join(format!("{file}.txt")), &text.text).unwrap();
            }
            assert!(by_word >= 0.999, "{file}: words {by_word:.4}\n{}", text.text);
            assert!(!text.partial && text.characters > 0, "{file}");
        }
    }
}

#[test]
fn rows_of_tables_and_pages_are_where_they_are_known_to_be() {
    for extension in ["doc", "docx", "odt", "fodt", "rtf"] {
        for name in NAMES {
            let file = format!("{name}.{extension}");
            assert!(f1(lines(&read(&fixture(&file), &file).text), lines(&whole(name))) > 0.999, "{file}");
        }
        let file = format!("atos.{extension}");
        let text = read(&fixture(&file), &file).text;
        let page_of = |words: &str| text[..text.find(words).unwrap()].matches(PAGE_BREAK).count();
        let (note, annex) = (page_of("Redação dada pela Lei"), page_of("ANEXO I – VENCIMENTOS"));
        // LibreOffice writes the notes of the old formats where Word keeps them, behind the text.
        let known = if extension == "doc" { page_of("ANEXO II") } else { annex - 1 };
        assert_eq!(note, known, "{file}");
        assert!(page_of("ANEXO II") > annex && annex > 0, "{file}");
    }
}

#[test]
fn the_kind_is_in_the_content_and_not_in_the_name() {
    let docx = fixture("atos.docx");
    for name in ["a.pdf", "a.zip", "a", "a.doc"] {
        assert_eq!(read(&docx, name).pages, 3);
    }
    let html = fixture("quadros.html");
    assert!(read(&html, "diario.pdf").text.contains("ATA DE REGISTRO DE PREÇOS"));
    let named = |content: &[u8]| extract_bytes(content, "a", &Limits::default()).unwrap_err();
    let workbook = Zip::default().add(
        b"[Content_Types].xml",
        b"<Types><Override PartName='/xl/workbook.xml' ContentType='application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'/></Types>",
    );
    let book = Zip::default().store(b"mimetype", b"application/epub+zip");
    let old = compound(&[("/Workbook", b"x")]);
    for (content, what) in
        [(workbook.finish(), "an Excel workbook"), (book.finish(), "an EPUB book"), (old, "an old Excel workbook")]
    {
        let failure = named(&content);
        assert_eq!(failure.code, FailureCode::UnsupportedFormat);
        assert!(failure.detail.contains(what), "{failure}");
    }
}

/// A compound file with these streams.
fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write as _;
    let mut file = cfb::CompoundFile::create(io::Cursor::new(Vec::new())).unwrap();
    for (name, content) in streams {
        file.create_stream(name).unwrap().write_all(content).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

#[test]
fn what_asks_for_a_password_says_so() {
    let manifest = b"<manifest:manifest xmlns:manifest='m'><manifest:file-entry manifest:full-path='content.xml'><manifest:encryption-data/>";
    let odt = Zip::default()
        .store(b"mimetype", b"application/vnd.oasis.opendocument.text")
        .add(b"content.xml", b"\x01\x02")
        .add(b"META-INF/manifest.xml", manifest);
    assert_eq!(code(&odt.finish(), "a.odt"), "ENCRYPTED");
    let docx = compound(&[("/EncryptionInfo", b"x"), ("/EncryptedPackage", b"y")]);
    assert_eq!(code(&docx, "a.docx"), "ENCRYPTED");
    let mut zip = Zip::default();
    zip.put(b"a.txt", b"xyz", 3, 0, 1);
    assert_eq!(code(&zip.finish(), "a.zip"), "ENCRYPTED");
    // fEncrypted of the document's first block.
    let mut doc = fixture("atos.doc");
    let block = doc.windows(2).position(|bytes| bytes == [0xec, 0xa5]).unwrap();
    doc[block + 0x0b] |= 0x01;
    assert_eq!(code(&doc, "a.doc"), "ENCRYPTED");
}

#[test]
fn an_archive_is_its_files_in_the_order_of_their_names() {
    let latin = "Licitação nº 10".chars().map(|c| u8::try_from(c).unwrap()).collect::<Vec<u8>>();
    let inner = Zip::default().add("anexo é.txt".as_bytes(), "anexo do anexo".as_bytes()).finish();
    let zip = Zip::default()
        .add(b"10.txt", &latin)
        .add(b"__MACOSX/._2.txt", b"x")
        .add(b"pasta/.DS_Store", b"x")
        .add(b"2.docx", &fixture("quadros.docx"))
        .store(b"3.zip", &inner)
        .add(b"4.bin", &[0, 1, 2, 3])
        .add(b"5.png", b"\x89PNG\r\n\x1a\n")
        .finish();
    let text = read(&zip, "a.zip");
    let pages: Vec<&str> = text.text.split(PAGE_BREAK).collect();
    assert_eq!(text.pages as usize, pages.len());
    assert!(pages[0].starts_with("2.docx\nDiário Oficial do Município de Serra Clara"), "{}", pages[0]);
    assert_eq!(
        pages[1..],
        [
            "3.zip\nanexo é.txt\nanexo do anexo",
            "4.bin: UNSUPPORTED_FORMAT",
            "5.png: NEEDS_OCR",
            "10.txt\nLicitação nº 10"
        ]
    );
    assert!(text.partial);
    assert_eq!(text.warnings, [FailureCode::TextPartial], "members that could not be read are said to be missing");
}

#[test]
fn scans_in_archives_are_found_again() {
    let tiff = b"II*\0\x08\0\0\0\0\0\x0e\0\0\0\0\0\0\0\0\0";
    let inner = Zip::default().add(b"x.txt", b"texto").add(b"b.tif", tiff).finish();
    let zip = Zip::default().add(b"z.zip", &inner).store(b"a.png", b"\x89PNG\r\n\x1a\n").finish();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &zip).unwrap();
    let limits = Limits::default();
    let text = extract(&File::open(file.path()).unwrap(), "a.zip", &limits, OcrMode::Auto, &|| {}).unwrap();
    assert_eq!(text.text, "a.png\n\x0cz.zip\nb.tif\n\x0c\x0cx.txt\ntexto");
    let found: Vec<_> = text
        .scans
        .iter()
        .map(|scan| (scan.page, scan.address.members.clone(), scan.address.page, scan.heading_bytes))
        .collect();
    assert_eq!(found, [(0, vec![1], 0, 6), (1, vec![0, 1], 0, 12), (2, vec![0, 1], 1, 0)]);
    assert_eq!((text.lacking, text.unreadable), (None, vec![0, 1, 2]));
    let bytes = |members: &[u32]| {
        let content = mapped::map(&File::open(file.path()).unwrap(), zip.len() as u64).unwrap();
        archive::innermost(content, members, &limits).map(|found| (*found).as_ref().to_vec())
    };
    assert_eq!(bytes(&[0, 1]).unwrap(), tiff);
    assert_eq!(bytes(&[1]).unwrap(), b"\x89PNG\r\n\x1a\n");
    assert_eq!(bytes(&[7]).unwrap_err().code, FailureCode::FileDamaged);

    let only = Zip::default().add(b"a.png", b"\x89PNG\r\n\x1a\n").finish();
    fs::write(file.path(), &only).unwrap();
    let text = extract(&File::open(file.path()).unwrap(), "a.zip", &limits, OcrMode::Auto, &|| {}).unwrap();
    assert_eq!(text.lacking.unwrap().code, FailureCode::NeedsOcr);
    assert_eq!(code(&only, "a.zip"), "NEEDS_OCR");

    let scanned = Zip::default()
        .add(b"word/document.xml", b"<w:document><w:body><w:p/></w:body></w:document>")
        .add(b"word/media/image10.png", b"\x89PNG\r\n\x1a\n")
        .add(b"word/media/image2.jpeg", b"\xff\xd8\xff")
        .finish();
    fs::write(file.path(), &scanned).unwrap();
    let text = extract(&File::open(file.path()).unwrap(), "a.docx", &limits, OcrMode::Auto, &|| {}).unwrap();
    let members: Vec<_> = text.scans.iter().map(|scan| scan.address.members[0]).collect();
    assert_eq!((members, text.pages), (vec![2, 1], 2));
}

/// A member of so many mebibytes that repeat one line, compressed without ever having them.
fn bomb(line: &str, mebibytes: usize) -> (Vec<u8>, usize) {
    use std::io::Write as _;
    let block = line.repeat((1 << 20) / line.len());
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..mebibytes {
        encoder.write_all(block.as_bytes()).unwrap();
    }
    (encoder.finish().unwrap(), block.len() * mebibytes)
}

fn docx(document: &[u8]) -> Vec<u8> {
    Zip::default().add(b"word/document.xml", document).finish()
}

#[test]
fn what_is_made_to_do_harm_has_a_code() {
    let small = Limits::within(45 << 20, 500 << 20);
    let failed = |content: &[u8], name: &str| match extract_bytes(content, name, &small) {
        Ok(text) => format!("{} characters", text.characters),
        Err(failure) => failure.code.to_string(),
    };
    // 100 MiB of white space where a tag should be.
    let (data, size) = bomb(" ", 100);
    let mut spaces = Zip::default();
    spaces.put(b"word/document.xml", &data, size, 8, 0);
    let whole = failed(&spaces.finish(), "a.docx");
    assert_eq!(whole, "LIMIT_MEMORY", "one piece of XML");
    let (data, size) = bomb("<w:p><w:r><w:t></w:t></w:r></w:p>", 300);
    let mut elements = Zip::default();
    elements.put(b"word/document.xml", &data, size, 8, 0);
    assert_eq!(failed(&elements.finish(), "a.docx"), "LIMIT_DECOMPRESSED");

    let laughs = b"<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]><w:document><w:t>&b;</w:t></w:document>";
    assert_eq!(failed(&docx(laughs), "a.docx"), "LIMIT_DECOMPRESSED");
    let odt = |content: &[u8]| {
        Zip::default()
            .store(b"mimetype", b"application/vnd.oasis.opendocument.text")
            .add(b"content.xml", content)
            .finish()
    };
    assert_eq!(failed(&odt(laughs), "a.odt"), "LIMIT_DECOMPRESSED");
    for deep in ["<w:p>", "<w:tbl><w:tr><w:tc>", "<w:txbxContent>"] {
        assert_eq!(failed(&docx(deep.repeat(60_000).as_bytes()), "a.docx"), "LIMIT_MEMORY", "{deep}");
    }
    for deep in ["<text:p>", "<table:table-row>", "<text:note>", "<draw:text-box>"] {
        assert_eq!(failed(&odt(deep.repeat(60_000).as_bytes()), "a.odt"), "LIMIT_MEMORY", "{deep}");
    }
    for deep in ["{\\rtf1 ", "{\\footnote ", "{\\*\\shpinst{\\shptxt "] {
        assert_eq!(failed(format!("{{\\rtf1 {}", deep.repeat(60_000)).as_bytes(), "a.rtf"), "LIMIT_MEMORY", "{deep}");
    }
    let rows = "\\pard\\intbl\\itap9999 a\\nestcell".repeat(20_000);
    assert!(failed(format!("{{\\rtf1 {rows}}}").as_bytes(), "a.rtf").ends_with("characters"));

    // A ZIP of a ZIP of a ZIP of white space, ten of each.
    let (data, size) = bomb(" ", 200);
    let mut zip = Zip::default();
    for name in 0..10_u8 {
        zip.put(&[b'a' + name, b'.', b't'], &data, size, 8, 0);
    }
    let mut zip = zip.finish();
    for _ in 0..2 {
        let mut outer = Zip::default();
        for name in 0..10_u8 {
            outer = outer.add(&[b'a' + name, b'.', b'z'], &zip);
        }
        zip = outer.finish();
    }
    let before = std::time::Instant::now();
    let (depth, size) = (failed(&zip, "a.zip"), zip.len());
    eprintln!("a ZIP of ZIPs of ZIPs, {size} bytes: {depth} after {:?}", before.elapsed());
    assert_eq!(depth, "LIMIT_DECOMPRESSED");
    let mut deep = b"texto".to_vec();
    for _ in 0..200 {
        deep = Zip::default().add(b"a.zip", &deep).finish();
    }
    assert_eq!(failed(&deep, "a.zip"), "LIMIT_DECOMPRESSED");

    let mut many = Zip::default().store(b"a", b"a");
    let listed = fields(b"", 0, 0, 0, 0);
    (0..1_000_000).for_each(|_| many.list(b"", &listed, 0));
    assert_eq!(failed(&many.finish(), "a.zip"), "LIMIT_MEMORY");
    let odd = Zip::default().add(b"../../etc/\0passwd", b"texto").add(b"../..", b"mais").add(b"C:\\x", b"fim").finish();
    assert_eq!(read(&odd, "a.zip").text, "1\nmais\x0cC:/x\nfim\x0cetc/passwd\ntexto");
    assert_eq!(failed(&Zip::default().finish(), "a.zip"), "EMPTY_OBJECT");
}

#[test]
fn files_that_are_cut_have_a_code_or_what_is_left_of_their_text() {
    for file in ["atos.odt", "atos.docx", "atos.doc"] {
        let whole = fixture(file);
        assert_eq!(code(&whole[..whole.len() / 2], file), "FILE_DAMAGED", "{file}");
    }
    for file in ["atos.rtf", "atos.fodt"] {
        let whole = fixture(file);
        let text = read(&whole[..whole.len() * 9 / 10], file);
        assert!(text.partial && text.text.contains("ANEXO I"), "{file}");
        assert_eq!(text.warnings, [FailureCode::TextPartial], "{file}");
    }
    // The last part of a page of HTML is missing as often as not, and nobody can tell.
    let whole = fixture("atos.html");
    assert!(read(&whole[..whole.len() / 2], "a.html").text.contains("PORTARIA"));
    // A part that breaks off within an archive that is whole.
    let document = "<w:document><w:body><w:p><w:r><w:t>um</w:t></w:r></w:p><w:p><w:r><w:t>do";
    let text = read(&docx(document.as_bytes()), "a.docx");
    assert_eq!((text.text.as_str(), text.partial), ("um\ndo", true));
}

/// A sector of the table of sectors that is changed, so that the document's streams never end.
#[test]
fn loops_in_compound_files_end() {
    let whole = fixture("atos.doc");
    let long = |at: usize| u32::from_le_bytes(whole[at..at + 4].try_into().unwrap());
    // [MS-CFB] section 2.2: where the first sectors of the table, the directory and the small table are.
    let sector = |number: u32| (number as usize + 1) * 512;
    let table = sector(long(0x4c));
    for entry in 0..128_usize {
        for target in [entry, 0, entry.saturating_sub(3), 1] {
            let mut broken = whole.clone();
            let at = table + entry * 4;
            broken[at..at + 4].copy_from_slice(&u32::try_from(target).unwrap().to_le_bytes());
            let result = extract_bytes(&broken, "a.doc", &Limits::default());
            let is_told = result.as_ref().is_ok_and(|text| text.characters > 0)
                || result.is_err_and(|failure| failure.code == FailureCode::FileDamaged);
            assert!(is_told, "sector {entry} is followed by {target}");
        }
    }
    for (at, name) in [(0x30, "directory"), (0x3c, "small table"), (0x44, "list of tables")] {
        let mut broken = whole.clone();
        broken[at..at + 4].copy_from_slice(&long(0x4c).to_le_bytes());
        let result = extract_bytes(&broken, "a.doc", &Limits::default());
        assert!(result.is_err_and(|failure| failure.code != FailureCode::ExtractorPanicked), "{name}");
    }
}

/// The same damages on every call: a byte changed, a run removed, a run doubled.
#[test]
fn no_damaged_copy_brings_a_reader_down() {
    const COPIES: u64 = 30;
    let copies = std::env::var("PRELO_TEST_DAMAGED").ok().and_then(|number| number.parse().ok()).unwrap_or(COPIES);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).unwrap()
    };
    let limits = Limits::within(45 << 20, 500 << 20);
    for name in NAMES {
        for extension in ["doc", "docx", "odt", "fodt", "rtf", "html"] {
            let file = format!("{name}.{extension}");
            let whole = fixture(&file);
            for copy in 0..copies {
                let mut broken = whole.clone();
                for _ in 0..=random(6) {
                    let (at, length) = (random(broken.len()), random(200));
                    match random(3) {
                        0 => broken[at] = u8::try_from(random(256)).unwrap(),
                        1 => drop(broken.drain(at..(at + length).min(broken.len()))),
                        _ => {
                            let run = broken[at..(at + length).min(broken.len())].to_vec();
                            broken.splice(at..at, run);
                        }
                    }
                }
                if let Err(failure) = extract_bytes(&broken, &file, &limits) {
                    assert_ne!(failure.code, FailureCode::ExtractorPanicked, "{file}, copy {copy}: {failure}");
                }
            }
        }
    }
}
