//! Memory of this process and of its children, as the kernel counts it (proc(5), `/proc/PID/status`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Largest resident size so far, in bytes; 0 where the kernel does not tell.
#[must_use]
pub fn peak_bytes() -> u64 {
    status_bytes("VmHWM:")
}

/// Resident bytes of another process; 0 when it is gone.
#[must_use]
pub fn resident_bytes_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.ok().and_then(|status| parse(&status, "VmRSS:")).unwrap_or(0)
}

/// Memory of this process and of all processes below it, in bytes. What they share, such as the program itself, counts
/// for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TreeMemory {
    /// What is in memory.
    pub resident: u64,
    /// Of that, what no file stands behind: the rest are mapped files, whose pages the kernel takes back when it wants.
    pub held: u64,
}

/// Looks at the whole tree, and remembers the most that was ever resident.
#[must_use]
pub fn sample_tree() -> TreeMemory {
    sample_processes().0
}

/// The same, and apart the children of this process: process id, and what is resident of it and of what is below it.
#[must_use]
pub fn sample_processes() -> (TreeMemory, Vec<(u32, u64)>) {
    let own = std::process::id();
    let (mut memory, mut children) = (TreeMemory::default(), Vec::new());
    add(own, &mut memory);
    children_of(own, |child| {
        let mut of_child = TreeMemory::default();
        add_tree(child, 1, &mut of_child);
        memory.resident += of_child.resident;
        memory.held += of_child.held;
        children.push((child, of_child.resident));
    });
    PEAK_OF_TREE.fetch_max(memory.resident, Ordering::Relaxed);
    (memory, children)
}

/// The largest sample of [`sample_tree`], and at least what this process alone had at its peak; in bytes.
#[must_use]
pub fn peak_of_tree_bytes() -> u64 {
    PEAK_OF_TREE.load(Ordering::Relaxed).max(peak_bytes())
}

static PEAK_OF_TREE: AtomicU64 = AtomicU64::new(0);
/// A reader, what it starts, and what that starts.
const GENERATIONS: u32 = 4;

fn add_tree(pid: u32, generation: u32, memory: &mut TreeMemory) {
    add(pid, memory);
    if generation < GENERATIONS {
        children_of(pid, |child| add_tree(child, generation + 1, memory));
    }
}

fn add(pid: u32, memory: &mut TreeMemory) {
    // Gone meanwhile, it has none.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let bytes = |field| parse(&status, field).unwrap_or(0);
    memory.resident += bytes("VmRSS:");
    memory.held += bytes("RssAnon:") + bytes("RssShmem:");
}

fn children_of(pid: u32, mut each: impl FnMut(u32)) {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return };
    // A child is listed with the thread that started it.
    for children in tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok()) {
        for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            each(child);
        }
    }
}

/// The kernel's page about this process, which is read anew each time, also when nothing can be opened any more.
#[derive(Debug)]
pub struct OwnStatus(File);

impl OwnStatus {
    /// # Errors
    /// Where there is no `/proc`.
    pub fn open() -> io::Result<Self> {
        File::open("/proc/self/status").map(Self)
    }

    /// Private writable memory (`VmData`), in bytes.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn data_bytes(&self) -> io::Result<u64> {
        let mut page = vec![0; 8 * 1024];
        let length = self.0.read_at(&mut page, 0)?;
        let status = String::from_utf8_lossy(&page[..length]);
        parse(&status, "VmData:").ok_or_else(|| io::Error::other("the kernel does not tell VmData"))
    }
}

fn status_bytes(field: &str) -> u64 {
    std::fs::read_to_string("/proc/self/status").ok().and_then(|status| parse(&status, field)).unwrap_or(0)
}

/// The kernel writes `VmRSS:\t    1234 kB`, and its kB are KiB.
fn parse(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let status = "Name:\tprelo\nVmHWM:\t    2048 kB\nVmRSS:\t     512 kB\n";
        assert_eq!(parse(status, "VmRSS:"), Some(512 * 1024));
        assert_eq!(parse(status, "VmHWM:"), Some(2048 * 1024));
        assert_eq!(parse(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_some_memory() {
        assert!(resident_bytes_of(std::process::id()) > 1024 * 1024);
        assert!(peak_bytes() >= resident_bytes_of(std::process::id()) / 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn children_count() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let of = |pid| {
            let mut memory = TreeMemory::default();
            add_tree(pid, GENERATIONS, &mut memory);
            memory
        };
        let seen = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            let (whole, childs) = (sample_tree(), of(child.id()));
            let alone = of(std::process::id());
            childs.held > 0 && whole.held > alone.held && whole.resident > whole.held
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen);
        assert!(peak_of_tree_bytes() > 1024 * 1024);
    }
}
