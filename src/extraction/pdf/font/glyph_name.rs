//! From the names of glyphs to text.

use skrifa::raw::ps::agl;

/// What the Adobe Glyph List makes of a name (<https://github.com/adobe-type-tools/agl-specification>): its own names,
/// `uniXXXX`, `uXXXXXX`, components joined by `_`, and suffixes after a point.
pub(super) fn text(name: &str) -> Option<String> {
    let name = strip_small_capital(name);
    let text: String = agl::name_to_chars(name).collect();
    (!text.is_empty()).then_some(text)
}

/// Names of small capitals are not in the list, and their private code points mean nothing to a reader.
fn strip_small_capital(name: &str) -> &str {
    match name.strip_suffix("small") {
        Some(stem) if !stem.is_empty() && stem.is_ascii() => stem,
        _ => name,
    }
}

/// What a name that is in no list says by habit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// The number of a glyph of the font program, as in `g12`, `glyph12`, `gid00012` and `cid12`.
    Glyph(u32),
    /// The number of a character, as in `c65`, `C0065` and `uni41`.
    Character(u32),
}

/// Reads a made-up name.
pub(super) fn habit(name: &str) -> Option<Habit> {
    let digits_at = name.find(|c: char| c.is_ascii_digit())?;
    let (prefix, number) = name.split_at(digits_at);
    let decimal = || number.parse::<u32>().ok();
    match prefix.to_ascii_lowercase().as_str() {
        "g" | "glyph" | "gid" | "cid" | "index" => decimal().map(Habit::Glyph),
        "c" | "char" | "chr" => decimal().map(Habit::Character),
        "uni" | "u" | "x" | "u+" => u32::from_str_radix(number, 16).ok().map(Habit::Character),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_list() {
        let cases = [
            ("eacute", Some("é")),
            ("uni00E7", Some("ç")),
            ("u1F600", Some("😀")),
            ("f_f_i", Some("ffi")),
            ("A.alt", Some("A")),
            ("Asmall", Some("A")),
            ("small", None),
            ("g12", None),
            (".notdef", None),
        ];
        for (name, expected) in cases {
            assert_eq!(text(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn names_of_habit() {
        let cases = [
            ("g12", Some(Habit::Glyph(12))),
            ("glyph7", Some(Habit::Glyph(7))),
            ("cid00034", Some(Habit::Glyph(34))),
            ("c65", Some(Habit::Character(65))),
            ("C0233", Some(Habit::Character(233))),
            ("uni41", Some(Habit::Character(0x41))),
            ("gamma", None),
            ("12", None),
            ("g1x", None),
        ];
        for (name, expected) in cases {
            assert_eq!(habit(name), expected, "{name}");
        }
    }
}
