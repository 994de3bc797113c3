//! Memory for pictures and engines: threads of the reading pool wait for it, so it blocks.

use std::sync::{Condvar, Mutex, PoisonError};

#[derive(Debug)]
pub(super) struct Room {
    total: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    pub(super) fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total), freed: Condvar::new() }
    }

    /// Waits until so many bytes are free. More than there are at all are clamped to these: it is then alone.
    pub(super) fn take(&self, bytes: u64) -> Place<'_> {
        let bytes = bytes.min(self.total);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free < bytes).unwrap_or_else(PoisonError::into_inner);
        *free -= bytes;
        Place { room: self, bytes }
    }

    /// Bytes that are taken.
    pub(super) fn taken(&self) -> u64 {
        self.total - *self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.room.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.room.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_clamped_and_what_was_taken_comes_back() {
        let room = Room::new(10);
        let all = room.take(99);
        assert_eq!((all.bytes, room.taken()), (10, 10));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| room.take(4).bytes);
            drop(all);
            assert_eq!(waiting.join().unwrap(), 4);
        });
        assert_eq!(room.taken(), 0);
    }
}
