//! Content streams, from their tokens to text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prelo_fuzz::document::of_content;

fuzz_target!(|data: &[u8]| {
    prelo_fuzz::read(&of_content(data));
});
