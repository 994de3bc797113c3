//! Memory of this process and of its children, as the kernel counts it (proc(5), `/proc/PID/status`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Resident bytes now; 0 where the kernel does not tell.
#[must_use]
pub fn resident_bytes() -> u64 {
    status_bytes("VmRSS:")
}

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
        assert!(resident_bytes() > 1024 * 1024);
        assert!(peak_bytes() >= resident_bytes() / 2);
    }
}
