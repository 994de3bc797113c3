//! One image of a PDF as grey (PDF 32000-1 section 8.9.5), shrunk while it is decoded.

use flate2::{Decompress, FlushDecompress, Status};
use hayro_ccitt::{DecodeSettings, DecoderContext, EncodingMode};
use hayro_syntax::object::{Dict, Stream};
use hayro_syntax::page::Resources;

use super::samples::Samples;
use super::shrink::Shrink;
use super::{Bounds, Grey, jpeg, undecodable};
use crate::extraction::pdf::images::{self, Coded, Coding};
use crate::failure::Failure;

/// Decodes an image, shrunk to what `target` says of its size.
///
/// # Errors
/// `LIMIT_MEMORY` before anything is decoded; `OCR_PARTIAL` when it is broken from the start, or coded in an unknown way.
pub(super) fn decode(
    stream: &Stream<'_>,
    resources: &Resources<'_>,
    bounds: &Bounds,
    target: impl Fn(usize, usize) -> (usize, usize),
) -> Result<Grey, Failure> {
    let dict = stream.dict();
    let length = |key: &[u8], short: &[u8]| dict.get::<u32>(key).or_else(|| dict.get::<u32>(short)).unwrap_or(0);
    let (width, height) = (length(b"Width", b"W"), length(b"Height", b"H"));
    bounds.admit(u64::from(width), u64::from(height))?;
    let Some(coded) = images::coded(stream, bounds.heap / 2) else {
        return undecodable("an image", &"its filters decode to too much, or are unknown");
    };
    let samples = Samples::of(stream, resources);
    let (width, height) = (width as usize, height as usize);
    match coded.coding {
        Coding::Jpeg => return jpeg::decode(&coded.data, samples.as_ref(), bounds, target),
        Coding::Jpeg2000 => return jpeg_2000(&coded.data, samples.as_ref(), bounds, target),
        _ => {}
    }
    let Some(samples) = samples else {
        return undecodable("an image", &"its colours are unknown");
    };
    if width == 0 || height == 0 {
        return undecodable("an image", &"it has no size");
    }
    let (to_width, to_height) = target(width, height);
    bounds.afford((to_width.min(width) * to_height.min(height)) as u64, "an image")?;
    let mut rows = Rows { shrink: Shrink::new(width, height, to_width, to_height), grey: vec![255; width], width };
    match coded.coding {
        Coding::Fax => fax(&coded, &samples, height, &mut rows),
        Coding::Jbig2 => jbig2(&coded, &samples, bounds, &mut rows)?,
        Coding::Flate => flate(&coded, &samples, &mut rows),
        _ => {
            for row in coded.data.chunks_exact(samples.row_bytes(width)).take(height) {
                rows.push(&samples, row);
            }
        }
    }
    if rows.shrink.taken() == 0 {
        return undecodable("an image", &"not one row of it is whole");
    }
    Ok(rows.shrink.finish())
}

struct Rows {
    shrink: Shrink,
    grey: Vec<u8>,
    width: usize,
}

impl Rows {
    fn push(&mut self, samples: &Samples, row: &[u8]) {
        samples.row(row, &mut self.grey);
        self.shrink.push(&self.grey);
    }
}

/// Section 7.4.6.
fn fax(coded: &Coded<'_>, samples: &Samples, height: usize, rows: &mut Rows) {
    struct Sink<'r> {
        rows: &'r mut Rows,
        columns: usize,
        white: u8,
        black: u8,
    }
    impl hayro_ccitt::Decoder for Sink<'_> {
        fn push_row(&mut self, changes: &[u32]) {
            let row = &mut self.rows.grey;
            row.fill(self.white);
            for span in changes.chunks(2) {
                let end = span.get(1).map_or(self.columns, |end| *end as usize).min(row.len());
                let start = (span[0] as usize).min(end);
                row[start..end].fill(self.black);
            }
            self.rows.shrink.push(row);
        }
    }
    let parameters = &coded.parameters;
    let flag = |key: &[u8], usual: bool| parameters.get::<bool>(key).unwrap_or(usual);
    let columns = parameters.get::<u32>(b"Columns").unwrap_or(1728).min(1 << 17);
    let settings = DecodeSettings {
        columns,
        rows: u32::try_from(height).unwrap_or(u32::MAX),
        end_of_block: flag(b"EndOfBlock", true),
        end_of_line: flag(b"EndOfLine", false),
        rows_are_byte_aligned: flag(b"EncodedByteAlign", false),
        encoding: match parameters.get::<i32>(b"K").unwrap_or(0) {
            ..0 => EncodingMode::Group4,
            0 => EncodingMode::Group3_1D,
            1.. => EncodingMode::Group3_2D,
        },
        strict: false,
    };
    let black_is_one = flag(b"BlackIs1", false);
    let (white, black) = (samples.bit(!black_is_one), samples.bit(black_is_one));
    let mut sink = Sink { rows, columns: columns as usize, white, black };
    // What was decoded before an error counts.
    let _broken = hayro_ccitt::decode(&coded.data, &mut sink, &mut DecoderContext::new(settings));
}

/// Section 7.4.7.
fn jbig2(coded: &Coded<'_>, samples: &Samples, bounds: &Bounds, rows: &mut Rows) -> Result<(), Failure> {
    struct Sink<'r> {
        rows: &'r mut Rows,
        at: usize,
        white: u8,
        black: u8,
    }
    impl Sink<'_> {
        fn put(&mut self, black: bool, count: usize) {
            let end = (self.at + count).min(self.rows.width);
            if self.at < end {
                self.rows.grey[self.at..end].fill(if black { self.black } else { self.white });
            }
            self.at += count;
        }
    }
    impl hayro_jbig2::Decoder for Sink<'_> {
        fn push_pixel(&mut self, black: bool) {
            self.put(black, 1);
        }

        fn push_pixel_chunk(&mut self, black: bool, chunk_count: u32) {
            self.put(black, chunk_count as usize * 8);
        }

        fn next_line(&mut self) {
            self.rows.shrink.push(&self.rows.grey);
            self.at = 0;
        }
    }
    let settings = hayro_jbig2::DecodeSettings::default();
    let globals =
        coded.parameters.get::<Stream<'_>>(b"JBIG2Globals").and_then(|it| images::content(&it, bounds.heap / 8));
    let globals = globals.and_then(|globals| hayro_jbig2::Globals::new(&globals, &settings).ok());
    let page = match hayro_jbig2::Page::new_embedded(&coded.data, globals.as_ref(), &settings) {
        Ok(page) => page,
        Err(error) => return undecodable("a JBIG2 image", &format!("{error:?}")),
    };
    let pixels = u64::from(page.width()) * u64::from(page.height());
    bounds.admit(page.width().into(), page.height().into())?;
    bounds.afford(pixels / 4 + rows.grey.len() as u64, "a JBIG2 image")?;
    let (white, black) = (samples.bit(true), samples.bit(false));
    let decoded = page.decode(&mut Sink { rows, at: 0, white, black });
    decoded.or_else(|error| undecodable("a JBIG2 image", &format!("{error:?}")))
}

/// Sections 7.4.4 and 7.4.4.4: inflates row by row and undoes the predictor.
fn flate(coded: &Coded<'_>, samples: &Samples, rows: &mut Rows) {
    let number = |dict: &Dict<'_>, key: &[u8]| dict.get::<i32>(key);
    let predictor = number(&coded.parameters, b"Predictor").unwrap_or(1);
    let components = samples.space.components();
    let pixel_bytes = (components * usize::from(samples.bits)).div_ceil(8);
    let row_bytes = samples.row_bytes(rows.width);
    let is_png = predictor >= 10;
    let mut row = vec![0; row_bytes + usize::from(is_png)];
    let mut above = vec![0; row_bytes];
    let mut inflater = Decompress::new(true);
    let mut data: &[u8] = &coded.data;
    let mut filled = 0;
    while rows.shrink.taken() < rows.shrink.wanted() {
        let (read, written) = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(data, &mut row[filled..], FlushDecompress::None);
        data = &data[usize::try_from(inflater.total_in() - read).unwrap_or(0).min(data.len())..];
        let came = usize::try_from(inflater.total_out() - written).unwrap_or(0);
        filled += came;
        if filled == row.len() {
            filled = 0;
            if is_png {
                let kind = row[0];
                unfilter(kind, &mut row[1..], &above, pixel_bytes);
                above.copy_from_slice(&row[1..]);
            } else if predictor == 2 && samples.bits == 8 {
                for at in components..row_bytes {
                    row[at] = row[at].wrapping_add(row[at - components]);
                }
            }
            rows.push(samples, &row[usize::from(is_png)..]);
        }
        let is_over = !matches!(status, Ok(Status::Ok | Status::BufError)) || (came == 0 && data.is_empty());
        if is_over || (came == 0 && matches!(status, Ok(Status::BufError))) {
            return;
        }
    }
}

/// PNG (ISO/IEC 15948) section 9.2.
fn unfilter(kind: u8, row: &mut [u8], above: &[u8], pixel_bytes: usize) {
    for at in 0..row.len() {
        let left = if at >= pixel_bytes { row[at - pixel_bytes] } else { 0 };
        let corner = if at >= pixel_bytes { above[at - pixel_bytes] } else { 0 };
        let predicted = match kind {
            1 => left,
            2 => above[at],
            3 => u8::midpoint(left, above[at]),
            4 => paeth(left, above[at], corner),
            _ => 0,
        };
        row[at] = row[at].wrapping_add(predicted);
    }
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(above), i16::from(corner));
    let (to_a, to_b, to_c) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        above
    } else {
        corner
    }
}

/// Bytes that a sample of it takes while it is decoded; measured.
const JPEG_2000_PIXEL: u64 = 20;

/// Section 7.4.9. Decoded at the least resolution that is enough.
fn jpeg_2000(
    data: &[u8],
    samples: Option<&Samples>,
    bounds: &Bounds,
    target: impl Fn(usize, usize) -> (usize, usize),
) -> Result<Grey, Failure> {
    let open = |target_resolution| {
        let settings =
            hayro_jpeg2000::DecodeSettings { target_resolution, ..hayro_jpeg2000::DecodeSettings::default() };
        hayro_jpeg2000::Image::new(data, &settings)
            .or_else(|error| undecodable("a JPEG 2000 image", &format!("{error:?}")))
    };
    let whole = open(None)?;
    bounds.admit(whole.width().into(), whole.height().into())?;
    let (to_width, to_height) = target(whole.width() as usize, whole.height() as usize);
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let cost = |image: &hayro_jpeg2000::Image<'_>| {
        let channels = u64::from(image.color_space().num_channels()) + u64::from(image.has_alpha());
        u64::from(image.width()) * u64::from(image.height()) * channels * JPEG_2000_PIXEL
    };
    let (mut halved, mut image) = (0, open(Some((number(to_width), number(to_height))))?);
    while cost(&image) > bounds.heap && halved < 3 {
        halved += 1;
        image = open(Some((number(to_width >> halved), number(to_height >> halved))))?;
    }
    let (width, height) = (image.width() as usize, image.height() as usize);
    bounds.afford(cost(&image), &format!("a JPEG 2000 image of {width} x {height} pixels"))?;
    let mut context = hayro_jpeg2000::DecoderContext::default();
    let decoded = match image.decode(&mut context) {
        Ok(decoded) => decoded.data_u8(),
        Err(error) => return undecodable("a JPEG 2000 image", &format!("{error:?}")),
    };
    let channels = decoded.len() / (width * height).max(1);
    if channels == 0 {
        return undecodable("a JPEG 2000 image", &"it has no size");
    }
    let colours = if channels >= 3 { channels.min(4) } else { 1 } - usize::from(image.has_alpha() && channels == 4);
    let samples = samples.map_or_else(|| Samples::plain(8, colours), |samples| samples.of_bytes(colours));
    let mut shrink = Shrink::new(width, height, to_width, to_height);
    let (mut row, mut line) = (vec![0; width], vec![0; width * colours]);
    for source in decoded.chunks_exact(width * channels) {
        for (to, from) in line.chunks_exact_mut(colours).zip(source.chunks_exact(channels)) {
            to.copy_from_slice(&from[..colours]);
        }
        samples.row(&line, &mut row);
        shrink.push(&row);
    }
    Ok(shrink.finish())
}
