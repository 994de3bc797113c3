//! The allocator of the binary, and its settings.
//!
//! jemalloc with background threads and one second of decay: after a large document was freed, glibc kept 279 of 279
//! MiB, this kept 12. The settings are read by jemalloc from an exported symbol before `main`, which is the only reason
//! for `unsafe` in this project: an exported name must be unique in the program, and this one is jemalloc's own.
#![allow(unsafe_code)]

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const SETTINGS: &[u8] = b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:1000\0";

/// `const char *malloc_conf` with the prefix that the crate builds jemalloc with (jemalloc(3), "TUNING").
#[unsafe(export_name = "_rjem_malloc_conf")]
#[used]
static MALLOC_CONF: &u8 = &SETTINGS[0];
