"""The memory that is a process's own: its heap and its stacks, without the pages of the files that it maps."""

import os
import re
import subprocess
import time
from pathlib import Path

OWN = re.compile(r"RssAnon:\s+(\d+) kB")
INTERVAL_SECONDS = 0.001


def of(process):
    """Bytes of a process and all that it has started; those that have ended have none."""
    try:
        own = OWN.search(Path(f"/proc/{process}/status").read_text())
        children = [child for task in os.listdir(f"/proc/{process}/task") for child in Path(f"/proc/{process}/task/{task}/children").read_text().split()]
    except OSError:
        return 0
    return (int(own[1]) * 1024 if own else 0) + sum(map(of, children))


def peak(command, stdout, stderr, cwd, env):
    """Runs `command` and returns the most it had at a time, in bytes, by looking again and again."""
    with stdout.open("ab") as printed, stderr.open("ab") as warned:
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=printed, stderr=warned, cwd=cwd, env=env)
    most = 0
    while process.poll() is None:
        most = max(most, of(process.pid))
        time.sleep(INTERVAL_SECONDS)
    return most
