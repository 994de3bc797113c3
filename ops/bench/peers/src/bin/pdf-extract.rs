//! pdf-extract.

use std::process::ExitCode;

fn main() -> ExitCode {
    prelo_bench_peers::run(|file| Ok(pdf_extract::extract_text(file)?))
}
