//! JPEG images as grey (ITU-T T.81).

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::samples::Samples;
use super::shrink::Shrink;
use super::{Bounds, Grey, undecodable};
use crate::failure::Failure;

/// Width, height, components, and whether it is progressive.
pub(super) fn header(data: &[u8]) -> Option<(usize, usize, usize, bool)> {
    let mut at = 2;
    loop {
        let marker = *data.get(at + 1)?;
        if data[at] != 0xFF {
            return None;
        }
        match marker {
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            // SOF0 to SOF15, without DHT, JPG and DAC.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                let pair = |at: usize| Some(usize::from(u16::from_be_bytes([*data.get(at)?, *data.get(at + 1)?])));
                let is_progressive = matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE);
                return Some((pair(at + 7)?, pair(at + 5)?, usize::from(*data.get(at + 9)?), is_progressive));
            }
            _ => at += 2 + usize::from(u16::from_be_bytes([*data.get(at + 2)?, *data.get(at + 3)?])),
        }
    }
}

/// Decodes, and shrinks to what `target` says of the image's size.
///
/// # Errors
/// `LIMIT_MEMORY`, or `OCR_PARTIAL` when it is broken from the start.
pub(super) fn decode(
    data: &[u8],
    samples: Option<&Samples>,
    bounds: &Bounds,
    target: impl Fn(usize, usize) -> (usize, usize),
) -> Result<Grey, Failure> {
    let Some((width, height, components, is_progressive)) = header(data) else {
        return undecodable("a JPEG image", &"it has no frame header");
    };
    bounds.admit(width as u64, height as u64)?;
    let (to_width, to_height) = target(width, height);
    let pixels = (width * height) as u64;
    let kept = if components == 4 { 4 } else { 1 };
    // Coefficients of all components are kept until the last scan of a progressive one, in 16 bits.
    let coefficients = if is_progressive { 2 * components as u64 } else { 0 };
    let shrunk = (to_width.min(width) * to_height.min(height)) as u64;
    bounds.afford(pixels * (kept + coefficients) + shrunk, &format!("a JPEG image of {width} x {height} pixels"))?;
    let options = DecoderOptions::default().set_max_width(width).set_max_height(height).set_strict_mode(false);
    let colours = if kept == 1 { ColorSpace::Luma } else { ColorSpace::CMYK };
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options.jpeg_set_out_colorspace(colours));
    if let Err(error) = decoder.decode_headers() {
        return undecodable("a JPEG image", &format!("{error:?}"));
    }
    if kept == 4 {
        let own = decoder.input_colorspace().unwrap_or(ColorSpace::CMYK);
        decoder.set_options(options.jpeg_set_out_colorspace(own));
    } else if decoder.input_colorspace() == Some(ColorSpace::RGB) {
        bounds.afford(pixels * (3 + coefficients) + shrunk, "a JPEG image of three colours")?;
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::RGB));
    }
    let is_ycck = decoder.output_colorspace() == Some(ColorSpace::YCCK);
    let decoded = match decoder.decode() {
        Ok(mut decoded) => {
            if is_ycck {
                // Light for ink: what is grey is what matters, and that is the first component.
                for pixel in decoded.chunks_exact_mut(4) {
                    let ink = 255 - pixel[0];
                    pixel[..3].fill(ink);
                }
            }
            decoded
        }
        Err(error) => return undecodable("a JPEG image", &format!("{error:?}")),
    };
    let count = decoded.len() / (width * height).max(1);
    let samples = samples.map_or_else(|| Samples::plain(8, count), |samples| samples.of_bytes(count));
    let mut shrink = Shrink::new(width, height, to_width, to_height);
    let mut row = vec![0; width];
    for line in decoded.chunks_exact((width * count).max(1)) {
        samples.row(line, &mut row);
        shrink.push(&row);
    }
    Ok(shrink.finish())
}
