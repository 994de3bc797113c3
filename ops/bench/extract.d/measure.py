"""What running a command as a whole process costs.

As a program, `measure.py FD TIMEOUT_SECONDS COMMAND...` runs the command and writes its cost as one JSON object to that
file descriptor. It is a small process of its own because the peak memory of a new process begins at that of the one
that started it: here about 10 MiB, the least that can be told.
"""

import json
import os
import signal
import subprocess
import sys
import time


def measure(command, timeout_seconds, stdout, stderr, cwd, env):
    """Runs `command` and returns its cost. What it prints is appended to the files `stdout` and `stderr`.

    seconds       wall clock, from before the start to after the end
    cpu_seconds   user and system, of all its threads and processes
    peak_bytes    largest resident set of any one of its processes, pages of mapped files included
    status        exit status, or minus the signal that ended it
    timed_out     whether it was killed for taking too long
    """
    read_end, write_end = os.pipe()
    helper = [sys.executable, "-I", "-S", __file__, str(write_end), str(timeout_seconds), *map(str, command)]
    with stdout.open("ab") as printed, stderr.open("ab") as warned:
        process = subprocess.Popen(
            helper, stdin=subprocess.DEVNULL, stdout=printed, stderr=warned, cwd=cwd, env=env, pass_fds=[write_end]
        )
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        cost = pipe.read()
    process.wait()
    return json.loads(cost)


def main():
    report, timeout_seconds, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(report, False)
    timed_out = False
    began = time.monotonic()
    # A group of its own, so that a time-out ends what the command has started too.
    child = os.posix_spawnp(command[0], command, os.environ, setpgroup=0)

    def stop(signal_number, _):
        nonlocal timed_out
        timed_out = signal_number == signal.SIGALRM
        os.killpg(child, signal.SIGKILL)

    for signal_number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, stop)
    signal.setitimer(signal.ITIMER_REAL, timeout_seconds)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - began
    signal.setitimer(signal.ITIMER_REAL, 0)
    cost = {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
        "status": os.waitstatus_to_exitcode(status),
        "timed_out": timed_out,
    }
    os.write(report, json.dumps(cost).encode())


if __name__ == "__main__":
    main()
