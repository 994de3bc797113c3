"""A control group of its own, whose bound on memory the kernel itself keeps (cgroups(7)).

Inside, what cannot be given back beyond the bound is killed: no peak between two samples goes unseen.
"""

import os
import sys
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")


class Version1:
    limit, most, usage = "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.usage_in_bytes"

    @staticmethod
    def killed(group):
        return int(numbers(group / "memory.oom_control").get("oom_kill", 0))


class Version2:
    limit, most, usage = "memory.max", "memory.peak", "memory.current"

    @staticmethod
    def killed(group):
        return int(numbers(group / "memory.events").get("oom_kill", 0))


def numbers(file):
    """The kernel's `NAME VALUE` lines."""
    return dict(line.split() for line in file.read_text().splitlines())


def homes():
    """Where a group could be made: below that of this process, so that every bound that holds here still holds; else further up."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            root, version = MOUNT / "memory", Version1
        elif controllers == "":
            root, version = MOUNT, Version2
        else:
            continue
        own = root / path.lstrip("/")
        for home in [own, *own.parents]:
            if home.is_relative_to(root):
                yield home, version


class Group:
    """Made for one command, with a bound in bytes; removed when it is left. Its processes have to be gone by then."""

    def __init__(self, folder, version, limit_bytes):
        self.folder, self.version = folder, version
        (folder / version.limit).write_text(str(limit_bytes))

    @property
    def procs(self):
        return self.folder / "cgroup.procs"

    def killed(self):
        """Processes that the kernel killed for the bound."""
        return self.version.killed(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.folder.rmdir()
        except OSError as error:
            print(f"ops/memory: the control group {self.folder} could not be removed: {error}", file=sys.stderr)


def make(limit_bytes):
    """A group, or `None` where this user may not make one."""
    for home, version in homes():
        folder = home / f"prelo-memory-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            return Group(folder, version, limit_bytes)
        except OSError:
            # Without the memory controller, there is no such file.
            folder.rmdir()
    return None
