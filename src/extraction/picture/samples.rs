//! Samples of an image as grey (PDF 32000-1 sections 8.6 and 8.9.5).

use hayro_syntax::object::{Array, Dict, Object, Stream};
use hayro_syntax::page::Resources;

/// How samples are to be understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Samples {
    pub bits: u8,
    pub space: Space,
    /// For each component, whether its `Decode` array turns it round.
    inverted: [bool; 4],
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Space {
    Grey,
    Rgb,
    Cmyk,
    /// Full ink is dark, whatever its colour.
    Ink,
    Indexed(Vec<u8>),
}

impl Space {
    pub(super) fn components(&self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Cmyk => 4,
            Self::Grey | Self::Ink | Self::Indexed(_) => 1,
        }
    }

    fn of(object: &Object<'_>, resources: &Resources<'_>, depth: u8) -> Option<Self> {
        if depth > 4 {
            return None;
        }
        if let Object::Name(name) = object {
            return match &**name {
                b"DeviceGray" | b"CalGray" | b"G" => Some(Self::Grey),
                b"DeviceRGB" | b"CalRGB" | b"RGB" => Some(Self::Rgb),
                b"DeviceCMYK" | b"CMYK" => Some(Self::Cmyk),
                _ => Self::of(&resources.get_color_space(name)?, resources, depth + 1),
            };
        }
        let Object::Array(array) = object else { return None };
        let mut parts = array.iter::<Object<'_>>();
        let Some(Object::Name(family)) = parts.next() else { return None };
        match &*family {
            b"ICCBased" => match parts.next()?.into_stream()?.dict().get::<u8>(b"N")? {
                1 => Some(Self::Grey),
                3 => Some(Self::Rgb),
                4 => Some(Self::Cmyk),
                _ => None,
            },
            b"Indexed" | b"I" => {
                let base = Self::of(&parts.next()?, resources, depth + 1)?;
                let _highest = parts.next()?;
                let table = match parts.next()? {
                    Object::String(string) => string.to_vec(),
                    Object::Stream(stream) if stream.raw_data().len() <= 4096 => {
                        stream.decoded_data().ok()?.into_owned()
                    }
                    _ => return None,
                };
                let base = Samples { bits: 8, space: base, inverted: [false; 4] };
                let colours = table.chunks_exact(base.space.components()).take(256);
                Some(Self::Indexed(colours.map(|colour| base.grey(colour)).collect()))
            }
            b"Separation" => Some(Self::Ink),
            _ => Self::of(&Object::Name(family), resources, depth + 1),
        }
    }
}

impl Samples {
    /// What a dictionary of an image says. `None` for what nothing here understands.
    pub(super) fn of(stream: &Stream<'_>, resources: &Resources<'_>) -> Option<Self> {
        let dict = stream.dict();
        let is_mask = dict.get::<bool>(b"ImageMask").unwrap_or(false);
        let space = match dict.get::<Object<'_>>(b"ColorSpace") {
            _ if is_mask => Space::Grey,
            Some(object) => Space::of(&object, resources, 0)?,
            None => Space::Grey,
        };
        let bits = if is_mask { 1 } else { dict.get::<u8>(b"BitsPerComponent").unwrap_or(8) };
        Some(Self { bits, inverted: inverted(dict, matches!(space, Space::Indexed(_))), space }).filter(Self::is_known)
    }

    /// Of samples that say themselves what they are.
    pub(super) fn plain(bits: u8, components: usize) -> Self {
        let space = match components {
            4 => Space::Cmyk,
            3 => Space::Rgb,
            _ => Space::Grey,
        };
        Self { bits, space, inverted: [false; 4] }
    }

    /// The same for so many components of 8 bits; what is said of another number does not hold.
    pub(super) fn of_bytes(&self, components: usize) -> Self {
        if self.space.components() == components {
            Self { bits: 8, ..self.clone() }
        } else {
            Self::plain(8, components)
        }
    }

    /// What a sample of one bit is as grey.
    pub(super) fn bit(&self, bit: bool) -> u8 {
        self.grey(&[if matches!(self.space, Space::Indexed(_)) { u8::from(bit) } else { u8::from(bit) * 255 }])
    }

    fn is_known(&self) -> bool {
        matches!(self.bits, 1 | 2 | 4 | 8 | 16)
    }

    /// Bytes of a row of so many pixels.
    pub(super) fn row_bytes(&self, width: usize) -> usize {
        (width * self.space.components() * usize::from(self.bits)).div_ceil(8)
    }

    /// A row as grey.
    pub(super) fn row(&self, data: &[u8], grey: &mut [u8]) {
        let components = self.space.components();
        if self.bits == 8 && components == 1 && self.space == Space::Grey {
            let flip = if self.inverted[0] { 255 } else { 0 };
            for (grey, sample) in grey.iter_mut().zip(data) {
                *grey = sample ^ flip;
            }
            return;
        }
        let is_indexed = matches!(self.space, Space::Indexed(_));
        for (x, grey) in grey.iter_mut().enumerate() {
            let mut colour = [0_u8; 4];
            for (component, value) in colour.iter_mut().take(components).enumerate() {
                *value = self.sample(data, x * components + component, is_indexed);
            }
            *grey = self.grey(&colour);
        }
    }

    fn sample(&self, data: &[u8], at: usize, is_index: bool) -> u8 {
        let byte = |at: usize| data.get(at).copied().unwrap_or(0);
        match self.bits {
            8 => byte(at),
            16 => byte(at * 2),
            bits => {
                let bits = usize::from(bits);
                let shift = 8 - bits - (at * bits) % 8;
                let most = (1_u16 << bits) - 1;
                let value = u16::from(byte(at * bits / 8) >> shift) & most;
                u8::try_from(if is_index { value } else { value * 255 / most }).unwrap_or(255)
            }
        }
    }

    /// A colour of 8 bits a component as grey, by the weights of ITU-R BT.601.
    fn grey(&self, colour: &[u8]) -> u8 {
        let value = |at: usize| {
            let value = u32::from(colour.get(at).copied().unwrap_or(0));
            if self.inverted[at] { 255 - value } else { value }
        };
        let luma = |r: u32, g: u32, b: u32| (r * 77 + g * 150 + b * 29) >> 8;
        let grey = match &self.space {
            Space::Grey => value(0),
            Space::Ink => 255 - value(0),
            Space::Rgb => luma(value(0), value(1), value(2)),
            Space::Cmyk => {
                let light = 255 - value(3);
                luma((255 - value(0)) * light / 255, (255 - value(1)) * light / 255, (255 - value(2)) * light / 255)
            }
            Space::Indexed(greys) => u32::from(greys.get(usize::from(colour[0])).copied().unwrap_or(0)),
        };
        u8::try_from(grey).unwrap_or(255)
    }
}

fn inverted(dict: &Dict<'_>, is_indexed: bool) -> [bool; 4] {
    let mut inverted = [false; 4];
    if let (Some(decode), false) = (dict.get::<Array<'_>>(b"Decode"), is_indexed) {
        let numbers: Vec<f32> = decode.iter::<f32>().take(8).collect();
        for (inverted, range) in inverted.iter_mut().zip(numbers.chunks_exact(2)) {
            *inverted = range[0] > range[1];
        }
    }
    inverted
}

/// Whether the image has a mask or a key of its own, so that what lies under it matters.
pub(super) fn is_masked(dict: &Dict<'_>) -> bool {
    dict.contains_key(b"SMask") || dict.contains_key(b"Mask") || dict.get::<u8>(b"SMaskInData").is_some_and(|n| n > 0)
}
