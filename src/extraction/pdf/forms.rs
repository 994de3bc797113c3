//! What is remembered of forms (PDF 32000-1 section 8.10): an emblem or a letterhead is drawn on every page.

use std::rc::Rc;

use rustc_hash::FxHashMap;

/// Object number and generation.
pub(super) type Id = (u32, i32);

/// Contents that are kept, and the largest of them, in bytes.
const KEPT: usize = 8;
const LARGEST: usize = 1 << 20;
/// Forms of which it is remembered that they show nothing to read. When there are more, it begins anew.
const REMEMBERED: usize = 1 << 14;

#[derive(Debug, Default)]
pub(super) struct Forms {
    /// How many paths those paint that have no text, images or forms.
    inert: FxHashMap<Id, u64>,
    /// The one used last comes last.
    contents: Vec<(Id, Rc<Vec<u8>>)>,
}

impl Forms {
    /// How many paths a form paints, if it is known to do nothing else.
    pub(super) fn inert(&self, id: Id) -> Option<u64> {
        self.inert.get(&id).copied()
    }

    pub(super) fn remember_inert(&mut self, id: Id, fills: u64) {
        if self.inert.len() >= REMEMBERED {
            self.inert.clear();
        }
        self.inert.insert(id, fills);
        self.contents.retain(|(kept, _)| *kept != id);
    }

    /// The decoded content of a form that was drawn not long ago.
    pub(super) fn content(&mut self, id: Id) -> Option<Rc<Vec<u8>>> {
        let at = self.contents.iter().position(|(kept, _)| *kept == id)?;
        self.contents[at..].rotate_left(1);
        self.contents.last().map(|(_, content)| content.clone())
    }

    /// Keeps a content in place of the one that was not used for longest.
    pub(super) fn keep(&mut self, id: Id, content: &Rc<Vec<u8>>) {
        if content.len() > LARGEST {
            return;
        }
        if self.contents.len() == KEPT {
            self.contents.remove(0);
        }
        self.contents.push((id, content.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contents_used_last_are_kept() {
        let mut forms = Forms::default();
        let content = Rc::new(b"q Q".to_vec());
        for number in 0..8 {
            forms.keep((number, 0), &content);
        }
        assert_eq!(forms.content((0, 0)), Some(content.clone()));
        forms.keep((8, 0), &content);
        let kept = [0, 1, 2, 8].map(|number| forms.content((number, 0)).is_some());
        assert_eq!(kept, [true, false, true, true]);
        forms.keep((9, 0), &Rc::new(vec![0; LARGEST + 1]));
        assert_eq!(forms.content((9, 0)), None, "too large");
        forms.remember_inert((0, 0), 3);
        assert_eq!((forms.content((0, 0)), forms.inert((0, 0)), forms.inert((1, 0))), (None, Some(3), None));
    }
}
