"""The writer of a memory that is divided: the writers of its shards, at the same time.

A call is accepted by all shards, then its queries get their edges, under one lock: as in one
memory, calls come one after another, and each is whole. What a call leaves undone that is cut off,
the same call does when it is repeated, or else the next one.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Protocol

from memstore.changes import BatchWriter, LinkProgress, RolloutWriter
from memstore.db import VectorStore, retried
from memstore.encoders import CachingEncoder, TextEncoder
from memstore.outbox import (
    Accepted,
    BackgroundPublisher,
    Given,
    ReuseAudit,
    accept_to_several,
    deleted_memory_error,
    refuse_changed,
)
from memstore.reads import known_audits
from memstore.shards.at_once import at_once, once
from memstore.shards.division import Division, InOnePlace, Shards
from memstore.shards.edges import are_untied, link_new, tie_new
from memstore.shards.holder import known_in
from memstore.shards.lock import ShardsLock, under_lock
from memstore.shards.publication import PairPublisher, ShardedPublisher, check_graph
from memstore.similarity import Near
from schema.errors import LockLostError, UnreachableError
from schema.ids import query_id
from schema.keyed_rollout import Keys, PreparedRollout
from schema.memory_graph import Floats
from schema.rollout import Rollout


class WriterInPlace(Protocol):
    """Writes elsewhere to the shards that lie in the same databases."""

    def accept(
        self, run: str, given: Sequence[Given], encoder: str, keys: Callable[[], Keys], reuse: bool
    ) -> list[Accepted]:
        """See `accept_to_several`; given nothing, it waits for whatever is still accepted there."""
        ...

    def nearest(self, asked: Mapping[str, Floats], neighbours: int) -> list[Near]:
        """The nearest queries in these shards, among them the nearest of all."""
        ...

    def publisher(self) -> BackgroundPublisher:
        """What makes visible what it accepts."""
        ...


class ShardedWriter(BatchWriter):
    """The writer of a memory that is divided. Not thread-safe."""

    def __init__(
        self,
        shards: Shards,
        run: str,
        elsewhere: Sequence[WriterInPlace] | None = None,
        *,
        reuse: bool = False,
    ) -> None:
        """Finish what earlier writers of the shards left undone.

        Args:
            shards: of the memory.
            run: that makes the rollouts.
            elsewhere: who writes for this one, as `Shards.together` has the places; None: nobody.
            reuse: see `RolloutWriter`.

        Raises:
            MemrewardError: see `RolloutWriter`.
        """
        self._shards, self._elsewhere, self._reuse = shards, elsewhere, reuse
        self._searches = None if elsewhere is None else [one.nearest for one in elsewhere]
        self._parts = [RolloutWriter(p.stores, p.name, run) for p in shards.parts]
        for part in shards.parts:
            check_graph(part)
        self._made: str | None = None
        #: Whether all pairs know of the memory.
        self._is_noted = False
        #: Whether a call failed after shards may have accepted some of it.
        self._was_cut_off = False
        encoder = self._standing.encoder
        super().__init__(shards.memory, run, encoder)
        self._give(encoder)
        self.find_memory()

    @property
    def _standing(self) -> RolloutWriter:
        """The writer of a shard that holds rollouts, if one does."""
        found = [part for part in self._parts if part.find_memory() is not None]
        return (found or self._parts)[0]

    @property
    def places(self) -> list[tuple[VectorStore, str]]:
        """Where the shards are: Postgres of each, and its name there."""
        return [(part.stores.vectors, part.name) for part in self._shards.parts]

    def stamped_encoder(self) -> TextEncoder:
        """The encoder that the shards have now."""
        return self._standing.stamped_encoder()

    @property
    def encoder(self) -> CachingEncoder:
        """What embeds the texts of all shards."""
        return self._encoder

    @encoder.setter
    def encoder(self, encoder: CachingEncoder) -> None:
        self._encoder = encoder
        self._give(encoder)

    def _give(self, encoder: CachingEncoder) -> None:
        for part in self._parts:
            part.encoder = encoder

    def find_memory(self) -> Division | None:
        """How the memory is divided; None as long as nothing is stored.

        Raises:
            UnknownMemoryError: if it was deleted, also if another memory has its name now.
        """
        standing = self._shards.standing()
        division = self._same(None if standing is None else standing.division)
        return division if standing is not None and any(standing.states) else None

    def _same(self, division: Division | None) -> Division | None:
        made = None if division is None else division.made
        if self._made not in (None, made):
            raise deleted_memory_error(self.memory)
        self._made = made
        return division

    def split(
        self, prepared: Sequence[PreparedRollout]
    ) -> tuple[list[PreparedRollout], list[PreparedRollout]]:
        """See `BatchWriter`; a rollout of another query would be in another shard."""
        known, ids = dict[str, str](), [item.id for item in prepared]
        for there in self._shards.together():
            known |= known_in(there, ids)
        refuse_changed(prepared, known)
        return (
            [item for item in prepared if item.id not in known],
            [item for item in prepared if item.id in known],
        )

    def held(self, ids: Sequence[str]) -> set[str]:
        """See `BatchWriter`."""
        return {id_ for there in self._shards.together() for id_ in known_in(there, ids)}

    def refuse_others(self, prepared: Sequence[PreparedRollout]) -> None:
        """See `BatchWriter`."""
        self.split(prepared)
        for place, items in self._by_part(prepared).items():
            self._parts[place].refuse_others(items)

    def remember_stored(self, items: Sequence[PreparedRollout]) -> None:
        """See `BatchWriter`."""
        for place, own in self._by_part(items).items():
            self._parts[place].remember_stored(own)

    def prefer(self, pairs: Sequence[tuple[Rollout, Rollout]], annotator: str) -> int:
        """See `BatchWriter`."""
        found: dict[int, list[tuple[Rollout, Rollout]]] = {}
        for pair in pairs:
            place = self._shards.part_of(query_id(self.memory, pair[0].query))
            found.setdefault(place, []).append(pair)
        return sum(self._parts[place].prefer(own, annotator) for place, own in found.items())

    def link_new(self, progress: LinkProgress | None = None) -> int:
        """See `BatchWriter`."""
        return link_new(self._shards, progress)

    def accept_embedded(
        self, prepared: Sequence[PreparedRollout], keys: Callable[[], Keys] = dict
    ) -> Accepted:
        """See `BatchWriter`.

        When this returns, all shards have accepted theirs, and new queries have their edges. What
        it raises may leave some of the shards with theirs; the same again adds the rest.

        Raises:
            MemrewardError: see `RolloutWriter.accept_embedded`.
        """
        read = once(keys)
        try:
            if not self._is_noted:  # Also if it is divided: who did it may have died half-way.
                self._same(retried(self._shards.divide))
                self._is_noted = True
            return under_lock(self._shards, partial(self._accept_all, prepared, read))
        except (LockLostError, UnreachableError) as error:
            raise type(error)(
                f"{error}. Shards of memory {self.memory!r} may have stored their part of the "
                "call: the same call again stores the rest"
            ) from error

    def _accept_all(
        self, prepared: Sequence[PreparedRollout], keys: Callable[[], Keys], lock: ShardsLock
    ) -> Accepted:
        """See `accept_embedded`; what an attempt that failed has accepted counts with the next."""
        division = self._same(self._shards.division_in(lock.session))
        assert division is not None, "one that is gone is another than the one before"
        items = self._by_part(prepared)
        self.split(prepared)  # Others may have stored some since they were split before.
        was_cut_off, self._was_cut_off = self._was_cut_off, True
        done = self._accept(items, keys, lock)
        ids = {item.query_id for item in prepared}
        # Of another call that was cut off, what is missing may come yet.
        if any(one.seq is not None for one in done) or are_untied(self._shards, division, ids):
            tie_new(self._shards, lock, division, self._searches)
        seqs = [accepted.seq for accepted in done if accepted.seq is not None]
        if was_cut_off:  # Nobody has published what it accepted.
            seqs += [state.seq for state in self._shards.states(division) if state is not None]
        self._was_cut_off = False
        accepted = Accepted(
            seq=max(seqs) if seqs else None,
            new=sum(accepted.new for accepted in done),
            existing=sum(accepted.existing for accepted in done),
            new_queries=sum(accepted.new_queries for accepted in done),
            labels=sum(accepted.labels for accepted in done),
            incarnation=division.made,
        )
        self._count(accepted)
        return accepted

    def _accept(
        self,
        items: Mapping[int, Sequence[PreparedRollout]],
        keys: Callable[[], Keys],
        lock: ShardsLock,
    ) -> list[Accepted]:
        """Have all shards accept theirs: those in the same databases together."""
        places = self._shards.together()
        writers = self._elsewhere or [None] * len(places)
        audits = known_audits(self.places) if self._reuse else None
        calls = [
            partial(self._accept_in, there, writer, items, keys, audits, lock)
            for there, writer in zip(places, writers, strict=True)
        ]
        return list(chain.from_iterable(at_once(calls)))

    def _accept_in(
        self,
        there: InOnePlace,
        writer: WriterInPlace | None,
        items: Mapping[int, Sequence[PreparedRollout]],
        keys: Callable[[], Keys],
        audits: Mapping[str, ReuseAudit] | None,
        lock: ShardsLock,
    ) -> list[Accepted]:
        parts = {place: self._parts[place] for place in there.places}
        given = [
            Given(
                memory=p.memory,
                prepared=items.get(place, []),
                incarnation=p.incarnation,
                audits=audits,
            )
            for place, p in parts.items()
        ]
        if writer is None:
            stamp = self.encoder.name, self.encoder.dimension
            done = accept_to_several(
                there.stores.vectors,
                self.run,
                given,
                stamp,
                keys=keys,
                reuse=self._reuse,
                fence=lock.fence,
            )
        else:
            done = writer.accept(self.run, given, self.encoder.name, keys, self._reuse)
        for part, accepted in zip(parts.values(), done, strict=True):
            part.note(accepted)
        return done

    def publisher(self) -> ShardedPublisher:
        """What makes visible, in the background, what this writer accepts."""
        if self._elsewhere is None:
            return ShardedPublisher([PairPublisher(there) for there in self._shards.together()])
        return ShardedPublisher([writer.publisher() for writer in self._elsewhere])

    def _by_part(self, prepared: Sequence[PreparedRollout]) -> dict[int, list[PreparedRollout]]:
        """The rollouts by the place of their shard."""
        found: dict[int, list[PreparedRollout]] = {}
        for item in prepared:
            found.setdefault(self._shards.part_of(item.query_id), []).append(item)
        return dict(sorted(found.items()))
