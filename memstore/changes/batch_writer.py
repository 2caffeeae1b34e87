"""What a writer of rollouts does with batches, be its memory divided into shards or not."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from memstore.changes.relink import LinkProgress
from memstore.db import retried
from memstore.encoders import CachingEncoder, TextEncoder
from memstore.outbox import Accepted
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


class Publisher(Protocol):
    """Makes visible, in the background, what was accepted."""

    def wake(self) -> None:
        """Something was accepted: publish it soon."""
        ...

    def raise_error(self) -> None:
        """Raise what went wrong since the last call, once."""
        ...

    def flush(self) -> None:
        """Wait until everything that was accepted is published."""
        ...

    def close(self) -> None:
        """End its threads."""
        ...


class BatchWriter(ABC):
    """Embeds, accepts and publishes rollouts of one run. Not thread-safe."""

    def __init__(self, memory: str, run: str, encoder: CachingEncoder) -> None:
        """See the writers."""
        self.memory, self.run = memory, run
        #: What all batches so far did.
        self.report = IngestReport()
        self._encoder = encoder

    @property
    def encoder(self) -> CachingEncoder:
        """What embeds; may be replaced when the memory has been given another one."""
        return self._encoder

    @encoder.setter
    def encoder(self, encoder: CachingEncoder) -> None:
        self._encoder = encoder

    @abstractmethod
    def split(
        self, prepared: Sequence[PreparedRollout]
    ) -> tuple[list[PreparedRollout], list[PreparedRollout]]:
        """The rollouts that the memory does not hold, and those that it holds.

        Raises:
            InputError: if the memory holds another text at the place of one.
        """

    @abstractmethod
    def held(self, ids: Sequence[str]) -> set[str]:
        """Those of these ids of rollouts that the memory holds."""

    @abstractmethod
    def refuse_others(self, prepared: Sequence[PreparedRollout]) -> None:
        """Check that what the memory holds of these rollouts and their queries is the same.

        Raises:
            InputError: if it holds another text at the place of one, another policy, or another
                data set of its query.
        """

    @abstractmethod
    def remember_stored(self, items: Sequence[PreparedRollout]) -> None:
        """Take from the memory the vectors of those texts that it has of their queries."""

    @abstractmethod
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

    @abstractmethod
    def publisher(self) -> Publisher:
        """What makes visible, in the background, what this writer accepts."""

    @abstractmethod
    def prefer(self, pairs: Sequence[tuple[Rollout, Rollout]], annotator: str) -> int:
        """Store that of stored rollouts the first of each pair is preferred; how many are new.

        Raises:
            InputError: if the annotator has said otherwise of a pair, or it answers two queries.
            UnknownMemoryError: if the memory was deleted.
        """

    @abstractmethod
    def link_new(self, progress: LinkProgress | None = None) -> int:
        """Link all queries again if some are new since that was done; the number of edges then.

        Raises:
            MemrewardError: see `memstore.changes.link`.
        """

    def accept(self, rollouts: Sequence[Rollout]) -> Accepted:
        """Accept one batch: it is durable in Postgres then, and not in Neo4j yet.

        A text that is stored with a rollout of the same query is not embedded again.

        Raises:
            MemrewardError: see `accept_embedded`.
        """
        return self.accept_embedded(self.ready(rollouts))

    def ready(self, rollouts: Sequence[Rollout]) -> list[PreparedRollout]:
        """The rollouts with their ids; those that the memory does not hold, with embeddings.

        Raises:
            InputError: if the memory holds another text at the place of one.
        """
        fresh, known = self.split([prepare(self.memory, self.run, r) for r in rollouts])
        if any(item.rollout.query_embedding is None for item in fresh):
            retried(lambda: self.remember_stored(fresh))
        return [*embedded(fresh, self.encoder), *known]

    def write(self, batches: Iterable[Sequence[Rollout]], progress: Progress) -> None:
        """Accept and publish batch after batch: each is accepted while the one before is published.

        Args:
            batches: of rollouts.
            progress: called with the rows of each batch once they are visible.

        Raises:
            MemrewardError: see `accept`.
            QuarantineError: if publication to the memory is stopped.
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

    def _count(self, accepted: Accepted) -> None:
        self.report.new += accepted.new
        self.report.existing += accepted.existing
        self.report.new_queries += accepted.new_queries
        self.report.labels += accepted.labels


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
