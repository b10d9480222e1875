"""Finding and ending the processes that the local AWS started, Spark's grandchildren included."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

GRACE_SECONDS = 5.0


def is_running(pid: int) -> bool:
    """Whether a process exists and is not merely waiting to be collected by its parent."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return not _is_zombie(pid)


def command_line(pid: int) -> str:
    """Return a process's command line, empty when it is gone."""
    file = Path(f"/proc/{pid}/cmdline")
    if file.exists():
        with contextlib.suppress(OSError):
            return file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        return ""
    done = subprocess.run(
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def session_members(leader: int) -> list[int]:
    """Return the processes of the session that `leader` opened.

    Spark's Python daemon leaves the process group of its job but not its session.
    """
    if Path("/proc/self/stat").exists():
        found = [(int(entry.name), _stat_fields(int(entry.name))) for entry in Path("/proc").glob("[0-9]*")]
        return [pid for pid, fields in found if len(fields) > 3 and fields[3] == str(leader) and fields[0] != "Z"]
    done = subprocess.run(["/bin/ps", "-A", "-o", "pid=,sess="], capture_output=True, text=True, check=False)
    pairs = [line.split() for line in done.stdout.splitlines()]
    return [int(pair[0]) for pair in pairs if len(pair) == 2 and pair[1] == str(leader)]


def end_session(leader: int) -> None:
    """End a process that was started in a session of its own, and everything it started: politely, then for good."""
    members = session_members(leader) or [leader]
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        for pid in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal_number)
        if wait_until_gone(members, GRACE_SECONDS):
            members = session_members(leader)
            if not members:
                return


def wait_until_gone(pids: list[int], seconds: float) -> bool:
    """Wait until none of the processes is running; return whether that came true in time."""
    end = time.monotonic() + seconds
    while any(is_running(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _is_zombie(pid: int) -> bool:
    return _stat_fields(pid)[:1] == ["Z"]


def _stat_fields(pid: int) -> list[str]:
    """Return /proc/PID/stat from the state on: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
