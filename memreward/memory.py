"""`memreward.Memory`: a memory and its model in this process, for trainers that score."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, Self

from gnn.jobs import OnlineScorer, judge_conclusions, suggest_conclusions
from memreward.base import started
from memreward.open_memory import OpenMemory
from memreward.scoring import batches, keep_scores
from memstore import Settings, load_settings
from memstore.changes import (
    IngestReport,
    LabelOptions,
    RolloutWriter,
    ingest_dataset,
    label_dataset,
)
from memstore.db import Stores
from memstore.mapping import ShapeOptions
from schema.calls import Judge, Reuse
from schema.ids import DEFAULT_RUN, checked_name
from schema.reward import LabelReport
from schema.rollout import Rollout
from schema.score import Score

#: How long a query may take.
QUERY_SECONDS: Final = 30.0


class Memory(OpenMemory):
    """A memory that takes rollouts in and says what they are worth; a `schema.score.Scorer`.

    A score costs what the rollouts' neighbourhood costs, however large the memory is, and equals
    what the model says in a pass over the whole graph at that moment (`seq`). What is stored is
    durable when `score` returns; Neo4j shows it a little later. Calls from several threads wait
    for one another; several processes may use one memory.

    Example:
        with Memory.open("sums", run="grpo-1") as memory:
            scores = memory.score([{"query": "What is 2 + 2?", "completion": "#### 4"}])
    """

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        name: str,
        run: str,
        version: str | None = None,
        *,
        prior: bool = True,
        reuse: Reuse | None = None,
        keep_scores: bool = False,
    ) -> None:
        """See `open`, which also opens the databases."""
        checked_name(name, "memory")
        checked_name(run, "run")
        scorer = OnlineScorer(stores, settings, name, run, version, prior=prior, reuse=reuse)
        super().__init__(scorer, ExitStack())
        self._stores, self._settings, self._keep_scores = stores, settings, keep_scores

    @classmethod
    def open(
        cls,
        name: str,
        *,
        run: str = DEFAULT_RUN,
        version: str | None = None,
        prior: bool = True,
        reuse: Reuse | None = None,
        keep_scores: bool = False,
        settings: Settings | None = None,
    ) -> Self:
        """Open a memory; a name that is new becomes a memory with the first rollouts stored.

        Args:
            name: of the memory.
            run: the run that makes the rollouts: part of their ids.
            version: of the checkpoint that scores; None: the latest one.
            prior: a memory that has not learned yet scores by the prior that comes with the
                package; otherwise it abstains until it has.
            reuse: rollouts that conclude what was verified on their query take that verdict over
                (docs/labels.md), and `plan_calls` can be asked; None: they do not.
            keep_scores: what a trained model says of a rollout is also written into the memory as
                its propagated reward, with model and time; it costs a batch a call.
            settings: where the databases are; by default what the environment and files say.

        Raises:
            ServerError: if a database cannot be started or reached.
            CheckpointError: if there is no such checkpoint, or it is damaged.
            QuarantineError: if publication to the memory is stopped.
        """
        settings = settings or load_settings()
        with ExitStack() as stack:
            stores = stack.enter_context(started(settings))
            memory = cls(
                stores,
                settings,
                name,
                run,
                version,
                prior=prior,
                reuse=reuse,
                keep_scores=keep_scores,
            )
            memory._closing = stack.pop_all()
        return memory

    def batches(self) -> tuple[int, int]:
        """Numbers of the last batch that was accepted, and of the last one that Neo4j shows.

        Raises:
            UnreachableError: if Postgres does not answer.
        """
        return batches(self._stores, self.name)

    def score(
        self, rollouts: Sequence[Rollout | Mapping[str, Any]], *, store: bool = True
    ) -> list[Score]:
        """Score new rollouts, in their order; see `OnlineScorer.score` for what it raises.

        With `store`, they are in the memory when this returns, and reach Neo4j soon. Without, no
        database is written to; only the snapshot, a cache, may grow by what others stored.

        Args:
            rollouts: rows as an input file has them (docs/format.md), or `Rollout`s. Fields that
                mean nothing are ignored, and named in a warning.
            store: False for evaluation.
        """
        given = self._rows.rollouts(rollouts, self.encoder)
        scores = self._scorer.score(given, store=store)
        if store and self._keep_scores:
            self.flush()
            keep_scores(self._stores, self.name, scores)
        return scores

    def label(
        self, labels: Sequence[Mapping[str, Any]], *, annotator: str | None = None
    ) -> LabelReport:
        """Store rewards and preferences, rows as a file of labels has them (docs/labels.md).

        Args:
            labels: as in `{"query_id": "sum-1", "step": 3, "rollout": 2, "reward": 1}`, or with the
                `rollout_id` of a score. Rows that name no run mean this memory's.
            annotator: who says it, where a row does not.

        Raises:
            InputError: if a row cannot be used; nothing is written then.
            UnknownMemoryError: if nothing was stored yet.
        """
        options = LabelOptions(memory=self.name, annotator=annotator, run=self.run)
        return label_dataset(self._stores, labels, options)

    def query(
        self, cypher: str, *, timeout_s: float = QUERY_SECONDS, **parameters: Any
    ) -> list[dict[str, Any]]:
        """Rows of a Cypher query that only reads; what was stored before is visible to it.

        It sees every memory: match on `memory`, which `$memory` gives.

        Args:
            cypher: as `memreward query` takes it (docs/graph.md).
            timeout_s: after so many seconds it is cancelled.
            parameters: by the names that the query has for them.

        Raises:
            QueryRefusedError: if it does more than read, is wrong, or takes too long.
        """
        self.flush()
        values = {"memory": self.name, **parameters}
        return self._stores.graph.query(cypher, values, timeout_s).rows

    def ingest(
        self,
        dataset: Any,
        *,
        map: Mapping[str, str] | None = None,
        format: str | None = None,
        policy: str | None = None,
        reward_range: str | None = None,
        reward_threshold: float | None = None,
        nan_missing: bool = False,
        skip_rejected: bool = False,
    ) -> IngestReport:
        """Store the rollouts of a data set; the same again adds nothing.

        Args:
            dataset: a `datasets.Dataset`, or a list of rows.
            map: path of each column, as in `{"query": "prompt", "completion": "choices[0].text"}`.
            format: the tool that its rows are from; `memreward formats` lists them.
            policy: of rows that name none.
            reward_range: the worst and the best reward, as `-1:1`.
            reward_threshold: from which reward on a rollout is right.
            nan_missing: a reward of NaN says that nothing was verified.
            skip_rejected: store the good rows although others are rejected.

        Raises:
            InputError: if a row cannot be used; nothing is written then.
        """
        shape = ShapeOptions(
            format=format,
            map=map,
            reward_range=reward_range,
            reward_threshold=reward_threshold,
            nan_missing=nan_missing,
        )
        writer = RolloutWriter(self._stores, self.name, self.run)
        return ingest_dataset(writer, dataset, shape, policy=policy, skip_rejected=skip_rejected)

    def plan_calls(self, rollouts: Sequence[Rollout | Mapping[str, Any]], budget: int) -> list[int]:
        """Rows of new rollouts to verify, at most `budget`; see `schema.calls.CallPlanner`.

        Raises:
            InputError: if a rollout cannot be stored, or the memory was opened without `reuse`.
        """
        given = self._rows.rollouts(rollouts, self.encoder)
        return self._scorer.plan_calls(given, budget)

    def judge(self, judge: Judge, budget: int, annotator: str) -> LabelReport:
        """Have the conclusions that help most judged, and keep the verdicts.

        Args:
            judge: called once, with at most `budget` items (`schema.calls.ConclusionToJudge`):
                a judge model, or whatever asks people.
            budget: verdicts that may be asked for.
            annotator: who says it.

        Raises:
            InputError: if the budget cannot be used, or the judge does not give one reward in
                [0, 1], or None, an item.
            UnknownMemoryError: if nothing was stored yet.
        """
        self.flush()
        items = suggest_conclusions(self._stores, self._settings, self.name, budget)
        return judge_conclusions(self._stores, self.name, items, judge, annotator)
