//! lopdf's loading of all objects, without any text: what a reader on top of it starts from.

use std::process::ExitCode;

fn main() -> ExitCode {
    prelo_bench_peers::run(|file| {
        let document = lopdf::Document::load(file)?;
        Ok(format!("{} objects\n", document.objects.len()))
    })
}
