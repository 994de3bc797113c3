//! Images of 64 by 64 pixels whose upper left quarter is black, coded in every way that a PDF knows.

use lopdf::Dictionary;

use super::*;

const GROUP_4: &str = "\
    2360d5fffffffffffffff93503c37fffffffffffffffc004\
    0040";

const JPEG: &str = "\
    ffd8ffe000104a46494600010100000100010000ffdb0043\
    001b12141714111b1716171e1c1b2028422b28252528513a\
    3d3042605565645f555d5b6a7899816a7190735b5d85b586\
    909ea3abadab6780bcc9baa6c799a8aba4ffc0000b080040\
    004001011100ffc400160001010100000000000000000000\
    000000000706ffc400141001000000000000000000000000\
    00000000ffda0008010100003f00cc80a6009980a6009980\
    a6009980a6000000000000000000ffd9";

const JPEG_2000: &str = "\
    0000000c6a5020200d0a870a00000014667479706a703220\
    000000006a7032200000002d6a7032680000001669686472\
    00000040000000400001070700000000000f636f6c720100\
    0000000011000002e56a703263ff4fff5100290000000000\
    400000004000000000000000000000004000000040000000\
    00000000000001070101ff52000c00000001000004040001\
    ff5c00044040ff640025000143726561746564206279204f\
    70656e4a5045472076657273696f6e20322e352e34ff9000\
    0a0000000002730001ff93df874c20115054ac9c67ec8626\
    6d96bbd9c83c2ae17bfcac336e52040f2a0aee6b65b78e80\
    000000000309097fff520480000000000018484bb5d48006\
    1212f049b0000c2425e00b400018484bc016800030909780\
    2d000061212f005a0000c2425e00b400018484bc01680003\
    09097802d000061212f005a0000c2425e00b400018484bc0\
    168000309097802d000061212f005a0000c2425ffe127800\
    0000000000c2425daea400309097824d800061212f005a00\
    00c2425e00b400018484bc0168000309097802d000061212\
    f005a0000c2425e00b400018484bc0168000309097802d00\
    0061212f005a0000c2425e00b400018484bc016800030909\
    7802d000061212f005a0000c2425ff7093c0000000000006\
    1212ed7520018484bc126c000309097802d000061212f005\
    a0000c2425e00b400018484bc0168000309097802d000061\
    212f005a0000c2425e00b400018484bc0168000309097802\
    d000061212f005a0000c2425e00b400018484bc016800030\
    9097802d000061212fff049e0000000000003090976ba900\
    0c2425e093600018484bc0168000309097802d000061212f\
    005a0000c2425e00b400018484bc0168000309097802d000\
    061212f005a0000c2425e00b400018484bc0168000309097\
    802d000061212f005a0000c2425e00b400018484bc016800\
    0309097ff849e0000000000003090976ba9000c2425e0936\
    00018484bc0168000309097802d000061212f005a0000c24\
    25e00b400018484bc0168000309097802d000061212f005a\
    0000c2425e00b400018484bc0168000309097802d0000612\
    12f005a0000c2425e00b400018484bc0168000309097ff7f\
    ffd9";

const SIDE: i64 = 64;

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter_map(|b| char::from(b).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The quarter that is dark on a page that shows this image.
fn seen(data: Vec<u8>, entries: &Dictionary) -> (bool, bool) {
    let mut document = Document::with_version("1.7");
    let tree = document.new_object_id();
    let mut image = dictionary! { "Type" => "XObject", "Subtype" => "Image", "Width" => SIDE, "Height" => SIDE };
    image.extend(entries);
    let image = document.add_object(Stream::new(image, data).with_compression(false));
    let content = Stream::new(dictionary! {}, b"72 0 0 72 0 0 cm /I Do".to_vec()).with_compression(false);
    let content = document.add_object(content);
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => tree, "Contents" => content,
        "Resources" => dictionary! { "XObject" => dictionary! { "I" => image } },
        "MediaBox" => vec![0.into(), 0.into(), 72.into(), 72.into()],
    });
    document.set_object(tree, dictionary! { "Type" => "Pages", "Kids" => vec![Object::from(page)], "Count" => 1 });
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    let pictures = of_pdf_page(&Arc::new(FileBytes::Owned(bytes)), 0, &BOUNDS, false).unwrap();
    assert_eq!((pictures.len(), pictures[0].width, pictures[0].height), (1, 256, 256));
    dark_quarter(&pictures[0])
}

fn deflated(data: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Rows of samples of `bits` for each of `components`.
fn samples(bits: usize, dark: &[u8], light: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in 0..64 {
        let (mut byte, mut filled) = (0_u16, 0);
        for x in 0..64 {
            for sample in if x < 32 && y < 32 { dark } else { light } {
                if bits == 16 {
                    bytes.extend([*sample, 0]);
                    continue;
                }
                byte = byte << bits | u16::from(*sample);
                filled += bits;
                if filled == 8 {
                    bytes.push(byte as u8);
                    (byte, filled) = (0, 0);
                }
            }
        }
    }
    bytes
}

#[test]
fn samples_of_any_depth_and_colour() {
    let indexed = || {
        let table = Object::string_literal(vec![250, 240, 230, 10, 20, 30]);
        Object::Array(vec!["Indexed".into(), "DeviceRGB".into(), 1.into(), table])
    };
    let cases: Vec<(Vec<u8>, i64, Object)> = vec![
        (samples(1, &[0], &[1]), 1, "DeviceGray".into()),
        (samples(2, &[0], &[3]), 2, "DeviceGray".into()),
        (samples(4, &[1], &[14]), 4, "DeviceGray".into()),
        (samples(16, &[3], &[240]), 16, "DeviceGray".into()),
        (samples(8, &[10, 20, 30], &[240, 250, 230]), 8, "DeviceRGB".into()),
        (samples(8, &[200, 200, 200, 200], &[0, 5, 0, 0]), 8, "DeviceCMYK".into()),
        (samples(1, &[1], &[0]), 1, indexed()),
        (samples(8, &[1], &[0]), 8, indexed()),
    ];
    for (data, bits, space) in cases {
        let entries = |more: Dictionary| {
            let mut entries = dictionary! { "BitsPerComponent" => bits, "ColorSpace" => space.clone() };
            entries.extend(&more);
            entries
        };
        assert_eq!(seen(data.clone(), &entries(dictionary! {})), (false, false), "{bits} bits, {space:?}");
        let packed = entries(dictionary! { "Filter" => "FlateDecode" });
        assert_eq!(seen(deflated(&data), &packed), (false, false), "{bits} bits, {space:?}, deflated");
    }
}

#[test]
fn predictors_are_undone() {
    let plain = samples(8, &[20], &[230]);
    for kind in 0..=4_u8 {
        let mut rows = Vec::new();
        let mut above = [0_u8; 64];
        for row in plain.chunks_exact(64) {
            rows.push(kind);
            for x in 0..64 {
                let (left, corner) = if x > 0 { (row[x - 1], above[x - 1]) } else { (0, 0) };
                let estimate = i16::from(left) + i16::from(above[x]) - i16::from(corner);
                let nearest =
                    [left, above[x], corner].into_iter().min_by_key(|near| (estimate - i16::from(*near)).abs());
                let predicted = match kind {
                    1 => left,
                    2 => above[x],
                    3 => u8::midpoint(left, above[x]),
                    4 => nearest.unwrap_or(0),
                    _ => 0,
                };
                rows.push(row[x].wrapping_sub(predicted));
            }
            above.copy_from_slice(row);
        }
        let entries = dictionary! {
            "BitsPerComponent" => 8, "ColorSpace" => "DeviceGray", "Filter" => "FlateDecode",
            "DecodeParms" => dictionary! { "Predictor" => 15, "Columns" => SIDE },
        };
        assert_eq!(seen(deflated(&rows), &entries), (false, false), "filter {kind}");
    }
}

#[test]
fn fax_jbig2_jpeg_and_jpeg_2000() {
    let fax = dictionary! { "K" => -1, "Columns" => SIDE, "Rows" => SIDE, "BlackIs1" => true };
    let entries = dictionary! {
        "BitsPerComponent" => 1, "ColorSpace" => "DeviceGray", "Filter" => "CCITTFaxDecode", "DecodeParms" => fax,
    };
    assert_eq!(seen(unhex(GROUP_4), &entries), (false, false));

    // ITU-T T.88: the page's size, then one region that is coded as a fax is, whose ones are what is white there.
    let mut jbig2 = vec![0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 19, 0, 0, 0, 64, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let region = unhex(GROUP_4);
    jbig2.extend([0, 0, 0, 1, 38, 0, 1, 0, 0, 0, 18 + u8::try_from(region.len()).unwrap()]);
    jbig2.extend([0, 0, 0, 64, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    jbig2.extend(region);
    let entries = dictionary! {
        "BitsPerComponent" => 1, "ColorSpace" => "DeviceGray", "Filter" => "JBIG2Decode", "Decode" => vec![1.into(), 0.into()],
    };
    assert_eq!(seen(jbig2, &entries), (false, false));

    let coded =
        |filter: &str| dictionary! { "BitsPerComponent" => 8, "ColorSpace" => "DeviceGray", "Filter" => filter };
    assert_eq!(seen(unhex(JPEG), &coded("DCTDecode")), (false, false));
    assert_eq!(seen(unhex(JPEG_2000), &coded("JPXDecode")), (false, false));
}
