"""What the actors run: plain classes around the writer, the scorer and the queue of `serve`.

Neither holds anything that is not in the databases, so Ray may start them again at any time and
repeat the calls that were cut off: a rollout is known by its sample number, and stored once.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import pyarrow as pa
from prometheus_client.core import Metric

from gnn.jobs import OnlineScorer
from memreward.base import started
from memreward.cluster.arrow import rollout_table, rows_in, score_table
from memreward.cluster.library import result_of
from memreward.cluster.watching import WriterMetrics, timed
from memreward.scoring import CountingScorer, RowReader, ScoringMetrics, ScoringQueue, batches
from memstore import Settings, load_settings
from memstore.changes import RolloutWriter
from memstore.db import Stores
from memstore.outbox import BackgroundPublisher
from schema.rollout import Rollout
from schema.score import Score


class WriterActor:
    """The one writer of a memory, for the runs of all its trainers; one call at a time."""

    def __init__(self, memory: str, settings: Settings | None) -> None:
        """Open the databases, and publish what an earlier writer accepted.

        Args:
            memory: its name.
            settings: where the databases are; None: what this node's environment and files say.
        """
        self._memory, self._rows = memory, RowReader()
        self._metrics = WriterMetrics()
        self._open = ExitStack()  # Kept, since what it opened is closed with it.
        self._stores = self._open.enter_context(started(settings or load_settings()))
        self._publisher = BackgroundPublisher(self._stores, memory)
        self._writers: dict[str, RolloutWriter] = {}

    def store(self, run: str, table: pa.Table) -> None:
        """Store rollouts, all with their sample numbers; the same again adds nothing.

        Raises:
            MemrewardError: see `RolloutWriter.accept`; also what went wrong in publishing.
        """
        self._publisher.raise_error()
        with timed(self._metrics.answered):
            if run not in self._writers:
                self._writers[run] = RolloutWriter(self._stores, self._memory, run)
            writer = self._writers[run]
            accepted = writer.accept(self._rows.rollouts(rows_in(table), writer.encoder))
        self._metrics.stored(accepted.new)
        if accepted.seq is not None:
            self._publisher.wake()

    def refresh(self) -> None:
        """Take up another encoder of the memory with the next rollouts."""
        self._writers.clear()

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        self._publisher.flush()

    def metrics(self) -> list[Metric]:
        """What it counts."""
        return list(self._metrics.registry.collect())


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
        settings = settings or load_settings()
        self._open = ExitStack()  # Kept, since what it opened is closed with it.
        stores = self._open.enter_context(started(settings))
        self._scorer = OnlineScorer(stores, settings, memory, run)
        self._rows = RowReader()
        self._metrics = ScoringMetrics()
        scorer = _StoredElsewhere(stores, self._scorer, writer)
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
            rollouts = self._rows.rollouts(rows_in(table), self._scorer.encoder)
            return score_table(self._queue.submit(rollouts, store=store).result())

    def refresh(self) -> None:
        """Take up the latest checkpoint, another encoder, and edges changed in Neo4j."""
        self._scorer.refresh()

    def metrics(self) -> list[Metric]:
        """What it counts, as `memreward serve` does."""
        return list(self._metrics.registry.collect())


class _StoredElsewhere:
    """A `schema.score.Scorer` that has the writer store, and then scores what is stored."""

    def __init__(self, stores: Stores, scorer: OnlineScorer, writer: Any) -> None:
        self._stores, self._scorer, self._writer = stores, scorer, writer

    @property
    def seq(self) -> int:
        """The batch up to which the last score knew the memory."""
        return self._scorer.seq

    def batches(self) -> tuple[int, int]:
        """Numbers of the last batch that was accepted, and of the last one that Neo4j shows."""
        return batches(self._stores, self._scorer.memory)

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """Scores in order."""
        if not rollouts or not store:
            return self._scorer.score(rollouts, store=False)
        result_of(self._writer.store.remote(self._scorer.run, rollout_table(rollouts)))
        return self._scorer.score_stored(rollouts)

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        result_of(self._writer.flush.remote())
