//! The whole reader, on files made by hand.

use std::fmt::Write as _;
use std::sync::Arc;

use super::inflate::tests::zlib;
use super::*;

/// A file of these objects, numbered from 1; the first is the catalogue.
fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (i, object) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", bytes.len()).unwrap();
        bytes.extend(format!("{} 0 obj\n", i + 1).into_bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let start = bytes.len();
    bytes.extend(table.into_bytes());
    bytes.extend(
        format!("trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).into_bytes(),
    );
    bytes
}

fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
    [format!("<<{entries}/Length {}>>\nstream\n", data.len()).as_bytes(), data, b"\nendstream"].concat()
}

fn deflated(data: &[u8]) -> Vec<u8> {
    stream("/Filter/FlateDecode", &zlib(data))
}

/// One page of 600 by 800 with this content. Objects 1 to 4 are the catalogue, the pages, the page and the content; the
/// resources name objects from 5 on.
fn page(content: &[u8], resources: &str, others: &[Vec<u8>]) -> Vec<u8> {
    page_of(stream("", content), resources, others)
}

fn page_of(content: Vec<u8>, resources: &str, others: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<<{resources}>>>>")
            .into_bytes(),
        content,
    ];
    objects.extend_from_slice(others);
    file(&objects)
}

fn read_with(bytes: Vec<u8>, limits: &Limits) -> Result<Text, Failure> {
    read(&Arc::new(FileBytes::Owned(bytes)), limits, OcrMode::Off, &|| {})
}

fn text(bytes: Vec<u8>) -> String {
    read_with(bytes, &Limits::default()).map_or_else(|failure| failure.to_string(), |text| text.text)
}

/// Content of 35 bytes that says "texto".
const TEXT: &[u8] = b"BT /F 10 Tf 50 700 Td (texto) Tj ET";

const COURIER: &str = "/Font<</F 5 0 R>>";

fn courier() -> Vec<u8> {
    b"<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>".to_vec()
}

fn shown(content: &str) -> String {
    text(page(content.as_bytes(), COURIER, &[courier()]))
}

/// Glyphs of Courier are 0.6 of the size wide.
#[test]
fn operators_place_text() {
    let cases = [
        ("BT /F 10 Tf 50 700 Td (a) Tj 6 0 Td (b) Tj ET", "ab"),
        ("BT /F 10 Tf 50 700 Td (a) Tj 8 0 Td (b) Tj ET", "a b"),
        ("BT /F 10 Tf 50 700 Td (a) Tj 0 -12 TD (b) Tj T* (c) Tj ET", "a\nb\nc"),
        ("BT /F 10 Tf 12 TL 50 700 Td (a) Tj (b) ' 1 2 (c) \" ET", "a\nb\nc"),
        ("BT /F 10 Tf 50 700 Td 3 Tc (ab) Tj ET", "a b"),
        ("BT /F 10 Tf 50 700 Td 200 Tz (a) Tj 12 0 Td (b) Tj ET", "ab"),
        ("BT /F 10 Tf 50 700 Td (a) Tj 5 Ts (2) Tj 0 Ts (b) Tj ET", "a2b"),
        ("BT /F 10 Tf 1 0 0 1 50 700 Tm (a) Tj 1 0 0 1 56 700 Tm (b) Tj ET", "ab"),
        ("q 2 0 0 2 0 0 cm BT /F 10 Tf 50 300 Td (a) Tj ET Q BT /F 10 Tf 112 600 Td (b) Tj ET", "ab"),
        ("BT /F 10 Tf 50 700 Td [(a) -600 (b) 300 (c)] TJ ET", "a bc"),
        ("BT /F 10 Tf 50 700 Td (a\\040b) Tj <20C7> Tj ET", "a b Ç"),
        ("BT /F 10 Tf 50 700 Td (x) Tj ET BI /W 1 /H 1 /BPC 8 /CS /G ID \x7f EI BT /F 10 Tf 56 700 Td (y) Tj ET", "xy"),
        // Printed twice, each glyph and then the whole word a little aside.
        ("BT /F 10 Tf 50 700 Td (b) Tj -5.8 0 Td ET BT /F 10 Tf 50.2 700 Td (b) Tj ET", "b"),
        (
            "BT /F 10 Tf 50 700 Td (bold) Tj ET BT /F 10 Tf 50.3 700 Td (bold) Tj ET BT /F 10 Tf 74 700 Td (!) Tj ET",
            "bold!",
        ),
        ("BT /F 10 Tf 3 Tr 50 700 Td (oculto) Tj ET", "oculto"),
        ("BT /F 10 Tf 50 -700 Td (outside) Tj ET BT /F 10 Tf 50 700 Td (inside) Tj ET", "inside"),
        // Turned by a quarter, and upside down.
        ("BT /F 10 Tf 0 1 -1 0 300 100 Tm (sobe) Tj ET BT /F 10 Tf -1 0 0 -1 300 500 Tm (vira) Tj ET", "sobe\nvira"),
        (
            "/Span <</ActualText (Sr.)>> BDC BT /F 10 Tf 50 700 Td (S) Tj (r) Tj ET EMC BT /F 10 Tf 62 700 Td (x) Tj ET",
            "Sr.x",
        ),
        ("BT /F 10 Tf 50 700 Td (arbei) Tj /Span <</ActualText<FEFF00AD>>> BDC ( ) Tj EMC (ter) Tj ET", "arbeiter"),
        ("BT /Missing 10 Tf 50 700 Td (fonte) Tj ET", "fonte"),
        ("Q Q BT /F 10 Tf 50 700 Td (ainda) Tj ET EMC ET", "ainda"),
    ];
    for (content, expected) in cases {
        assert_eq!(shown(content), expected, "{content}");
    }
}

#[test]
fn forms_have_their_own_resources_and_matrix() {
    let form = stream(
        "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Matrix[1 0 0 1 50 700]/Resources<</Font<</G 5 0 R>>>>",
        b"BT /G 10 Tf (form) Tj ET",
    );
    let heir = stream("/Type/XObject/Subtype/Form/BBox[0 0 600 800]", b"BT /F 10 Tf 50 600 Td (herda) Tj ET");
    let resources = "/Font<</F 5 0 R>>/XObject<</X 6 0 R/Y 7 0 R>>";
    let content = b"/X Do /Y Do BT /F 10 Tf 50 500 Td (depois) Tj ET";
    assert_eq!(text(page(content, resources, &[courier(), form, heir])), "form\nherda\ndepois");
}

#[test]
fn what_is_clipped_away_is_not_read() {
    let shown = "BT /F 10 Tf 50 700 Td (dentro) Tj 300 0 Td (fora) Tj ET";
    let form = |entries: &str| stream(&format!("/Subtype/Form{entries}"), shown.as_bytes());
    let cases = [
        ("/BBox[0 0 300 800]", "/X Do", "dentro"),
        ("/BBox[0 0 0 0]", "/X Do", "dentro\nfora"),
        ("/BBox[0 0 600 800]", "q 0 0 300 800 re W n /X Do Q", "dentro"),
        ("/BBox[0 0 600 800]", "q 0 0 300 800 re W n Q /X Do", "dentro\nfora"),
        ("/BBox[0 0 600 800]", "0 0 m 300 0 l 300 800 l h W n /X Do", "dentro\nfora"),
        ("/BBox[0 0 600 800]", "0 0 300 800 re f /X Do", "dentro\nfora"),
    ];
    for (entries, content, expected) in cases {
        let resources = "/Font<</F 5 0 R>>/XObject<</X 6 0 R>>";
        assert_eq!(text(page(content.as_bytes(), resources, &[courier(), form(entries)])), expected, "{content}");
    }
}

#[test]
fn names_are_found_however_they_are_escaped() {
    let form = stream("/Subtype/Form/BBox[0 0 600 800]", b"BT /F#4f 10 Tf 50 700 Td (nome) Tj ET");
    let resources = "/Font<</F#4F 5 0 R>>/XObject<</A#20B 6 0 R>>/Properties<</L#31 <</ActualText(Sr.)>>>>";
    let content = b"/A#20B Do /Span /L#31 BDC BT /FO 10 Tf 50 600 Td (S) Tj ET EMC";
    let differences = b"<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding<</Differences[101/a]>>>>".to_vec();
    assert_eq!(text(page(content, resources, &[differences, form])), "noma\nSr.");
}

#[test]
fn nothing_swallows_the_rest_of_a_page() {
    let cases = [
        "BI /W 1 /H 1 /CS /G /BPC 8 /F /A85 ID 5l~>EI Q",
        "BI /W 1 /H 1 /CS /G /BPC 8 ID \u{7f}EI Q",
        "BI /W 1 /H 1 /CS /G /BPC 8 ID \u{7f}\nEI BT /F 10 Tf 50 700 Td <C7> Tj ET",
        "BI /W 1 /H 1 /F /Fl ID never ends",
        "BI /W 1",
        "/Span <</Lang (pt-BR) BDC",
        "[(a) <",
    ];
    for content in cases {
        let whole = format!("{content} > \nBT /F 10 Tf 50 500 Td (FIM) Tj ET");
        assert!(shown(&whole).contains("FIM"), "{content}: {}", shown(&whole));
    }
}

#[test]
fn hidden_layers_are_not_read() {
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[6 0 R]/D<</OFF[6 0 R]>>>>>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
    ];
    objects.push(
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/Properties<</L 6 0 R>>>>>>"
            .to_vec(),
    );
    objects
        .push(stream("", b"/OC /L BDC BT /F 10 Tf 50 700 Td (rascunho) Tj ET EMC BT /F 10 Tf 50 600 Td (texto) Tj ET"));
    objects.extend([courier(), b"<</Type/OCG/Name(Rascunho)>>".to_vec()]);
    assert_eq!(text(file(&objects)), "texto");
}

#[test]
fn codes_become_text_by_every_means() {
    let to_unicode = stream("", b"1 beginbfchar <01> <00E7> endbfchar 1 beginbfrange <02> <03> <0061> endbfrange");
    let simple = |entries: &str| {
        format!(
            "<</Type/Font/Subtype/TrueType/BaseFont/Arial/FirstChar 0/LastChar 3/Widths[600 600 600 600]{entries}>>"
        )
        .into_bytes()
    };
    let composite = |entries: &str, descendant: &str| {
        let descendant = format!(
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/A/DW 600/CIDSystemInfo<</Registry(Adobe)/Ordering({descendant})>>>>"
        );
        format!("<</Type/Font/Subtype/Type0/BaseFont/A/DescendantFonts[{descendant}]{entries}>>").into_bytes()
    };
    let mapped = String::from_utf8(composite("/Encoding/Identity-H", "Identity")).unwrap();
    let mapped = mapped.replace("/DW 600", "/DW 600/CIDToGIDMap 6 0 R").into_bytes();
    let type3 =
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 10 10]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 1/LastChar 2/Widths[6 6]\
        /Encoding<</Differences[1/a/eacute]>>/CharProcs<<>>>>"
            .to_vec();
    let cases = [
        ("ToUnicode", simple("/ToUnicode 6 0 R"), "<010203>", "çab"),
        ("differences", simple("/Encoding<</Differences[1/ccedilla/uni0061/c98]>>"), "<010203>", "çab"),
        ("Windows", simple("/Encoding/WinAnsiEncoding"), "<E76162>", "çab"),
        ("Macintosh", simple("/Encoding/MacRomanEncoding"), "<8D6162>", "çab"),
        ("two bytes", composite("/Encoding/Identity-H/ToUnicode 6 0 R", "Identity"), "<000100020003>", "çab"),
        (
            "codes are characters",
            composite("/Encoding/Identity-H/ToUnicode/Identity-H", "Identity"),
            "<00E700610062>",
            "çab",
        ),
        ("UTF-16", composite("/Encoding/UniJIS-UTF16-H", "Japan1"), "<00610062>", "ab"),
        ("Shift-JIS", composite("/Encoding/90ms-RKSJ-H", "Japan1"), "<82A06162>", "あab"),
        ("glyph numbers", composite("/Encoding/Identity-H", "Identity"), "<006F00440045>", "çab"),
        ("characters for CIDs", mapped, "<00E7006100622014>", "çab—"),
        ("Type 3", type3, "<0102>", "aé"),
    ];
    for (name, font, codes, expected) in cases {
        let content = format!("BT /F 10 Tf 50 700 Td {codes} Tj ET");
        assert_eq!(text(page(content.as_bytes(), COURIER, &[font, to_unicode.clone()])), expected, "{name}");
    }
}

#[test]
fn gaps_are_measured_against_the_fonts_own_space() {
    // All letters are 500 wide, and stand in for each other; a gap is given in thousandths.
    let simple = |entries: &str, widths: &str| {
        let widths = format!("/FirstChar 32/Widths[{widths}{}]", " 500".repeat(94));
        format!("<</Type/Font/Subtype/TrueType/BaseFont/A{widths}{entries}>>").into_bytes()
    };
    let windows = |space: &str| simple("/Encoding/WinAnsiEncoding", space);
    let descendant = "<</Type/Font/Subtype/CIDFontType2/BaseFont/A/DW 500/W[3[180]]>>";
    let composite = format!(
        "<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[{descendant}]>>"
    );
    let map = stream("", b"beginbfchar <03> <0020> <21> <0020> <61> <0061> <62> <0062> endbfchar");
    let cases = [
        ("narrow", windows("180"), "(a)", "(b)", 130, "a b"),
        ("narrow, closer", windows("180"), "(a)", "(b)", 110, "ab"),
        ("pressed together", windows("250"), "(a)", "(b)", 165, "a b"),
        ("usual", windows("278"), "(a)", "(b)", 190, "a b"),
        ("usual, closer", windows("278"), "(a)", "(b)", 180, "ab"),
        ("of a typewriter", windows("600"), "(a)", "(b)", 190, "a b"),
        ("of a typewriter, closer", windows("600"), "(a)", "(b)", 180, "ab"),
        ("none to go by", windows("0"), "(a)", "(b)", 160, "a b"),
        ("none to go by, closer", windows("0"), "(a)", "(b)", 140, "ab"),
        ("a whole em", windows("1000"), "(a)", "(b)", 160, "a b"),
        ("another glyph in its place", simple("/Encoding<</Differences[32/x]>>", "180"), "(a)", "(b)", 130, "ab"),
        ("named elsewhere", simple("/ToUnicode 6 0 R", "500 180"), "(a)", "(b)", 130, "a b"),
        ("composite", composite.into_bytes(), "<0061>", "<0062>", 130, "a b"),
    ];
    for (name, font, first, second, gap, expected) in cases {
        let content = format!("BT /F 10 Tf 50 700 Td [{first} -{gap} {second}] TJ ET");
        assert_eq!(text(page(content.as_bytes(), COURIER, &[font.clone(), map.clone()])), expected, "{name}");
        // Set half as wide, the gap is as wide as before, for an eye and for the font.
        let condensed = format!("BT 50 Tz /F 10 Tf 50 700 Td [{first} -{gap} {second}] TJ ET");
        if !name.starts_with("none") && name != "a whole em" {
            assert_eq!(text(page(condensed.as_bytes(), COURIER, &[font, map.clone()])), expected, "{name}, condensed");
        }
    }
}

#[test]
fn unreadable_documents_have_their_code() {
    let unknown =
        b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[<</Subtype/CIDFontType2>>]>>";
    let image = stream("/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", b"\0");
    let predicted = stream("/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 0/Colors 0>>", &zlib(TEXT));
    let cut = {
        let whole = deflated(&b"BT /F 10 Tf 50 700 Td (texto) Tj ET 0 0 m 1 1 l S ".repeat(1000));
        let entries = "/Filter/FlateDecode";
        let data = whole.windows(7).position(|window| window == b"stream\n").unwrap() + 7;
        stream(entries, &whole[data..data + 60])
    };
    let cases = [
        (
            "glyphs without a meaning",
            page(b"BT /F 10 Tf 50 700 Td <F123F124> Tj ET", COURIER, &[unknown.to_vec()]),
            "TEXT_GARBLED",
        ),
        ("a scan", page(b"q 600 0 0 800 0 0 cm /I Do Q", "/XObject<</I 5 0 R>>", &[image]), "NEEDS_OCR"),
        (
            "a scan in the content",
            page(b"600 0 0 800 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI", "", &[]),
            "NEEDS_OCR",
        ),
        ("nothing", page(b"", "", &[]), "NEEDS_OCR"),
        ("an unknown filter", page_of(stream("/Filter/ZstdDecode", TEXT), "", &[]), "UNSUPPORTED_FORMAT"),
        ("a filter of images", page_of(stream("/Filter[/FlateDecode/DCTDecode]", TEXT), "", &[]), "UNSUPPORTED_FORMAT"),
        ("a predictor that fails", page_of(predicted, "", &[]), "TEXT_PARTIAL"),
        ("cut before any text", page_of(stream("/Filter/FlateDecode", b"\x78\x9c\x05"), "", &[]), "TEXT_PARTIAL"),
    ];
    for (name, bytes, code) in cases {
        assert_eq!(read_with(bytes, &Limits::default()).unwrap_err().code.as_str(), code, "{name}");
    }
    let partial = read_with(page_of(cut, COURIER, &[courier()]), &Limits::default()).unwrap();
    assert!(partial.partial && partial.text.contains("texto"), "{partial:?}");
}

#[test]
fn content_comes_through_every_filter() {
    let hex = |data: &[u8]| data.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect::<Vec<u8>>();
    let brotli = [b"\x0b\x11\x80", TEXT, b"\x03"].concat();
    let cases = [
        ("none", stream("", TEXT), false),
        ("Flate", deflated(TEXT), false),
        ("two", stream("/Filter[/ASCIIHexDecode/FlateDecode]", &hex(&zlib(TEXT))), false),
        ("hexadecimal", stream("/Filter/AHx", &hex(TEXT)), false),
        ("Brotli", stream("/Filter/BrotliDecode", &brotli), false),
        ("Brotli, cut", stream("/Filter/BrotliDecode", &brotli[..brotli.len() - 2]), true),
    ];
    for (name, content, partial) in cases {
        let text = read_with(page_of(content, COURIER, &[courier()]), &Limits::default()).unwrap();
        assert_eq!((text.text.as_str(), text.partial), ("texto", partial), "{name}");
    }
    let form = stream("/Subtype/Form/BBox[0 0 9 9]/Filter/ZstdDecode", b"\x28\xb5\x2f\xfd");
    let resources = "/Font<</F 5 0 R>>/XObject<</X 6 0 R>>";
    let text = read_with(page(&[TEXT, b" /X Do"].concat(), resources, &[courier(), form]), &Limits::default()).unwrap();
    assert!(text.partial && text.text == "texto", "a form that cannot be read: {text:?}");
}

#[test]
fn hostile_content_ends_within_its_limits() {
    let limits = Limits { stream_bytes: 1 << 20, page_bytes: 2 << 20, page_operators: 100_000, ..Limits::default() };
    let text = b"BT /F 10 Tf 50 700 Td (a) Tj ET ";
    let nested = |open: &[u8], close: &[u8]| [&open.repeat(50_000)[..], &close.repeat(50_000), text].concat();
    // Each form draws the next one ten times.
    let forms: Vec<Vec<u8>> = (6..14)
        .map(|next| {
            let entries = format!("/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X {next} 0 R>>>>");
            stream(&entries, &b"/X Do ".repeat(10))
        })
        .chain([stream("/Subtype/Form/BBox[0 0 9 9]", &b"q Q ".repeat(10))])
        .collect();
    let cases: Vec<(&str, Vec<u8>, Option<FailureCode>)> = vec![
        ("a bomb", page_of(deflated(&vec![b' '; 2 << 20]), COURIER, &[courier()]), Some(FailureCode::LimitDecompressed)),
        ("operators", page_of(deflated(&b"q ".repeat(200_000)), COURIER, &[courier()]), Some(FailureCode::LimitMemory)),
        ("forms that multiply", page(b"/X Do", "/XObject<</X 5 0 R>>", &forms), Some(FailureCode::LimitMemory)),
        ("deep arrays", page(&nested(b"[", b"]"), COURIER, &[courier()]), None),
        ("deep dictionaries", page(&nested(b"<<", b">>"), COURIER, &[courier()]), None),
        ("deep states", page(&nested(b"q ", b"Q "), COURIER, &[courier()]), Some(FailureCode::LimitMemory)),
        ("numbers", page(&[&b"1 ".repeat(200_000)[..], text].concat(), COURIER, &[courier()]), None),
        (
            "not numbers",
            page(b"BT /F 1e38 Tf 99999999999999999999999999999999999999999999 0 0 1 0 0 Tm (a) Tj ET BT /F 10 Tf 50 700 Td (a) Tj ET", COURIER, &[courier()]),
            None,
        ),
    ];
    for (name, bytes, expected) in cases {
        let result = read_with(bytes, &limits);
        assert_eq!(result.as_ref().err().map(|failure| failure.code), expected, "{name}: {result:?}");
        assert!(result.is_ok_and(|text| text.text == "a") || expected.is_some(), "{name}");
    }
}

/// A file with a page for each content; their resources name objects from 3 on.
fn pages(contents: Vec<Vec<u8>>, resources: &str, others: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), Vec::new()];
    objects.extend_from_slice(others);
    let (mut kids, count) = (String::new(), contents.len());
    for content in contents {
        let at = objects.len() + 1;
        write!(kids, "{at} 0 R ").unwrap();
        let entries = format!("/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {} 0 R/Resources<<{resources}>>", at + 1);
        objects.push(format!("<</Type/Page{entries}>>").into_bytes());
        objects.push(content);
    }
    objects[1] = format!("<</Type/Pages/Count {count}/Kids[{kids}]>>").into_bytes();
    file(&objects)
}

#[test]
fn a_page_that_is_too_heavy_does_not_cost_the_others() {
    let limits = Limits { stream_bytes: 1 << 20, page_operators: 100_000, ..Limits::default() };
    let light = || stream("", b"BT /F 10 Tf 50 700 Td (texto) Tj ET");
    let bomb = || deflated(&vec![b' '; 2 << 20]);
    let heavy =
        || deflated(&[b"BT /F 10 Tf 50 700 Td (antes) Tj ET ", &b"q Q ".repeat(60_000)[..], b"(depois) Tj"].concat());
    let read = |contents, limits: &Limits| read_with(pages(contents, "/Font<</F 3 0 R>>", &[courier()]), limits);
    let one = read(vec![light(), bomb(), light()], &limits).unwrap();
    assert_eq!((one.text.as_str(), one.partial, &one.unreadable[..]), ("texto\u{c}\u{c}texto", true, &[1][..]));
    let one = read(vec![light(), heavy(), light()], &limits).unwrap();
    assert_eq!((one.text.as_str(), one.partial, &one.unreadable[..]), ("texto\u{c}antes\u{c}texto", true, &[1][..]));
    let code = |contents, limits: &Limits| read(contents, limits).unwrap_err().code;
    assert_eq!(code(vec![bomb(), bomb()], &limits), FailureCode::LimitDecompressed);
    assert_eq!(code(vec![heavy()], &limits), FailureCode::LimitMemory);
    let bombs = (0..20).map(|_| bomb()).chain([light()]).collect();
    let aggregate = Limits { document_bytes: 8 << 20, ..limits };
    assert_eq!(code(bombs, &aggregate), FailureCode::LimitDecompressed, "together");
}

#[test]
fn a_form_on_every_page_is_decoded_once() {
    let emblem = deflated(&b"0 0 m 1 1 l f ".repeat(10_000));
    let emblem = [b"<</Subtype/Form/BBox[0 0 9 9]", &emblem[2..]].concat();
    let head = stream(
        "/Subtype/Form/BBox[0 0 600 800]",
        &[&b"q Q ".repeat(10_000)[..], b"BT /F 10 Tf 50 700 Td (timbre) Tj ET"].concat(),
    );
    let content = || stream("", b"/E Do /E Do /H Do BT /F 10 Tf 50 500 Td (texto) Tj ET");
    let resources = "/Font<</F 3 0 R>>/XObject<</E 4 0 R/H 5 0 R>>";
    let bytes = pages((0..40).map(|_| content()).collect(), resources, &[courier(), emblem, head]);
    let limits = Limits { document_bytes: 1 << 20, ..Limits::default() };
    let text = read_with(bytes.clone(), &limits).unwrap();
    assert_eq!(text.text, ["timbre\ntexto"; 40].join("\u{c}"));
    let narrow = Limits { page_bytes: 30_000, ..limits };
    assert_eq!(
        read_with(bytes, &narrow).unwrap_err().code,
        FailureCode::LimitDecompressed,
        "each page has its own bound"
    );
}

#[test]
fn threads_change_nothing() {
    let mut objects = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), Vec::new(), courier()];
    let mut kids = String::new();
    for number in 0..300 {
        let at = objects.len() + 1;
        write!(kids, "{at} 0 R ").unwrap();
        let entries =
            format!("/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {} 0 R/Resources<</Font<</F 3 0 R>>>>", at + 1);
        objects.push(format!("<</Type/Page{entries}>>").into_bytes());
        objects.push(stream("", format!("BT /F 10 Tf 50 700 Td (p\\341gina {number}) Tj ET").as_bytes()));
    }
    objects[1] = format!("<</Type/Pages/Count 300/Kids[{kids}]>>").into_bytes();
    let bytes = file(&objects);
    let alone = read_with(bytes.clone(), &Limits::default()).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let shared = pool.install(|| read_with(bytes, &Limits::default())).unwrap();
    assert_eq!(alone, shared);
    assert!(alone.text.ends_with("\u{c}página 299") && alone.pages == 300);
}
