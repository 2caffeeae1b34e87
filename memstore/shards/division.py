"""How a memory is divided, and how far the edges between its shards are written.

Shard `number` of `count` is the memory `<name>@<number>-of-<count>`: it is accepted to, published,
checked and repaired as any other. A rollout is in the shard that the id of its query says. What the
shards have in common is in the first one's Postgres, a row a shard, and changed under one lock. The
shards may lie in several pairs of databases; the others know whose shards they hold.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from memstore.db import (
    MemoryState,
    SqlSession,
    Stores,
    find_memories,
    look_up_memory,
    retried,
)
from memstore.outbox import DEFAULT_NEIGHBOURS
from memstore.shards.pairs import Pair, known, placed
from schema.errors import EncoderMismatchError, InputError, UnknownMemoryError
from schema.ids import shard_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One shard: a memory of this name in these databases."""

    pair: Pair
    name: str

    @property
    def stores(self) -> Stores:
        """The databases."""
        return self.pair.stores

    def state(self) -> MemoryState | None:
        """As it is; None: it has no rollouts yet."""
        return look_up_memory(self.stores, self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Division:
    """What the first shard's Postgres knows; sequences have an entry a shard."""

    #: Tells the memory from a deleted one of the same name.
    made: str
    #: Generation of the edges between queries, and how many a query gets.
    generation: int
    neighbours: int
    #: Up to these batches, the shards' queries have their edges.
    seqs: tuple[int, ...]
    #: Of the shards; None: it had no rollouts then.
    incarnations: tuple[str | None, ...]
    #: The last link found their queries up to these batches.
    linked: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What all shards hold at one moment."""

    division: Division
    #: None: a shard has no rollouts yet.
    states: list[MemoryState | None]
    #: Up to which batch each shard can be read: the one before a query without its edges.
    readable: list[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class InOnePlace:
    """The shards that lie in the same databases, which one statement can ask."""

    stores: Stores
    places: tuple[int, ...]
    names: list[str]


@dataclass(frozen=True, kw_only=True)
class Shards:
    """A memory that is divided, with the databases of its shards, the first one's first."""

    memory: str
    parts: tuple[Shard, ...]
    #: All pairs of databases, also those that hold no shard.
    pairs: tuple[Pair, ...]

    @classmethod
    def over(cls, memory: str, count: int, pairs: Sequence[Stores]) -> "Shards":
        """The shards of a memory, where they are; those of a new one over the pairs, in turns.

        Raises:
            InputError: if it is divided otherwise, or is one memory, or there are fewer than 2.
            SettingsError: if a pair that holds one is not given, or one is given twice.
            StoreError: if the first shard's pair has forgotten the memory.
        """
        if count < 2:
            raise InputError(f"a memory is divided into 2 shards at least, not {count}")
        found = known(pairs, memory)
        return cls(
            memory=memory,
            parts=tuple(
                Shard(pair=pair, name=shard_name(memory, number, count))
                for number, pair in enumerate(placed(memory, count, found), 1)
            ),
            pairs=tuple(one.pair for one in found),
        )

    @property
    def first(self) -> Shard:
        """The one whose databases know of all, and which notes the checkpoints."""
        return self.parts[0]

    def part_of(self, query_id: str) -> int:
        """Place of the shard that holds a query and its rollouts."""
        return int(query_id, 16) % len(self.parts)

    def division(self) -> Division | None:
        """How it is divided; None: nothing is stored yet.

        Raises:
            UnknownMemoryError: if it was deleted, and divided otherwise.
        """
        with self.first.stores.vectors.reading("shards.sql") as session:
            return self.division_in(session)

    def division_in(self, session: SqlSession) -> Division | None:
        """The same, in a session of the first shard's Postgres."""
        rows = session.rows("rows", memory=self.memory)
        if not rows:
            return None
        _, made, seqs, generations, neighbours, *rest = zip(*rows, strict=True)
        incarnations, linked, pairs, _ = rest
        if pairs != tuple(part.pair.id for part in self.parts):
            raise UnknownMemoryError(
                f"memory {self.memory!r} was deleted and divided otherwise: open it again"
            )
        return Division(
            made=made[0],
            generation=generations[0],
            neighbours=neighbours[0],
            seqs=seqs,
            incarnations=incarnations,
            linked=linked,
        )

    def divide(self) -> Division:
        """Write down how it is divided, in all pairs, unless that is done; others wait.

        Raises:
            InputError: if somebody has made it one memory, or divided it otherwise.
        """
        with ExitStack() as stack:
            sessions = dict[Pair, SqlSession]()
            for pair in sorted(self.pairs, key=lambda pair: pair.id):  # In an order for everybody.
                session = stack.enter_context(pair.stores.vectors.session("shards.sql"))
                session.run("lock", memory=self.memory)
                sessions[pair] = session
            stores = [pair.stores for pair in self.pairs]
            if Shards.over(self.memory, len(self.parts), stores).parts != self.parts:
                raise InputError(f"memory {self.memory!r} was divided just now: open it again")
            with self.first.stores.vectors.named_errors():
                division = self._divided_in(sessions.pop(self.first.pair))
            for pair, session in sessions.items():
                with pair.stores.vectors.named_errors():
                    session.run(
                        "divide_elsewhere",
                        memory=self.memory,
                        made=division.made,
                        count=len(self.parts),
                        pair=self.first.pair.id,
                        address=self.first.stores.vectors.address,
                    )
        return division

    def _divided_in(self, session: SqlSession) -> Division:
        """How it is divided, from now on if it was not, in the first shard's Postgres."""
        division = self.division_in(session)
        if division is None:
            session.run(
                "divide",
                memory=self.memory,
                made=str(uuid4()),
                neighbours=DEFAULT_NEIGHBOURS,
                pairs=[part.pair.id for part in self.parts],
                addresses=[part.stores.vectors.address for part in self.parts],
            )
            division = self.division_in(session)
        if division is None:
            raise InputError(f"there is a memory {self.memory!r} now: choose another name")
        return division

    def together(self) -> list[InOnePlace]:
        """The shards by the databases that they lie in, the first one's first."""
        places: dict[str, list[int]] = {}
        for place, part in enumerate(self.parts):
            places.setdefault(part.pair.id, []).append(place)
        return [
            InOnePlace(
                stores=self.parts[those[0]].stores,
                places=tuple(those),
                names=[self.parts[place].name for place in those],
            )
            for those in places.values()
        ]

    def states(self, division: Division) -> list[MemoryState | None]:
        """State of each shard; None: it has no rollouts yet.

        Raises:
            UnknownMemoryError: if one was deleted, or others have taken their places.
            EncoderMismatchError: if they have different encoders.
        """
        found: dict[str, MemoryState] = {}
        for there in self.together():
            found |= retried(partial(_states, there))
        return self._checked(division, found)

    def standing(self) -> Standing | None:
        """How it is divided, and what all shards hold; None: nothing is stored yet.

        Raises:
            MemrewardError: see `division` and `states`.
        """
        return retried(self._standing)

    def _standing(self) -> Standing | None:
        division, found, firsts = None, dict[str, MemoryState](), dict[str, int | None]()
        for there in self.together():
            with there.stores.vectors.reading("shards.sql") as session:
                division = division or self.division_in(session)
                if division is None:
                    return None
                found |= find_memories(session, there.names)
                after = [division.seqs[place] for place in there.places]
                firsts |= dict(session.rows("first_queries", memories=there.names, after=after))
        assert division is not None, "a memory has shards"
        states = self._checked(division, found)
        return Standing(
            division=division,
            states=states,
            readable=[
                0 if state is None else min(state.seq, (firsts[state.name] or state.seq + 1) - 1)
                for state in states
            ],
        )

    def _checked(
        self, division: Division, found: Mapping[str, MemoryState]
    ) -> list[MemoryState | None]:
        states = [found.get(part.name) for part in self.parts]
        for part, state, incarnation in zip(self.parts, states, division.incarnations, strict=True):
            if incarnation is not None and (state is None or state.incarnation != incarnation):
                raise UnknownMemoryError(
                    f"{part.name!r}, a shard of memory {self.memory!r}, was deleted: import its "
                    "archive (docs/shards.md), or delete the whole memory"
                )
        encoders = {(state.encoder, state.dimension) for state in states if state is not None}
        if len(encoders) > 1:
            raise EncoderMismatchError(
                f"the shards of memory {self.memory!r} have different encoders: give them one, by "
                "`memreward reembed` on each"
            )
        return states

    def move(
        self, session: SqlSession, division: Division, states: Sequence[MemoryState | None]
    ) -> None:
        """Let the edges count that are written up to `states`; under the lock, in its session.

        Raises:
            UnknownMemoryError: if the memory was deleted.
        """
        moved = session.run(
            "move",
            memory=self.memory,
            made=division.made,
            generation=division.generation,
            neighbours=division.neighbours,
            numbers=list(range(1, len(self.parts) + 1)),
            seqs=[0 if state is None else state.seq for state in states],
            incarnations=[None if state is None else state.incarnation for state in states],
            linked=list(division.linked),
        )
        if moved != len(self.parts):
            raise UnknownMemoryError(
                f"memory {self.memory!r} was deleted in the meantime: open it again"
            )


def _states(there: InOnePlace) -> dict[str, MemoryState]:
    with there.stores.vectors.reading("shards.sql") as session:
        return find_memories(session, there.names)
