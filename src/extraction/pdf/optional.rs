//! Optional content that is not shown (PDF 32000-1 section 8.11).

use hayro_syntax::Pdf;
use hayro_syntax::object::{Array, Dict, MaybeRef, Name, ObjRef};
use rustc_hash::FxHashSet;

/// The groups that are off when the document is opened.
#[derive(Debug, Default)]
pub(super) struct Hidden(FxHashSet<(u32, i32)>);

impl Hidden {
    pub(super) fn read(pdf: &Pdf) -> Self {
        if !pdf.xref().has_optional_content_groups() {
            return Self::default();
        }
        let configuration = pdf
            .xref()
            .get::<Dict<'_>>(pdf.xref().root_id())
            .and_then(|catalog| catalog.get::<Dict<'_>>(b"OCProperties"))
            .map(|properties| (properties.get::<Dict<'_>>(b"D").unwrap_or_default(), properties));
        let Some((default, properties)) = configuration else {
            return Self::default();
        };
        let mut hidden = FxHashSet::default();
        let references = |dict: &Dict<'_>, key: &[u8]| -> Vec<ObjRef> {
            let array = dict.get::<Array<'_>>(key);
            array.iter().flat_map(Array::raw_iter).filter_map(|item| item.as_obj_ref()).collect()
        };
        if default.get::<Name<'_>>(b"BaseState").is_some_and(|state| *state == *b"OFF") {
            hidden.extend(references(&properties, b"OCGs").iter().map(|group| (group.obj_number, group.gen_number)));
            for shown in references(&default, b"ON") {
                hidden.remove(&(shown.obj_number, shown.gen_number));
            }
        }
        hidden.extend(references(&default, b"OFF").iter().map(|group| (group.obj_number, group.gen_number)));
        Self(hidden)
    }

    pub(super) fn hides(&self, group: ObjRef) -> bool {
        self.0.contains(&(group.obj_number, group.gen_number))
    }

    /// Whether the groups that a membership dictionary names are hidden, under its policy (table 99).
    pub(super) fn hides_membership(&self, dict: &Dict<'_>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let groups: Vec<ObjRef> = match dict.get_ref(b"OCGs") {
            Some(reference) if dict.get::<Array<'_>>(b"OCGs").is_none() => vec![reference],
            _ => {
                let array = dict.get::<Array<'_>>(b"OCGs");
                array.iter().flat_map(Array::raw_iter).filter_map(|item| item.as_obj_ref()).collect()
            }
        };
        if groups.is_empty() {
            return false;
        }
        let off = groups.iter().filter(|group| self.hides(**group)).count();
        match dict.get::<Name<'_>>(b"P").as_deref() {
            Some(b"AllOn") => off > 0,
            Some(b"AnyOff") => off == 0,
            Some(b"AllOff") => off < groups.len(),
            _ => off == groups.len(),
        }
    }

    /// Whether an object's `OC` entry hides it.
    pub(super) fn hides_dict(&self, dict: &Dict<'_>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        match dict.get_raw::<Dict<'_>>(b"OC") {
            Some(MaybeRef::Ref(reference)) if self.hides(reference) => true,
            Some(_) => dict.get::<Dict<'_>>(b"OC").is_some_and(|membership| self.hides_membership(&membership)),
            None => false,
        }
    }
}
