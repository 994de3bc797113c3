//! Every fault that the service must survive, by its number: injected, and seen to end as promised.
//!
//! For each: the exit status is right, no gazette is lost, every healthy gazette of the same batch is indexed, and one
//! log line carries the failure's code and the gazette's id.
#![allow(clippy::unwrap_used)] // a test may fail by panic

#[path = "../support/mod.rs"]
mod support;

mod files; // what the files themselves are
mod pdfs; // PDFs that are made to be hard
mod world; // a folder of gazettes with a fault among them
