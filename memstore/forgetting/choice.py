"""What a compaction would forget, counted before anything is changed."""

from dataclasses import dataclass
from typing import Final

from memstore.db import Stores, get_memory, retried
from schema.errors import InputError

_IDS_A_PAGE: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class CompactionPlan:
    """How much a compaction forgets; bytes as Postgres stores them."""

    #: Rollouts of the memory, those of them that are forgotten already, and those that would be.
    rollouts: int
    forgotten: int
    chosen: int
    #: Of the chosen ones.
    thinking_bytes: int
    embedding_bytes: int
    #: The table of rollouts on disk, that of all memories.
    table_bytes: int


def plan_compaction(stores: Stores, memory: str, keep: int) -> CompactionPlan:
    """What `compact` would forget now.

    Args:
        stores: both databases.
        memory: whose rollouts.
        keep: so many rollouts of one query, conclusion and policy stay whole.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if `keep` is negative.
    """
    check_keep(keep)
    get_memory(stores, memory)

    def look() -> CompactionPlan:
        chosen = thinking = embedding = 0
        with stores.vectors.session("forget.sql") as session:
            counts = session.row("counts", memory=memory)
            size = session.row("table_size")
            for page in session.stream("chosen", _IDS_A_PAGE, memory=memory, keep=keep):
                sizes = session.row("sizes", memory=memory, ids=[id_ for (id_,) in page])
                assert sizes is not None
                chosen += len(page)
                thinking += sizes[0]
                embedding += sizes[1]
        assert counts is not None and size is not None
        return CompactionPlan(
            rollouts=counts[0],
            forgotten=counts[1],
            chosen=chosen,
            thinking_bytes=thinking,
            embedding_bytes=embedding,
            table_bytes=size[0],
        )

    return retried(look)


def check_keep(keep: int) -> None:
    """Check how many rollouts are to stay whole.

    Raises:
        InputError: if they are fewer than none.
    """
    if keep < 0:
        raise InputError(f"--keep {keep}: give how many rollouts of a conclusion stay, 0 or more")
