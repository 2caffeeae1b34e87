"""A memory's snapshot in the cache on disk: found or made, caught up, rebuilt when it must be.

Several processes may use one: whoever changes it holds the lock next to it. A snapshot is rebuilt
when it is damaged, when a batch took rows away or replaced them, when edges of Neo4j are no longer
those that it has, and when another policy's embeddings have become the most. It catches up with
all else by reading what the newer batches brought.

Edges are looked at in Neo4j only if something has been written there since they were the same.
"""

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from memstore.db import MemoryState, SqlSession, Stores, get_memory, retried
from memstore.outbox import publish
from memstore.reads import read_consistently, removals
from memstore.snapshot.edge_drift import ComparisonBeside, EdgeComparison
from memstore.snapshot.files import EDGES, Files, SnapshotManifest, machine_start
from memstore.snapshot.fill import (
    Span,
    add_accepted_edges,
    add_accepted_similar,
    add_nodes,
    add_verified,
    commonest,
    count_stamps,
    published_edges,
)
from memstore.snapshot.kept import KeptSnapshot
from memstore.snapshot.snapshot import Snapshot
from schema.batch import BatchKind
from schema.errors import StoreError, UnknownMemoryError
from schema.graph import SIMILAR

#: Kinds of batches that take rows away or replace them.
REMOVING: Final = {
    BatchKind.DELETE.value,
    BatchKind.REEMBED.value,
    BatchKind.REKEY.value,
    BatchKind.COMPACT.value,
}


class SnapshotCache(KeptSnapshot):
    """The snapshot of one memory, for one process."""

    def __init__(
        self,
        stores: Stores,
        memory: str,
        home: Path,
        *,
        rebuild: bool = False,
        beside: bool = False,
    ) -> None:
        """Open the snapshot under `home`, or make it; it holds everything accepted then.

        Args:
            stores: both databases.
            memory: whose snapshot.
            home: folder of the snapshots of all memories.
            rebuild: make a new one even if the old one can be used, of all edges of Neo4j.
            beside: do not wait until the edges are compared with Neo4j's; if they differ, the
                first `catch_up` afterwards rebuilds the snapshot.

        Raises:
            UnknownMemoryError: if there is no such memory.
            StoreError: if the databases contradict each other.
            QuarantineError: if something must be published first, and cannot be.
        """
        state = get_memory(stores, memory)
        super().__init__(memory, home / memory / state.incarnation)
        self._stores, self._incarnation = stores, state.incarnation
        self._every_edge = False
        self._beside = ComparisonBeside()
        with self._lock():
            self._drop_other_incarnations()
            self.snapshot = self._opened(state, rebuild, beside)
        self.catch_up()

    def _opened(self, state: MemoryState, rebuild: bool, beside: bool) -> Snapshot:
        if rebuild:
            self._every_edge = True
            snapshot = self._made("it was asked for")
            self._every_edge = False
            return snapshot
        found = self._found(state)
        if isinstance(found, str):
            return self._made(found)
        if not beside:
            return self._agreeing(found, state)
        self._beside.begin(self._comparison(found, state), self._memory)
        return found

    def _comparison(self, snapshot: Snapshot, state: MemoryState) -> EdgeComparison | None:
        """What is left to compare; None: nothing."""
        kinds = self._kinds_after(snapshot.seq)
        if REMOVING & kinds or BatchKind.LINK.value in kinds:
            return None  # Catching up will rebuild it, or read the edges again.
        upto = min(state.published_seq, snapshot.seq)
        comparison = EdgeComparison(self._stores, snapshot, upto, state.published_generation)
        known = comparison.mark is not None and comparison.mark == snapshot.files.manifest.agreed
        return None if known else comparison

    def _agreeing(self, snapshot: Snapshot, state: MemoryState) -> Snapshot:
        """The snapshot, rebuilt if edges were changed by hand in Neo4j."""
        comparison = self._comparison(snapshot, state)
        if comparison is None:
            return snapshot
        changed = comparison.changed()
        if changed:
            return self._made(f"edges of the type {changed[0]!r} were changed by hand in Neo4j")
        snapshot.files.manifest.agreed = comparison.mark
        snapshot.files.save()
        return snapshot

    def check(self) -> None:
        """Compare the edges with Neo4j's; rebuild the snapshot if they differ."""
        with self._lock():
            self._adopt()
            self.snapshot = self._agreeing(self.snapshot, get_memory(self._stores, self._memory))
        self._beside.drop()
        self.catch_up()

    def _hear(self) -> None:
        """Take up what a comparison beside found, once it is done; repeat one that failed."""
        if self._beside.is_due:
            self._beside.begin(self._comparison(self.snapshot, self._state()), self._memory)
        found = self._beside.found()
        if found is None:
            return
        mark, changed = found
        if changed:
            self.check()  # Rows may have gone meanwhile: what it finds is sure.
            return
        with self._lock():
            self._adopt()
            self.snapshot.files.manifest.agreed = mark
            self.snapshot.files.save()

    def catch_up(self) -> None:
        """Bring it up to everything that is accepted.

        Raises:
            UnknownMemoryError: if the memory was deleted.
            QuarantineError: if something must be published first, and cannot be.
            MemrewardError: what kept a comparison beside from its end.
        """
        self._hear()
        retried(self._read_what_is_new)

    def _read_what_is_new(self) -> None:
        while (state := self._state()).seq > self.snapshot.seq:
            with self._lock():
                self._adopt()
                if self.snapshot.seq < state.seq:
                    self._advance()

    def _state(self) -> MemoryState:
        state = get_memory(self._stores, self._memory)
        if state.incarnation != self._incarnation:
            raise UnknownMemoryError(
                f"memory {self._memory!r} was deleted and another one made: open it again"
            )
        return state

    def _kinds_after(self, seq: int) -> set[str]:
        with self._stores.vectors.reading("snapshot.sql") as session:
            rows = session.rows("batches", memory=self._memory, after=seq)
        return {kind for _, kind in rows}

    def _advance(self) -> None:
        """Read the new batches, or rebuild the snapshot if that is not enough."""
        before = removals(self._stores, self._memory)
        state = self._state()
        kinds = self._kinds_after(self.snapshot.seq)
        if REMOVING & kinds:
            self.snapshot = self._made("rows were deleted or replaced")
            return
        linked = BatchKind.LINK.value in kinds
        while linked and state.published_generation != state.generation:
            publish(self._stores, self._memory)
            state = self._state()
        with ExitStack() as stack:
            stack.callback(self._forget)  # Unless all of it was read.
            try:
                stamps = self._append(state, linked=linked)
            except StoreError:
                if removals(self._stores, self._memory) == before:
                    raise
                return
            if removals(self._stores, self._memory) != before:
                return  # Rows may have gone while they were read; the next try sees that.
            stack.pop_all()
        manifest = self.snapshot.files.manifest
        manifest.seq, manifest.stamps = state.seq, stamps
        if commonest(stamps) != manifest.stamp:
            publish(self._stores, self._memory)  # A new base holds what is published.
            self.snapshot = self._made("other policy embeddings have become the most")
            return
        if self.snapshot.wants_csr:
            self.snapshot = self.snapshot.write_csr(f"csr-{state.seq}")
        self.snapshot.files.save()

    def _append(self, state: MemoryState, *, linked: bool) -> list[tuple[str, str, int, int]]:
        """Everything up to `state.seq`; returns the counts of the policy embeddings' stamps."""
        snapshot = self.snapshot
        span = Span(memory=self._memory, after=snapshot.seq, upto=state.seq)
        manifest = snapshot.files.manifest
        with self._stores.vectors.reading("snapshot.sql") as session:
            add_nodes(snapshot, session, [span])
            add_accepted_edges(snapshot, session, [span])
            if not linked:
                add_accepted_similar(snapshot, session, span)
            add_verified(snapshot, session, [span])
            stamps = count_stamps(session, [span], manifest.stamps)
            if linked:
                self.snapshot = snapshot = self._relinked(state, session)
                add_accepted_similar(snapshot, session, replace(span, after=state.published_seq))
        snapshot.take_up()
        return stamps

    def _relinked(self, state: MemoryState, session: SqlSession) -> Snapshot:
        """The snapshot with the published edges of the current generation, and no others."""
        files = self.snapshot.files
        extents = files.extents
        files.manifest.generation = state.published_generation
        files.manifest.similar = f"similar-{state.published_generation}"
        snapshot = Snapshot(Files(self._home, files.manifest, extents))
        published = Span(memory=self._memory, after=0, upto=state.published_seq)
        add_accepted_similar(snapshot, session, published)
        self._read_changed(snapshot, state, [SIMILAR[1]])
        return snapshot

    def _read_changed(
        self, snapshot: Snapshot, state: MemoryState, edges: Iterable[str]
    ) -> str | None:
        """Take edges of these types from Neo4j, in new files, where it has others.

        Returns what Neo4j was like before; see `GraphStore.mark`.
        """
        upto, generation = state.published_seq, state.published_generation
        comparison = EdgeComparison(self._stores, snapshot, upto, generation, edges)
        for edge in edges if self._every_edge else comparison.changed():
            found = published_edges(self._stores, snapshot, edge, upto, generation)
            snapshot.files.drop_edges(edge)
            snapshot.add_edges(edge, found)
        return comparison.mark

    def _new(self) -> Snapshot:
        """From both databases."""
        accepted, published = removals(self._stores, self._memory)
        if accepted != published:
            publish(self._stores, self._memory)
        return read_consistently(self._stores, self._memory, self._new_base)

    def _new_base(self) -> Snapshot:
        state = self._state()
        if state.published_seq == 0 or state.generation != state.published_generation:
            publish(self._stores, self._memory)
            state = self._state()
        upto, memory = state.published_seq, self._memory
        span = Span(memory=memory, after=0, upto=upto)
        with self._stores.vectors.transaction("snapshot.sql") as session:
            stamps = count_stamps(session, [span], ())
        manifest = SnapshotManifest(
            memory=memory,
            incarnation=state.incarnation,
            encoder=state.encoder,
            dimension=state.dimension,
            base=f"base-{upto}-{uuid4().hex[:8]}",
            seq=upto,
            generation=state.published_generation,
            similar=f"similar-{state.published_generation}",
            stamp=commonest(stamps),
            stamps=stamps,
            kept_names=list(state.feature_names),
            start=machine_start(),
        )
        (self._home / manifest.base).mkdir()
        snapshot = Snapshot(Files(self._home, manifest, {}))
        with self._stores.vectors.transaction("snapshot.sql") as session:
            add_nodes(snapshot, session, [span])
            add_accepted_edges(snapshot, session, [span])
            add_accepted_similar(snapshot, session, span)
            add_verified(snapshot, session, [span])
        manifest.agreed = self._read_changed(snapshot, state, EDGES)
        if self._state().published_generation != manifest.generation:
            shutil.rmtree(snapshot.files.folder)
            return self._new_base()  # A link has dropped edges while they were read.
        return snapshot.write_csr(f"csr-{upto}")
