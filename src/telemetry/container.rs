//! The bound that a container puts on memory (cgroups(7): `memory.max` of version 2, `memory.limit_in_bytes` of 1).

use std::fs;
use std::path::{Path, PathBuf};

/// The lowest bound on the memory of this process's group and of the groups above it, in bytes; `None` without one.
#[must_use]
pub fn memory_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    lowest(&groups, Path::new("/sys/fs/cgroup"))
}

/// Memory of the machine in bytes (proc(5), `/proc/meminfo`); 0 where the kernel does not tell.
#[must_use]
pub fn memory_of_machine() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// `groups` is `/proc/self/cgroup`: lines of `ID:CONTROLLERS:PATH`, without controllers in version 2.
fn lowest(groups: &str, mount: &Path) -> Option<u64> {
    groups
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            let (root, file) = match controllers {
                "" => (mount.to_owned(), "memory.max"),
                list if list.split(',').any(|controller| controller == "memory") => {
                    (mount.join("memory"), "memory.limit_in_bytes")
                }
                _ => return None,
            };
            let group = root.join(path.trim_start_matches('/'));
            // Inside of a container the path may be that of the host, and only the root is there.
            group
                .ancestors()
                .take_while(|folder| folder.starts_with(&root))
                .filter_map(|folder| bound(folder.join(file)))
                .min()
        })
        .min()
}

/// "max", or the largest number that the page size divides, mean that there is none.
fn bound(file: PathBuf) -> Option<u64> {
    const NONE: u64 = 1 << 62;
    let bytes: u64 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    (bytes < NONE).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(files: &[(&str, &str)]) -> tempfile::TempDir {
        let mount = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = mount.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        mount
    }

    #[test]
    fn the_lowest_bound_of_all_groups_above_counts() {
        let two = mount(&[
            ("memory.max", "max\n"),
            ("jobs/memory.max", "268435456\n"),
            ("jobs/prelo/memory.max", "536870912\n"),
        ]);
        assert_eq!(lowest("0::/jobs/prelo\n", two.path()), Some(268_435_456));
        assert_eq!(lowest("0::/elsewhere/on/the/host\n", two.path()), None);
        let one = mount(&[
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/docker/x/memory.limit_in_bytes", "134217728\n"),
        ]);
        let groups = "9:name=systemd:/\n4:cpu,memory:/docker/x\n0::/\n";
        assert_eq!(lowest(groups, one.path()), Some(134_217_728));
        assert_eq!(lowest("4:memory:/\n", one.path()), None);
        let inside = mount(&[("memory.max", "104857600\n")]);
        assert_eq!(lowest("0::/../../host/path\n", inside.path()), Some(104_857_600));
        assert_eq!(lowest("", inside.path()), None);
    }
}
