"""The one way in for rollouts: ingest, collect, `Memory` and the HTTP service all use it.

A writer belongs to the memory that had the name when the writer was opened, or, under a new name,
when its first batch was accepted. If that memory is deleted, the writer is told at its next batch;
nothing of it ends up in a later memory of the same name.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from memstore.changes.stored_vectors import remember_stored
from memstore.db import MemoryState, Stores, VectorStore, look_up_memory, retried
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
from schema.keyed_rollout import Keys, PreparedRollout, prepare
from schema.rollout import Rollout

#: Called with the number of rows just dealt with.
Progress = Callable[[int], None]


@dataclass(kw_only=True)
class IngestReport:
    """What a writer did."""

    new: int = 0
    existing: int = 0
    new_queries: int = 0
    labels: int = 0
    #: Similarity edges of the new generation; 0 when no link was needed.
    edges: int = 0


class RolloutWriter:
    """Embeds, accepts and publishes rollouts of one run. Not thread-safe."""

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
        self.memory, self.run = memory, run
        self._reuse = reuse
        #: May be replaced when the memory has been given another encoder.
        self.encoder = caching(encoder or encoder_for(stores, memory))
        #: What all batches so far did.
        self.report = IngestReport()
        self._stores = stores
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
        """The rollouts that the memory does not hold, and those that it holds.

        Raises:
            InputError: if the memory holds another text at the place of one.
        """

        def look() -> dict[str, str]:
            with self._stores.vectors.reading("outbox.sql") as session:
                return known_hashes(session, self.memory, prepared)

        known = retried(look)
        refuse_changed(prepared, known)
        return (
            [item for item in prepared if item.id not in known],
            [item for item in prepared if item.id in known],
        )

    def accept(self, rollouts: Sequence[Rollout]) -> Accepted:
        """Accept one batch: it is durable in Postgres then, and not in Neo4j yet.

        A text that is stored with a rollout of the same query is not embedded again.

        Raises:
            InputError: if a rollout is known with other content; nothing is accepted then.
            EncoderMismatchError: if the memory is stamped with another encoder.
            UnknownMemoryError: if the memory was deleted.
        """
        return self.accept_embedded(self.ready(rollouts))

    def ready(self, rollouts: Sequence[Rollout]) -> list[PreparedRollout]:
        """The rollouts with their ids; those that the memory does not hold, with embeddings.

        Raises:
            InputError: if the memory holds another text at the place of one.
        """
        fresh, known = self.split([prepare(self.memory, self.run, r) for r in rollouts])
        if any(item.rollout.query_embedding is None for item in fresh):
            retried(lambda: self._remember_stored(fresh))
        return [*embedded(fresh, self.encoder), *known]

    def accept_embedded(
        self, prepared: Sequence[PreparedRollout], keys: Callable[[], Keys] = dict
    ) -> Accepted:
        """Accept rollouts of which those that are new carry their embeddings.

        Args:
            prepared: at least the new rollouts; see `split`.
            keys: asked, late, for conclusions that were read elsewhere; others are read here.

        Raises:
            InputError: if a rollout is known with other content; nothing is accepted then.
            EncoderMismatchError: if the memory is stamped with another encoder.
            UnknownMemoryError: if the memory was deleted.
        """
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
        self.report.new += accepted.new
        self.report.existing += accepted.existing
        self.report.new_queries += accepted.new_queries
        self.report.labels += accepted.labels

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

    def write(self, batches: Iterable[Sequence[Rollout]], progress: Progress) -> None:
        """Accept and publish batch after batch: each is accepted while the one before is published.

        Args:
            batches: of rollouts.
            progress: called with the rows of each batch once they are visible.

        Raises:
            MemrewardError: see `add`.
        """
        visible_next = 0
        with closing(self.publisher()) as publisher:
            for batch in batches:
                self.accept(batch)
                publisher.flush()
                if visible_next:
                    progress(visible_next)
                publisher.wake()
                visible_next = len(batch)
            publisher.flush()
            if visible_next:
                progress(visible_next)

    def publisher(self) -> BackgroundPublisher:
        """What makes visible, in the background, what this writer accepts."""
        return BackgroundPublisher(self._stores, self.memory)

    def _remember_stored(self, items: Sequence[PreparedRollout]) -> None:
        with self._stores.vectors.reading("outbox.sql") as session:
            remember_stored(session, self.memory, items, self.encoder)


def embedded(prepared: Sequence[PreparedRollout], encoder: TextEncoder) -> list[PreparedRollout]:
    """The same rollouts with the embeddings that they lack."""
    lacking = [item for item in prepared if item.rollout.query_embedding is None]
    texts = [
        text
        for item in lacking
        for text in (item.rollout.query, item.rollout.thinking, item.rollout.answer)
    ]
    made = encoder.encode(texts) if texts else ()
    given = [item for item in prepared if item.rollout.query_embedding is not None]
    return given + [
        replace(
            item,
            rollout=replace(
                item.rollout,
                encoder=encoder.name,
                query_embedding=made[3 * place],
                thinking_embedding=made[3 * place + 1],
                answer_embedding=made[3 * place + 2],
            ),
        )
        for place, item in enumerate(lacking)
    ]
