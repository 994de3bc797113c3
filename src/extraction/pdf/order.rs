//! From the lines of a page to its text.

use rustc_hash::FxHashMap;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::columns;
use super::font::SOFT_HYPHEN;
use super::geometry::Point;
use super::layout::{Line, Rift};

/// Two equal lines that begin this close to one another, in font sizes, are one that is printed twice, to look bold or
/// to cast a shadow.
const TWICE_WITHIN: f32 = 0.2;

/// The lines of a page. Lines of white space alone stay as one empty line between others.
pub(super) fn write(text: &str, lines: &[Line], rifts: &[Rift]) -> String {
    let mut out = String::with_capacity(text.len() + lines.len());
    let mut seen: FxHashMap<&str, Point> = FxHashMap::default();
    let ordered = columns::reading_order(lines, rifts);
    for line in ordered.as_deref().unwrap_or(lines) {
        let words = text[line.start..line.end].trim_matches([' ', SOFT_HYPHEN]);
        if words.is_empty() {
            if !out.is_empty() && !out.ends_with("\n\n") {
                out.push('\n');
            }
            continue;
        }
        let before = seen.insert(words, line.from);
        if before.is_some_and(|place| line.from.minus(place).length() < TWICE_WITHIN * line.size) {
            continue;
        }
        let goes_right = line.to.minus(line.from).dot(line.direction) > 0.0;
        match super::bidi::reading_order(words).filter(|_| goes_right && !line.is_replaced) {
            Some(read) => push_normal(&mut out, &read),
            None => push_normal(&mut out, words),
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

/// In Unicode's composed form, NFC. A soft hyphen is drawn as any other: within a line, it is one.
fn push_normal(out: &mut String, words: &str) {
    if words.contains(SOFT_HYPHEN) {
        return push_normal(out, &words.replace(SOFT_HYPHEN, "-"));
    }
    // Nothing below U+0300 is ever composed, and nothing above it begins with a lower byte.
    if words.bytes().all(|byte| byte < 0xcc) || is_nfc_quick(words.chars()) == IsNormalized::Yes {
        out.push_str(words);
    } else {
        out.extend(words.nfc());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, and where its line begins.
    type Placed<'a> = (&'a str, f32, f32);

    fn lines(texts: &[Placed<'_>]) -> (String, Vec<Line>) {
        let mut all = String::new();
        let lines = texts.iter().map(|(text, x, y)| {
            let start = all.len();
            all.push_str(text);
            let from = Point { x: *x, y: *y };
            let (to, direction) = (Point { x: x + 1.0, y: *y }, Point { x: 1.0, y: 0.0 });
            Line { start, end: all.len(), from, to, direction, size: 10.0, is_replaced: false }
        });
        let lines = lines.collect();
        (all, lines)
    }

    #[test]
    fn lines_become_text() {
        let cases: &[(&[Placed], &str)] = &[
            (&[], ""),
            (&[(" um ", 0.0, 90.0), ("dois", 0.0, 80.0)], "um\ndois"),
            (
                &[("um", 0.0, 90.0), (" ", 0.0, 80.0), ("", 0.0, 75.0), ("dois", 0.0, 70.0), (" ", 0.0, 60.0)],
                "um\n\ndois",
            ),
            (&[("negrito", 0.0, 90.0), ("negrito", 0.4, 90.0)], "negrito"),
            (&[("0,00", 0.0, 90.0), ("0,00", 50.0, 90.0)], "0,00\n0,00"),
            (&[("sombra", 0.0, 90.0), ("sombra", 1.2, 88.8)], "sombra"),
            (&[("um", 0.0, 90.0), ("um", 3.0, 90.0)], "um\num"),
            (&[("Sa\u{303}o", 0.0, 90.0)], "São"),
            (&[("םלוע םולש", 0.0, 90.0)], "שלום עולם"),
            (&[("segunda\u{ad}feira publi\u{ad} ", 0.0, 90.0), ("cação", 0.0, 80.0)], "segunda-feira publi\ncação"),
            (&[("0001\u{ad}00", 0.0, 90.0), ("\u{ad}", 0.0, 80.0), ("meio\u{ad} e", 0.0, 70.0)], "0001-00\n\nmeio- e"),
        ];
        for (texts, expected) in cases {
            let (all, lines) = lines(texts);
            assert_eq!(write(&all, &lines, &[]), *expected, "{texts:?}");
        }
    }
}
