//! The fonts of a document, each read once.

use hayro_syntax::object::{Dict, MaybeRef, ObjRef};
use rustc_hash::FxHashMap;

use super::font::Font;
use super::stream::Streams;

/// What a font dictionary is known by: its object number, or its place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Object(u32, i32),
    Direct(usize),
    Missing,
}

#[derive(Default)]
pub(super) struct Fonts<'a> {
    fonts: Vec<Font<'a>>,
    index: FxHashMap<Key, usize>,
}

impl<'a> Fonts<'a> {
    #[inline]
    pub(super) fn get(&mut self, font: usize) -> &mut Font<'a> {
        &mut self.fonts[font]
    }

    /// The font that a resource dictionary has under a name. One that is missing is read as if it were a Latin one.
    pub(super) fn named(&mut self, name: &[u8], resources: &Dict<'a>, streams: &mut Streams) -> usize {
        let key = match resources.get_raw::<Dict<'a>>(name) {
            Some(MaybeRef::Ref(reference)) => Key::Object(reference.obj_number, reference.gen_number),
            Some(MaybeRef::NotRef(dict)) => Key::Direct(dict.data().as_ptr().addr()),
            None => Key::Missing,
        };
        match self.index.get(&key) {
            Some(font) => *font,
            None => self.insert(key, &resources.get::<Dict<'a>>(name).unwrap_or_default(), streams),
        }
    }

    pub(super) fn by_reference(&mut self, reference: ObjRef, dict: &Dict<'a>, streams: &mut Streams) -> usize {
        let key = Key::Object(reference.obj_number, reference.gen_number);
        match self.index.get(&key) {
            Some(font) => *font,
            None => self.insert(key, dict, streams),
        }
    }

    fn insert(&mut self, key: Key, dict: &Dict<'a>, streams: &mut Streams) -> usize {
        self.fonts.push(Font::new(dict, streams));
        let font = self.fonts.len() - 1;
        self.index.insert(key, font);
        font
    }
}
