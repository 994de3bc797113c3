//! Downloads that wait for room in the spool, and what it means that there is none. While one waits, no other begins.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::watch;

use super::Context;
use crate::shutdown::StopReason;
use crate::telemetry::{Event, with_causes};

/// So many gazettes in a row without room, none that found some between them: it is not their size.
const NO_ROOM_AT_ALL: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct SpoolRoom {
    waiting: watch::Sender<u32>,
    lost_in_a_row: AtomicU32,
}

/// One download that waits.
pub(super) struct Waiting<'a>(&'a SpoolRoom);

impl SpoolRoom {
    /// Others wait with this download: what they free may be what it needs.
    pub fn wait(&self, context: &Context, error: &dyn std::error::Error) -> Waiting<'_> {
        let mut first = false;
        self.waiting.send_modify(|waiting| {
            first = *waiting == 0;
            *waiting += 1;
        });
        if first {
            context.telemetry.emit(&Event::SpoolFull { error: &with_causes(error) });
        }
        Waiting(self)
    }

    /// Resolves when nobody waits for room, or the run ends.
    pub async fn settled(&self, context: &Context) {
        let mut waiting = self.waiting.subscribe();
        tokio::select! {
            // The sender lives as long as `self`, so waiting cannot fail.
            _ = waiting.wait_for(|waiting| *waiting == 0) => {}
            () = context.shutdown.draining() => {}
        }
    }

    /// A file fits.
    pub fn found(&self) {
        self.lost_in_a_row.store(0, Ordering::Relaxed);
    }

    /// A gazette waited in vain. Answers with the reason to stop when it is not about this one.
    pub fn lost(&self, detail: &str) -> Option<StopReason> {
        let lost = self.lost_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        (lost >= NO_ROOM_AT_ALL).then(|| {
            StopReason::DependencyDown(format!(
                "the last {lost} files found no room in the spool; free space, or point `spool` elsewhere: {detail}"
            ))
        })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_in_a_row_without_room_are_no_matter_of_size() {
        let room = SpoolRoom::default();
        for _ in 0..9 {
            assert_eq!(room.lost("disk full"), None);
        }
        room.found();
        for _ in 0..9 {
            assert_eq!(room.lost("disk full"), None);
        }
        let Some(StopReason::DependencyDown(detail)) = room.lost("disk full") else { panic!("it goes on") };
        assert!(detail.contains("`spool`") && detail.ends_with("disk full"), "{detail}");
    }
}
