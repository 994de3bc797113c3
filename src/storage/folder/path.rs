//! From keys to paths. Nothing here touches the file system.

use std::path::{Component, Path, PathBuf};

use md5::{Digest, Md5};

use crate::checksum::hex;
use crate::storage::text_key;

/// Longest name of a file on the usual file systems, in bytes.
const NAME_BYTES: usize = 255;
/// What a text's name ends with.
const TEXT_SUFFIX: &str = ".txt";

/// The relative path of a key, if it can only lead downwards.
pub(super) fn from_key(key: &str) -> Option<&Path> {
    let path = Path::new(key);
    let downwards = path.components().all(|component| matches!(component, Component::Normal(_)));
    (!key.is_empty() && !key.contains('\0') && downwards).then_some(path)
}

/// The relative path of a key's text: that of [`text_key`], except where names would be too long for a file system,
/// or a folder could have the name of another key's text.
pub(in crate::storage) fn text_of_key(key: &str) -> Option<PathBuf> {
    from_key(key)?;
    let text_key = text_key(key);
    let (folders, name) = text_key.rsplit_once('/').unwrap_or(("", &text_key));
    let folders = folders.split('/').filter(|folder| !folder.is_empty()).map(|folder| {
        let looks_like_a_text = folder.to_ascii_lowercase().ends_with(TEXT_SUFFIX);
        if looks_like_a_text || folder.len() > NAME_BYTES { hashed(folder) } else { folder.into() }
    });
    let name = if name.len() > NAME_BYTES { hashed(name) + TEXT_SUFFIX } else { name.into() };
    Some(folders.chain([name]).collect())
}

/// A short name that no other has.
fn hashed(name: &str) -> String {
    format!("md5-{}", hex(&Md5::digest(name.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_only_lead_downwards() {
        let cases = [
            ("a.pdf", true),
            ("2704302/2024-01-05/diário oficial.pdf", true),
            ("a..b/c...pdf", true),
            ("", false),
            ("/etc/passwd", false),
            ("../a.pdf", false),
            ("a/../../b.pdf", false),
            ("a/..", false),
            ("a\0b", false),
        ];
        for (key, good) in cases {
            assert_eq!(from_key(key).is_some(), good, "{key:?}");
            assert_eq!(text_of_key(key).is_some(), good, "{key:?}");
        }
    }

    #[test]
    fn every_key_has_a_text_file_of_its_own() {
        let text = |key: &str| text_of_key(key).unwrap();
        assert_eq!(text("x/a.pdf"), Path::new("x/a.pdf.txt"));
        assert_eq!(text("a"), Path::new("a.txt"));
        // `a.txt` is a file already; a folder of that name would clash with it.
        assert!(!text("a.txt/b").starts_with("a.txt"));
        assert!(!text("x/A.TXT/b").starts_with("x/A.TXT"));

        let long = "á".repeat(126);
        let (first, second) = (format!("{long}1.pdf"), format!("{long}2.pdf"));
        assert_ne!(text(&first), text(&second));
        for key in [&first, &second, &format!("{first}{first}/b")] {
            let path = text(key);
            assert!(path.components().all(|component| component.as_os_str().len() <= NAME_BYTES), "{key}");
            assert!(path.to_str().unwrap().ends_with(TEXT_SUFFIX), "{key}");
        }
    }
}
