//! Pictures from files that are made here.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use lopdf::{Document, Object, Stream, dictionary};
use tiff::encoder::{TiffEncoder, colortype};

use super::*;
use crate::extraction::mapped::FileBytes;

mod codings;

const BOUNDS: Bounds = Bounds { dpi: 300, pixels: 40_000_000, heap: 130 * 1024 * 1024 };

/// One page of an inch by an inch, rotated so, with an image of `side` by `side` pixels drawn with this matrix.
fn pdf(side: i64, pixels: Vec<u8>, matrix: &str, rotate: i64) -> Arc<FileBytes> {
    let mut document = Document::with_version("1.7");
    let tree = document.new_object_id();
    let image = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => side, "Height" => side,
        "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
    };
    let image = document.add_object(Stream::new(image, pixels).with_compression(false));
    let content = Stream::new(dictionary! {}, format!("{matrix} cm /I Do").into_bytes()).with_compression(false);
    let content = document.add_object(content);
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => tree, "Contents" => content, "Rotate" => rotate,
        "Resources" => dictionary! { "XObject" => dictionary! { "I" => image } },
        "MediaBox" => vec![0.into(), 0.into(), 72.into(), 72.into()],
    });
    document.set_object(tree, dictionary! { "Type" => "Pages", "Kids" => vec![Object::from(page)], "Count" => 1 });
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    Arc::new(FileBytes::Owned(bytes))
}

/// White, with the upper left quarter dark.
fn marked(side: usize) -> Vec<u8> {
    (0..side * side).map(|at| if at % side < side / 2 && at / side < side / 2 { 30 } else { 230 }).collect()
}

/// Which quarter of a picture is dark: across, down.
fn dark_quarter(picture: &Picture) -> (bool, bool) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let is_dark = |x: usize, y: usize| picture.pixels[y * width + x] < 100;
    let quarters = [(false, false), (true, false), (false, true), (true, true)];
    let dark: Vec<(bool, bool)> = quarters
        .into_iter()
        .filter(|(right, lower)| {
            is_dark(width * (1 + 2 * usize::from(*right)) / 4, height * (1 + 2 * usize::from(*lower)) / 4)
        })
        .collect();
    assert_eq!(dark.len(), 1, "{dark:?}");
    dark[0]
}

#[test]
fn an_image_stands_as_the_page_shows_it() {
    for (matrix, rotate, right, lower) in [
        ("72 0 0 72 0 0", 0, false, false),
        ("72 0 0 -72 0 72", 0, false, true),
        ("-72 0 0 72 72 0", 0, true, false),
        ("0 72 -72 0 72 0", 0, false, true),
        ("72 0 0 72 0 0", 90, true, false),
        ("72 0 0 72 0 0", 180, true, true),
        ("72 0 0 72 0 0", 270, false, true),
    ] {
        let pictures = of_pdf_page(&pdf(300, marked(300), matrix, rotate), 0, &BOUNDS, false).unwrap();
        assert_eq!(pictures.len(), 1);
        assert_eq!((pictures[0].width, pictures[0].height, pictures[0].dpi), (300, 300, 300));
        assert_eq!(dark_quarter(&pictures[0]), (right, lower), "{matrix}, rotated by {rotate}");
    }
}

#[test]
fn what_is_more_than_one_image_is_drawn() {
    let half = pdf(300, marked(300), "36 0 0 36 0 36", 0);
    let pictures = of_pdf_page(&half, 0, &BOUNDS, false).unwrap();
    assert_eq!((pictures[0].width, pictures[0].height), (300, 300));
    let dark = pictures[0].pixels.iter().filter(|pixel| **pixel < 100).count();
    assert!((4_000..8_000).contains(&dark), "a quarter of a quarter: {dark}");
}

#[test]
fn coarse_images_are_enlarged_and_fine_ones_shrunk() {
    for (side, expected) in [(150, 300), (300, 300), (1200, 300)] {
        let pictures = of_pdf_page(&pdf(side, marked(side as usize), "72 0 0 72 0 0", 0), 0, &BOUNDS, false).unwrap();
        assert_eq!(pictures[0].width, expected, "{side} pixels an inch");
        assert_eq!(dark_quarter(&pictures[0]), (false, false));
    }
}

#[test]
fn the_same_page_gives_the_same_bytes() {
    let file = pdf(150, marked(150), "72 0 0 72 0 0", 0);
    let bytes = || of_pdf_page(&file, 0, &BOUNDS, false).unwrap()[0].to_pnm();
    assert_eq!(bytes(), bytes());
    assert!(bytes().starts_with(b"P5\n300 300\n255\n"));
}

#[test]
fn a_picture_is_turned_clockwise() {
    let picture = || of_pdf_page(&pdf(300, marked(300), "72 0 0 72 0 0", 0), 0, &BOUNDS, false).unwrap().remove(0);
    for (quarters, expected) in [(0, (false, false)), (1, (true, false)), (2, (true, true)), (3, (false, true))] {
        assert_eq!(dark_quarter(&turned(picture(), quarters)), expected, "{quarters}");
    }
}

#[test]
fn what_is_too_large_is_refused_by_its_size() {
    let failure = of_pdf_page(&pdf(40_000, vec![0; 64], "72 0 0 72 0 0", 0), 0, &BOUNDS, false).unwrap_err();
    assert_eq!(failure.code, FailureCode::LimitMemory);
    assert!(failure.detail.contains("40000 x 40000"), "{failure}");

    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend(100_000_u32.to_be_bytes());
    png.extend(100_000_u32.to_be_bytes());
    png.extend([8, 0, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&png[12..]);
    png.extend(crc.sum().to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    let failure = of_raster_page(&png, 0, &BOUNDS).unwrap_err();
    assert!(matches!(failure.code, FailureCode::LimitMemory | FailureCode::OcrPartial), "{failure}");
}

fn tiff(pages: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    for _ in 0..pages {
        encoder.write_image::<colortype::Gray8>(300, 300, &marked(300)).unwrap();
    }
    bytes.into_inner()
}

#[test]
fn files_that_are_pictures_are_read_page_by_page() {
    let two = tiff(2);
    assert_eq!(crate::extraction::raster::pages(&two).unwrap(), 2);
    for page in 0..2 {
        let picture = of_raster_page(&two, page, &BOUNDS).unwrap();
        assert_eq!(dark_quarter(&picture), (false, false), "page {page}");
    }
    let cut = &two[..two.len() / 2];
    let failure = of_raster_page(cut, 1, &BOUNDS).unwrap_err();
    assert!(matches!(failure.code, FailureCode::OcrPartial | FailureCode::LimitMemory), "{failure}");

    let mut png = Vec::new();
    {
        let mut encoder = ::png::Encoder::new(&mut png, 300, 300);
        encoder.set_color(::png::ColorType::Grayscale);
        encoder.set_depth(::png::BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(&marked(300)).unwrap();
    }
    assert_eq!(dark_quarter(&of_raster_page(&png, 0, &BOUNDS).unwrap()), (false, false));
    assert!(of_raster_page(&png[..60], 0, &BOUNDS).is_err());
}

#[test]
fn a_scan_of_the_project_comes_at_its_size() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gazettes/camara-07-digitalizada.pdf");
    let content = Arc::new(FileBytes::Owned(std::fs::read(path).unwrap()));
    let picture = of_pdf_page(&content, 0, &BOUNDS, false).unwrap().remove(0);
    assert!((1910..2010).contains(&picture.width) && picture.dpi == 236, "{} at {}", picture.width, picture.dpi);
    let ink = picture.pixels.iter().filter(|pixel| **pixel < 128).count();
    assert!((picture.pixels.len() / 100..picture.pixels.len() / 5).contains(&ink), "{ink} dark pixels");
}

/// Lines of text, roughly: bars that climb by so many degrees.
fn lines(degrees: f32) -> Grey {
    let (width, height) = (1200, 1600);
    let slope = degrees.to_radians().tan();
    let pixels = (0..width * height)
        .map(|at| {
            let (x, y) = ((at % width) as f32, (at / width) as f32);
            let is_letter = x.rem_euclid(27.0) >= 9.0 && (100.0..1100.0).contains(&x) && (100.0..1500.0).contains(&y);
            let line = y + x * slope;
            if is_letter && line.rem_euclid(40.0) < 14.0 { 20 } else { 235 }
        })
        .collect();
    Grey { width, height, pixels }
}

#[test]
fn skew_is_measured_to_a_fifth_of_a_degree() {
    for degrees in [0.0, 0.4, -0.7, 1.3, -2.5, 3.8] {
        let measured = skew::measure(&lines(degrees), 150);
        assert!((measured.abs() - f32::abs(degrees)).abs() < 0.2, "{degrees}: {measured}");
        let (one, other) = (skew::measure(&lines(1.3), 150), skew::measure(&lines(-1.3), 150));
        assert!((one + other).abs() < 0.4, "{one} and {other}");
    }
}

#[test]
fn paper_becomes_white_however_uneven_the_light() {
    let mut grey = lines(0.0);
    let width = grey.width;
    for (at, pixel) in grey.pixels.iter_mut().enumerate() {
        let light = 0.5 + 0.5 * (at % width) as f32 / width as f32;
        *pixel = (f32::from(*pixel) * light) as u8;
    }
    levels::whiten(&mut grey);
    let paper = [grey.row(50)[20], grey.row(50)[width - 20], grey.row(1550)[width / 2]];
    assert!(paper.iter().all(|level| *level > 240), "{paper:?}");
    assert!(grey.row(106)[118] < 60 || grey.row(126)[118] < 60, "ink stays dark");
}
