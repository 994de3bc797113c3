//! `SIGKILL` after each durable step and at random moments: what the next run makes of it equals what a run makes that
//! nobody disturbs. Between a kill and the next run the lease of the dead one would have to run out; to save that time
//! its end is moved into the past, in the catalogue, as the clock would have done. One test waits it out.
#![allow(clippy::unwrap_used)] // a test may fail by panic
#![cfg_attr(not(debug_assertions), allow(dead_code))] // a release build has no fail points

mod backlog;
#[cfg(debug_assertions)]
mod embedded_index;
#[cfg(debug_assertions)]
mod lease;
mod outcome;
mod process;
mod random;
#[cfg(debug_assertions)]
mod steps;
#[path = "../support/mod.rs"]
mod support;
