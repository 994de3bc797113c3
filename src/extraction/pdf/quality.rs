//! How far a page's text can be trusted.
//!
//! A page may have text that is no text: fonts whose codes nothing explains, or whose `ToUnicode` lies. It shows in how
//! the characters were found, in characters that mean nothing, and in words that no language has.

use super::font::Means;
use super::geometry::{Point, Rectangle};
use super::layout::Line;
use super::page::Outcome;

/// What was seen while a page was read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tally {
    pub glyphs: u64,
    pub guessed: u64,
    pub unknown: u64,
    /// Of the glyphs, those that show nothing: OCR puts them under a scan.
    pub invisible: u64,
    /// Area that images cover, in page space; overlaps count twice.
    pub image_area: f32,
    /// Paths and shadings that were painted, outlines of letters among them.
    pub fills: u64,
}

impl Tally {
    #[inline]
    pub(super) fn glyph(&mut self, means: Means) {
        self.glyphs += 1;
        match means {
            Means::Known => {}
            Means::Guessed => self.guessed += 1,
            Means::Unknown => self.unknown += 1,
        }
    }

    pub(super) fn image(&mut self, area: f32) {
        self.image_area += area;
    }
}

/// What a page is good for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// 0..1
    Readable(f32),
    /// There is text, and it reads as nothing.
    Garbled,
    /// There is no text, but there are images that may show some, or outlines that may be letters.
    Pictured,
    /// There is nothing.
    Blank,
}

/// Scores below are garbled. Of the pages of real gazettes, none scored below 0.85; text shifted by a constant or
/// decoded by a wrong table scored below 0.3.
const READABLE_FROM: f32 = 0.4;
/// Share of a page that images must cover for it to be a scan.
const PICTURED_FROM: f32 = 0.05;
/// As many painted paths, on a page without text, are the outlines of letters.
const OUTLINES_FROM: u64 = 200;
/// Share that images cover of a scan with something stamped onto it, and bytes of text that a stamp may have.
const SCANNED_FROM: f32 = 0.5;
const STAMP_BYTES: usize = 300;
/// Share of a page, on each side, in which signatures and running headers are put onto scans.
const MARGIN: f32 = 0.08;
/// Slices of a page that are looked at, and bytes of each; a page of no more than one of them is looked at as a whole.
const SLICES: usize = 4;
const SLICE_BYTES: usize = 512;
/// One slice in this many may be garbled.
const GARBLED_ONE_IN: usize = 3;
/// Words that are counted have this many letters at least; fewer such words than this tell nothing.
const WORD_LETTERS: usize = 4;
const WORDS_TO_JUDGE: u64 = 8;
/// Latin letters from which on their mixture tells something.
const LETTERS_TO_JUDGE: u64 = 60;
/// A, E and O make up 0.24 to 0.4 of the letters in the languages of Europe, and about 0.05 when letters are shifted: no
/// trust up to the first of these, full trust from their sum on.
const OPEN_VOWELS_NONE: f32 = 0.08;
const OPEN_VOWELS_SPAN: f32 = 0.08;

/// Marks of which prose, tables and addresses have few, and text whose codes were taken for others many.
const MARKS: &[u8] = b"<>=@#$%&*^~|\\_{}[]?;!\"+`";
/// Their share of the characters: no more than 0.2 anywhere in 60 gazettes, in a list of prices, and from 0.42 on where glyph
/// numbers were read as letters. Full trust up to the first of these, none from their sum on.
const MARKS_FULL: f32 = 0.25;
const MARKS_SPAN: f32 = 0.12;

/// Judges the text of a page of the given area.
pub(super) fn judge(tally: &Tally, text: &str, page_area: f32) -> Verdict {
    let is_read = text.chars().any(|c| !c.is_whitespace() && c != char::REPLACEMENT_CHARACTER);
    if !is_read {
        return if tally.unknown > 0 {
            Verdict::Garbled
        } else if tally.image_area > page_area * PICTURED_FROM || tally.fills > OUTLINES_FROM {
            Verdict::Pictured
        } else {
            Verdict::Blank
        };
    }
    let decoded = decoded(tally);
    let (mut count, mut garbled, mut sum) = (0_u16, 0, 0.0);
    for slice in slices(text) {
        let score = decoded * plausible(slice);
        count += 1;
        sum += score;
        garbled += usize::from(score < READABLE_FROM);
    }
    let score = sum / f32::from(count);
    if score < READABLE_FROM || garbled * GARBLED_ONE_IN >= usize::from(count) {
        Verdict::Garbled
    } else {
        Verdict::Readable(score)
    }
}

/// Whether the text of a page was stamped onto a scan, whose own text is still to be read: there is little of it but in
/// the margins.
pub(super) fn is_stamped_scan(tally: &Tally, lines: &[Line], page: Rectangle) -> bool {
    if tally.image_area <= page.area() * SCANNED_FROM {
        return false;
    }
    let (width, height) = ((page.x1 - page.x0) * MARGIN, (page.y1 - page.y0) * MARGIN);
    let in_margin = |Line { from, to, .. }: &Line| {
        let both = |is: &dyn Fn(Point) -> bool| is(*from) && is(*to);
        both(&|point| point.x < page.x0 + width)
            || both(&|point| point.x > page.x1 - width)
            || both(&|point| point.y < page.y0 + height)
            || both(&|point| point.y > page.y1 - height)
    };
    let inner = lines.iter().filter(|line| !in_margin(line)).map(|line| line.end - line.start).sum::<usize>();
    inner < STAMP_BYTES
}

/// Whether most of the text of a page lies unseen on a scan.
pub(super) fn is_ocr_layer(tally: &Tally, page_area: f32) -> bool {
    tally.image_area > page_area * SCANNED_FROM && tally.invisible * 2 > tally.glyphs
}

/// The mean over the pages that have text, garbled ones as 0; nothing when none has.
pub(super) fn mean(pages: &[Outcome]) -> Option<f32> {
    let scores = || {
        pages.iter().filter_map(|page| match page.verdict {
            Verdict::Readable(score) => Some(score),
            Verdict::Garbled => Some(0.0),
            Verdict::Pictured | Verdict::Blank => None,
        })
    };
    let count = u16::try_from(scores().take(usize::from(u16::MAX)).count()).unwrap_or(u16::MAX);
    (count > 0).then(|| scores().take(usize::from(count)).sum::<f32>() / f32::from(count))
}

/// Pages whose quality is told one by one.
pub const TOLD: usize = 2_000;

/// In percent, of the first pages.
pub(super) fn of_pages(pages: &[Outcome]) -> Vec<Option<u8>> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 100
    let percent = |score: f32| (score.clamp(0.0, 1.0) * 100.0).round() as u8;
    let of_page = |page: &Outcome| match page.verdict {
        Verdict::Readable(score) => Some(percent(score)),
        Verdict::Garbled => Some(0),
        Verdict::Pictured | Verdict::Blank => None,
    };
    pages.iter().take(TOLD).map(of_page).collect()
}

/// Counts fit an `f32` well enough for a ratio.
#[allow(clippy::cast_precision_loss)]
fn ratio(part: u64, whole: u64) -> f32 {
    if whole == 0 { 1.0 } else { part as f32 / whole as f32 }
}

/// By which means the glyphs were read: a guess counts half.
fn decoded(tally: &Tally) -> f32 {
    let known = tally.glyphs - tally.guessed - tally.unknown;
    ratio(2 * known + tally.guessed, 2 * tally.glyphs)
}

/// Slices of a text, spread evenly from its beginning to its end.
fn slices(text: &str) -> impl Iterator<Item = &str> {
    let whole = (text.len() <= 2 * SLICE_BYTES).then_some(text);
    let last = text.len().saturating_sub(SLICE_BYTES);
    let parts = (0..if whole.is_some() { 0 } else { SLICES }).map(move |i| {
        let start = text.floor_char_boundary(last * i / (SLICES - 1));
        &text[start..text.floor_char_boundary(start + SLICE_BYTES)]
    });
    whole.into_iter().chain(parts)
}

/// The share of characters that mean something, times the share of longer words that look like words, times how well
/// vowels and consonants are mixed, and marks among them.
fn plausible(text: &str) -> f32 {
    let (mut characters, mut meaningless, mut letters, mut open_vowels, mut marks) = (0, 0, 0, 0, 0);
    let mut before = ' ';
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        characters += 1;
        // Rows of the same are rules and leaders.
        marks += u64::from(c.is_ascii() && MARKS.contains(&(c as u8)) && c != before);
        before = c;
        let means_nothing = matches!(c, '\u{e000}'..='\u{f8ff}' | char::REPLACEMENT_CHARACTER | '\u{f0000}'..);
        meaningless += u64::from(means_nothing);
        if c.is_alphabetic() && is_latin(c) {
            letters += 1;
            open_vowels += u64::from(is_open_vowel(c));
        }
    }
    let (mut words, mut likely) = (0, 0);
    for word in text.split_whitespace().filter(|word| word.chars().count() >= WORD_LETTERS) {
        // Figures, dates and rules say nothing either way.
        if !word.chars().all(|c| c.is_ascii_digit() || c.is_ascii_punctuation()) || is_noise(word) {
            words += 1;
            likely += u64::from(is_likely(word));
        }
    }
    let words = if words < WORDS_TO_JUDGE { 1.0 } else { ratio(likely, words) };
    let mixture = if letters < LETTERS_TO_JUDGE {
        1.0
    } else {
        (ratio(open_vowels, letters) - OPEN_VOWELS_NONE) / OPEN_VOWELS_SPAN
    };
    let marked = if characters < LETTERS_TO_JUDGE {
        1.0
    } else {
        (MARKS_FULL + MARKS_SPAN - ratio(marks, characters)) / MARKS_SPAN
    };
    // A third of odd words is usual in tables of codes; what counts is the rest.
    ratio(characters - meaningless, characters)
        * (words * 1.5).min(1.0)
        * mixture.clamp(0.0, 1.0)
        * marked.clamp(0.0, 1.0)
}

/// Different punctuation side by side, as in text that was shifted by a constant.
fn is_noise(word: &str) -> bool {
    let mut odd = word.chars().filter(|c| matches!(c, '!' | '#' | '$' | '%' | '&' | '*' | '<' | '>' | '@' | '^' | '~'));
    odd.next().is_some_and(|first| odd.any(|other| other != first))
}

/// A word has a vowel, where its script has vowels, and no capitals behind small letters.
fn is_likely(word: &str) -> bool {
    if is_noise(word) {
        return false;
    }
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    // Also addresses and codes are mostly letters and digits.
    let odd = word.chars().filter(|c| !c.is_alphanumeric()).count();
    if letters().any(|c| !is_latin(c)) {
        return true;
    }
    let vowels = letters().any(is_vowel);
    let has_digits = word.chars().any(|c| c.is_ascii_digit());
    let mut turns = word.chars().zip(word.chars().skip(1));
    let turned = turns.any(|(before, after)| before.is_lowercase() && after.is_uppercase());
    (vowels || has_digits) && !turned && odd * 2 <= word.chars().count()
}

fn is_open_vowel(c: char) -> bool {
    matches!(
        c,
        'a' | 'e' | 'o' | 'A' | 'E' | 'O' | 'à'..='å' | 'è'..='ë' | 'ò'..='ö' | 'À'..='Å' | 'È'..='Ë' | 'Ò'..='Ö'
    )
}

fn is_vowel(c: char) -> bool {
    match c {
        c if c.is_ascii() => matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y'),
        // Most accented letters are vowels; these are not.
        c => is_latin(c) && !matches!(c, 'ç' | 'Ç' | 'ñ' | 'Ñ' | 'ß' | 'ð' | 'þ'),
    }
}

fn is_latin(c: char) -> bool {
    c < '\u{250}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(known: u64, guessed: u64, unknown: u64) -> Tally {
        Tally { glyphs: known + guessed + unknown, guessed, unknown, ..Tally::default() }
    }

    #[test]
    fn text_is_told_from_garbage() {
        let gazette = "A Prefeitura Municipal de Campina Grande, Estado da Paraíba, torna público o extrato do contrato nº \
                       12/2024, CNPJ 08.761.124/0001-00, no valor de R$ 1.234,56, firmado em 03/01/2024.";
        let shifted: String =
            gazette.chars().map(|c| if c == ' ' { c } else { char::from((c as u8).wrapping_sub(29)) }).collect();
        let shifted: String = shifted.chars().map(|c| if c.is_control() { '#' } else { c }).collect();
        let table = "1.234,56 2.345,67 3.456,78 0001 0002 0003 10/10/2024 11/10/2024 99,99 12.000,00";
        let private: String = gazette.chars().map(|c| if c == ' ' { c } else { '\u{f041}' }).collect();
        let prices =
            "01- R$ 2,80; 02- R$ 2,90; 03- R$ 4,80; 04- R$ 3,00; 05- R$ 3,50; 06- R$ 2,00; 07- R$ 9,10; 08- R$ 1,00";
        // Each of the marks is a letter: glyph numbers of a font that numbers its glyphs in its own way.
        let numbers = "X%789:;9;@7:QX%DA:A7XOV?8A>AFA7X@<X%7J97X@HX?9AD?EHXV77O7QX@8?O;H87A7HXOI;JK?:H;X<9;YE<;Q\n\
                       %;8@A@;97 _\\6\\S5 ^#8]H#+:AH#h99A8Y<: 0L>8A>7#<J#!;@A7D7YA; [2Q3\\ 5[U\\6 0g;EH#JA OAD;";
        let cases = [
            ("a gazette", tally(100, 0, 0), gazette, true),
            ("a list of prices", tally(100, 0, 0), prices, true),
            ("glyph numbers", tally(0, 100, 0), numbers, false),
            ("a table", tally(100, 0, 0), table, true),
            ("guessed, and right", tally(0, 100, 0), gazette, true),
            ("few words", tally(20, 0, 0), "XKCD QWRT", true),
            ("another script", tally(100, 0, 0), "公告 市役所 Объявление о закупке", true),
            ("shifted", tally(100, 0, 0), &shifted, false),
            ("private characters", tally(100, 0, 0), &private, false),
            ("mostly unknown", tally(10, 0, 90), gazette, false),
        ];
        for (name, tally, text, readable) in cases {
            let verdict = judge(&tally, text, 1.0);
            assert_eq!(matches!(verdict, Verdict::Readable(_)), readable, "{name}: {verdict:?} {text}");
        }
    }

    #[test]
    fn pages_without_text_are_told_apart() {
        let scan = Tally { image_area: 0.9, ..Tally::default() };
        let cases = [
            (Tally::default(), "", Verdict::Blank),
            (scan, " \n", Verdict::Pictured),
            (tally(0, 0, 9), "\u{fffd}\u{fffd}", Verdict::Garbled),
            (tally(9, 0, 0), "página", Verdict::Readable(1.0)),
        ];
        for (tally, text, expected) in cases {
            assert_eq!(judge(&tally, text, 1.0), expected);
        }
        let outlines = Tally { fills: 3000, ..Tally::default() };
        assert_eq!(judge(&outlines, "", 1.0), Verdict::Pictured);
        assert_eq!(judge(&Tally { fills: 30, ..Tally::default() }, "", 1.0), Verdict::Blank, "rules and boxes");
    }

    #[test]
    fn stamps_on_scans_are_no_text_of_theirs() {
        let page = Rectangle { x0: 0.0, y0: 0.0, x1: 600.0, y1: 800.0 };
        let line = |bytes: usize, (x0, y0): (f32, f32), (x1, y1): (f32, f32)| {
            let (from, to) = (Point { x: x0, y: y0 }, Point { x: x1, y: y1 });
            Line { start: 0, end: bytes, from, to, direction: Point { x: 1.0, y: 0.0 }, size: 10.0, is_replaced: false }
        };
        let scan = Tally { image_area: page.area() * 0.9, ..Tally::default() };
        let notice = [line(400, (20.0, 20.0), (580.0, 20.0)), line(200, (590.0, 100.0), (590.0, 700.0))];
        let ocr: Vec<Line> =
            (1..20_u8).map(|i| line(60, (50.0, 40.0 * f32::from(i)), (550.0, 40.0 * f32::from(i)))).collect();
        assert!(is_stamped_scan(&scan, &notice, page), "in the margins");
        assert!(is_stamped_scan(&scan, &[line(21, (200.0, 400.0), (300.0, 400.0))], page), "little, across it");
        assert!(!is_stamped_scan(&scan, &ocr, page), "what OCR has put below");
        assert!(!is_stamped_scan(&Tally::default(), &notice, page), "no scan");
    }

    #[test]
    fn garbage_shows_wherever_it_is() {
        let good = "A Prefeitura Municipal torna público o extrato do contrato firmado em janeiro. ".repeat(20);
        let bad = "%#$& XKWRT!#* QWRTPS #@%$ zxcvb$%# &*#@! ".repeat(60);
        assert!(matches!(judge(&tally(9, 0, 0), &good, 1.0), Verdict::Readable(score) if score > 0.9));
        assert_eq!(judge(&tally(9, 0, 0), &[&good[..], &bad].concat(), 1.0), Verdict::Garbled);
        assert_eq!(judge(&tally(9, 0, 0), &[&bad[..], &good].concat(), 1.0), Verdict::Garbled);
    }
}
