"""The actor that scores, around the scorer and the queue of `serve`.

It holds nothing that is not in the databases, so Ray may start it again at any time and
repeat the calls that were cut off: a rollout is known by its sample number, and stored once.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from prometheus_client.core import Metric

from memreward.base import started_pairs
from memreward.cluster.actors import Places, writers_of
from memreward.cluster.arrow import rollouts_in, score_table
from memreward.cluster.divided import divided
from memreward.cluster.elsewhere import writer_elsewhere
from memreward.cluster.watching import timed
from memreward.scoring import (
    CountingScorer,
    ScoringMetrics,
    ScoringQueue,
    batches,
    keep_in_shards,
    keep_scores,
)
from memstore import Settings, load_settings
from memstore.changes import LabelOptions, label_dataset
from memstore.db import Stores
from memstore.shards import Shards, label_shards
from schema.calls import Reuse
from schema.reward import LabelReport
from schema.rollout import Rollout
from schema.score import Score

if TYPE_CHECKING:
    from gnn.jobs import OnlineScorer


class ScorerActor:
    """Scores on a node, from the snapshot there; what comes together is scored together."""

    def __init__(
        self,
        memory: str,
        run: str,
        settings: Settings | None,
        shards: int | None,
        limit: int,
        reuse: Reuse | None = None,
        keeps: bool = False,
    ) -> None:
        """Open the model and the snapshot.

        Args:
            memory: its name.
            run: that makes the rollouts.
            settings: see `WriterActor`.
            shards: into how many a new memory is divided; one that is there stays as it is.
            limit: most rollouts that wait.
            reuse: see `memreward.Memory.open`.
            keeps: its `keep_scores`.
        """
        from gnn.jobs import OnlineScorer  # It takes seconds, and callers need the class only.

        found = settings or load_settings()
        self._open = ExitStack()  # Kept, since what it opened is closed with it.
        pairs = self._open.enter_context(started_pairs(found))
        self._shards = divided(pairs, memory, shards)
        stores = pairs[0] if self._shards is None else self._shards.first.stores
        self._stores = stores
        self._metrics = ScoringMetrics()
        writers = writers_of(memory, self._places, settings)
        writer = writer_elsewhere(stores, memory, run, self._shards, writers, reuse)
        self._scorer = OnlineScorer(
            stores, found, memory, run, reuse=reuse, writer=writer, shards=self._shards
        )
        scorer = _Watched(stores, self._scorer, self._shards, keeps)
        self._queue = ScoringQueue(CountingScorer(scorer, self._metrics), limit=limit)
        self._metrics.watch(scorer, self._queue)

    @property
    def _places(self) -> Places | None:
        if self._shards is None:
            return None
        return tuple(there.places for there in self._shards.together())

    def stamp(self) -> tuple[str, int, Places | None]:
        """Name and dimension of the memory's encoder, and where its shards are, if it has any."""
        return self._scorer.encoder.name, self._scorer.encoder.dimension, self._places

    def score(self, table: pa.Table, store: bool) -> pa.Table:
        """Scores of a `rollout_table`, as a `score_table`.

        Raises:
            BusyError: if the queue is full.
            MemrewardError: if they cannot be stored or scored.
        """
        with timed(partial(self._metrics.answered, "score")):
            return score_table(self._queue.submit(rollouts_in(table), store=store).result())

    def plan_calls(self, table: pa.Table, budget: int) -> list[int]:
        """Rows of a `rollout_table` to verify, at most `budget`; nothing is stored.

        Raises:
            MemrewardError: see `OnlineScorer.plan_calls`.
        """
        return self._scorer.plan_calls(rollouts_in(table), budget)

    def label(self, rows: Sequence[Mapping[str, Any]], annotator: str | None) -> LabelReport:
        """Store rewards and preferences; the same again adds nothing.

        Raises:
            MemrewardError: see `memreward.Memory.label`.
        """
        memory, run = self._scorer.memory, self._scorer.run
        options = LabelOptions(memory=memory, annotator=annotator, run=run)
        if self._shards is None:
            return label_dataset(self._stores, rows, options)
        return label_shards(self._shards, rows, options)

    def refresh(self) -> None:
        """Take up the latest checkpoint, another encoder, and edges changed in Neo4j."""
        self._scorer.refresh()

    def metrics(self) -> list[Metric]:
        """What it counts, as `memreward serve` does."""
        return list(self._metrics.registry.collect())


class _Watched:
    """A `schema.score.Scorer` that keeps its scores if it is to, and says how far the memory is."""

    def __init__(
        self, stores: Stores, scorer: "OnlineScorer", shards: Shards | None, keeps: bool
    ) -> None:
        self._stores, self._scorer, self._shards, self._keeps = stores, scorer, shards, keeps
        self._places = [(stores, scorer.memory)]
        if shards is not None:
            self._places = [(part.stores, part.name) for part in shards.parts]
        self.flush = scorer.flush

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """See `schema.score.Scorer`."""
        scores = self._scorer.score(rollouts, store=store)
        if store and self._keeps:
            self.flush()
            if self._shards is None:
                keep_scores(self._stores, self._scorer.memory, scores)
            else:
                keep_in_shards(self._shards, rollouts, scores)
        return scores

    @property
    def seq(self) -> int:
        """The batch up to which the last score knew the memory."""
        return self._scorer.seq

    def batches(self) -> tuple[int, int]:
        """How many batches were accepted, and how many of them Neo4j shows."""
        accepted, shown = zip(*(batches(*place) for place in self._places), strict=True)
        return sum(accepted), sum(shown)
