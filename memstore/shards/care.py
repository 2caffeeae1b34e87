"""Looking after a memory that is divided: what its shards are, and whether their edges are whole.

Each shard is checked, repaired and deleted as the memory that it is; here is what they share.
"""

from collections.abc import Mapping

from memstore.consistency import CheckReport
from memstore.db import Stores, retried
from memstore.shards.division import Shards
from memstore.shards.edges import tie_new


def divided_memories(stores: Stores, memory: str | None) -> list[Shards]:
    """The memories that are divided, or the one of that name if it is."""
    counts = retried(lambda: _shard_counts(stores))
    return [
        Shards.over(name, count, [stores])
        for name, count in counts.items()
        if memory in (None, name)
    ]


def _shard_counts(stores: Stores) -> Mapping[str, int]:
    with stores.vectors.transaction("shards.sql") as session:
        return dict(session.rows("divided"))


def names_of(stores: Stores, memory: str) -> list[str]:
    """Names of the shards of a memory that hold rollouts, or its own if it is not divided."""

    def look() -> list[str]:
        with stores.vectors.transaction("shards.sql") as session:
            if not session.rows("rows", memory=memory):
                return [memory]
            return [name for (name,) in session.rows("standing", memory=memory)]

    return retried(look)


def check_edges(shards: Shards) -> CheckReport:
    """Whether the queries of all shards have edges: all but the very first must, or wait for them.

    Raises:
        UnknownMemoryError: if a shard was deleted.
    """
    report = CheckReport(memory=shards.memory)
    division = shards.division()
    if division is None:
        return report
    report.seq, waiting, missing = sum(shards.readable(division)), 0, 0
    for part, seq in zip(shards.parts, division.seqs, strict=True):
        with part.stores.vectors.transaction("shards.sql") as session:
            row = session.row(
                "untied", memory=part.name, seq=seq, generation=division.generation
            ) or (0, 0)
        waiting, missing = waiting + row[0], missing + row[1]
    if waiting:
        report.notes.append(
            f"{waiting} queries have no edges yet and are not read, since their call is under way "
            "or was cut off: the next call gives them some, or `memreward repair --memory "
            f"{shards.memory}`"
        )
    if missing > 1:
        report.add(
            "edges between shards",
            f"{missing} queries have none: open the memory and call `link`",
            missing,
        )
    return report


def repair_edges(shards: Shards) -> bool:
    """Give the queries of calls that were cut off their edges; returns whether there were any.

    Raises:
        UnknownMemoryError: if a shard was deleted.
    """
    with shards.locked() as session:
        division = shards.division_in(session)
        if division is None:
            return False
        return tie_new(shards, session, division)


def forget_division(stores: Stores, memory: str) -> None:
    """The memory is not divided any more; its shards must be deleted already."""

    def forget() -> None:
        with stores.vectors.transaction("shards.sql") as session:
            session.run("forget", memory=memory)

    retried(forget)
