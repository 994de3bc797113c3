//! lopdf's `extract_text`.

use std::process::ExitCode;

fn main() -> ExitCode {
    prelo_bench_peers::run(|file| {
        let document = lopdf::Document::load(file)?;
        let pages: Vec<u32> = document.get_pages().into_keys().collect();
        Ok(document.extract_text(&pages)?)
    })
}
