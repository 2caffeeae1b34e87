"""Reading both databases as of one moment, though rows may be going.

What is added later carries a later sequence number and is left out by that. What a delete takes
away leaves no such trace, nor does what a re-embedding or a re-keying replaces, so a read that one
of them has crossed is done again.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from memstore.db import Stores
from schema.errors import StoreError

T = TypeVar("T")

#: How long such a batch may take from acceptance to publication.
PATIENCE_S: Final = 120.0
_WAIT_S: Final = 0.05


def read_consistently(stores: Stores, memory: str, read: Callable[[], T]) -> T:
    """Result of `read`, during which nothing was taken away from the memory.

    Raises:
        StoreError: if such a batch was interrupted and does not finish.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        accepted, published = before = removals(stores, memory)
        if accepted == published:
            try:
                result = read()
            except StoreError:
                if removals(stores, memory) == before:
                    raise
            else:
                if removals(stores, memory) == before:
                    return result
        elif time.monotonic() > deadline:
            raise StoreError(
                f"batch {accepted} of memory {memory!r} takes away or replaces rows and is not "
                f"published: run `memreward repair --memory {memory}`"
            )
        time.sleep(_WAIT_S)


def removals(stores: Stores, memory: str) -> tuple[int, int]:
    """The last accepted and the last published batch that takes away or replaces."""
    return removals_of(stores, [memory]).get(memory, (0, 0))


def removals_of(stores: Stores, memories: Sequence[str]) -> dict[str, tuple[int, int]]:
    """The same of several memories, by name; without those that nothing was taken away from."""
    with stores.vectors.reading("reads.sql") as session:
        rows = session.rows("removals", memories=list(memories))
    return {name: (accepted, published) for name, accepted, published in rows}
