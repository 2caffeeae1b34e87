"""`memreward.ShardedMemory`: a memory that is divided into shards, in this process."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from gnn.jobs import OnlineScorer
from memreward.base import started_pairs
from memreward.open_memory import OpenMemory
from memreward.scoring import batches, keep_in_shards
from memstore import Settings, load_settings
from memstore.changes import IngestReport, LabelOptions, ingest_dataset
from memstore.mapping import ShapeOptions
from memstore.shards import ShardedWriter, Shards, label_shards, link_shards
from schema.calls import Reuse
from schema.ids import DEFAULT_RUN, checked_name
from schema.reward import LabelReport
from schema.rollout import Rollout
from schema.score import Score


class ShardedMemory(OpenMemory):
    """A memory in several: rollouts are stored in the shard of their query, and scored together.

    It scores, learns and is closed as `Memory`; `seq` counts the batches of all shards. Each shard
    is a memory of its own, `<name>@<number>-of-<count>`.

    Example:
        with ShardedMemory.open("sums", shards=4, run="grpo-1") as memory:
            scores = memory.score([{"query": "What is 2 + 2?", "completion": "#### 4"}])
    """

    def __init__(
        self, scorer: OnlineScorer, shards: Shards, closing: ExitStack, *, keep_scores: bool = False
    ) -> None:
        """See `open`."""
        super().__init__(scorer, closing)
        self._shards, self._keep_scores = shards, keep_scores

    @classmethod
    def open(
        cls,
        name: str,
        *,
        shards: int,
        run: str = DEFAULT_RUN,
        version: str | None = None,
        prior: bool = True,
        reuse: Reuse | None = None,
        keep_scores: bool = False,
        settings: Settings | None = None,
    ) -> Self:
        """Open a memory; a name that is new is divided with the first rollouts stored.

        Args:
            name: of the memory.
            shards: how many; the same for as long as the memory lives.
            run: the run that makes the rollouts: part of their ids.
            version: of the checkpoint that scores; None: the latest one.
            prior: score by the package's prior until something was learned; otherwise abstain.
            reuse: see `Memory.open`.
            keep_scores: see there.
            settings: where the databases are; by default what the environment and files say.

        Raises:
            InputError: if the memory has another number of shards, or is not divided.
            SettingsError: if it has a shard in a pair of databases that the settings do not name.
            MemrewardError: see `Memory.open`.
        """
        checked_name(name, "memory")
        checked_name(run, "run")
        settings = settings or load_settings()
        with ExitStack() as stack:
            divided = Shards.over(name, shards, stack.enter_context(started_pairs(settings)))
            first = divided.first.stores
            scorer = OnlineScorer(
                first, settings, name, run, version, prior=prior, reuse=reuse, shards=divided
            )
            return cls(scorer, divided, stack.pop_all(), keep_scores=keep_scores)

    def score(
        self, rollouts: Sequence[Rollout | Mapping[str, Any]], *, store: bool = True
    ) -> list[Score]:
        """Score new rollouts, in their order, as `Memory.score` does.

        A row with a `reward` labels its rollout, also one that is stored already.

        Args:
            rollouts: rows as an input file has them (docs/format.md), or `Rollout`s.
            store: False for evaluation.

        Raises:
            MemrewardError: see `Memory.score`. Some shards may have stored theirs; the same again
                stores the rest.
        """
        given = self._rows.rollouts(rollouts, self.encoder)
        scores = self._scorer.score(given, store=store)
        if store and self._keep_scores:
            self.flush()
            keep_in_shards(self._shards, given, scores)
        return scores

    def batches(self) -> tuple[int, int]:
        """How many batches all shards have accepted, and how many of them Neo4j shows.

        Raises:
            UnreachableError: if a Postgres does not answer.
        """
        found = [batches(part.stores, part.name) for part in self._shards.parts]
        return sum(accepted for accepted, _ in found), sum(shown for _, shown in found)

    def plan_calls(self, rollouts: Sequence[Rollout | Mapping[str, Any]], budget: int) -> list[int]:
        """Rows of new rollouts to verify, at most `budget`; see `schema.calls.CallPlanner`.

        Raises:
            InputError: if a rollout cannot be stored, or the memory was opened without `reuse`.
        """
        return self._scorer.plan_calls(self._rows.rollouts(rollouts, self.encoder), budget)

    def label(
        self, labels: Sequence[Mapping[str, Any]], *, annotator: str | None = None
    ) -> LabelReport:
        """Store rewards and preferences, as `Memory.label` does; the same again adds nothing.

        Raises:
            InputError: if a row cannot be used; nothing is written then.
            UnknownMemoryError: if nothing was stored yet.
        """
        options = LabelOptions(memory=self.name, annotator=annotator, run=self.run)
        return label_shards(self._shards, labels, options)

    def ingest(
        self,
        dataset: Any,
        *,
        policy: str | None = None,
        skip_rejected: bool = False,
        **shape: Any,
    ) -> IngestReport:
        """Store the rollouts of a data set, as `Memory.ingest` does; the same again adds nothing.

        Args:
            dataset: a `datasets.Dataset`, or a list of rows.
            policy: of rows that name none.
            skip_rejected: store the good rows although others are rejected.
            shape: `map`, `format`, `reward_range`, `reward_threshold` and `nan_missing`, see there.

        Raises:
            InputError: if a row cannot be used; nothing is written then.
        """
        writer = ShardedWriter(self._shards, self.run)
        options = ShapeOptions(**shape)
        return ingest_dataset(writer, dataset, options, policy=policy, skip_rejected=skip_rejected)

    def link(self, neighbours: int | None = None) -> int:
        """Give every query its nearest of all shards anew; calls wait. Returns their number.

        Raises:
            UnknownMemoryError: if nothing was stored yet.
        """
        return link_shards(self._shards, neighbours).queries
