"""Looking after a memory that is divided: what its shards are, and whether their edges are whole.

Each shard is checked, repaired and deleted as the memory that it is; here is what they share.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from memstore.consistency import CheckReport
from memstore.db import Stores, retried
from memstore.outbox import every_memory
from memstore.shards.division import Shards
from memstore.shards.edges import drop_other_generations, tie_new
from memstore.shards.lock import ShardsLock, under_lock
from memstore.shards.pairs import known, recorded
from schema.errors import EncoderMismatchError, SettingsError, StoreError, UnknownMemoryError

#: A memory whose shards are not all there, or do not fit together.
BROKEN: Final = (EncoderMismatchError, SettingsError, StoreError, UnknownMemoryError)


def divided_memories(pairs: Sequence[Stores], memory: str | None) -> list[Shards]:
    """The memories that are divided, or the one of that name if it is.

    Raises:
        SettingsError: if a pair that holds a shard of one is not given.
    """
    return [Shards.over(name, count, pairs) for name, count in shard_counts(pairs, memory).items()]


def shard_counts(pairs: Sequence[Stores], memory: str | None) -> dict[str, int]:
    """How many shards each memory has that is divided, or the one of that name if it is."""
    counts: dict[str, int] = {}
    for stores in pairs:
        counts |= retried(partial(_shard_counts, stores))
    return {name: count for name, count in sorted(counts.items()) if memory in (None, name)}


def _shard_counts(stores: Stores) -> Mapping[str, int]:
    with stores.vectors.transaction("shards.sql") as session:
        return dict(session.rows("divided"))


def places_of(pairs: Sequence[Stores], memory: str | None) -> list[tuple[Stores, str]]:
    """Databases and name of a memory, or of its shards that hold rollouts; None: of every memory.

    If the first shard's pair has forgotten a memory, of what is left.

    Raises:
        SettingsError: if a pair that holds one is not given.
    """
    if memory is None:
        return [(stores, name) for stores in pairs for name in every_memory(stores)]
    found = known(pairs, memory)
    ids = {one.pair.id for one in found}
    is_forgotten = not any(one.places for one in found) and any(
        one.elsewhere is not None and one.elsewhere[1] in ids for one in found
    )
    standing = [(one.pair.stores, name) for one in found for name in one.standing]
    if is_forgotten or recorded(memory, found) is not None:
        return sorted(standing, key=lambda place: place[1])
    return [place for place in standing if place[1] == memory][:1] or [(pairs[0], memory)]


def check_divided(pairs: Sequence[Stores], memory: str | None) -> list[CheckReport]:
    """What is common to the shards of each memory that is divided, or of the one of that name.

    One whose shards cannot be read as one memory is reported so, and hides no other.
    """
    return [_checked(name, count, pairs) for name, count in shard_counts(pairs, memory).items()]


def _checked(name: str, count: int, pairs: Sequence[Stores]) -> CheckReport:
    try:
        return check_edges(Shards.over(name, count, pairs))
    except BROKEN as error:
        report = CheckReport(memory=name)
        report.add("shards", str(error))
        return report


def check_edges(shards: Shards) -> CheckReport:
    """Whether the queries of all shards have edges: all but the very first must, or wait for them.

    Raises:
        UnknownMemoryError: if a shard was deleted.
    """
    report = CheckReport(memory=shards.memory)
    standing = shards.standing()
    if standing is None:
        return report
    division = standing.division
    report.seq, waiting, missing = sum(standing.readable), 0, 0
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

    What a `link` that was cut off has left is removed.

    Raises:
        UnknownMemoryError: if a shard was deleted.
    """
    return under_lock(shards, partial(_repaired_edges, shards))


def _repaired_edges(shards: Shards, lock: ShardsLock) -> bool:
    division = shards.division_in(lock.session)
    if division is None:
        return False
    drop_other_generations(shards, lock, division)
    return tie_new(shards, lock, division)


def forget_division(pairs: Sequence[Stores], memory: str) -> None:
    """The memory is not divided any more; its shards must be deleted already.

    Who is interrupted does it again: the first shard's pair forgets last.
    """
    for one in sorted(known(pairs, memory), key=lambda one: len(one.places)):
        retried(partial(_forget, one.pair.stores, memory))


def _forget(stores: Stores, memory: str) -> None:
    with stores.vectors.transaction("shards.sql") as session:
        session.run("forget", memory=memory)
