//! CMaps, as `ToUnicode` and as the encoding of a font.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prelo_fuzz::document::of_cmap;

fuzz_target!(|data: &[u8]| {
    prelo_fuzz::read(&of_cmap(data));
});
