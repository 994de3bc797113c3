//! What OCR has read of one document, by picture: kept beside its text, so that reading the document again, after a change
//! elsewhere or after a run that was stopped, reads no picture twice.
//!
//! As JSON: `{"engine": IDENTITY, "pictures": {MD5: {"text", "confidence", "words"}}}`. Bounded by its document: what the
//! document no longer shows is dropped when the document has been read to its end.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::{Recognized, Sheet};
use crate::checksum::hex;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Cache {
    engine: String,
    pictures: BTreeMap<String, Recognized>,
}

impl Cache {
    /// Nothing read yet by the engine of that identity.
    #[must_use]
    pub fn new(engine: &str) -> Self {
        Self { engine: engine.to_owned(), pictures: BTreeMap::new() }
    }

    /// What was stored; nothing, where it cannot be read or is of another engine.
    #[must_use]
    pub fn load(engine: &str, stored: &[u8]) -> Self {
        match serde_json::from_slice::<Self>(stored) {
            Ok(cache) if cache.engine == engine => cache,
            _ => Self::new(engine),
        }
    }

    /// To be stored.
    ///
    /// # Errors
    /// None that is known.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Recognized> {
        self.pictures.get(key)
    }

    pub fn put(&mut self, key: String, recognized: Recognized) {
        self.pictures.insert(key, recognized);
    }

    /// The same with what `earlier` knows beside it.
    #[must_use]
    pub fn and(&self, earlier: &Self) -> Self {
        let mut both = earlier.pictures.clone();
        both.extend(self.pictures.clone());
        Self { engine: self.engine.clone(), pictures: both }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }
}

/// The key of a picture: md5 hex of its pixels and resolution.
pub(super) fn key(sheet: &Sheet<'_>) -> String {
    let mut digest = Md5::new();
    digest.update(sheet.dpi.to_le_bytes());
    digest.update(sheet.content);
    hex(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_engine_has_read_does_not_count() {
        let sheet = Sheet { content: b"P5\n1 1\n255\n\0", pixels: 1, dpi: 300, is_quiet: false };
        let mut cache = Cache::new("one");
        let read = Recognized { text: "Diário".into(), confidence: 0.9, words: 1 };
        cache.put(key(&sheet), read.clone());
        let stored = cache.to_json().unwrap();
        assert_eq!(Cache::load("one", &stored).get(&key(&sheet)), Some(&read));
        assert!(Cache::load("two", &stored).is_empty() && Cache::load("one", b"{cut").is_empty());
        let later = Recognized { words: 2, ..read.clone() };
        let mut other = Cache::new("one");
        other.put("other".into(), later.clone());
        let both = other.and(&cache);
        assert_eq!((both.get("other"), both.get(&key(&sheet)), both.len()), (Some(&later), Some(&read), 2));
        assert_ne!(key(&sheet), key(&Sheet { dpi: 200, ..sheet }), "read at another size it may read otherwise");
    }
}
