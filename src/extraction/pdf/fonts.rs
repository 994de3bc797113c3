//! The fonts of a document, each read once as long as pages go on using it.

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

/// Fonts that are kept from page to page. When there are more, the half that was used last stays: a document that was
/// merged from many has fonts of its own on every page.
const KEPT: usize = 128;

#[derive(Default)]
pub(super) struct Fonts<'a> {
    all: Vec<Known<'a>>,
    index: FxHashMap<Key, usize>,
    page: u64,
}

struct Known<'a> {
    font: Font<'a>,
    key: Key,
    /// The page that used it last.
    page: u64,
}

impl<'a> Fonts<'a> {
    #[inline]
    pub(super) fn get(&mut self, font: usize) -> &mut Font<'a> {
        &mut self.all[font].font
    }

    /// Fonts of the page before are no longer known by their numbers.
    pub(super) fn begin_page(&mut self) {
        self.page += 1;
        if self.all.len() <= KEPT {
            return;
        }
        let mut pages: Vec<u64> = self.all.iter().map(|known| known.page).collect();
        pages.sort_unstable_by(|a, b| b.cmp(a));
        let until = pages[KEPT / 2];
        self.all.retain(|known| known.page > until);
        self.index = self.all.iter().enumerate().map(|(font, known)| (known.key, font)).collect();
    }

    /// The font that a resource dictionary has under a name. One that is missing is read as if it were a Latin one.
    pub(super) fn named(&mut self, name: &[u8], resources: &Dict<'a>, streams: &mut Streams) -> usize {
        let key = match resources.get_raw::<Dict<'a>>(name) {
            Some(MaybeRef::Ref(reference)) => Key::Object(reference.obj_number, reference.gen_number),
            Some(MaybeRef::NotRef(dict)) => Key::Direct(dict.data().as_ptr().addr()),
            None => Key::Missing,
        };
        match self.known(key) {
            Some(font) => font,
            None => self.insert(key, &resources.get::<Dict<'a>>(name).unwrap_or_default(), streams),
        }
    }

    pub(super) fn by_reference(&mut self, reference: ObjRef, dict: &Dict<'a>, streams: &mut Streams) -> usize {
        let key = Key::Object(reference.obj_number, reference.gen_number);
        match self.known(key) {
            Some(font) => font,
            None => self.insert(key, dict, streams),
        }
    }

    fn known(&mut self, key: Key) -> Option<usize> {
        let font = *self.index.get(&key)?;
        self.all[font].page = self.page;
        Some(font)
    }

    fn insert(&mut self, key: Key, dict: &Dict<'a>, streams: &mut Streams) -> usize {
        self.all.push(Known { font: Font::new(dict, streams), key, page: self.page });
        let font = self.all.len() - 1;
        self.index.insert(key, font);
        font
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hayro_syntax::object::FromBytes;

    use super::*;
    use crate::extraction::Limits;

    #[test]
    fn fonts_that_are_no_longer_used_go() {
        let names: Vec<String> = (0..1000).map(|number| format!("F{number}")).collect();
        let own = |name: &String| format!("/{name} <</Type/Font/Subtype/Type1/BaseFont/Courier>>");
        let dicts: String = names.iter().map(own).collect();
        let dict = format!("<<{dicts}>>");
        let resources = Dict::from_bytes(dict.as_bytes()).unwrap();
        let mut streams = Streams::new(Limits::default(), Arc::default());
        let mut fonts = Fonts::default();
        for name in &names {
            fonts.begin_page();
            let common = fonts.named(b"F0", &resources, &mut streams);
            let own = fonts.named(name.as_bytes(), &resources, &mut streams);
            assert_eq!(fonts.all[common].key, fonts.all[0].key, "the one that every page uses stays");
            assert_eq!(fonts.named(name.as_bytes(), &resources, &mut streams), own);
            assert!(fonts.all.len() <= KEPT + 2);
        }
        for name in &names {
            fonts.named(name.as_bytes(), &resources, &mut streams);
        }
        fonts.begin_page();
        assert!(fonts.all.is_empty(), "more on one page than are kept");
    }
}
