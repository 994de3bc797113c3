//! Right-to-left writing: from the order in which letters stand to the one in which they are read.
//!
//! Most writers show a line from left to right, whatever its script. The Unicode Bidirectional Algorithm (UAX 9) turns
//! reading order into that order; applied to its own result, it turns lines back, but for rare nestings of numbers.

use unicode_bidi::{BidiClass, BidiInfo, Level, bidi_class};

/// The line as it is read; nothing when it is the same.
pub(super) fn reading_order(line: &str) -> Option<String> {
    // No letter below U+0590 is written from right to left, and nothing above it begins with a lower byte.
    if line.bytes().all(|byte| byte < 0xd6) {
        return None;
    }
    let (mut right, mut left) = (0, 0);
    for c in line.chars() {
        match bidi_class(c) {
            BidiClass::R | BidiClass::AL => right += 1,
            BidiClass::L => left += 1,
            _ => {}
        }
    }
    if right == 0 {
        return None;
    }
    let level = if right >= left { Level::rtl() } else { Level::ltr() };
    let info = BidiInfo::new(line, Some(level));
    let mut read = String::with_capacity(line.len());
    for paragraph in &info.paragraphs {
        let (levels, runs) = info.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            if levels[run.start].is_rtl() {
                // Brackets keep their side: writers say what was typed, not what it looks like when mirrored.
                read.extend(line[run].chars().rev());
            } else {
                read.push_str(&line[run]);
            }
        }
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_turned_where_they_are_read_from_the_right() {
        let cases = [
            ("Diário Oficial nº 15 (ção)", None),
            ("あいう", None),
            ("םלוע םולש", Some("שלום עולם")),
            ("?םלוכ", Some("כולם?")),
            ("15 ףיעס", Some("סעיף 15")),
            ("ם)ב(", Some("(ב)ם")),
            ("see םולש now", Some("see שלום now")),
            ("PDF ץבוק", Some("קובץ PDF")),
            ("ابحرم", Some("مرحبا")),
        ];
        for (line, expected) in cases {
            assert_eq!(reading_order(line).as_deref(), expected, "{line}");
        }
    }
}
