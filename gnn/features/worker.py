"""A worker process that reads rollouts' texts: their conclusions, then their features.

That is half of what a score costs. This process talks to the databases at the same time.
"""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from gnn.features.assembly import own_row
from memstore import python_path
from schema.answers import conclusion_key
from schema.keyed_rollout import Keys, Texts
from schema.memory_graph import Floats

_log = logging.getLogger("memreward.features")

#: Fewer rollouts are not worth a message.
WORTH_ASKING: Final = 32


class OwnProcess:
    """Reads the texts of some rollouts at a time; started when it is first needed."""

    def __init__(self) -> None:
        """Nothing is started."""
        self._pipe: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: list[str] = []
        self._keys: Keys | None = None

    def ask(self, texts: Mapping[str, Texts]) -> None:
        """Begin with some rollouts, by id, unless they are few or there is one core only."""
        self.features()  # An answer that was not collected must not be taken for this one.
        if len(texts) < WORTH_ASKING or len(os.sched_getaffinity(0)) < 2:
            return
        try:
            self._started().send(list(texts.values()))
        except OSError as error:
            self._lost(error)
        else:
            self._asked = list(texts)

    def keys(self) -> Keys:
        """Keys of conclusions, by id, of the rollouts last asked for; none if that was lost."""
        if self._keys is None:
            keys = self._received()
            self._keys = dict(zip(self._asked, keys, strict=True))
        return self._keys

    def features(self) -> dict[str, Floats]:
        """Their own features by id, in the same way; they are given once."""
        self.keys()
        table = self._received()
        ids, self._asked, self._keys = self._asked, [], None
        return dict(zip(ids, table, strict=True))

    def _received(self) -> Sequence[Any]:
        """The next answer; nothing if there is none to come."""
        if not self._asked or self._pipe is None:
            return []
        try:
            return self._pipe.recv()
        except (OSError, EOFError) as error:
            self._lost(error)
            return []
        except BaseException:
            self._asked = []
            self.close()  # Half an answer may have been read.
            raise

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
            with there:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "gnn.features.worker", str(there.fileno())],
                    env=os.environ | {"PYTHONPATH": python_path()},
                    pass_fds=[there.fileno()],
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for its owner.
                )
            self._pipe = Connection(here.detach())
        return self._pipe

    def _lost(self, error: Exception) -> None:
        _log.warning("the process that reads texts is gone (%r): they are read here", error)
        self._asked = []
        self.close()


def main(handle: int) -> None:
    """Answer each list of texts by keys, then by features [N, F], until the other end is closed."""
    pipe = Connection(handle)
    while True:
        try:
            texts: list[Texts] = pipe.recv()
            keys = [conclusion_key(*one) for one in texts]
            pipe.send(keys)
            read = zip(texts, keys, strict=True)
            pipe.send(np.stack([own_row(*said, key) for (*said, _), key in read]))
        except (EOFError, OSError):
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
