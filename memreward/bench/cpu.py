"""Processor time of this process and of memreward's own Postgres: it says what work costs where
others keep the machine busy.
"""

import psutil

from memstore import Settings
from memstore.servers import USER, Home, PostgresServer


class CpuClock:
    """Seconds of processor time spent so far; of Postgres, what sessions that still live spent."""

    def __init__(self, settings: Settings) -> None:
        """A Postgres that memreward did not start is left out."""
        self._postgres: psutil.Process | None = None
        if settings.postgres_dsn is None:
            self._postgres = PostgresServer(home=Home(root=settings.home), wanted_port=0).process()

    def __call__(self) -> float:
        """The time so far."""
        processes = [psutil.Process()]
        if self._postgres is not None:
            processes += filter(_serves, self._postgres.children())
        return sum(_spent(process) for process in processes)


def _serves(process: psutil.Process) -> bool:
    """Whether it is a session, and no background work."""
    try:
        return process.cmdline()[:1] != [] and process.cmdline()[0].startswith(f"postgres: {USER} ")
    except psutil.NoSuchProcess:
        return False


def _spent(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # A session that has just ended.
        return 0.0
    return times.user + times.system
