//! Gazettes with scanned pages, and engines that read them as they are told.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lopdf::{Document, Object, Stream, dictionary};

/// A page of a gazette.
#[derive(Debug, Clone, Copy)]
pub enum Page<'a> {
    /// Text that a computer wrote.
    Digital(&'a str),
    /// One image that covers it, different for each number.
    Scan(u8),
    /// The same, of more pixels than anybody can hold.
    Huge,
}

/// A PDF of these pages.
pub fn pdf(pages: &[Page<'_>]) -> Vec<u8> {
    let mut document = Document::with_version("1.7");
    let tree = document.new_object_id();
    let font = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
    });
    let kids: Vec<Object> = pages.iter().map(|page| add(&mut document, tree, font, *page).into()).collect();
    let count = i64::try_from(kids.len()).unwrap();
    document.set_object(tree, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count });
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn add(document: &mut Document, tree: lopdf::ObjectId, font: lopdf::ObjectId, page: Page<'_>) -> lopdf::ObjectId {
    let (content, x_objects) = match page {
        Page::Digital(words) => (format!("BT /F1 10 Tf 50 700 Td ({words}) Tj ET"), dictionary! {}),
        Page::Scan(number) => {
            let pixels = (0..64 * 64).map(|at| if at % 64 == usize::from(number) { 20 } else { 240 }).collect();
            let image = image(document, 64, pixels);
            ("600 0 0 800 0 0 cm /I Do".to_owned(), dictionary! { "I" => image })
        }
        Page::Huge => {
            let image = image(document, 40_000, vec![0; 64]);
            ("600 0 0 800 0 0 cm /I Do".to_owned(), dictionary! { "I" => image })
        }
    };
    let content = document.add_object(Stream::new(dictionary! {}, content.into_bytes()).with_compression(false));
    document.add_object(dictionary! {
        "Type" => "Page", "Parent" => tree, "Contents" => content,
        "Resources" => dictionary! { "Font" => dictionary! { "F1" => font }, "XObject" => x_objects },
        "MediaBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
    })
}

fn image(document: &mut Document, side: i64, pixels: Vec<u8>) -> lopdf::ObjectId {
    let dict = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => side, "Height" => side,
        "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
    };
    document.add_object(Stream::new(dict, pixels).with_compression(false))
}

/// An engine in `folder` that does this, in the words of a shell, with each picture. Confined as it is, it can write
/// nothing but its answer.
pub fn engine(folder: &Path, name: &str, with_a_picture: &str) -> PathBuf {
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*--version*) echo 'tesseract 9.9, a double' ;;\n\
         *--list-langs*) printf 'List (2):\\npor\\neng\\n' ;;\n*) {with_a_picture} ;;\nesac\n"
    );
    let path = folder.join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// What an engine does that finds this word on every picture.
pub fn finding(word: &str) -> String {
    format!("cat >/dev/null; printf '5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t95\\t{word}\\n'")
}
