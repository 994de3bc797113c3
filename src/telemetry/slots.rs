//! Numbers for processes that come and go: a label for each without a new one for every process.

/// More processes than that are one.
const MOST: usize = 64;

/// Which process has which number.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pids: Vec<Option<u32>>,
    bytes: Vec<u64>,
}

impl Slots {
    /// A process keeps its number while it lives; a new one gets the lowest that is free.
    pub fn assign(&mut self, processes: &[(u32, u64)]) {
        for pid in &mut self.pids {
            *pid = pid.filter(|pid| processes.iter().any(|(other, _)| other == pid));
        }
        self.bytes.fill(0);
        for (pid, bytes) in processes {
            let place = self.pids.iter().position(|held| *held == Some(*pid));
            let place = place.or_else(|| self.pids.iter().position(Option::is_none)).unwrap_or(self.pids.len());
            let place = place.min(MOST - 1);
            if place >= self.pids.len() {
                self.pids.push(None);
                self.bytes.push(0);
            }
            self.pids[place] = Some(*pid);
            self.bytes[place] += bytes;
        }
        while let Some(None) = self.pids.last() {
            self.pids.pop();
            self.bytes.pop();
        }
    }

    /// By number, in bytes; 0 where there is no process now.
    pub fn bytes(&self) -> &[u64] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_keeps_its_number_and_a_new_one_gets_the_lowest_that_is_free() {
        let mut slots = Slots::default();
        for (processes, bytes) in [
            (&[(7, 10), (9, 20)][..], &[10, 20][..]),
            (&[(9, 21)], &[0, 21]),
            (&[(9, 22), (11, 5)], &[5, 22]),
            (&[(11, 6)], &[6]),
            (&[], &[]),
        ] {
            slots.assign(processes);
            assert_eq!(slots.bytes(), bytes, "{processes:?}");
        }
        let many: Vec<(u32, u64)> = (0..100).map(|pid| (pid, 1)).collect();
        slots.assign(&many);
        assert_eq!((slots.bytes().len(), slots.bytes().iter().sum::<u64>()), (64, 100));
    }
}
