//! `prelo` turns a backlog of official gazettes into searchable text, in bounded memory, and loses nothing.
//!
//! Arrows between modules point down only; `tests/architecture.rs` checks it.

// level 0: the words everyone uses
pub mod budget; // permits counted in bytes
pub mod checksum; // bytes as the catalogue writes them
pub mod failpoint; // where tests kill the process; nothing in a release build
pub mod failure; // the catalogue of what can go wrong with a gazette
pub mod gazette; // a gazette, a run, a selection
pub mod retry; // when to try again
pub mod rfc3339; // moments as programs write them
pub mod shutdown; // why and how a run ends early
pub mod words; // what a person reads, in their language

// level 1: used by every part, knows none
pub mod config; // flags, environment, file, defaults -> one Config
pub mod telemetry; // typed events -> log line, count, progress

// level 2: the four boundaries; they do not know one another
pub mod catalog; // where gazettes are listed and their state is kept
pub mod extraction; // file -> text
pub mod search_index; // where text is searched
pub mod storage; // where files live

// level 3
pub mod pipeline; // joins the four

// level 4
pub mod web; // the pages and the API of `serve`

// level 5
pub mod commands; // one file per verb
