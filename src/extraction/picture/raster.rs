//! Files that are pictures themselves: PNG (ISO/IEC 15948), JPEG (ITU-T T.81), TIFF (revision 6.0).

use std::io::Cursor;

use png::{ColorType as PngColor, Transformations};
use tiff::decoder::ifd::Value;
use tiff::decoder::{ChunkType, Decoder, DecodingResult};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::page::{fit, inches, shrunk};
use super::prepare::prepare;
use super::samples::Samples;
use super::shrink::Shrink;
use super::{Bounds, Grey, Picture, jpeg, undecodable};
use crate::extraction::sniff::{self, Format};
use crate::failure::{Failure, FailureCode};

/// Resolutions outside of these say nothing: files that know none say 72 or 96.
const PLAUSIBLE: std::ops::RangeInclusive<f32> = 99.0..=2400.0;
/// The longer side of a sheet of unknown size, in inches.
const A4: f32 = 11.7;

/// The picture of one page of such a file, counted from 0.
///
/// # Errors
/// `LIMIT_MEMORY` before it is decoded, `OCR_PARTIAL` when it is broken, `UNSUPPORTED_FORMAT`.
pub(in crate::extraction) fn of_raster_page(content: &[u8], page: u32, bounds: &Bounds) -> Result<Picture, Failure> {
    let (grey, dpi) = match sniff::sniff(content) {
        Format::Png => png(content, bounds)?,
        Format::Jpeg => {
            let stated = jfif_density(content);
            let inches = |width, height| sheet(width, height, stated);
            let target = |width, height| target(width, height, inches(width, height), bounds);
            let Some((width, height, ..)) = jpeg::header(content) else {
                return undecodable("a JPEG file", &"it has no frame header");
            };
            (jpeg::decode(content, None, bounds, target)?, inches(width, height))
        }
        Format::Tiff => frame(content, page, bounds)?,
        format => return Err(no_picture(format)),
    };
    let dpi = (grey.width as f32 / dpi.0, grey.height as f32 / dpi.1);
    Ok(prepare(grey, dpi, bounds))
}

fn no_picture(format: Format) -> Failure {
    Failure::new(FailureCode::UnsupportedFormat, format!("{format} is no picture"))
}

/// Inches of a picture whose file states so many pixels per inch.
fn sheet(width: usize, height: usize, stated: Option<(f32, f32)>) -> (f32, f32) {
    let (width, height) = (width.max(1) as f32, height.max(1) as f32);
    match stated {
        Some((x, y)) if PLAUSIBLE.contains(&x) && PLAUSIBLE.contains(&y) => inches(width / x, height / y),
        _ => {
            let dpi = width.max(height) / A4;
            (width / dpi, height / dpi)
        }
    }
}

fn target(width: usize, height: usize, inches: (f32, f32), bounds: &Bounds) -> (usize, usize) {
    fit((shrunk(width, inches.0, bounds), shrunk(height, inches.1, bounds)), bounds)
}

/// ITU-T T.871 section 10.1.
fn jfif_density(content: &[u8]) -> Option<(f32, f32)> {
    let header = content.get(..18).filter(|header| header[2..4] == [0xFF, 0xE0] && header[6..11] == *b"JFIF\0")?;
    let pair = |at: usize| f32::from(u16::from_be_bytes([header[at], header[at + 1]]));
    match header[13] {
        1 => Some((pair(14), pair(16))),
        2 => Some((pair(14) * 2.54, pair(16) * 2.54)),
        _ => None,
    }
}

type Sheet = (Grey, (f32, f32));

fn png(content: &[u8], bounds: &Bounds) -> Result<Sheet, Failure> {
    let broken = |error: png::DecodingError| undecodable::<Sheet>("a PNG file", &error);
    let limits = png::Limits { bytes: usize::try_from(bounds.heap / 4).unwrap_or(usize::MAX) };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(content), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height, stated) = match decoder.read_header_info() {
        Ok(info) => (info.width as usize, info.height as usize, info.pixel_dims),
        Err(error) => return broken(error),
    };
    bounds.admit(width as u64, height as u64)?;
    let mut reader = match decoder.read_info() {
        Ok(reader) => reader,
        Err(error) => return broken(error),
    };
    let stated = reader.info().pixel_dims.or(stated).filter(|dims| dims.unit == png::Unit::Meter);
    let inches = sheet(width, height, stated.map(|dims| (dims.xppu as f32 * 0.0254, dims.yppu as f32 * 0.0254)));
    let (to_width, to_height) = target(width, height, inches, bounds);
    let (colour, _) = reader.output_color_type();
    let channels = colour.samples();
    let mut shrink = Shrink::new(width, height, to_width, to_height);
    let mut row = vec![255; width];
    if reader.info().interlaced {
        bounds.afford((width * height * (channels + 1)) as u64, "an interlaced PNG file")?;
        let mut frame = vec![255; width * height * channels];
        let read = reader.next_frame(&mut frame);
        if let Err(error) = read {
            return broken(error);
        }
        for line in frame.chunks_exact(width * channels) {
            grey_on_white(line, colour, &mut row);
            shrink.push(&row);
        }
    } else {
        // What was decoded before it breaks off counts.
        while let Ok(Some(line)) = reader.next_row() {
            grey_on_white(line.data(), colour, &mut row);
            shrink.push(&row);
        }
    }
    if shrink.taken() == 0 {
        return undecodable("a PNG file", &"not one row of it is whole");
    }
    Ok((shrink.finish(), inches))
}

/// Pixels of 8 bits a channel; what shines through is white.
fn grey_on_white(line: &[u8], colour: PngColor, row: &mut [u8]) {
    let channels = colour.samples();
    let has_alpha = matches!(colour, PngColor::GrayscaleAlpha | PngColor::Rgba);
    if !has_alpha {
        return Samples::plain(8, channels).row(line, row);
    }
    let samples = Samples::plain(8, channels - 1);
    for (grey, pixel) in row.iter_mut().zip(line.chunks_exact(channels)) {
        let (colour, alpha) = pixel.split_at(channels - 1);
        samples.row(colour, std::slice::from_mut(grey));
        let alpha = u32::from(alpha[0]);
        *grey = ((u32::from(*grey) * alpha + 255 * (255 - alpha)) / 255).min(255) as u8;
    }
}

fn tiff(content: &[u8], heap: u64) -> Result<Decoder<Cursor<&[u8]>>, Failure> {
    let bytes = usize::try_from(heap / 3).unwrap_or(usize::MAX);
    let mut limits = tiff::decoder::Limits::default();
    limits.decoding_buffer_size = limits.decoding_buffer_size.min(bytes);
    limits.intermediate_buffer_size = limits.intermediate_buffer_size.min(bytes);
    match Decoder::new(Cursor::new(content)) {
        Ok(decoder) => Ok(decoder.with_limits(limits)),
        Err(error) => undecodable("a TIFF file", &error),
    }
}

/// A frame of a TIFF file, strip by strip or, where it is tiled, one row of tiles after the other.
fn frame(content: &[u8], page: u32, bounds: &Bounds) -> Result<Sheet, Failure> {
    let broken = |error: TiffError| undecodable::<Sheet>("a TIFF file", &error);
    let mut decoder = tiff(content, bounds.heap)?;
    let header = decoder.seek_to_image(page as usize).and_then(|()| Ok((decoder.dimensions()?, decoder.colortype()?)));
    let ((width, height), colour) = match header {
        Ok(header) => header,
        Err(error) => return broken(error),
    };
    bounds.admit(width.into(), height.into())?;
    let (width, height) = (width as usize, height as usize);
    let inches = sheet(width, height, stated_resolution(&mut decoder));
    let (to_width, to_height) = target(width, height, inches, bounds);
    let palette = match colour {
        ColorType::Palette(_) => decoder.get_tag_u16_vec(Tag::ColorMap).ok(),
        _ => None,
    };
    let Some(pixels) = Pixels::of(colour, palette) else {
        return undecodable("a TIFF file", &format!("its colours are unknown: {colour:?}"));
    };
    let (chunk_width, chunk_height) = decoder.chunk_dimensions();
    let (chunk_width, chunk_height) = (chunk_width.max(1) as usize, (chunk_height.max(1) as usize).min(height.max(1)));
    let is_tiled = decoder.get_chunk_type() == ChunkType::Tile;
    let across = if is_tiled { width.div_ceil(chunk_width) } else { 1 };
    bounds.afford((width * chunk_height + to_width * to_height) as u64, "a TIFF file")?;
    let mut shrink = Shrink::new(width, height, to_width, to_height);
    let mut band = vec![255; width * chunk_height];
    for down in 0..height.div_ceil(chunk_height) {
        band.fill(255);
        let mut rows = 0;
        for column in 0..across {
            let index = u32::try_from(down * across + column).unwrap_or(u32::MAX);
            let chunk = match decoder.read_chunk(index) {
                Ok(chunk) => chunk,
                // What was decoded before it breaks off counts.
                Err(_) if down > 0 => return Ok((shrink.finish(), inches)),
                Err(error) => return broken(error),
            };
            let (data_width, data_height) = decoder.chunk_data_dimensions(index);
            let (data_width, data_height) = (data_width as usize, (data_height as usize).min(chunk_height));
            let Some(bytes) = bytes(chunk) else {
                return undecodable("a TIFF file", &"its samples are no whole numbers of 8 or 16 bits");
            };
            let start = column * chunk_width;
            let end = (start + data_width).min(width);
            for (y, line) in bytes.chunks_exact(pixels.row_bytes(data_width).max(1)).take(data_height).enumerate() {
                pixels.row(line, &mut band[y * width + start..y * width + end]);
            }
            rows = data_height;
        }
        for row in band.chunks_exact(width).take(rows) {
            shrink.push(row);
        }
    }
    Ok((shrink.finish(), inches))
}

/// Samples of 16 bits keep their upper half.
fn bytes(chunk: DecodingResult) -> Option<Vec<u8>> {
    match chunk {
        DecodingResult::U8(bytes) => Some(bytes),
        DecodingResult::U16(words) => Some(words.into_iter().map(|word| word.to_be_bytes()[0]).collect()),
        _ => None,
    }
}

/// How the samples of a TIFF file become grey.
struct Pixels {
    samples: Samples,
    channels: usize,
    palette: Option<Vec<u8>>,
}

impl Pixels {
    fn of(colour: ColorType, palette: Option<Vec<u16>>) -> Option<Self> {
        let (bits, channels, colours) = match colour {
            ColorType::Gray(bits) | ColorType::Palette(bits) => (bits, 1, 1),
            ColorType::GrayA(bits) => (bits, 2, 1),
            // The decoder of JPEG strips has made RGB of it.
            ColorType::RGB(bits) | ColorType::YCbCr(bits) => (bits, 3, 3),
            ColorType::RGBA(bits) => (bits, 4, 3),
            ColorType::CMYK(bits) => (bits, 4, 4),
            ColorType::Multiband { bit_depth, num_samples } => (bit_depth, usize::from(num_samples), 1),
            _ => return None,
        };
        let bits = if bits == 16 { 8 } else { bits };
        if !matches!(bits, 1 | 2 | 4 | 8) || (bits < 8 && channels > 1) {
            return None;
        }
        let palette = palette.map(|map| {
            let third = map.len() / 3;
            let value = |at: usize| u32::from(map[at] >> 8);
            let luma = |at: usize| (value(at) * 77 + value(third + at) * 150 + value(2 * third + at) * 29) >> 8;
            (0..third).map(|at| luma(at).min(255) as u8).collect()
        });
        Some(Self { samples: Samples::plain(bits, colours), channels, palette })
    }

    fn row_bytes(&self, width: usize) -> usize {
        (width * self.channels * usize::from(self.samples.bits)).div_ceil(8)
    }

    fn row(&self, line: &[u8], grey: &mut [u8]) {
        let colours = self.samples.space.components();
        if let Some(palette) = &self.palette {
            let most = 255_u8 >> (8 - self.samples.bits);
            self.samples.row(line, grey);
            for grey in grey {
                let index = u32::from(*grey) * u32::from(most) / 255;
                *grey = palette.get(index as usize).copied().unwrap_or(255);
            }
        } else if colours == self.channels {
            self.samples.row(line, grey);
        } else {
            for (grey, pixel) in grey.iter_mut().zip(line.chunks_exact(self.channels)) {
                self.samples.row(&pixel[..colours], std::slice::from_mut(grey));
            }
        }
    }
}

/// Section 8: pixels per inch, or per centimetre.
fn stated_resolution(decoder: &mut Decoder<Cursor<&[u8]>>) -> Option<(f32, f32)> {
    const CENTIMETRE: u32 = 3;
    let mut value = |tag| match decoder.get_tag(tag).ok()? {
        Value::Rational(numerator, denominator) => Some(numerator as f32 / denominator as f32),
        Value::Float(value) => Some(value),
        _ => None,
    };
    let (x, y) = (value(Tag::XResolution)?, value(Tag::YResolution)?);
    let unit = decoder.find_tag_unsigned::<u32>(Tag::ResolutionUnit).ok().flatten();
    let factor = if unit == Some(CENTIMETRE) { 2.54 } else { 1.0 };
    Some((x * factor, y * factor))
}
