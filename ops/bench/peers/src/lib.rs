//! What the peers share: `PROGRAM OUT FILE...` writes `OUT/STEM.txt` for each `STEM.pdf`, as `prelo extract --out` does.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, thread};

/// Some peers recurse into nested objects; the main thread's stack is not theirs to overflow.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Reads every file named on the command line with `read`, on one thread. A file that fails is named on standard error,
/// the others are written, and the exit status is 3.
pub fn run(read: fn(&Path) -> Result<String, Box<dyn Error>>) -> ExitCode {
    let reader = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || read_all(read));
    match reader.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(0))) => ExitCode::SUCCESS,
        Ok(Ok(Ok(_))) => ExitCode::from(3),
        Ok(Ok(Err(error))) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::FAILURE,
    }
}

/// How many files failed.
fn read_all(read: fn(&Path) -> Result<String, Box<dyn Error>>) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let out = arguments.next().ok_or("usage: PROGRAM OUT FILE...")?;
    let mut failed = 0;
    for file in arguments {
        // A panic is that file's failure, as an error is; its message is already on standard error.
        match catch_unwind(AssertUnwindSafe(|| read(&file))) {
            Ok(Ok(text)) => {
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                fs::write(out.join(format!("{stem}.txt")), text)?;
            }
            Ok(Err(error)) => {
                eprintln!("{}: {error}", file.display());
                failed += 1;
            }
            Err(_) => {
                eprintln!("{}: panicked", file.display());
                failed += 1;
            }
        }
    }
    Ok(failed)
}
