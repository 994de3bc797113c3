//! The tables of embedded font programs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prelo_fuzz::document::of_font_program;

fuzz_target!(|data: &[u8]| {
    prelo_fuzz::read(&of_font_program(data));
});
