//! What a file whose end was lost has lost beside it (PDF 32000-1 sections 7.3.10, 7.7.3 and annex F).
//!
//! Only of files whose objects were found by searching: elsewhere a reference to nothing is a page that was left blank.

use hayro_syntax::Pdf;
use hayro_syntax::object::{Array, Dict, Object, Stream};
use hayro_syntax::page::Page;
use memchr::memmem;

use super::page::Outcome;

/// A header is looked for so far into the file.
const HEAD_BYTES: usize = 1_024;

/// Marks the pages whose content is lost, and says whether anything else is.
pub(super) fn find(content: &[u8], pdf: &Pdf, pages: &mut [Outcome]) -> bool {
    for (page, outcome) in pdf.pages().iter().zip(pages.iter_mut()) {
        outcome.missing.is_cut |= lacks_content(page);
    }
    let announced = pages_of_the_tree(pdf).into_iter().chain(pages_of_the_header(content)).max();
    announced.is_some_and(|announced| announced > pages.len())
        || ends_within_an_object(content)
        || ends_before_its_table(content)
}

/// Its content is named, and not there.
fn lacks_content(page: &Page<'_>) -> bool {
    let dict = page.raw();
    match dict.get::<Object<'_>>(b"Contents") {
        Some(Object::Array(array)) => lacks_a_part(&array),
        Some(_) => false,
        None => dict.get_ref(b"Contents").is_some(),
    }
}

fn lacks_a_part(array: &Array<'_>) -> bool {
    array.raw_iter().count() > array.iter::<Stream<'_>>().count()
}

/// `Count` of the page tree's root.
fn pages_of_the_tree(pdf: &Pdf) -> Option<usize> {
    let xref = pdf.xref();
    let root: Dict<'_> = xref.get(xref.root_id())?;
    let count = root.get::<Dict<'_>>(b"Pages")?.get::<i32>(b"Count")?;
    usize::try_from(count).ok()
}

/// `N` of a header whose file is shorter than it says; a longer one was changed since, and may have fewer pages.
fn pages_of_the_header(content: &[u8]) -> Option<usize> {
    let length = told_by_the_header(content, b"/L ")?;
    if content.len() < length { told_by_the_header(content, b"/N ") } else { None }
}

/// A number that a file which was made to be read while it is downloaded says of itself: `N`, its pages, or `T`, where its
/// main table of objects begins.
fn told_by_the_header(content: &[u8], key: &[u8]) -> Option<usize> {
    let head = &content[..content.len().min(HEAD_BYTES)];
    let dict = &head[memmem::find(head, b"/Linearized")?..];
    let dict = &dict[..memmem::find(dict, b">>")?];
    let after = &dict[memmem::find(dict, key)? + key.len()..];
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&after[..digits]).ok()?.parse().ok()
}

/// The file ends before the table that stands behind its objects.
fn ends_before_its_table(content: &[u8]) -> bool {
    // It is counted to the first entry, and the table's heading may be lost without harm.
    const HEADING_BYTES: usize = 64;
    told_by_the_header(content, b"/T ").is_some_and(|table| content.len() < table.saturating_sub(HEADING_BYTES))
}

/// The last object that begins does not end.
fn ends_within_an_object(content: &[u8]) -> bool {
    let begins = memmem::rfind_iter(content, b" obj")
        .find(|at| at.checked_sub(1).is_some_and(|before| content[before].is_ascii_digit()));
    begins.is_some_and(|at| memmem::find(&content[at..], b"endobj").is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_does_not_end_is_seen() {
        for (content, cut) in [
            (&b"1 0 obj\n<<>>\nendobj\nxref\n0 1"[..], false),
            (b"1 0 obj\n<<>>\nendobj\n2 0 obj\n<</Length 9>>stream\nabc", true),
            (b"1 0 obj\n<<>>\nendobj\n2 0 obj\n<<>>\nendo", true),
            (b"1 0 obj\n<<>>\nendobj\nno obj", false),
            (b" obj", false),
            (b"", false),
        ] {
            assert_eq!(ends_within_an_object(content), cut, "{}", String::from_utf8_lossy(content));
        }
    }

    #[test]
    fn a_header_says_what_there_was() {
        let head = b"%PDF-1.7\r908 0 obj\r<</Linearized 1/L 668513/O 910/E 320302/N 10/T 668019/H [ 528 322]>>\rendobj";
        for (content, pages, table) in [
            (&head[..], Some(10), Some(668_019)),
            (b"%PDF-1.4\n1 0 obj\n<< /Linearized 1 /L 10 /N 3 >>", Some(3), None),
            (b"%PDF-1.4\n1 0 obj\n<< /N 3 >>", None, None),
            (b"%PDF-1.4\n1 0 obj\n<< /Linearized 1 /N x >>", None, None),
        ] {
            let told = (told_by_the_header(content, b"/N "), told_by_the_header(content, b"/T "));
            assert_eq!(told, (pages, table), "{}", String::from_utf8_lossy(content));
        }
        assert!(ends_before_its_table(head));
        assert_eq!(pages_of_the_header(head), Some(10));
        assert_eq!(pages_of_the_header(&[&head[..], &vec![b' '; 669_000]].concat()), None, "it was changed since");
        let whole = [&head[..], &vec![b' '; 668_000]].concat();
        assert!(!ends_before_its_table(&whole));
    }
}
