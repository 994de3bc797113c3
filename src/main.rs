//! Parse, dispatch, exit code: nothing else.

mod allocator; // jemalloc, which gives freed memory back

use std::process::ExitCode;

fn main() -> ExitCode {
    prelo::commands::main()
}
