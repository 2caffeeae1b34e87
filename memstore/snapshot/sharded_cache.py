"""The snapshot of a memory that is divided: its shards in one, as one memory's would be.

It is made of what the shards' Postgres holds: edges that somebody draws in their Neo4j are not in
it. Each shard is read up to the batch before a query that has no edges yet: such a query belongs to
a call that is under way, or was cut off.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from memstore.db import MemoryState, SqlSession, Stores, retried
from memstore.outbox import deleted_memory_error, publish
from memstore.reads import read_consistently, removals, removals_of
from memstore.shards import Shard, Shards, Standing
from memstore.snapshot.cache import REMOVING
from memstore.snapshot.files import Files, SnapshotManifest, machine_start
from memstore.snapshot.fill import (
    EDGES_A_PAGE,
    Span,
    add_accepted_edges,
    add_nodes,
    add_similar,
    add_verified,
    commonest,
    count_stamps,
    pages,
    together,
)
from memstore.snapshot.kept import KeptSnapshot
from memstore.snapshot.snapshot import Snapshot
from schema.errors import UnknownMemoryError
from schema.graph import QUERY

#: Policy, layer and dimension of policy embeddings, and how many have them.
_Stamps = list[tuple[str, str, int, int]]


class ShardedSnapshotCache(KeptSnapshot):
    """What `SnapshotCache` is for one memory, for one process."""

    def __init__(self, shards: Shards, home: Path, *, rebuild: bool = False) -> None:
        """Open the snapshot under `home`, or make it; see `SnapshotCache` for what it raises."""
        self._shards = shards
        self._made_at: str | None = None
        standing = self._standing()
        self._made_at = standing.division.made
        super().__init__(shards.memory, home / shards.memory / self._made_at)
        with self._lock():
            self._drop_other_incarnations()
            self.snapshot = self._opened(standing, rebuild)
        self.catch_up()

    def check(self) -> None:
        """Catch up; Neo4j is not looked at."""
        self.catch_up()

    def catch_up(self) -> None:
        """Bring it up to everything that all shards have accepted.

        Raises:
            UnknownMemoryError: if the memory or a shard was deleted.
            EncoderMismatchError: if the shards have different encoders.
        """
        retried(self._read_what_is_new)

    def _read_what_is_new(self) -> None:
        standing = self._standing()
        while not self._is_current(standing):
            with self._lock():
                adopted = self.snapshot.files.manifest
                self._adopt()
                if self.snapshot.files.manifest is not adopted:
                    standing = self._standing()  # Others may have seen more than was read here.
                if self._is_current(standing) or self._advance(standing):
                    return
            standing = self._standing()

    def _standing(self) -> Standing:
        standing = self._shards.standing()
        if standing is None:
            raise UnknownMemoryError(f"there is no memory {self._shards.memory!r}")
        if self._made_at not in (None, standing.division.made):
            raise deleted_memory_error(self._shards.memory)
        return standing

    def _is_current(self, standing: Standing) -> bool:
        manifest = self.snapshot.files.manifest
        return (
            standing.readable == manifest.shards
            and manifest.generation == standing.division.generation
        )

    def _opened(self, standing: Standing, rebuild: bool) -> Snapshot:
        if rebuild:
            return self._made("it was asked for")
        found = self._found(self._state(standing))
        return self._made(found) if isinstance(found, str) else found

    def _state(self, standing: Standing) -> MemoryState:
        """Of some shard: what is the same for all."""
        states = [state for state in standing.states if state is not None]
        if not states:
            raise UnknownMemoryError(f"memory {self._shards.memory!r} holds nothing yet")
        names = [state for state in states if state.feature_names]
        return (names or states)[0]

    def _advance(self, standing: Standing) -> bool:
        """Read the new batches, or rebuild the snapshot if that is not enough.

        Returns:
            Whether it is sure to be at what the shards held.
        """
        before, division = self._removals(), standing.division
        manifest = self.snapshot.files.manifest
        after, upto = manifest.shards, standing.readable
        if REMOVING & self._kinds_after(after):
            self.snapshot = self._made("rows were deleted or replaced")
            return False
        if manifest.lacks_edges and any(a == 0 < u for a, u in zip(after, upto, strict=True)):
            # Others' edges lead there: it was imported, and had no edges of its own till now.
            self.snapshot = self._made("a shard was not read before")
            return False
        with ExitStack() as stack:
            stack.callback(self._forget)  # Unless all of it was read.
            stamps = self._append(self.snapshot, after, upto, manifest.stamps)
            if manifest.generation == division.generation:
                self._add_similar(self.snapshot, after, upto, division.generation)
            else:
                self.snapshot = self._relinked(division.generation, upto)
                manifest = self.snapshot.files.manifest
            self.snapshot.take_up()
            if self._removals() != before or self._generation() != division.generation:
                return False  # Rows may have gone while they were read; the next try sees that.
            stack.pop_all()
        manifest.shards, manifest.seq, manifest.stamps = upto, sum(upto), stamps
        if commonest(stamps) != manifest.stamp:
            self.snapshot = self._made("other policy embeddings have become the most")
            return False
        if self.snapshot.wants_csr:
            self.snapshot = self.snapshot.write_csr(f"csr-{manifest.seq}")
        self.snapshot.files.save()
        return True

    def _relinked(self, generation: int, upto: Sequence[int]) -> Snapshot:
        """The snapshot with the edges between queries of another generation."""
        files = self.snapshot.files
        manifest = replace(files.manifest, generation=generation, similar=f"similar-{generation}")
        snapshot = Snapshot(Files(self._home, manifest, files.extents))
        self._add_similar(snapshot, [0] * len(upto), upto, generation)
        return snapshot

    def _generation(self) -> int | None:
        division = retried(self._shards.division)
        return None if division is None else division.generation

    def _removals(self) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for there in self._shards.together():
            found |= removals_of(there.stores, there.names)
        return found

    def _kinds_after(self, seqs: Sequence[int]) -> set[str]:
        """Kinds of the batches after these of the shards."""
        kinds: set[str] = set()
        for there in self._shards.together():
            after = [seqs[place] for place in there.places]
            with there.stores.vectors.reading("snapshot.sql") as session:
                rows = session.rows("kinds_in_several", memories=there.names, after=after)
            kinds |= {kind for (kind,) in rows}
        return kinds

    def _new(self) -> Snapshot:
        """From the Postgres of all shards."""
        for part in self._shards.parts:
            accepted, published = removals(part.stores, part.name)
            if accepted != published:
                publish(part.stores, part.name)
        return self._read(self._shards.parts)

    def _read(self, parts: Sequence[Shard]) -> Snapshot:
        """A new base, while nothing is taken away from any of these shards."""
        if not parts:
            return self._new_base()
        first, rest = parts[0], parts[1:]
        return read_consistently(first.stores, first.name, lambda: self._read(rest))

    def _new_base(self) -> Snapshot:
        standing = self._standing()
        division, upto, state = standing.division, standing.readable, self._state(standing)
        start = [0] * len(upto)
        stamps = self._stamps(start, upto, [])
        manifest = SnapshotManifest(
            memory=self._shards.first.name,
            incarnation=division.made,
            encoder=state.encoder,
            dimension=state.dimension,
            base=f"base-{sum(upto)}-{uuid4().hex[:8]}",
            seq=sum(upto),
            generation=division.generation,
            similar=f"similar-{division.generation}",
            stamp=commonest(stamps),
            stamps=stamps,
            kept_names=list(state.feature_names),
            shards=upto,
            start=machine_start(),
        )
        (self._home / manifest.base).mkdir()
        snapshot = Snapshot(Files(self._home, manifest, {}))
        self._append(snapshot, start, upto, [])
        self._add_similar(snapshot, start, upto, division.generation)
        if self._generation() != division.generation:
            shutil.rmtree(snapshot.files.folder)
            return self._new_base()  # A link has dropped edges while they were read.
        return snapshot.write_csr(f"csr-{sum(upto)}")

    def _spans(
        self, after: Sequence[int], upto: Sequence[int]
    ) -> Iterator[tuple[Stores, list[Span]]]:
        """The batches to read of the shards that have some, and where, by what is read together."""
        for there in self._shards.together():
            spans = [
                Span(memory=self._shards.parts[place].name, after=after[place], upto=upto[place])
                for place in there.places
                if upto[place] > after[place]
            ]
            for group in together(spans):
                yield there.stores, group

    def _append(
        self, snapshot: Snapshot, after: Sequence[int], upto: Sequence[int], known: _Stamps
    ) -> _Stamps:
        """All but the edges between queries; returns the counts of policy embeddings' stamps."""
        for stores, spans in self._spans(after, upto):
            with stores.vectors.reading("snapshot.sql") as session:
                add_nodes(snapshot, session, spans)
                add_accepted_edges(snapshot, session, spans)
                add_verified(snapshot, session, spans)
        return self._stamps(after, upto, known)

    def _stamps(self, after: Sequence[int], upto: Sequence[int], known: _Stamps) -> _Stamps:
        for stores, spans in self._spans(after, upto):
            with stores.vectors.reading("snapshot.sql") as session:
                known = count_stamps(session, spans, known)
        return known

    def _add_similar(
        self, snapshot: Snapshot, after: Sequence[int], upto: Sequence[int], generation: int
    ) -> None:
        """The edges between queries; the nodes of all shards must be there."""
        for stores, spans in self._spans(after, upto):
            with stores.vectors.reading("shards.sql") as session:
                _add_edges(snapshot, session, spans, generation)


def _add_edges(
    snapshot: Snapshot, session: SqlSession, spans: Sequence[Span], generation: int
) -> None:
    manifest = snapshot.files.manifest

    def there() -> Iterator[list[Any]]:
        """A neighbour may be gone with its run: its shard knows nothing of this one's edges."""
        for page in pages(session, "edges", EDGES_A_PAGE, spans, generation=generation):
            found = snapshot.find(QUERY, [row[1] for row in page]) >= 0
            manifest.lacks_edges |= not found.all()
            yield [row for row, is_there in zip(page, found, strict=True) if is_there]

    add_similar(snapshot, there())
