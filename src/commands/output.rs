//! How results look. Results go to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use serde::Serialize;
use time::macros::format_description;
use time::{Date, PrimitiveDateTime};

use crate::failure::FailureCode;
use crate::rfc3339;
use crate::telemetry::{wants_colours, with_causes};
use crate::words::{decimal, is_portuguese, t, told};

/// What a failure code means, and what to do.
pub fn code_words(code: FailureCode) -> (&'static str, &'static str) {
    if is_portuguese() { code.in_portuguese() } else { (code.sentence(), code.action()) }
}

/// Prints a value as one JSON document.
pub fn json(value: &impl Serialize) -> Result<()> {
    text(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Prints text as it is. A reader that has gone away (`| head`, a terminal that was closed) is no error.
pub fn text(text: &str) -> Result<()> {
    let is_gone =
        |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(libc::EIO);
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if is_gone(&error) => Ok(()),
        result => Ok(result?),
    }
}

/// Says what went wrong and why.
pub fn error(error: &anyhow::Error) {
    note(&format!("{}: {}", t("error"), with_causes(error.as_ref())));
}

/// Says what is odd but no reason to stop.
pub fn warning(message: &str) {
    note(&format!("{}: {message}", t("warning")));
}

/// Says something on standard error that is neither a result nor odd.
pub fn note(message: &str) {
    let width = if io::stderr().is_terminal() { textwrap::termwidth() } else { usize::MAX };
    let lines: String = message.lines().map(|line| hanging_in(width, 2, line)).collect();
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// A table of aligned columns; a column of numbers stands right, every other left. No header when it is empty.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).chain([header.len()]).max().unwrap_or(0);
    let all = || {
        (!header.is_empty())
            .then(|| header.iter().map(|&cell| cell.to_owned()).collect())
            .into_iter()
            .chain(rows.iter().cloned())
    };
    let width = |column: usize| {
        all().filter_map(|row: Vec<String>| row.get(column).map(|cell| cell.chars().count())).max().unwrap_or(0)
    };
    let numbers = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).all(|cell| cell.starts_with(|first: char| first.is_ascii_digit()))
    };
    let layout: Vec<(usize, bool)> = (0..columns).map(|column| (width(column), numbers(column))).collect();
    let mut text = String::new();
    for row in all() {
        let mut line = String::from(" ");
        for (cell, (width, right)) in row.iter().zip(&layout) {
            let pad = " ".repeat(width - cell.chars().count());
            line.push(' ');
            line.push_str(&if *right { format!("{pad}{cell}") } else { format!("{cell}{pad}") });
            line.push(' ');
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `1.2 MB` or `1,2 MB`, in powers of ten as file managers show it.
pub fn bytes(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // one decimal is shown
    let value = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", decimal(value / 1e3, 1)),
        1_000_000..1_000_000_000 => format!("{} MB", decimal(value / 1e6, 1)),
        _ => format!("{} GB", decimal(value / 1e9, 1)),
    }
}

/// `2024-12-31 23:59 UTC`, or `31/12/2024 23:59 UTC`.
pub fn moment(moment: PrimitiveDateTime) -> String {
    format!("{} {:02}:{:02} UTC", date(moment.date()), moment.hour(), moment.minute())
}

/// The same with seconds, where several follow each other within a minute.
pub fn moment_with_seconds(moment: PrimitiveDateTime) -> String {
    let (hour, minute, second) = moment.as_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", date(moment.date()))
}

/// `2024-12-31` or `31/12/2024`.
pub fn date(date: Date) -> String {
    let (year, month, day) = date.to_calendar_date();
    let pad = |number: u8| format!("{number:02}");
    told(
        "{year}-{month}-{day}",
        &[("year", &format!("{year:04}")), ("month", &pad(u8::from(month))), ("day", &pad(day))],
    )
}

/// What is written as in RFC 3339, a day or a moment of any zone, as people read it. Anything else stays as it is.
pub fn readable(iso: &str) -> String {
    if let Ok(day) = Date::parse(iso, format_description!("[year]-[month]-[day]")) {
        return date(day);
    }
    rfc3339::read(iso).map_or_else(|| iso.to_owned(), moment)
}

/// Names and values, one pair a line. On a terminal a value that is too long goes on below its beginning.
pub fn pairs(rows: &[Vec<String>]) -> String {
    in_width(rows, width())
}

fn in_width(rows: &[Vec<String>], width: usize) -> String {
    let names = rows.iter().filter_map(|row| row.first()).map(|name| name.chars().count()).max().unwrap_or(0);
    // Beside a name there must be room for a value.
    if width < names + 24 {
        let fit = |line: &str| line.chars().count() <= width;
        let narrow = |row: &Vec<String>| hanging_in(width, 6, &format!("  {}", row.join("  ")));
        let told = |(line, row): (&str, &Vec<String>)| if fit(line) { format!("{line}\n") } else { narrow(row) };
        return table(&[], rows).lines().zip(rows).map(told).collect();
    }
    let indent = " ".repeat(names + 4);
    let options = paragraph(width, &indent);
    let wrap = |line: &str| {
        if line.chars().count() <= width {
            return format!("{line}\n");
        }
        let beginning = line.char_indices().nth(names + 4).map_or(line.len(), |(place, _)| place);
        let (name, value) = line.split_at(beginning);
        format!("{name}{}\n", textwrap::fill(value, &options).trim_start())
    };
    table(&[], rows).lines().map(wrap).collect()
}

/// The same as [`table`]; where the terminal is too narrow for it, each row is a paragraph below its first cell.
pub fn fitting(header: &[&str], rows: &[Vec<String>]) -> String {
    fitting_in(header, rows, width())
}

fn fitting_in(header: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let text = table(header, rows);
    if text.lines().all(|line| line.chars().count() <= width) {
        return text;
    }
    let row = |row: &Vec<String>| {
        // A name stays with its value, unless that is itself a sentence. What there is none of is not told.
        let told = row.iter().zip(header).skip(1).filter(|(cell, _)| *cell != "-");
        let cells = told.map(|(cell, name)| {
            let cell = format!("{name} {cell}");
            if cell.chars().count() + 6 < width { cell.replace(' ', "\u{a0}") } else { cell }
        });
        let cells = textwrap::fill(&cells.collect::<Vec<_>>().join("; "), paragraph(width, "      "));
        format!("  {}\n{}\n", row.first().map_or("", String::as_str), cells.replace('\u{a0}', " "))
    };
    rows.iter().map(row).collect()
}

/// A line, what does not fit into the width below it.
pub fn hanging(blanks: usize, line: &str) -> String {
    hanging_in(width(), blanks, line)
}

fn hanging_in(width: usize, blanks: usize, line: &str) -> String {
    textwrap::fill(line, paragraph(width, &" ".repeat(blanks)).initial_indent("")) + "\n"
}

/// A paragraph, each of its lines behind as many blanks; one line where there is no terminal.
pub fn indented(blanks: usize, text: &str) -> String {
    let indent = " ".repeat(blanks);
    textwrap::fill(text, paragraph(width(), &indent)) + "\n"
}

/// Lines of a comment, as TOML and shells have them.
pub fn comment(width: usize, text: &str) -> String {
    textwrap::fill(text, paragraph(width, "# ")) + "\n"
}

/// Broken between words only: a path or an id stays whole, to be copied.
fn paragraph(width: usize, indent: &str) -> textwrap::Options<'_> {
    textwrap::Options::new(width)
        .initial_indent(indent)
        .subsequent_indent(indent)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false)
}

/// Columns of the terminal; without one, lines are as long as they are.
pub fn width() -> usize {
    if io::stdout().is_terminal() { textwrap::termwidth() } else { usize::MAX }
}

/// The same as [`table`], and on a terminal no line is longer than it: the last column is cut. Where nothing of it would be
/// left, each row is a paragraph.
pub fn narrow_table(header: &[&str], rows: &[Vec<String>]) -> String {
    narrow_table_in(header, rows, width())
}

fn narrow_table_in(header: &[&str], rows: &[Vec<String>], width: usize) -> String {
    /// Columns in which the beginning of the last one tells something.
    const LEAST: usize = 12;
    let without_last: Vec<Vec<String>> = rows.iter().map(|row| row[..row.len().saturating_sub(1)].to_vec()).collect();
    let is_narrow = |line: &str| line.chars().count() + LEAST > width;
    if table(&header[..header.len().saturating_sub(1)], &without_last).lines().any(is_narrow) {
        return fitting_in(header, rows, width);
    }
    table(header, rows).lines().map(|line| cut(line, width.saturating_sub(1)) + "\n").collect()
}

/// The first characters, with a mark where some are missing.
pub fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Bold on a terminal, unless `NO_COLOR` is set.
pub fn styled() -> bool {
    io::stdout().is_terminal() && wants_colours()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::in_language;

    #[test]
    fn sizes_read_well() {
        for (count, text) in [(999, "999 B"), (1_500, "1.5 kB"), (68_000_000, "68.0 MB"), (2_500_000_000, "2.5 GB")] {
            assert_eq!(in_language(false, || bytes(count)), text);
            assert_eq!(in_language(true, || bytes(count)), text.replace('.', ","));
        }
    }

    #[test]
    fn dates_are_written_as_the_reader_does() {
        for (iso, portuguese, english) in [
            ("2026-11-25T14:03:59.123456Z", "25/11/2026 14:03 UTC", "2026-11-25 14:03 UTC"),
            ("2026-11-25T23:03:59-03:00", "26/11/2026 02:03 UTC", "2026-11-26 02:03 UTC"),
            ("2026-01-02", "02/01/2026", "2026-01-02"),
            ("some day", "some day", "some day"),
        ] {
            assert_eq!(in_language(true, || readable(iso)), portuguese);
            assert_eq!(in_language(false, || readable(iso)), english);
        }
    }

    #[test]
    fn a_long_value_goes_on_below_its_beginning() {
        let rows = [["estado", "falhou"], ["próxima", "não por si só; outro arquivo o traz de volta"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let narrow = "  estado   falhou\n  próxima  não por si só; outro\n           arquivo o traz de volta\n";
        assert_eq!(in_width(&rows, 36), narrow);
        assert_eq!(in_width(&rows, usize::MAX), table(&[], &rows));
        let narrow =
            "  estado   falhou\n  próxima  não por\n      si só; outro\n      arquivo o traz\n      de volta\n";
        assert_eq!(in_width(&rows, 20), narrow, "there is no room beside the names");
        assert_eq!(indented(2, "a b"), "  a b\n");
    }

    #[test]
    fn a_table_that_does_not_fit_is_told_in_paragraphs() {
        let rows = [vec!["2026-11-26".to_owned(), "1m 24s".into(), "314".into(), "stopped in time".into()]];
        let header = ["started", "took", "indexed", "ended"];
        assert_eq!(fitting_in(&header, &rows, 80), table(&header, &rows));
        let narrow = "  2026-11-26\n      took 1m 24s; indexed 314;\n      ended stopped in time\n";
        assert_eq!(fitting_in(&header, &rows, 36), narrow);
        let rows = [vec!["7".to_owned(), "-".into(), "a.pdf".into(), "the file has 0 bytes, and that is all".into()]];
        let header = ["id", "date", "file", "detail"];
        assert_eq!(narrow_table_in(&header, &rows, 36).lines().nth(1), Some("   7  -     a.pdf  the file has 0 …"));
        let narrow = "  7\n      file a.pdf; detail the\n      file has 0 bytes, and\n      that is all\n";
        assert_eq!(narrow_table_in(&header, &rows, 28), narrow);
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["NEEDS_OCR", "2"], ["CHECKSUM", "10"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&["code", "n"], &rows), "  code        n\n  NEEDS_OCR   2\n  CHECKSUM   10\n");
        let rows = [["id", "2"], ["file", "a.pdf"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&[], &rows), "  id    2\n  file  a.pdf\n", "one word makes it a column of words");
        assert_eq!(table(&[], &[]), "");
    }
}
