//! `pdf_oxide`, page by page.

use std::process::ExitCode;

fn main() -> ExitCode {
    prelo_bench_peers::run(|file| {
        let document = pdf_oxide::PdfDocument::open(file)?;
        let pages = (0..document.page_count()?).map(|page| document.extract_text(page));
        Ok(pages.collect::<Result<Vec<_>, _>>()?.join("\u{c}"))
    })
}
