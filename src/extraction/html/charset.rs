//! The encoding of a page. A file has no headers, so the declarations within it are all that is said; what its bytes show
//! comes first.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::{Charset, encoding};

/// Declarations further down are not looked for. A browser looks at 1,024 bytes (HTML section 13.2.3.2); pages that are
/// put together from pieces declare later.
const DECLARED_WITHIN: usize = 8 * 1024;

pub(super) fn of(content: &[u8]) -> Charset {
    let detected = encoding::detect(content);
    // A byte order mark, a pattern of NULs, or valid UTF-8 is no accident.
    if matches!(detected, Charset::Known(known) if known == UTF_8 || known == UTF_16LE || known == UTF_16BE) {
        return detected;
    }
    match declared(content.get(..DECLARED_WITHIN).unwrap_or(content)) {
        // Its bytes have shown that it is not.
        Some(encoding) if encoding == UTF_8 => detected,
        Some(encoding) => Charset::Known(encoding),
        None => detected,
    }
}

/// `<meta charset=…>`, `<meta … content="text/html; charset=…">`, `<?xml … encoding="…"?>`.
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let after = |word: &str| head.split_once(word).map(|(_, rest)| rest);
    let rest = after("charset").or_else(|| after("encoding"))?;
    let rest = rest.trim_start().strip_prefix('=')?;
    let rest = rest.trim_start().trim_start_matches(['"', '\'']);
    let label = rest.split(|c: char| c.is_whitespace() || "\"';>/?".contains(c)).next()?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // What was read as bytes is not in 16 bits.
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

#[cfg(test)]
mod tests {
    use encoding_rs::{ISO_8859_2, WINDOWS_1252};

    use super::*;

    #[test]
    fn bytes_count_more_than_declarations() {
        let declared = |charset: &str, text: &[u8]| {
            let head = format!("<meta http-equiv='Content-Type' content='text/html; charset={charset}'>");
            of(&[head.as_bytes(), text].concat())
        };
        let latin = b"licita\xe7\xe3o p\xfablica, decis\xe3o, a\xe7\xf5es";
        assert_eq!(declared("iso-8859-2", latin), Charset::Known(ISO_8859_2));
        assert_eq!(declared("utf-8", latin), Charset::Known(WINDOWS_1252));
        assert_eq!(declared("iso-8859-1", "licitação".as_bytes()), Charset::Known(UTF_8));
        assert_eq!(declared("none-such", latin), Charset::Known(WINDOWS_1252));
        assert_eq!(of(b"<?xml version='1.0' encoding='iso-8859-2'?><html>\xe3"), Charset::Known(ISO_8859_2));
        assert_eq!(of(b"<meta charset=iso-8859-2>\xe3"), Charset::Known(ISO_8859_2));
        assert_eq!(of(b"\xff\xfe<\0"), Charset::Known(UTF_16LE));
    }
}
