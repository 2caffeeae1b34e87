"""The actor that scores, around the scorer and the queue of `serve`.

It holds nothing that is not in the databases, so Ray may start it again at any time and
repeat the calls that were cut off: a rollout is known by its sample number, and stored once.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from prometheus_client.core import Metric

from memreward.base import started
from memreward.cluster.arrow import prepared_table, rollouts_in, score_table
from memreward.cluster.library import result_of
from memreward.cluster.watching import timed
from memreward.scoring import CountingScorer, ScoringMetrics, ScoringQueue, batches
from memstore import Settings, load_settings
from memstore.changes import RolloutWriter
from memstore.db import Stores
from memstore.outbox import Accepted, BackgroundPublisher
from schema.keyed_rollout import Keys, PreparedRollout

if TYPE_CHECKING:
    from gnn.jobs import OnlineScorer


class ScorerActor:
    """Scores on a node, from the snapshot there; what comes together is scored together."""

    def __init__(
        self, memory: str, run: str, settings: Settings | None, writer: Any, limit: int
    ) -> None:
        """Open the model and the snapshot.

        Args:
            memory: its name.
            run: that makes the rollouts.
            settings: see `WriterActor`.
            writer: the handle of the memory's writer.
            limit: most rollouts that wait.
        """
        from gnn.jobs import OnlineScorer  # It takes seconds, and callers need the class only.

        settings = settings or load_settings()
        self._open = ExitStack()  # Kept, since what it opened is closed with it.
        stores = self._open.enter_context(started(settings))
        self._metrics = ScoringMetrics()
        elsewhere = WriterElsewhere(stores, memory, run, writer)
        self._scorer = OnlineScorer(stores, settings, memory, run, writer=elsewhere)
        scorer = _Watched(stores, self._scorer)
        self._queue = ScoringQueue(CountingScorer(scorer, self._metrics), limit=limit)
        self._metrics.watch(scorer, self._queue)

    def encoder(self) -> tuple[str, int]:
        """Name and dimension of the memory's encoder."""
        return self._scorer.encoder.name, self._scorer.encoder.dimension

    def score(self, table: pa.Table, store: bool) -> pa.Table:
        """Scores of a `rollout_table`, as a `score_table`.

        Raises:
            BusyError: if the queue is full.
            MemrewardError: if they cannot be stored or scored.
        """
        with timed(partial(self._metrics.answered, "score")):
            return score_table(self._queue.submit(rollouts_in(table), store=store).result())

    def refresh(self) -> None:
        """Take up the latest checkpoint, another encoder, and edges changed in Neo4j."""
        self._scorer.refresh()

    def metrics(self) -> list[Metric]:
        """What it counts, as `memreward serve` does."""
        return list(self._metrics.registry.collect())


class WriterElsewhere(RolloutWriter):
    """Has the memory's writer accept what is checked and embedded here."""

    def __init__(self, stores: Stores, memory: str, run: str, actor: Any) -> None:
        super().__init__(stores, memory, run)
        self._actor = actor

    def accept_embedded(
        self, prepared: Sequence[PreparedRollout], keys: Callable[[], Keys] = dict
    ) -> Accepted:
        """See `RolloutWriter`."""
        return self.accept_table(prepared_table(prepared, keys()))

    def publisher(self) -> BackgroundPublisher:
        """See `RolloutWriter`."""
        return _PublisherElsewhere(self._stores, self.memory, self._actor)

    def accept_table(self, table: Any) -> Accepted:
        """The same with a `prepared_table`, or a reference to one.

        Raises:
            MemrewardError: see `RolloutWriter.accept_embedded`.
        """
        stamp = self.run, self.encoder.name, self.incarnation
        accepted: Accepted = result_of(self._actor.store.remote(*stamp, table))
        self.note(accepted)
        return accepted


class _PublisherElsewhere(BackgroundPublisher):
    """The writer wakes its own publisher, and says what went wrong when it is given more."""

    def __init__(self, stores: Stores, memory: str, actor: Any) -> None:
        super().__init__(stores, memory)
        self._actor = actor

    def wake(self) -> None:
        """It is awake."""

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        result_of(self._actor.flush.remote())


class _Watched:
    """A `schema.score.Scorer` that also says how far the memory is."""

    def __init__(self, stores: Stores, scorer: "OnlineScorer") -> None:
        self._stores, self._scorer = stores, scorer
        self.score, self.flush = scorer.score, scorer.flush

    @property
    def seq(self) -> int:
        """The batch up to which the last score knew the memory."""
        return self._scorer.seq

    def batches(self) -> tuple[int, int]:
        """Numbers of the last batch that was accepted, and of the last one that Neo4j shows."""
        return batches(self._stores, self._scorer.memory)
