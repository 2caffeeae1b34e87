"""Server processes: knowing one's own again, ending it, and a clean environment for it."""

import os
import time
from pathlib import Path
from typing import Final

import psutil

from memstore import write_atomically
from schema.errors import ServerError

#: How far a start time that was written down may be from what the system says, in seconds.
_START_TOLERANCE_S: Final = 2.0


def clean_environment(**extra: str) -> dict[str, str]:
    """An environment for a server: none of the user's Java, Postgres or library settings."""
    kept = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **extra}


def remember_process(pid_file: Path, pid: int) -> None:
    """Write down a process so that `find_process` knows it from a later one of the same number."""
    started = psutil.Process(pid).create_time()
    write_atomically(pid_file, f"{pid} {started}\n")


def find_process(pid_file: Path) -> psutil.Process | None:
    """The living process of a pid file, if there is one."""
    if not pid_file.exists():
        return None
    pid, started = pid_file.read_text(encoding="ascii").split()
    process = living_process(int(pid))
    if process is None or abs(process.create_time() - float(started)) > _START_TOLERANCE_S:
        return None
    return process


def living_process(pid: int) -> psutil.Process | None:
    """A process that runs; a dead child of ours is reaped, a dead one of others does not count."""
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process
        if process.ppid() == os.getpid():
            os.waitpid(pid, os.WNOHANG)
    except psutil.NoSuchProcess:
        pass
    return None


def wait_until_gone(process: psutil.Process, seconds: float, what: str) -> None:
    """Wait for a process that was asked to end.

    Raises:
        ServerError: it still runs after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while living_process(process.pid) == process:
        if time.monotonic() > deadline:
            raise ServerError(
                f"{what} (process {process.pid}) has not stopped after {seconds:.0f} s. Try "
                "`memreward down` again, or end that process."
            )
        time.sleep(0.05)


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log, for a message; empty if there is none."""
    if not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines[-count:] if line.strip())
