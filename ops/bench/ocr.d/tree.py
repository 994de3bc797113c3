"""What a command costs with everything that it starts: time, and the memory of all its processes together."""

import os
import resource
import signal
import subprocess
import time
from pathlib import Path

INTERVAL_SECONDS = 0.02


def resident(process):
    """Bytes of a process and all that it has started, pages that they share counted for each."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        children = [child for task in os.listdir(f"/proc/{process}/task") for child in Path(f"/proc/{process}/task/{task}/children").read_text().split()]
    except (OSError, IndexError):
        return 0
    return pages * resource.getpagesize() + sum(map(resident, children))


def cost(command, timeout_seconds, log, cwd, env):
    """{seconds, cpu_seconds, peak_bytes, status, timed_out}"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    with log.open("ab") as said:
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=cwd, env=env, start_new_session=True)
    most, timed_out = 0, False
    while process.poll() is None:
        most = max(most, resident(process.pid))
        if time.monotonic() - began > timeout_seconds and not timed_out:
            timed_out = True
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(INTERVAL_SECONDS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": time.monotonic() - began, "cpu_seconds": cpu, "peak_bytes": most, "status": process.returncode, "timed_out": timed_out}
