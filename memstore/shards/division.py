"""How a memory is divided, and how far the edges between its shards are written.

Shard `number` of `count` is the memory `<name>@<number>-of-<count>`: it is accepted to, published,
checked and repaired as any other. A rollout is in the shard that the id of its query says. What the
shards have in common is in the first one's Postgres, a row a shard, and changed under one lock.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from memstore.db import MemoryState, SqlSession, Stores, find_memory, retried
from memstore.outbox import DEFAULT_NEIGHBOURS
from schema.errors import EncoderMismatchError, InputError, UnknownMemoryError
from schema.ids import shard_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One shard: a memory of this name in these databases."""

    stores: Stores
    name: str

    def state(self) -> MemoryState | None:
        """As it is; None: it has no rollouts yet."""
        return retried(self._look_up)

    def _look_up(self) -> MemoryState | None:
        with self.stores.vectors.transaction("outbox.sql") as session:
            return find_memory(session, self.name)


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


@dataclass(frozen=True, kw_only=True)
class Shards:
    """A memory that is divided, with the databases of its shards, the first one's first."""

    memory: str
    parts: tuple[Shard, ...]

    @classmethod
    def over(cls, memory: str, count: int, pairs: Sequence[Stores]) -> "Shards":
        """The shards of a memory, spread over pairs of databases.

        Raises:
            InputError: if it is divided otherwise, or is one memory, or there are fewer than 2.
        """
        if count < 2:
            raise InputError(f"a memory is divided into 2 shards at least, not {count}")
        found = cls(
            memory=memory,
            parts=tuple(
                Shard(stores=pairs[place % len(pairs)], name=shard_name(memory, place + 1, count))
                for place in range(count)
            ),
        )
        retried(found.division)
        return found

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
            InputError: if it is divided into another number of shards, or is one memory.
        """
        with self.first.stores.vectors.transaction("shards.sql") as session:
            return self.division_in(session)

    def division_in(self, session: SqlSession) -> Division | None:
        """The same, in a session of the first shard's Postgres."""
        count, rows = len(self.parts), session.rows("rows", memory=self.memory)
        if rows and len(rows) != count:
            raise InputError(
                f"memory {self.memory!r} is divided into {len(rows)} shards, not {count}: open it "
                f"with `shards={len(rows)}`"
            )
        if rows:
            _, made, seqs, generations, neighbours, incarnations = zip(*rows, strict=True)
            return Division(
                made=made[0],
                generation=generations[0],
                neighbours=neighbours[0],
                seqs=seqs,
                incarnations=incarnations,
            )
        expected = {part.name for part in self.parts}
        for (name,) in session.rows("standing", memory=self.memory):
            if name not in expected:
                raise InputError(
                    f"memory {self.memory!r} cannot be divided into {count} shards, since there is "
                    f"{name!r}: choose another name, or open what is there"
                )
        return None

    def divided(self, session: SqlSession) -> Division:
        """How it is divided, from now on if it was not; under the lock.

        Raises:
            InputError: if somebody made it one memory.
        """
        found = self.division_in(session)
        if found is None:
            session.run(
                "divide",
                memory=self.memory,
                made=str(uuid4()),
                count=len(self.parts),
                neighbours=DEFAULT_NEIGHBOURS,
            )
            found = self.division_in(session)
        assert found is not None, "it was checked not to be one memory"
        return found

    @contextmanager
    def locked(self) -> Iterator[SqlSession]:
        """A session of the first shard's Postgres, in which others wait for this one's end."""
        with self.first.stores.vectors.session("shards.sql") as session:
            session.run("lock", memory=self.memory)
            yield session

    def states(self, division: Division) -> list[MemoryState | None]:
        """State of each shard; None: it has no rollouts yet.

        Raises:
            UnknownMemoryError: if one was deleted, or others have taken their places.
            EncoderMismatchError: if they have different encoders.
        """
        found = [part.state() for part in self.parts]
        for part, state, incarnation in zip(self.parts, found, division.incarnations, strict=True):
            if incarnation is not None and (state is None or state.incarnation != incarnation):
                raise UnknownMemoryError(
                    f"{part.name!r}, a shard of memory {self.memory!r}, was deleted: restore it, "
                    "or delete the whole memory"
                )
        encoders = {(state.encoder, state.dimension) for state in found if state is not None}
        if len(encoders) > 1:
            raise EncoderMismatchError(
                f"the shards of memory {self.memory!r} have different encoders: give them one, by "
                "`memreward reembed` on each"
            )
        return found

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
        )
        if moved != len(self.parts):
            raise UnknownMemoryError(
                f"memory {self.memory!r} was deleted in the meantime: open it again"
            )

    def readable(self, division: Division) -> list[int]:
        """Up to which batch each shard can be read: the one before a query without its edges."""
        return [
            0 if state is None else retried(lambda p=part, s=state, q=seq: _readable(p, s, q))
            for part, state, seq in zip(
                self.parts, self.states(division), division.seqs, strict=True
            )
        ]


def _readable(part: Shard, state: MemoryState, seq: int) -> int:
    with part.stores.vectors.transaction("shards.sql") as session:
        row = session.row("first_query", memory=part.name, after=seq)
    return state.seq if row is None or row[0] is None else min(int(row[0]) - 1, state.seq)
