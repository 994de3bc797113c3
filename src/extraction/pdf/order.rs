//! From lines to the text of a page, in reading order.

use unicode_normalization::{UnicodeNormalization, is_nfc_quick};

use super::layout::Line;

/// Appends the lines of a page. Lines of white space alone stay as one empty line between others.
pub(super) fn write(text: &str, lines: &[Line], out: &mut String) {
    let begin = out.len();
    out.reserve(text.len() + lines.len());
    for line in lines {
        let words = text[line.start..line.end].trim();
        if words.is_empty() {
            let is_wanted = out.len() > begin && !out.ends_with("\n\n");
            if is_wanted {
                out.push('\n');
            }
            continue;
        }
        push_normal(out, words);
        out.push('\n');
    }
    out.truncate(begin + out[begin..].trim_end().len());
}

/// In Unicode's composed form, NFC.
fn push_normal(out: &mut String, words: &str) {
    // Nothing below the combining marks is ever composed.
    if words.bytes().all(|byte| byte < 0xcc) || is_nfc_quick(words.chars()) == unicode_normalization::IsNormalized::Yes
    {
        out.push_str(words);
    } else {
        out.extend(words.nfc());
    }
}
