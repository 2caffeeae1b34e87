"""In which pairs of databases the shards of a memory lie.

Each pair has an id of its own, and the first shard's knows those of all shards, so that the order
of the settings does not matter once a memory is divided, and a pair that is missing is missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from memstore.db import Stores, retried
from schema.errors import InputError, SettingsError, StoreError
from schema.ids import shard_name, whole_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One Neo4j and its Postgres, and what tells them from others."""

    stores: Stores
    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What one pair knows of a memory that may be divided."""

    pair: Pair
    #: If the first shard lies here: id and address of the pair of each shard.
    places: tuple[tuple[str, str], ...]
    #: If it lies elsewhere: how many shards there are, and id and address of its pair.
    elsewhere: tuple[int, str, str] | None
    #: The memory, or shards of it, that hold rollouts here.
    standing: tuple[str, ...]


def known(pairs: Sequence[Stores], memory: str) -> list[Known]:
    """What each pair knows.

    Raises:
        SettingsError: if two of them are the same.
    """
    found = [retried(partial(_look, stores, memory)) for stores in pairs]
    for place, one in enumerate(found):
        for other in found[:place]:
            if one.pair.id == other.pair.id:
                where, same = (each.pair.stores.vectors.address for each in (one, other))
                raise SettingsError(
                    f"two pairs of the settings have the same Postgres: {same} and {where}. Name "
                    "each pair once; if one is a copy of the other, docs/shards.md says what to do"
                )
    return found


def _look(stores: Stores, memory: str) -> Known:
    with stores.vectors.transaction("shards.sql") as session:
        row = session.row("pair")
        assert row is not None, "migration 0014 puts it there"
        places = tuple((pair, at) for *_, pair, at in session.rows("rows", memory=memory))
        elsewhere = session.row("elsewhere", memory=memory)
        standing = tuple(name for (name,) in session.rows("standing", memory=memory))
    return Known(
        pair=Pair(stores=stores, id=row[0]),
        places=places,
        elsewhere=None if elsewhere is None else (elsewhere[0], elsewhere[1], elsewhere[2]),
        standing=standing,
    )


def recorded(memory: str, found: Sequence[Known]) -> list[Pair] | None:
    """Pair of each shard, as it was written down; None: nothing was.

    Raises:
        SettingsError: if a pair is not among those of the settings.
        StoreError: if the first shard's pair has forgotten the memory, or two claim to be it.
    """
    by_id = {one.pair.id: one.pair for one in found}
    heads = [one for one in found if one.places]
    if len(heads) > 1:
        raise StoreError(
            f"memory {memory!r} was divided twice: both "
            f"{' and '.join(one.pair.stores.vectors.address for one in heads)} hold its first "
            "shard. Take one of these pairs out of the settings"
        )
    for one in found:
        if one.elsewhere is not None and not heads:
            _, id_, address = one.elsewhere
            if id_ not in by_id:
                raise _missing(f"shard 1 of memory {memory!r}", address)
            raise StoreError(
                f"the databases at {by_id[id_].stores.vectors.address}, which held the first shard "
                f"of memory {memory!r}, do not know it: restore them, or remove what is left with "
                f"`memreward delete --memory {memory}`"
            )
    if not heads:
        return None
    for number, (id_, address) in enumerate(heads[0].places, 1):
        if id_ not in by_id:
            raise _missing(f"shard {number} of memory {memory!r}", address)
    return [by_id[id_] for id_, _ in heads[0].places]


def pair_of(pairs: Sequence[Stores], memory: str) -> Stores:
    """The pair that holds a memory, or is to: the first one, but for shards that lie elsewhere.

    Raises:
        SettingsError, StoreError: see `recorded`.
    """
    whole = whole_name(memory)
    if whole == memory:
        return pairs[0]
    found = known(pairs, whole)
    chosen = recorded(whole, found)
    for number, pair in enumerate(chosen or (), 1):
        if memory == shard_name(whole, number, len(chosen or ())):
            return pair.stores
    holding = [one.pair.stores for one in found if memory in one.standing]
    return (holding or pairs)[0]


def placed(memory: str, count: int, found: Sequence[Known]) -> list[Pair]:
    """Pair of each shard: where it is, or where it is to be, in turns.

    Raises:
        InputError: if the memory is divided otherwise, or is one memory.
        SettingsError, StoreError: see `recorded`.
    """
    pairs = recorded(memory, found)
    if pairs is not None:
        if len(pairs) != count:
            raise InputError(
                f"memory {memory!r} is divided into {len(pairs)} shards, not {count}: open it with "
                f"`shards={len(pairs)}`"
            )
        return pairs
    names = [shard_name(memory, number, count) for number in range(1, count + 1)]
    chosen = [found[place % len(found)].pair for place in range(count)]
    for one in found:
        for name in one.standing:
            if name not in names:
                raise InputError(
                    f"memory {memory!r} cannot be divided into {count} shards, since there is "
                    f"{name!r}: choose another name, or open what is there"
                )
            chosen[names.index(name)] = one.pair  # A shard that was imported stays where it is.
    return chosen


def missing_pair(what: str, address: str) -> str:
    """Message for those whose settings lack a pair."""
    return (
        f"{what} lies in a pair of databases that the settings do not name; its Postgres was at "
        f"{address or 'an address that is not known'}. Name it in `pairs` (docs/shards.md)"
    )


def _missing(what: str, address: str) -> SettingsError:
    return SettingsError(missing_pair(what, address))
