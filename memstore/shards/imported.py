"""A shard that is read from its archive takes its place in the memory that it is a shard of.

What is known of the memory is written anew, so nobody goes on with a snapshot of before, and the
shard's queries are read once they have edges again: by the next call, by a link or by repair.
"""

from collections.abc import Sequence
from functools import partial
from uuid import uuid4

from memstore.db import Stores, retried
from memstore.shards.care import forget_division
from memstore.shards.division import Shards
from memstore.shards.pairs import Known, known, missing_pair
from schema.errors import InputError, SettingsError
from schema.ids import shard_name, shard_place, whole_name


def pair_for(pairs: Sequence[Stores], shard: str, *, pair_is_lost: bool = False) -> Stores:
    """The pair of databases that an archive of a shard is to be read into.

    It is the one that held the shard; of a memory that is new here, the one with the fewest shards.

    Args:
        pairs: all that the settings name.
        shard: its name.
        pair_is_lost: the pair that held it is gone for good; another takes its place, the one with
            the fewest shards.

    Raises:
        InputError: if the memory is divided otherwise, or is not divided, or no pair is lost.
        SettingsError: if the pair that held it is not given, and not said to be lost.
    """
    whole, (number, count) = whole_name(shard), shard_place(shard)
    found = known(pairs, whole)
    _refuse_others(whole, count, found)
    held = _held(found, number)
    by_id = {one.pair.id: one.pair.stores for one in found}
    if held is not None and (held[0] in by_id) == pair_is_lost:
        if pair_is_lost:
            raise InputError(
                f"the pair that held {shard!r}, with Postgres at {held[1]}, is not lost: leave "
                "--lost-pair out"
            )
        raise SettingsError(
            f"{missing_pair(repr(shard), held[1])}. If it is lost for good, give --lost-pair"
        )
    if held is not None and held[0] in by_id:
        return by_id[held[0]]
    return min(found, key=lambda one: (shard not in one.standing, len(one.standing))).pair.stores


def _refuse_others(whole: str, count: int, found: Sequence[Known]) -> None:
    shards = {shard_name(whole, number, count) for number in range(1, count + 1)}
    counts = {len(one.places) for one in found if one.places}
    counts |= {one.elsewhere[0] for one in found if one.elsewhere is not None}
    others = sorted({name for one in found for name in one.standing} - shards)
    if others or counts - {count}:
        what = f"there is {others[0]!r}" if others else f"it has {min(counts - {count})} shards"
        raise InputError(
            f"a shard of {count} cannot be imported into memory {whole!r}, since {what}: delete "
            f"that first (`memreward delete --memory {whole}`), or leave the archive out"
        )


def _held(found: Sequence[Known], number: int) -> tuple[str, str] | None:
    """Id and address of the pair that held a shard, or that knew which did; None: nobody knows."""
    for one in found:
        if one.places:
            return one.places[number - 1]
    ids = {one.pair.id for one in found}
    for one in found:
        if one.elsewhere is not None and one.elsewhere[1] not in ids:
            return one.elsewhere[1:]
    return None


def take_place(pairs: Sequence[Stores], shard: str, incarnation: str) -> None:
    """The shard that was read counts from now on, in the pair where it is.

    To be called before it can be seen; who is interrupted imports it again.

    Args:
        pairs: all that the settings name.
        shard: its name.
        incarnation: of what was read.

    Raises:
        MemrewardError: if the memory was divided otherwise in the meantime.
    """
    whole, (_, count) = whole_name(shard), shard_place(shard)
    found = known(pairs, whole)
    if not any(one.places for one in found):
        forget_division(pairs, whole)  # The first shard's pair is lost, or nothing is known yet.
        Shards.over(whole, count, pairs).divide()
        found = known(pairs, whole)
    head = next(one for one in found if one.places)
    here = next(one for one in found if shard in one.standing)
    made = str(uuid4())
    retried(partial(_note, head, here, shard, incarnation, made))
    for one in found:
        if one is not head:
            with one.pair.stores.vectors.transaction("shards.sql") as session:
                session.run(
                    "divide_elsewhere",
                    memory=whole,
                    made=made,
                    count=count,
                    pair=head.pair.id,
                    address=head.pair.stores.vectors.address,
                )


def _note(head: Known, here: Known, shard: str, incarnation: str, made: str) -> None:
    memory = whole_name(shard)
    with head.pair.stores.vectors.session("shards.sql") as session:
        session.run("lock", memory=memory)
        session.run(
            "take_place",
            memory=memory,
            number=shard_place(shard)[0],
            made=made,
            incarnation=incarnation,
            pair=here.pair.id,
            address=here.pair.stores.vectors.address,
        )


def shards_without_rollouts(pairs: Sequence[Stores], memory: str) -> list[str]:
    """Names of a memory's shards that hold nothing, or are not imported yet.

    Raises:
        MemrewardError: if its pairs are not all given.
    """
    standing = {name for one in known(pairs, memory) for name in one.standing}
    counts = {len(one.places) for one in known(pairs, memory) if one.places}
    names = [shard_name(memory, n, count) for count in counts for n in range(1, count + 1)]
    return [name for name in names if name not in standing]
