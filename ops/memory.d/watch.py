"""Runs a command and samples the memory of its whole process tree until it ends."""

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import group

MIB = 1 << 20
EVERY_SECONDS = 0.1
JOIN = 'echo $$ >"$0" && exec "$@"'


@dataclass
class Sample:
    seconds: float
    """Since the start."""
    done: int
    """Gazettes that have an outcome."""
    resident: int
    """Bytes that are in memory, summed over the processes; what they share, and files that are mapped, counts for each."""
    held: int
    """Of these, the bytes that belong to a process alone and that no file stands behind."""
    once: int
    """As `resident`, and what processes share counts once, as in a control group; `resident` where the kernel does not tell."""
    processes: int


@dataclass
class Watched:
    status: int
    seconds: float
    samples: list = field(default_factory=list)
    killed: int | None = None
    """Processes that the kernel killed for the group's bound; `None` without a group."""
    events: dict = field(default_factory=dict)
    """Log lines by message."""
    failed: dict = field(default_factory=dict)
    """Failures by code."""
    first: dict = field(default_factory=dict)
    """Seconds until the first log line of each message."""

    def peak(self, what="resident"):
        return max((getattr(sample, what) for sample in self.samples), default=0)


def children(pid):
    found = []
    try:
        for task in os.scandir(f"/proc/{pid}/task"):
            found += map(int, Path(task.path, "children").read_text().split())
    except OSError:
        pass  # ended meanwhile
    return found


def tree(pid):
    """The process and all below it."""
    found = [pid]
    for one in found:
        found += children(one)
    return found


def memory_of(pid):
    """(resident, held, once) in bytes; nothing for one that is gone."""
    status = kibibytes(f"/proc/{pid}/status", ("VmRSS", "RssAnon", "RssShmem"))
    resident = status.get("VmRSS", 0)
    once = kibibytes(f"/proc/{pid}/smaps_rollup", ("Pss",)).get("Pss", resident)
    return resident, status.get("RssAnon", 0) + status.get("RssShmem", 0), once


def kibibytes(file, names):
    """The kernel's `NAME: VALUE kB` lines, in bytes; its kB are KiB."""
    try:
        text = Path(file).read_text()
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.splitlines())
    return {name: int(value.split()[0]) * 1024 for name, _, value in lines if name in names}


class Listener(threading.Thread):
    """Counts prelo's log lines, and keeps them in a file."""

    def __init__(self, pipe, log, watched, began):
        super().__init__(daemon=True)
        self.pipe, self.log, self.watched, self.began = pipe, log, watched, began
        self.done = 0

    def run(self):
        with self.log.open("wb") as log:
            for line in self.pipe:
                log.write(line)
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                message = event.get("message")
                self.watched.events[message] = self.watched.events.get(message, 0) + 1
                self.watched.first.setdefault(message, time.monotonic() - self.began)
                if message in ("indexed", "failed"):
                    self.done += 1
                if message == "failed":
                    self.watched.failed[event["code"]] = self.watched.failed.get(event["code"], 0) + 1


def watch(command, log, env, cwd, limit_bytes=None, until_first=False, patience_seconds=None):
    """With a bound in bytes, in a control group of that bound, where one can be made. `until_first`: end it by SIGTERM when
    the first gazette has its outcome."""
    made = group.make(limit_bytes) if limit_bytes else None
    with made or nullcontext():
        if made:
            command = ["sh", "-c", JOIN, str(made.procs), *command]
        began = time.monotonic()
        process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env, cwd=cwd
        )
        watched = Watched(status=0, seconds=0)
        listener = Listener(process.stderr, log, watched, began)
        listener.start()
        asked_to_end = False
        try:
            while process.poll() is None:
                seconds = time.monotonic() - began
                pids = tree(process.pid)
                resident, held, once = map(sum, zip(*map(memory_of, pids)))
                watched.samples.append(Sample(seconds, listener.done, resident, held, once, len(pids)))
                if (until_first and listener.done and not asked_to_end) or (patience_seconds and seconds > patience_seconds):
                    process.send_signal(signal.SIGTERM)
                    asked_to_end, patience_seconds = True, None
                time.sleep(max(0, EVERY_SECONDS - (time.monotonic() - began - seconds)))
        finally:
            if process.poll() is None:
                process.kill()
            watched.status = process.wait()
        watched.seconds = time.monotonic() - began
        listener.join()
        if made:
            watched.killed = made.killed()
    return watched
