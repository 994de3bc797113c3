//! The table that Tesseract writes: a line for each word, with the block, paragraph and line that it stands in
//! (manual page tesseract(1), configuration `tsv`).

use unicode_normalization::UnicodeNormalization as _;

use super::Recognized;

/// Columns of the table.
const BLOCK: usize = 2;
const PARAGRAPH: usize = 3;
const LINE: usize = 4;
const CONFIDENCE: usize = 10;
const TEXT: usize = 11;
/// The level of rows that are words.
const WORD: &str = "5";

/// The text and how sure the engine is of it. Rows that are not as they should be are passed over.
pub(super) fn read(table: &str) -> Recognized {
    let mut text = String::with_capacity(table.len() / 8);
    let (mut words, mut letters, mut sum) = (0, 0.0, 0.0);
    let mut before: Option<[&str; 3]> = None;
    for row in table.lines() {
        let columns: Vec<&str> = row.splitn(TEXT + 1, '\t').collect();
        let Some(word) = columns.get(TEXT).map(|word| word.trim()).filter(|word| !word.is_empty()) else { continue };
        let Some(confidence) = columns[CONFIDENCE].parse::<f32>().ok().filter(|confidence| *confidence >= 0.0) else {
            continue;
        };
        if columns[0] != WORD {
            continue;
        }
        let place = [columns[BLOCK], columns[PARAGRAPH], columns[LINE]];
        text.push_str(match before {
            None => "",
            Some(before) if before == place => " ",
            Some(before) if before[..2] == place[..2] => "\n",
            Some(_) => "\n\n",
        });
        before = Some(place);
        text.extend(word.nfc().filter(|c| !c.is_control() && *c != '\u{ad}'));
        words += 1;
        #[allow(clippy::cast_precision_loss)] // letters of a word
        let weight = word.chars().count() as f32;
        letters += weight;
        sum += weight * (confidence / 100.0).min(1.0);
    }
    Recognized { text, confidence: if letters > 0.0 { sum / letters } else { 0.0 }, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_lines_and_paragraphs() {
        let table = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n\
            1\t1\t0\t0\t0\t0\t0\t0\t2480\t3509\t-1\t\n\
            5\t1\t1\t1\t1\t1\t1\t1\t9\t9\t90.0\tDia\u{301}rio\n\
            5\t1\t1\t1\t1\t2\t1\t1\t9\t9\t90.0\tOficial\n\
            5\t1\t1\t1\t2\t1\t1\t1\t9\t9\t90\tdo\n\
            5\t1\t1\t2\t1\t1\t1\t1\t9\t9\t96.5\tArt.\n\
            5\t1\t2\t1\t1\t1\t1\t1\t9\t9\t10\t1º\n\
            5\t1\t2\t1\t1\t2\t1\t1\t9\t9\t95\t \n\
            5\t1\tcut";
        let read = read(table);
        assert_eq!(read.text, "Diário Oficial\ndo\n\nArt.\n\n1º");
        assert_eq!(read.words, 5);
        assert!((read.confidence - 0.835).abs() < 0.01, "{}", read.confidence);
        assert_eq!(super::read(""), Recognized::default());
    }
}
