//! The whole reader: a file of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    prelo_fuzz::read(data);
});
