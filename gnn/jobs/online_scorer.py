"""Scoring of rollouts as they come, with one memory's model and snapshot, in this process."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gnn.base import no_progress
from gnn.checkpoints import LoadedModel
from gnn.confidence import predict
from gnn.features import KeptFeatures, OwnProcess
from gnn.jobs.call_plan import plan_for, scores_taken_over
from gnn.jobs.memory_writer import newest_checkpoint, open_writer
from gnn.jobs.resumable_training import resumable
from gnn.jobs.score import predict_queries, prediction_reach
from gnn.jobs.scores_in_order import scores_in_order
from gnn.jobs.scoring_snapshot import ScoringSnapshot
from gnn.jobs.train_and_propagate import train_memory
from gnn.models import PriorModel
from memstore import Settings
from memstore.changes import RolloutWriter, embedded
from memstore.db import Stores, get_memory
from memstore.encoders import TextEncoder, caching
from memstore.shards import ShardedWriter, Shards
from memstore.snapshot import cut, nearest_unstored, vectors_in, with_rollouts
from schema.calls import Reuse
from schema.errors import InputError
from schema.graph import QUERY
from schema.keyed_rollout import PreparedRollout, prepare
from schema.memory_graph import Ints, MemoryGraph
from schema.rollout import Rollout
from schema.score import Score
from schema.validation import TEXT_EMBEDDINGS, check_rollout


class OnlineScorer:
    """Stores rollouts and scores them at once; a `schema.score.Scorer`. Calls wait for one another.

    A score costs what the rollouts' neighbourhood costs, and equals what the model says in a pass
    over the whole graph at that moment (`seq`).
    """

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        memory: str,
        run: str,
        version: str | None = None,
        *,
        prior: bool = True,
        reuse: Reuse | None = None,
        writer: RolloutWriter | ShardedWriter | None = None,
        shards: Shards | None = None,
    ) -> None:
        """Read the model and the snapshot.

        Args:
            stores: both databases.
            settings: tell where checkpoints and snapshots are.
            memory: its name; one that is new is made with the first rollouts stored.
            run: that makes the rollouts: part of their ids.
            version: of the checkpoint that scores; None: the latest one.
            prior: score by the package's prior until something was learned; otherwise abstain.
            reuse: rollouts that conclude what was verified on their query take that verdict over,
                audited so; None: they do not.
            writer: takes the rollouts; None: one of its own.
            shards: of a memory that is divided.

        Raises:
            CheckpointError: if there is no such checkpoint, or it is damaged.
            QuarantineError: if publication to the memory is stopped.
        """
        self.memory, self.run = memory, run
        self._stores, self._settings, self._version = stores, settings, version
        self._lock = threading.RLock()
        self._reuse, self._shards, self._stored_seq = reuse, shards, 0
        #: The memory, or the shard, that knows the checkpoints.
        self._keeper = memory if shards is None else shards.first.name
        self._writer = writer or open_writer(stores, memory, run, reuse, shards)
        self._publisher = self._writer.publisher()
        self._own = OwnProcess()
        self._snapshot = ScoringSnapshot(stores, settings, memory, shards)
        self._model = _prior() if prior else None
        self.refresh()

    @property
    def seq(self) -> int:
        """The batch up to which the last score knew the memory; 0: nothing is stored."""
        snapshot = self._snapshot.current
        return max(self._stored_seq, 0 if snapshot is None else snapshot.seq)

    @property
    def model(self) -> str | None:
        """Version of the checkpoint that scores, or `prior`; None: it has no opinion yet."""
        return None if self._model is None else self._model.version

    @property
    def encoder(self) -> TextEncoder:
        """What embeds the texts of this memory."""
        return self._writer.encoder

    def refresh(self) -> None:
        """Pick up the latest checkpoint, another encoder, and edges changed by hand in Neo4j.

        Raises:
            CheckpointError: if the checkpoint is missing or damaged.
            UnknownMemoryError: if the memory was deleted since it was opened.
        """
        with self._lock:
            if self._writer.find_memory() is None:
                return
            encoder = self._writer.stamped_encoder()
            if encoder.name != self.encoder.name:
                self._writer.encoder = caching(encoder)
            snapshot = self._snapshot.check()
            folder = newest_checkpoint(
                self._stores, self._settings, self._shards or self.memory, self._version
            )
            if folder is not None and folder.name != self.model:
                self._model = LoadedModel.load(folder, self.encoder.name)
            if self._model is not None:
                self._snapshot.features(snapshot).prepare(snapshot)

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """Score new rollouts, in their order; see `schema.score.Scorer`.

        With `store`, they are in the memory when this returns, and reach Neo4j soon. Without, no
        database is written to; only the snapshot, a cache, may grow by what others stored. Of a
        memory that does not exist yet, there is then no opinion.

        Raises:
            InputError: if a rollout cannot be stored, or another text is known at its place.
            EncoderMismatchError: if the memory was re-embedded: call `refresh`.
            UnknownMemoryError: if the memory was deleted since it was opened.
            MemrewardError: also what went wrong in publishing earlier rollouts.
        """
        with self._lock:
            self._publisher.raise_error()
            items = self._prepared(rollouts)
            unverified = [item for item in items if item.rollout.reward is None]
            if store:
                stored = self._store(items)
                try:
                    scores = self._scored(unverified)
                finally:
                    if stored:
                        self._publisher.wake()  # Not before: both would wait for each other.
            else:
                scores = self._scored_unstored(items, unverified)
        return scores_in_order(items, scores)

    def plan_calls(self, rollouts: Sequence[Rollout], budget: int) -> list[int]:
        """The rows to verify before the rollouts are stored; see `schema.calls.CallPlanner`.

        Raises:
            InputError: if a rollout cannot be stored, or this object was opened without `reuse`.
        """
        if self._reuse is None:
            raise InputError(
                f"memory {self.memory!r} was opened without `reuse`: calls can only be planned "
                "where verdicts are taken over"
            )
        with self._lock:
            self._publisher.raise_error()
            items = self._prepared(rollouts)
            scores = self._scored_unstored(items, items)
            return plan_for(self._writer.places, self.memory, items, scores, budget, self._reuse)

    def learn(self) -> str:
        """Learn from what is verified by now, and score by that from here on.

        The default model resumes its last checkpoint where there is one. With too few labels for
        it, the prior is moved by them.

        Returns:
            Version of the checkpoint.

        Raises:
            InputError: if this object was opened with a version of its own.
        """
        if self._version is not None:
            raise InputError(
                f"memory {self.memory!r} was opened to score by {self._version}: open it without a "
                "version to have it learn"
            )
        with self._lock:
            self.flush()
            encoder = get_memory(self._stores, self._keeper).encoder
            resume = resumable(self._stores, self._keeper, encoder) is not None
            trained = train_memory(
                self._stores,
                self._settings,
                self._keeper,
                no_progress,
                resume=resume,
                shards=self._shards,
            )
            self.refresh()
        return trained.manifest.version

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j; what fails is tried again."""
        self._publisher.flush()

    def close(self) -> None:
        """End its worker and its publisher. What is unpublished is published by the next writer."""
        self._own.close()
        self._publisher.close()

    def _prepared(self, rollouts: Sequence[Rollout]) -> list[PreparedRollout]:
        """Valid rollouts with their ids; embeddings of another encoder are left out."""
        nothing = dict.fromkeys(TEXT_EMBEDDINGS)
        items: list[PreparedRollout] = []
        for row, rollout in enumerate(rollouts):
            if rollout.encoder not in (None, self.encoder.name):
                rollout = replace(rollout, encoder=None, **nothing)
            try:
                check_rollout(rollout, self.encoder.dimension)
            except InputError as error:
                raise InputError(f"rollout {row} of {len(rollouts)}: {error}") from error
            items.append(prepare(self.memory, self.run, rollout))
        return items

    def _embedded(self, items: Sequence[PreparedRollout]) -> list[PreparedRollout]:
        """With embeddings; those of texts that their queries' rollouts have are not made again."""
        snapshot = self._snapshot.current
        if snapshot is not None:
            lacking = [item for item in items if item.rollout.query_embedding is None]
            encoder = self._writer.encoder
            unknown = [item for item in lacking if not encoder.knows(item.rollout.query)]
            for text, vector in vectors_in(snapshot, unknown).items():
                encoder.remember(text, vector)
        return embedded(items, self.encoder)

    def _store(self, items: list[PreparedRollout]) -> bool:
        """Whether something was accepted that Neo4j has to be told of."""
        if not items:
            return False
        fresh, known = self._writer.split(items)
        fresh = self._embedded(fresh)
        if self._model is not None:
            self._own.ask({item.id: item.texts for item in fresh})
        accepted = self._writer.accept_embedded([*fresh, *known], self._own.keys)
        self._stored_seq = accepted.seq or self._stored_seq
        return accepted.seq is not None

    def _scored(self, items: Sequence[PreparedRollout]) -> dict[str, Score]:
        """Scores by rollout id, of rollouts that are stored; the model says the least it must."""
        taken = scores_taken_over(self._writer.places, items, self._reuse)
        items, loaded = [item for item in items if item.id not in taken], self._model
        if not items or loaded is None:
            return taken
        snapshot = self._snapshot.caught_up(self.encoder.name)
        queries = snapshot.known(QUERY, sorted({item.query_id for item in items}))
        features = self._snapshot.features(snapshot)
        found = predict_queries(
            loaded.model, loaded.policy, snapshot, queries, features, self._own.features()
        )
        return found.to_scores(loaded.version) | taken

    def _scored_unstored(
        self, items: Sequence[PreparedRollout], unverified: Sequence[PreparedRollout]
    ) -> dict[str, Score]:
        """The same, of rollouts that are stored nowhere, as if they were."""
        loaded, found = self._model, self._writer.find_memory()
        if not unverified or loaded is None or found is None:
            return {}
        graph = self._graph_with(items, loaded, found.neighbours)
        row_of = {id_: row for row, id_ in enumerate(graph.query_id_Q)}
        queries: Ints = np.unique([row_of[item.query_id] for item in unverified])
        said = predict(loaded.model, loaded.policy, graph, queries=queries)
        return said.to_scores(loaded.version)

    def _graph_with(
        self, items: Sequence[PreparedRollout], loaded: LoadedModel, neighbours: int
    ) -> MemoryGraph:
        """The part of the memory around `items`, and those of them that it does not hold."""
        snapshot = self._snapshot.caught_up(self.encoder.name)
        fresh = {item.id: item for item in self._embedded(self._writer.split(items)[0])}
        query_ids = sorted({item.query_id for item in items})
        row_of = dict(zip(query_ids, snapshot.find(QUERY, query_ids).tolist(), strict=True))
        strangers = [item for item in fresh.values() if row_of[item.query_id] < 0]
        edges = nearest_unstored(self._writer.places, strangers, neighbours)
        near = snapshot.find(QUERY, sorted({other for _, other, _ in edges}))
        seeds = np.array([row for row in (*row_of.values(), *near.tolist()) if row >= 0], np.int64)
        part = cut(snapshot, seeds, prediction_reach(loaded.model))
        graph = KeptFeatures(snapshot.files.folder, write=False).fill(part)
        return with_rollouts(graph, list(fresh.values()), edges, snapshot.files.manifest.stamp)


def _prior() -> LoadedModel:
    """What scores before anything was trained; it never abstains."""
    return LoadedModel(version=PriorModel.name, model=PriorModel(), policy=None)
