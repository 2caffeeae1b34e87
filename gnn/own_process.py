"""A process beside this one that computes features of rollouts' own texts, while this one waits.

They are half of what a score costs, and this process has both databases to talk to meanwhile.
"""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np

from gnn.features import OwnTexts, own_row
from schema.memory_graph import Floats

_log = logging.getLogger("memreward.features")

#: Fewer rollouts are not worth a message.
WORTH_ASKING: Final = 32


class OwnProcess:
    """Computes own features of some rollouts at a time; started when it is first needed."""

    def __init__(self) -> None:
        """Nothing is started."""
        self._pipe: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: list[str] = []

    def ask(self, texts: Mapping[str, OwnTexts]) -> None:
        """Begin with some rollouts, by id, unless they are few or there is one core only."""
        self.take()
        if len(texts) < WORTH_ASKING or len(os.sched_getaffinity(0)) < 2:
            return
        try:
            self._started().send(list(texts.values()))
        except OSError as error:
            self._lost(error)
        else:
            self._asked = list(texts)

    def take(self) -> dict[str, Floats]:
        """Features, by id, of the rollouts last asked for; none if nothing was begun, or lost."""
        ids, self._asked = self._asked, []
        if not ids or self._pipe is None:
            return {}
        try:
            table = self._pipe.recv()
        except (OSError, EOFError) as error:
            self._lost(error)
            return {}
        return dict(zip(ids, table, strict=True))

    def close(self) -> None:
        """End the process."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _started(self) -> Connection:
        if self._pipe is None:
            here, there = socket.socketpair()
            path = [str(Path(__file__).parent.parent), *filter(None, sys.path)]
            with there:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "gnn.own_process", str(there.fileno())],
                    env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
                    pass_fds=[there.fileno()],
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for its owner.
                )
            self._pipe = Connection(here.detach())
        return self._pipe

    def _lost(self, error: Exception) -> None:
        _log.warning("the process for features is gone (%r): they are computed here", error)
        self.close()


def main(handle: int) -> None:
    """Answer each list of texts by a table, [N, F], until the other end is closed."""
    pipe = Connection(handle)
    while True:
        try:
            texts: list[OwnTexts] = pipe.recv()
            pipe.send(np.stack([own_row(*one) for one in texts]))
        except (EOFError, OSError):
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
