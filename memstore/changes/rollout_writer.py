"""The one way in for rollouts: ingest, collect, `Memory` and the HTTP service all use it.

A writer belongs to the memory that had the name when the writer was opened, or, under a new name,
when its first batch was accepted. If that memory is deleted, the writer is told at its next batch;
nothing of it ends up in a later memory of the same name.
"""

from collections.abc import Callable, Sequence

from memstore.changes.batch_writer import BatchWriter
from memstore.changes.labels import add_labels
from memstore.changes.metadata_check import refuse_other_metadata
from memstore.changes.relink import LinkProgress, link, needs_link
from memstore.db import (
    MemoryState,
    SqlSession,
    Stores,
    VectorStore,
    find_memory,
    look_up_memory,
    retried,
)
from memstore.encoders import TextEncoder, caching, encoder_for
from memstore.outbox import (
    Accepted,
    BackgroundPublisher,
    accept_rollouts,
    catch_up,
    deleted_memory_error,
    known_hashes,
    publish,
    refuse_changed,
)
from memstore.similarity import keep_index
from schema.ids import rollout_id
from schema.keyed_rollout import Keys, PreparedRollout
from schema.reward import Preference
from schema.rollout import Rollout


class RolloutWriter(BatchWriter):
    """The writer of a memory that is not divided. Not thread-safe."""

    def __init__(
        self,
        stores: Stores,
        memory: str,
        run: str,
        encoder: TextEncoder | None = None,
        *,
        reuse: bool = False,
    ) -> None:
        """Finish what an earlier writer left undone, and note which memory has the name.

        Args:
            stores: both databases.
            memory: where the rollouts go; the first batch makes it if there is none.
            run: which run made them.
            encoder: makes the embeddings that the rollouts do not carry; None: the memory's own.
            reuse: rollouts that conclude what was verified on their query take that verdict over.

        Raises:
            QuarantineError: if publication to the memory is stopped.
            UnknownMemoryError: if the memory is being imported or rebuilt.
            EncoderMismatchError: if the folder of the memory's encoder holds another model now.
        """
        catch_up(stores, memory)
        super().__init__(memory, run, caching(encoder or encoder_for(stores, memory)))
        self._stores, self._reuse = stores, reuse
        #: Of the memory that is written to; None as long as there is none.
        self.incarnation: str | None = None
        self.find_memory()

    def find_memory(self) -> MemoryState | None:
        """The state of the memory that is written to; None as long as there is none.

        Raises:
            UnknownMemoryError: if it was deleted, also if another memory has its name now.
        """
        state = look_up_memory(self._stores, self.memory)
        found = None if state is None else state.incarnation
        if self.incarnation not in (None, found):
            raise deleted_memory_error(self.memory)
        self.incarnation = found
        return state

    @property
    def places(self) -> list[tuple[VectorStore, str]]:
        """Where the memory is: Postgres, and its name there."""
        return [(self._stores.vectors, self.memory)]

    def stamped_encoder(self) -> TextEncoder:
        """The encoder that the memory has now.

        Raises:
            MemrewardError: see `memstore.encoders.encoder_for`.
        """
        return encoder_for(self._stores, self.memory)

    def split(
        self, prepared: Sequence[PreparedRollout]
    ) -> tuple[list[PreparedRollout], list[PreparedRollout]]:
        """See `BatchWriter`."""

        def look() -> dict[str, str]:
            with self._stores.vectors.reading("outbox.sql") as session:
                return known_hashes(session, self.memory, prepared)

        known = retried(look)
        refuse_changed(prepared, known)
        return (
            [item for item in prepared if item.id not in known],
            [item for item in prepared if item.id in known],
        )

    def held(self, ids: Sequence[str]) -> set[str]:
        """See `BatchWriter`."""
        with self._stores.vectors.transaction("outbox.sql") as session:
            memories = [self.memory] * len(ids)
            rows = session.rows("known_rollouts", memories=memories, ids=list(ids))
        return {row[0] for row in rows}

    def refuse_others(self, prepared: Sequence[PreparedRollout]) -> None:
        """See `BatchWriter`."""
        with self._stores.vectors.transaction("outbox.sql") as session:
            refuse_changed(prepared, known_hashes(session, self.memory, prepared))
            refuse_other_metadata(session, self.memory, prepared)

    def remember_stored(self, items: Sequence[PreparedRollout]) -> None:
        """See `BatchWriter`."""
        with self._stores.vectors.reading("outbox.sql") as session:
            self._remember(session, items)

    def accept_embedded(
        self, prepared: Sequence[PreparedRollout], keys: Callable[[], Keys] = dict
    ) -> Accepted:
        """See `BatchWriter`."""
        accepted = accept_rollouts(
            self._stores.vectors,
            self.memory,
            self.run,
            prepared,
            encoder=self.encoder.name,
            dimension=self.encoder.dimension,
            incarnation=self.incarnation,
            keys=keys,
            reuse=self._reuse,
        )
        self.note(accepted)
        return accepted

    def note(self, accepted: Accepted) -> None:
        """Count what was accepted."""
        self.incarnation = accepted.incarnation
        self._count(accepted)

    def add(self, rollouts: Sequence[Rollout]) -> None:
        """Accept and publish one batch.

        Raises:
            MemrewardError: see `accept`.
            QuarantineError: if publication to the memory is stopped.
        """
        catch_up(self._stores, self.memory)
        accepted = self.accept(rollouts)
        publish(self._stores, self.memory)
        if accepted.new_queries:
            keep_index(self._stores, self.memory)

    def publisher(self) -> BackgroundPublisher:
        """What makes visible, in the background, what this writer accepts."""
        return BackgroundPublisher(self._stores, self.memory)

    def prefer(self, pairs: Sequence[tuple[Rollout, Rollout]], annotator: str) -> int:
        """See `BatchWriter`."""
        named = [
            [
                rollout_id(self.memory, self.run, said.source_query_id, said.step, said.place)
                for said in pair
            ]
            for pair in pairs
        ]
        preferences = [
            Preference(better=better, worse=worse, annotator=annotator) for better, worse in named
        ]
        return add_labels(self._stores, self.memory, [], preferences).preferences

    def link_new(self, progress: LinkProgress | None = None) -> int:
        """See `BatchWriter`."""
        if not needs_link(self._stores, self.memory):
            return 0
        return link(self._stores, self.memory, progress=progress)

    def _remember(self, session: SqlSession, items: Sequence[PreparedRollout]) -> None:
        """A query whose vector is at hand is not looked up, nor are its rollouts.

        Nothing is taken from a memory that has another encoder.
        """
        state = find_memory(session, self.memory)
        if state is None or state.encoder != self.encoder.name:
            return
        lacking = [item for item in items if item.rollout.query_embedding is None]
        lacking = [item for item in lacking if not self.encoder.knows(item.rollout.query)]
        if not lacking:
            return
        ids = sorted({item.query_id for item in lacking})
        said = {text for item in lacking for text in (item.rollout.thinking, item.rollout.answer)}
        texts = sorted(text for text in said if not self.encoder.knows(text))
        for name, asked in (
            ("known_query_vectors", {"ids": ids}),
            ("known_rollout_vectors", {"ids": ids, "texts": texts}),
        ):
            found, vectors = session.embeddings(name, memory=self.memory, **asked)
            for text, vector in zip(found, vectors, strict=True):
                self.encoder.remember(text, vector)
