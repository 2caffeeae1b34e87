"""What a process that scores says of itself to Prometheus, as text at `/metrics`.

Nothing of a caller's or a rollout's text becomes a label: a route is a path of ours, or `none`.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from memreward.scoring.queue import ScoringQueue
from memstore.db import Stores, find_memory
from schema.errors import UnreachableError
from schema.rollout import Rollout
from schema.score import Score, Scorer, ScoreSource

#: Upper ends of the seconds of a request, or of storing: a step waits for this.
SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
#: Upper ends of the number of rollouts that are scored together.
_ROLLOUTS: Final = (1, 4, 16, 64, 128, 256, 512)
#: How long a probe waits for Postgres.
_PROBE_SECONDS: Final = 3.0


class Counted(Protocol):
    """What knows how far a memory is: a `memreward.Memory`, or a scorer on Ray."""

    @property
    def seq(self) -> int:
        """The batch up to which the last score knew the memory."""
        ...

    def batches(self) -> tuple[int, int]:
        """Numbers of the last batch that was accepted, and of the last one that Neo4j shows."""
        ...


def batches(stores: Stores, memory: str) -> tuple[int, int]:
    """Numbers of a memory's last batch that was accepted, and of the last one that Neo4j shows.

    Raises:
        UnreachableError: if Postgres does not answer within three seconds.
    """
    with stores.vectors.transaction("outbox.sql", wait_s=_PROBE_SECONDS) as session:
        state = find_memory(session, memory)
    return (0, 0) if state is None else (state.seq, state.published_seq)


class ScoringMetrics:
    """Counts of one process, in a registry of their own."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "memreward_request_seconds",
            "Seconds until a request was answered.",
            ["route", "status"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._batches = Histogram(
            "memreward_batch_rollouts",
            "Rollouts that were scored together.",
            buckets=_ROLLOUTS,
            registry=self.registry,
        )
        self._scores = Counter(
            "memreward_scores",
            "Scores that were given, by source; none: no opinion; verified: a call was spent.",
            ["source"],
            registry=self.registry,
        )
        for source in ScoreSource:
            self._scores.labels(source.value)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def watch(self, memory: Counted, queue: ScoringQueue) -> None:
        """Also tell, whenever it is asked, how far the memory is and what waits."""
        self.registry.register(_Gauges(memory, queue))

    def scored(self, scores: Sequence[Score]) -> None:
        """Count one batch."""
        self._batches.observe(len(scores))
        for score in scores:
            self._scores.labels(score.source.value).inc()

    def answered(self, route: str, status: int | str, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(route, str(status)).observe(seconds)

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)


class _Gauges(Collector):
    """What is looked up when it is asked for."""

    def __init__(self, memory: Counted, queue: ScoringQueue) -> None:
        self._memory, self._queue = memory, queue

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "memreward_queue_rollouts", "Rollouts that wait.", value=self._queue.waiting
        )
        yield GaugeMetricFamily(
            "memreward_queue_limit", "Rollouts that can wait.", value=self._queue.limit
        )
        seq = self._memory.seq
        try:
            accepted, published = self._memory.batches()
        except UnreachableError:
            yield _up(0)
            return
        yield _up(1)
        yield GaugeMetricFamily(
            "memreward_accepted_batch", "Number of the last accepted batch.", value=accepted
        )
        yield GaugeMetricFamily(
            "memreward_unpublished_batches",
            "Batches that were accepted and that Neo4j does not show yet.",
            value=accepted - published,
        )
        yield GaugeMetricFamily(
            "memreward_unscored_batches",
            "Batches that were accepted and that the last score did not know.",
            value=max(0, accepted - seq),
        )


def _up(value: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "memreward_postgres_up", "Whether Postgres answered just now.", value=value
    )


class CountingScorer:
    """Scores as another does, and counts it."""

    def __init__(self, scorer: Scorer, metrics: ScoringMetrics) -> None:
        """Count what `scorer` gives."""
        self._scorer, self._metrics = scorer, metrics

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """See `schema.score.Scorer.score`."""
        scores = self._scorer.score(rollouts, store=store)
        self._metrics.scored(scores)
        return scores

    def flush(self) -> None:
        """See `schema.score.Scorer.flush`."""
        self._scorer.flush()
