//! Rows 1 to 18: what the files themselves are.

use lopdf::{Object, Stream, dictionary};

use super::pdfs::{
    Cipher, bytes, document, encrypted, flate, one_page, page, pdf, plain, raw, raw_stream, zlib, zlib_of,
};
use super::world::Fault;

const MIB: usize = 1024 * 1024;

#[test]
fn fault_01_object_of_no_bytes() {
    let ran = Fault::new(1).file("f.pdf", b"").run();
    ran.neighbours_are_well().failed("f.pdf", &["EMPTY_OBJECT"]);
}

#[test]
fn fault_02_html_page_named_pdf() {
    let html = format!("<!DOCTYPE html><html><title>404</title><body>não encontrado{}</body></html>", " ".repeat(500));
    let ran = Fault::new(2).file("f.pdf", html.as_bytes()).run();
    ran.neighbours_are_well().failed("f.pdf", &["NOT_A_PDF"]);
    let detail = ran.line("failed")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("<title>404</title><body>não encontrado"), "its first bytes are kept: {detail}");
}

#[test]
fn fault_03_junk_before_the_header() {
    let content = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &pdf(&["pitangueira"])].concat();
    let ran = Fault::new(3).file("f.pdf", &content).run();
    ran.neighbours_are_well().indexed("f.pdf", "pitangueira");
}

#[test]
fn fault_04_cut_in_half() {
    // The text is in the half that is missing: the pages come before their contents.
    let content = raw(&one_page(&[b" ".repeat(2000), page("pitangueira")].concat()));
    let ran = Fault::new(4).file("f.pdf", &content[..content.len() / 2]).run();
    ran.neighbours_are_well().failed("f.pdf", &["PDF_DAMAGED", "TEXT_PARTIAL"]);
    assert!(ran.found("pitangueira").is_empty());
}

#[test]
fn fault_05_tail_missing() {
    let content = pdf(&["pitangueira"]);
    let at = content.windows(4).rposition(|window| window == b"xref").unwrap() - 5;
    let ran = Fault::new(5).file("f.pdf", &content[..at]).run();
    ran.neighbours_are_well().indexed("f.pdf", "pitangueira");
    assert!(ran.log.iter().any(|line| line["message"] == "extracted" && line["recovered"] == true));
}

#[test]
fn fault_06_flate_content_cut() {
    let words = (0..400)
        .map(|n| format!("BT /F1 10 Tf 50 {} Td (pitangueira {n}) Tj ET\n", 790 - n))
        .collect::<Vec<_>>()
        .concat();
    let whole = zlib(words.as_bytes());
    let stream = Stream::new(dictionary! { "Filter" => "FlateDecode" }, whole[..whole.len() * 3 / 4].to_vec());
    let ran = Fault::new(6).file("f.pdf", &bytes(document(vec![stream.with_compression(false)]))).run();
    ran.neighbours_are_well().indexed("f.pdf", "pitangueira");
    let said = ran.log.iter().find(|line| line["code"] == "TEXT_PARTIAL").expect("it is said that text is missing");
    assert!(said["gazette_id"].is_i64(), "{said}");
}

#[test]
fn fault_07_content_bomb() {
    let bomb = Stream::new(dictionary! { "Filter" => "FlateDecode" }, zlib_of(b"q Q ", 50 * MIB));
    let content = bytes(document(vec![bomb.with_compression(false)]));
    assert!(content.len() < 80_000, "{} bytes", content.len());
    let ran = Fault::new(7).file("f.pdf", &content).with(&["--memory-budget-mb", "256"]).run();
    ran.neighbours_are_well().failed("f.pdf", &["LIMIT_MEMORY", "LIMIT_DECOMPRESSED"]);
    assert!(ran.report["peak_rss_bytes"].as_u64().unwrap() < 256 * MIB as u64, "{}", ran.report);
}

#[test]
fn fault_08_object_stream_bomb_and_chained_filters() {
    let body = [b"1 0 ".as_slice(), &b" ".repeat(64)].concat();
    let objects = {
        let mut encoded = body;
        encoded.extend(b" ".repeat(200 * MIB));
        zlib(&encoded)
    };
    let object_stream = raw(&[
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R >>".to_vec(),
        raw_stream("", b""),
        raw_stream("/Type /ObjStm /N 1 /First 8 /Filter /FlateDecode", &objects),
    ]);
    let twice = zlib(&zlib_of(b"0 g ", 300 * MIB));
    let filters = Object::Array(vec!["FlateDecode".into(), "FlateDecode".into()]);
    let chained = Stream::new(dictionary! { "Filter" => filters }, twice).with_compression(false);
    let ran = Fault::new(8)
        .file("objects.pdf", &object_stream)
        .file("chained.pdf", &bytes(document(vec![chained])))
        .with(&["--memory-budget-mb", "256"])
        .run();
    ran.neighbours_are_well();
    for name in ["objects.pdf", "chained.pdf"] {
        ran.failed(name, &["LIMIT_DECOMPRESSED", "LIMIT_MEMORY"]);
    }
    assert!(ran.report["peak_rss_bytes"].as_u64().unwrap() < 256 * MIB as u64, "{}", ran.report);
}

#[test]
fn fault_09_twenty_medium_bombs() {
    let bomb = zlib_of(b"0 g ", 20 * MIB);
    let streams = (0..20).map(|_| {
        let stream = Stream::new(dictionary! { "Filter" => "FlateDecode" }, bomb.clone());
        stream.with_compression(false)
    });
    // It is the sum of what is unpacked that ends it; the clock of a busy machine is not to be faster.
    let patience = ["--reader-timeout-seconds", "900", "--reader-silence-seconds", "900"];
    let ran = Fault::new(9).file("f.pdf", &bytes(document(streams.collect()))).with(&patience).run();
    ran.neighbours_are_well().failed("f.pdf", &["LIMIT_DECOMPRESSED"]);
    assert!(ran.report["peak_rss_bytes"].as_u64().unwrap() < 256 * MIB as u64, "{}", ran.report);
}

#[test]
fn fault_10_pages_that_hold_themselves() {
    let content =
        raw(&[b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>".to_vec()]);
    let ran = Fault::new(10).file("f.pdf", &content).run();
    ran.neighbours_are_well().failed("f.pdf", &["NO_PAGES"]);
}

#[test]
fn fault_11_very_deep_trees_and_arrays() {
    let depth = 60_000;
    let mut tree = vec![b"<< /Type /Catalog /Pages 2 0 R >>".to_vec()];
    for number in 2..depth {
        tree.push(format!("<< /Type /Pages /Kids [{} 0 R] /Count 1 >>", number + 1).into_bytes());
    }
    tree.push(b"<< /Type /Page /MediaBox [0 0 600 800] >>".to_vec());
    let nested = [b"[".repeat(50_000), b"]".repeat(50_000)].concat();
    let arrays = raw(&[
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        [b"<< /Type /Pages /Kids ".as_slice(), &nested, b" /Count 1 >>"].concat(),
    ]);
    let ran = Fault::new(11).file("tree.pdf", &raw(&tree)).file("arrays.pdf", &arrays).run();
    ran.neighbours_are_well();
    // A code or success, and no process lost.
    for line in ran.log.iter().filter(|line| line["message"] == "failed") {
        assert!(!line["code"].as_str().unwrap().starts_with("EXTRACTOR_"), "{line}");
    }
}

#[test]
fn fault_12_previous_tables_in_a_circle_and_a_count_that_lies() {
    let mut circle = raw(&one_page(&page("pitangueira")));
    let at = circle.windows(9).rposition(|window| window == b"startxref").unwrap();
    let start: usize = String::from_utf8_lossy(&circle[at + 9..]).split_whitespace().next().unwrap().parse().unwrap();
    let trailer = circle.windows(7).rposition(|window| window == b"trailer").unwrap();
    let opened = trailer + circle[trailer..].windows(2).position(|window| window == b"<<").unwrap() + 2;
    circle.splice(opened..opened, format!("/Prev {start} ").bytes());
    let mut lie = one_page(&page("guabirobeira"));
    lie[1] = b"<< /Type /Pages /Kids [3 0 R] /Count 2147483647 >>".to_vec();
    let lie = raw(&lie);
    let ran = Fault::new(12).file("circle.pdf", &circle).file("lie.pdf", &lie).run();
    ran.neighbours_are_well().indexed("circle.pdf", "pitangueira").indexed("lie.pdf", "guabirobeira");
}

#[test]
fn fault_13_password_required() {
    let fault = [("rc4.pdf", Cipher::Rc4), ("aes128.pdf", Cipher::Aes128), ("aes256.pdf", Cipher::Aes256)]
        .into_iter()
        .fold(Fault::new(13), |fault, (name, cipher)| fault.file(name, &encrypted("pitangueira", "senha", &cipher)));
    let ran = fault.run();
    ran.neighbours_are_well();
    for name in ["rc4.pdf", "aes128.pdf", "aes256.pdf"] {
        ran.failed(name, &["ENCRYPTED"]);
    }
}

#[test]
fn fault_14_empty_password() {
    let cases = [
        ("rc4.pdf", Cipher::Rc4, "pitangueira"),
        ("aes128.pdf", Cipher::Aes128, "guabirobeira"),
        ("aes256.pdf", Cipher::Aes256, "cambucizeiro"),
    ];
    let fault =
        cases.iter().fold(Fault::new(14), |fault, (name, cipher, word)| fault.file(name, &encrypted(word, "", cipher)));
    let ran = fault.run();
    ran.neighbours_are_well();
    for (name, _, word) in &cases {
        ran.indexed(name, word);
    }
}

#[test]
fn fault_16_characters_told_oddly_or_not_at_all() {
    // Codes 1.. stand for the letters of a word, told by ranges with arrays, in odd white space, by a table that is cut.
    let word = "pitangueira";
    let codes = (1..=word.len()).map(|code| format!("{code:02X}")).collect::<Vec<_>>().concat();
    let letters = word.bytes().map(|letter| format!("<{letter:04X}>")).collect::<Vec<_>>().join(" ");
    let cmap = format!(
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange<00><FF>endcodespacerange\r\
         1 beginbfrange<01><{:02X}>[{letters}]endbfrange",
        word.len()
    );
    let pdf_with = |font: String, extra: Vec<u8>| {
        let mut objects = one_page(format!("BT /F1 10 Tf 50 700 Td <{codes}> Tj ET").as_bytes());
        objects[4] = font.into_bytes();
        objects.push(extra);
        raw(&objects)
    };
    let widths = "/FirstChar 1 /LastChar 11 /Widths [500 500 500 500 500 500 500 500 500 500 500]";
    let odd = pdf_with(
        format!("<< /Type /Font /Subtype /TrueType /BaseFont /ABCDEF+Odd {widths} /ToUnicode 6 0 R >>"),
        raw_stream("", cmap.as_bytes()),
    );
    let none = pdf_with(
        format!(
            "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1 1] /FontMatrix [.001 0 0 .001 0 0] /CharProcs << >> \
                 /Encoding << /Type /Encoding /Differences [1 /forma1 /forma2 /forma3 /forma4 /forma5 /forma6 /forma7 /forma8 /forma9 /forma10 /forma11] >> {widths} >>"
        ),
        b"null".to_vec(),
    );
    let ran = Fault::new(16).file("odd.pdf", &odd).file("none.pdf", &none).run();
    ran.neighbours_are_well().indexed("odd.pdf", word).failed("none.pdf", &["TEXT_GARBLED", "NEEDS_OCR"]);
}

#[test]
fn fault_17_text_only_in_forms() {
    let mut content = document(vec![plain(b"/X Do".to_vec())]);
    let font = content.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" });
    let form = content.add_object(Stream::new(
        dictionary! {
            "Type" => "XObject", "Subtype" => "Form", "BBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
            "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
        },
        page("pitangueira"),
    ));
    let pages: Vec<_> = content.get_pages().into_values().collect();
    let first = content.get_object_mut(pages[0]).and_then(Object::as_dict_mut).unwrap();
    first.set("Resources", dictionary! { "XObject" => dictionary! { "X" => form } });
    let ran = Fault::new(17).file("f.pdf", &bytes(content)).run();
    ran.neighbours_are_well().indexed("f.pdf", "pitangueira");
}

#[test]
fn fault_18_six_thousand_pages() {
    let streams = (0..6_000).map(|number| flate(&page(&format!("pitangueira numero {number}"))));
    let ran = Fault::new(18).file("f.pdf", &bytes(document(streams.collect()))).run();
    ran.neighbours_are_well().indexed("f.pdf", "pitangueira");
    let extracted = ran.log.iter().find(|line| line["message"] == "extracted" && line["pages"] == 6_000);
    assert!(extracted.is_some(), "{}", ran.answer.stderr);
}
