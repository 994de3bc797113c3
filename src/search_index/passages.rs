//! The pieces of a text that show best what was found.

use super::Passage;
use super::matches::Match;

/// Passages of one gazette at most.
const PASSAGES: usize = 3;
/// Bytes of a passage before white space is folded, roughly.
const WIDTH: usize = 240;
/// Pages are parted by form feeds.
const PAGE_BREAK: char = '\u{c}';

/// Up to three passages, none overlapping another, in the order of the text. The one with the most different clauses
/// of the query is chosen first, then the one with the most matches, then the earliest.
#[must_use]
pub fn best(text: &str, matches: &[Match]) -> Vec<Passage> {
    let mut windows = windows(text, matches);
    windows.sort_by_key(|w| (std::cmp::Reverse((w.clauses, w.last - w.first)), w.first));
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for window in windows {
        let (start, end) = widened(text, matches[window.first].start, matches[window.last].end);
        if chosen.iter().all(|&(s, e)| end <= s || e <= start) {
            chosen.push((start, end));
        }
        if chosen.len() == PASSAGES {
            break;
        }
    }
    chosen.sort_unstable();
    let mut page = 1;
    let mut counted = 0;
    chosen
        .into_iter()
        .map(|(start, end)| {
            page += text[counted..start].bytes().filter(|&b| b == PAGE_BREAK as u8).count();
            counted = start;
            folded(text, start, end, matches, u32::try_from(page).unwrap_or(u32::MAX))
        })
        .collect()
}

/// Matches `first..=last` fit into one passage of one page, and hold so many different clauses.
struct Window {
    first: usize,
    last: usize,
    clauses: usize,
}

/// The widest window that begins at each match.
fn windows(text: &str, matches: &[Match]) -> Vec<Window> {
    let mut inside = vec![0_usize; matches.iter().map(|m| m.clause + 1).max().unwrap_or(0)];
    let mut clauses = 0;
    let mut next = 0;
    let mut windows = Vec::with_capacity(matches.len());
    for (first, head) in matches.iter().enumerate() {
        while let Some(m) = matches.get(next)
            && (next == first
                || m.end - head.start <= WIDTH
                    && !text[matches[next - 1].end.min(m.start)..m.start].contains(PAGE_BREAK))
        {
            clauses += usize::from(inside[m.clause] == 0);
            inside[m.clause] += 1;
            next += 1;
        }
        windows.push(Window { first, last: next - 1, clauses });
        inside[head.clause] -= 1;
        clauses -= usize::from(inside[head.clause] == 0);
    }
    windows
}

/// Adds text on both sides up to the width of a passage, within the page, without cutting a word.
fn widened(text: &str, start: usize, end: usize) -> (usize, usize) {
    let spare = WIDTH.saturating_sub(end - start) / 2;
    let page_start = text[..start].rfind(PAGE_BREAK).map_or(0, |at| at + 1);
    let page_end = text[end..].find(PAGE_BREAK).map_or(text.len(), |at| end + at);
    let mut from = text.floor_char_boundary(start.saturating_sub(spare));
    if from > page_start {
        from += text[from..start].find(char::is_whitespace).unwrap_or(start - from);
    }
    let mut to = text.floor_char_boundary((end + spare).min(text.len())).max(end);
    if to < page_end {
        to = end + text[end..to].rfind(char::is_whitespace).unwrap_or(0);
    }
    (from.max(page_start), to.min(page_end))
}

/// Folds white space and signs that do not print into single spaces, and moves the matches along.
fn folded(text: &str, start: usize, end: usize, matches: &[Match], page: u32) -> Passage {
    let mut out = String::with_capacity(end - start);
    let mut highlights: Vec<(usize, usize)> = Vec::new();
    let copy = |from: usize, to: usize, out: &mut String| {
        for c in text[from..to].chars() {
            if !c.is_whitespace() && !c.is_control() {
                out.push(c);
            } else if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        }
    };
    let mut at = start;
    let first = matches.partition_point(|m| m.start < start);
    for m in matches[first..].iter().take_while(|m| m.end <= end) {
        if m.start < at {
            continue; // a word that two clauses share
        }
        copy(at, m.start, &mut out);
        let from = out.len();
        copy(m.start, m.end, &mut out);
        highlights.push((from, out.len()));
        at = m.end;
    }
    copy(at, end, &mut out);
    out.truncate(out.trim_end().len());
    let prints = |c: char| !c.is_whitespace() && !c.is_control();
    let before = text[..start].chars().rev().take_while(|c| *c != PAGE_BREAK).any(prints);
    let behind = text[end..].chars().take_while(|c| *c != PAGE_BREAK).any(prints);
    Passage { page, text: out, highlights, is_cut: (before, behind) }
}

#[cfg(test)]
mod tests {
    use super::super::matches::find;
    use super::super::query::Query;
    use super::*;

    fn passages(text: &str, query: &str) -> Vec<Passage> {
        best(text, &find(text, &Query::parse(query).unwrap()))
    }

    fn highlighted(passage: &Passage) -> Vec<&str> {
        passage.highlights.iter().map(|&(from, to)| &passage.text[from..to]).collect()
    }

    #[test]
    fn white_space_is_folded_and_words_are_marked() {
        let found = passages("  Abre-se\r\n\r\n o  PREGÃO\t nº\u{a0}7\u{0} ", "pregao 7");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, "Abre-se o PREGÃO nº 7");
        assert_eq!(highlighted(&found[0]), ["PREGÃO", "7"]);
        assert_eq!((found[0].page, found[0].is_cut), (1, (false, false)));
    }

    #[test]
    fn a_passage_stays_on_its_page_and_cuts_no_word() {
        let filler = "palavrório ".repeat(60);
        let text = format!("{filler}\u{c}{filler}licitação\u{c}pregão {filler}\u{c}\u{c}{filler} pregão {filler}");
        let found = passages(&text, "licitação pregão");
        assert_eq!(found.iter().map(|p| p.page).collect::<Vec<_>>(), [2, 3, 5]);
        assert_eq!(found.iter().flat_map(highlighted).collect::<Vec<_>>(), ["licitação", "pregão", "pregão"]);
        assert_eq!(found.iter().map(|p| p.is_cut).collect::<Vec<_>>(), [(true, false), (false, true), (true, true)]);
        for passage in &found {
            assert!(passage.text.len() <= WIDTH, "{}", passage.text.len());
            for word in passage.text.split(' ') {
                assert!(["palavrório", "licitação", "pregão"].contains(&word), "a cut word: {word}");
            }
        }
    }

    #[test]
    fn different_clauses_count_more_than_many_matches() {
        let filler = "palavrório ".repeat(60);
        let text = format!("{}{filler}casa verde {filler}{}", "casa ".repeat(20), "casa ".repeat(2));
        let found = passages(&text, "casa verde");
        assert_eq!(found.len(), 3);
        assert_eq!(highlighted(&found[1]), ["casa", "verde"]);
        let only: Vec<Passage> = passages(&format!("{}{filler}casa verde {filler}", "casa ".repeat(500)), "casa verde");
        assert!(only.iter().any(|p| p.text.contains("verde")), "the best comes first even after three others");
    }

    #[test]
    fn a_phrase_is_shown_where_it_is_one() {
        let filler = "palavrório ".repeat(60);
        let text = format!("verde casa {filler} casa verde {filler} casa azul");
        let found = passages(&text, "\"casa verde\"");
        assert_eq!(found.len(), 1);
        assert_eq!(highlighted(&found[0]), ["casa", "verde"]);
    }

    #[test]
    fn odd_texts_do_no_harm() {
        assert_eq!(passages("", "casa"), []);
        let long = "á".repeat(5_000);
        let text = format!("{long} casa {long}");
        let found = passages(&text, "casa");
        assert_eq!(found[0].text, "casa");
        let glued = format!("{long}-casa-{long}");
        assert_eq!(passages(&glued, "casa")[0].text, "casa");
        assert_eq!(passages(&"casa".repeat(1_000), "casacasa").len(), 0);
    }

    #[test]
    fn a_megabyte_is_quick() {
        let text = "o município de Maceió abre licitação na modalidade pregão eletrônico, ".repeat(14_000);
        let start = std::time::Instant::now();
        assert_eq!(passages(&text, "\"pregão eletrônico\" licitação maceió").len(), 3);
        assert!(start.elapsed().as_millis() < 2_000, "{:?} unoptimised", start.elapsed());
        eprintln!("{} bytes in {:?}", text.len(), start.elapsed());
    }
}
