"""The snapshot of a memory that is divided: its shards in one, as one memory's would be.

It is made of what the shards' Postgres holds: edges that somebody draws in their Neo4j are not in
it. Each shard is read up to the batch before a query that has no edges yet: such a query belongs to
a call that is under way, or was cut off.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from memstore.db import MemoryState, SqlSession
from memstore.outbox import deleted_memory_error, publish
from memstore.reads import read_consistently, removals
from memstore.shards import Division, Shard, Shards
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
        division = self._division()
        super().__init__(shards.memory, home / shards.memory / division.made)
        self._made_at = division.made
        with self._lock():
            self._drop_other_incarnations()
            self.snapshot = self._opened(division, rebuild)
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
        while not self._is_current(self._division()):
            with self._lock():
                self._adopt()
                division = self._division()
                if not self._is_current(division):
                    self._advance(division)

    def _division(self) -> Division:
        division = self._shards.division()
        if division is None:
            raise UnknownMemoryError(f"there is no memory {self._shards.memory!r}")
        if self._made_at not in (None, division.made):
            raise deleted_memory_error(self._shards.memory)
        return division

    def _is_current(self, division: Division) -> bool:
        manifest = self.snapshot.files.manifest
        return (
            self._shards.readable(division) == manifest.shards
            and manifest.generation == division.generation
        )

    def _opened(self, division: Division, rebuild: bool) -> Snapshot:
        if rebuild:
            return self._made("it was asked for")
        found = self._found(self._state(division))
        return self._made(found) if isinstance(found, str) else found

    def _state(self, division: Division) -> MemoryState:
        """Of some shard: what is the same for all."""
        states = [state for state in self._shards.states(division) if state is not None]
        if not states:
            raise UnknownMemoryError(f"memory {self._shards.memory!r} holds nothing yet")
        names = [state for state in states if state.feature_names]
        return (names or states)[0]

    def _advance(self, division: Division) -> None:
        """Read the new batches, or rebuild the snapshot if that is not enough."""
        before = self._removals()
        manifest = self.snapshot.files.manifest
        after = manifest.shards
        if any(REMOVING & _kinds(p, s) for p, s in zip(self._shards.parts, after, strict=True)):
            self.snapshot = self._made("rows were deleted or replaced")
            return
        upto = self._shards.readable(division)
        stamps = self._append(self.snapshot, after, upto, manifest.stamps)
        if manifest.generation == division.generation:
            self._add_similar(self.snapshot, after, upto, division.generation)
        else:
            self.snapshot = self._relinked(division.generation, upto)
            manifest = self.snapshot.files.manifest
        self.snapshot.take_up()
        if self._removals() != before or self._division().generation != division.generation:
            self._forget()  # Rows may have gone while they were read; the next try sees that.
            return
        manifest.shards, manifest.seq, manifest.stamps = upto, sum(upto), stamps
        if commonest(stamps) != manifest.stamp:
            self.snapshot = self._made("other policy embeddings have become the most")
            return
        if self.snapshot.wants_csr:
            self.snapshot = self.snapshot.write_csr(f"csr-{manifest.seq}")
        self.snapshot.files.save()

    def _relinked(self, generation: int, upto: Sequence[int]) -> Snapshot:
        """The snapshot with the edges between queries of another generation."""
        files = self.snapshot.files
        manifest = replace(files.manifest, generation=generation, similar=f"similar-{generation}")
        snapshot = Snapshot(Files(self._home, manifest, files.extents))
        self._add_similar(snapshot, [0] * len(upto), upto, generation)
        return snapshot

    def _removals(self) -> list[tuple[int, int]]:
        return [removals(part.stores, part.name) for part in self._shards.parts]

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
        division = self._division()
        upto, state = self._shards.readable(division), self._state(division)
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
        if self._division().generation != division.generation:
            shutil.rmtree(snapshot.files.folder)
            return self._new_base()  # A link has dropped edges while they were read.
        return snapshot.write_csr(f"csr-{sum(upto)}")

    def _spans(self, after: Sequence[int], upto: Sequence[int]) -> list[tuple[Shard, Span]]:
        """The batches to read of each shard that has some."""
        return [
            (part, Span(memory=part.name, after=start, upto=end))
            for part, start, end in zip(self._shards.parts, after, upto, strict=True)
            if end > start
        ]

    def _append(
        self, snapshot: Snapshot, after: Sequence[int], upto: Sequence[int], known: _Stamps
    ) -> _Stamps:
        """All but the edges between queries; returns the counts of policy embeddings' stamps."""
        for part, span in self._spans(after, upto):
            with part.stores.vectors.transaction("snapshot.sql") as session:
                add_nodes(snapshot, session, span)
                add_accepted_edges(snapshot, session, span)
                add_verified(snapshot, session, span)
        return self._stamps(after, upto, known)

    def _stamps(self, after: Sequence[int], upto: Sequence[int], known: _Stamps) -> _Stamps:
        for part, span in self._spans(after, upto):
            with part.stores.vectors.transaction("snapshot.sql") as session:
                known = count_stamps(session, span, known)
        return known

    def _add_similar(
        self, snapshot: Snapshot, after: Sequence[int], upto: Sequence[int], generation: int
    ) -> None:
        """The edges between queries; the nodes of all shards must be there."""
        for part, span in self._spans(after, upto):
            with part.stores.vectors.transaction("shards.sql") as session:
                _add_edges(snapshot, session, span, generation)


def _add_edges(snapshot: Snapshot, session: SqlSession, span: Span, generation: int) -> None:
    def there() -> Iterator[list[Any]]:
        """A neighbour may be gone with its run: its shard knows nothing of this one's edges."""
        for page in pages(session, "edges", EDGES_A_PAGE, span, generation=generation):
            found = snapshot.find(QUERY, [row[1] for row in page]) >= 0
            yield [row for row, is_there in zip(page, found, strict=True) if is_there]

    add_similar(snapshot, there())


def _kinds(part: Shard, after: int) -> set[str]:
    with part.stores.vectors.transaction("snapshot.sql") as session:
        return {kind for _, kind in session.rows("batches", memory=part.name, after=after)}
