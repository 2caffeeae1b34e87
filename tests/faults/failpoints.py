"""Named points of the write protocol at which a test may strike; nothing in memreward knows them.

The doors to both databases are wrapped: each named statement, each transaction of Postgres and each
write transaction of Neo4j is a point, before it and after it.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from memstore.db.graph_store import GraphStore, GraphTransaction
from memstore.db.vector_store import SqlSession, VectorStore

#: Called with each point as it is reached, for example "after sql add_batch #2".
Hook = Callable[[str], None]


def kill_at(point: str) -> Hook:
    """SIGKILL this process at a point: no handler, no clean-up."""

    def strike(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return strike


@contextmanager
def armed(hook: Hook) -> Iterator[None]:
    """Call `hook` at every point reached within the block."""
    seen: Counter[str] = Counter()

    def reach(point: str) -> None:
        seen[point] += 1
        hook(f"{point} #{seen[point]}")

    with pytest.MonkeyPatch.context() as patch:
        for method in ("rows", "run", "copy"):
            _wrap(patch, SqlSession, method, reach, "sql")
        _wrap(patch, GraphTransaction, "rows", reach, "cypher")
        _wrap_block(patch, VectorStore, "transaction", reach, "commit")
        _wrap_block(patch, SqlSession, "transaction", reach, "commit of a session")
        _wrap(patch, GraphStore, "write", reach, "commit")
        yield


def _wrap(patch: pytest.MonkeyPatch, cls: type, method: str, reach: Hook, kind: str) -> None:
    plain = getattr(cls, method)

    def wrapped(self: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
        reach(f"before {kind} {name}")
        result = plain(self, name, *args, **kwargs)
        reach(f"after {kind} {name}")
        return result

    patch.setattr(cls, method, wrapped)


def _wrap_block(patch: pytest.MonkeyPatch, cls: type, method: str, reach: Hook, kind: str) -> None:
    plain = getattr(cls, method)

    @contextmanager
    def wrapped(self: Any, *args: Any) -> Iterator[Any]:
        name = " ".join([kind, *args])
        with plain(self, *args) as opened:
            yield opened
            reach(f"before {name}")
        reach(f"after {name}")

    patch.setattr(cls, method, wrapped)
