"""`memreward.Memory`: a memory and its model in this process, for trainers that score."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

import numpy as np

from gnn.base import no_progress
from gnn.checkpoints import LoadedModel, unasked
from gnn.features import KeptFeatures, OwnProcess
from gnn.jobs import opinion_reach, opinions_on, resumable, score_queries, train_memory
from memreward.base import started
from memstore import Settings, load_settings
from memstore.changes import RolloutWriter, embedded, list_models
from memstore.db import Stores, get_memory
from memstore.encoders import TextEncoder, encoder_for, remembering
from memstore.outbox import BackgroundPublisher, publish
from memstore.servers import checkpoint_folder, snapshot_folder
from memstore.snapshot import KeptSnapshot, cut, nearest_unstored, vectors_in, with_rollouts
from schema.errors import CheckpointError, EncoderMismatchError, InputError
from schema.graph import QUERY
from schema.ids import checked_name
from schema.keyed_rollout import PreparedRollout, prepare
from schema.rollout import Rollout
from schema.score import Score
from schema.validation import TEXT_EMBEDDINGS, check_rollout

DEFAULT_RUN: Final = "default"


class Memory:
    """A memory that takes rollouts in and says what they are worth; a `schema.score.Scorer`.

    A score costs what the rollouts' neighbourhood costs, however large the memory is, and equals
    what the model says in a pass over the whole graph at that moment (`seq`). What is stored is
    durable when `score` returns; Neo4j shows it a little later. Calls from several threads wait
    for one another; several processes may use one memory.

    Example:
        with Memory.open("sums", run="grpo-1") as memory:
            scores = memory.score(rollouts)
    """

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        name: str,
        run: str,
        version: str | None = None,
        *,
        untaught: bool = False,
    ) -> None:
        """See `open`, which also opens the databases."""
        self.name, self.run = checked_name(name, "memory"), checked_name(run, "run")
        self._stores, self._settings, self._version = stores, settings, version
        self._untaught = untaught
        self._closing = ExitStack()
        self._lock = threading.RLock()
        self._writer = RolloutWriter(stores, name, run)
        self._publisher = BackgroundPublisher(stores, name)
        self._own = OwnProcess()
        self._kept: KeptSnapshot | None = None
        self._features: tuple[str, KeptFeatures] | None = None
        self._model: LoadedModel | None = None
        self.refresh()

    @classmethod
    def open(
        cls,
        name: str,
        *,
        run: str = DEFAULT_RUN,
        version: str | None = None,
        untaught: bool = False,
        settings: Settings | None = None,
    ) -> Self:
        """Open a memory; a name that is new becomes a memory with the first rollouts stored.

        Args:
            name: of the memory.
            run: the run that makes the rollouts: part of their ids.
            version: of the checkpoint that scores; None: the latest one.
            untaught: a memory that has not learnt yet has no opinion, instead of an error.
            settings: where the databases are; by default what the environment and files say.

        Raises:
            ServerError: if a database cannot be started or reached.
            CheckpointError: if there is no such checkpoint, or it is damaged.
            QuarantineError: if publication to the memory is stopped.
        """
        settings = settings or load_settings()
        with ExitStack() as stack:
            stores = stack.enter_context(started(settings))
            memory = cls(stores, settings, name, run, version, untaught=untaught)
            memory._closing = stack.pop_all()
        return memory

    @property
    def seq(self) -> int:
        """The batch up to which the last score knew the memory; 0: nothing is stored."""
        return 0 if self._kept is None else self._kept.snapshot.seq

    @property
    def model(self) -> str | None:
        """Version of the checkpoint that scores; None: there is none yet."""
        return None if self._model is None else self._model.version

    @property
    def can_score(self) -> bool:
        """Whether a rollout without a reward is answered, by a score or by no opinion."""
        return self._model is not None or self._untaught

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
            encoder = encoder_for(self._stores, self.name)
            if encoder.name != self.encoder.name:
                self._writer.encoder = remembering(encoder)
            if self._kept is None:
                self._open_snapshot()
            else:
                self._kept.check()
            self._load_model()
            if self._kept is not None and self._model is not None:
                self._features_of(self._kept, write=True).prepare(self._kept.snapshot)

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """Score new rollouts, in their order; see `schema.score.Scorer`.

        With `store`, they are in the memory when this returns, and reach Neo4j soon. Without, no
        database is written to; only the snapshot, a cache, may grow by what others stored.

        Raises:
            InputError: if a rollout cannot be stored, or another text is known at its place.
            CheckpointError: if a rollout needs a model and there is none (see `untaught`).
            EncoderMismatchError: if the memory was re-embedded: call `refresh`.
            UnknownMemoryError: if the memory was deleted since it was opened.
            MemrewardError: also what went wrong in publishing earlier rollouts.
        """
        with self._lock:
            self._publisher.raise_error()
            items = self._prepared(rollouts)
            unverified = [item for item in items if item.rollout.reward is None]
            if unverified and not self.can_score:
                raise CheckpointError(
                    f"memory {self.name!r} has no model that could score: give rollouts with "
                    "rewards first, then `learn()`; or open it with untaught=True, to have no "
                    "opinion until then"
                )
            if store:
                stored = self._store(items)
                try:
                    said = self._scored(unverified)
                finally:
                    if stored:
                        self._publisher.wake()  # Not before: both would wait for each other.
            else:
                said = self._scored_unstored(items, unverified)
            asked = set() if self._model is None else {item.id for item in unverified}
        return [said[item.id] if item.id in asked else unasked(item) for item in items]

    def learn(self) -> str:
        """Learn from what is verified by now, and score by that from here on.

        The default model learns on from its last checkpoint where there is one.

        Returns:
            Version of the checkpoint.

        Raises:
            TrainingError: if too few queries are labelled; nothing changes.
            InputError: if this object was opened with a version of its own.
        """
        if self._version is not None:
            raise InputError(
                f"memory {self.name!r} was opened to score by {self._version}: open it without a "
                "version to have it learn"
            )
        with self._lock:
            self.flush()
            encoder = get_memory(self._stores, self.name).encoder
            resume = resumable(self._stores, self.name, encoder) is not None
            trained = train_memory(
                self._stores, self._settings, self.name, no_progress, resume=resume
            )
            self.refresh()
        return trained.manifest.version

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j.

        Raises:
            MemrewardError: if it cannot be published; it is tried again at the next call.
        """
        self._publisher.flush()

    def close(self) -> None:
        """Let go of the databases. What is not published yet is so by whoever comes next."""
        self._own.close()
        self._publisher.close()
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.flush()
        finally:
            self.close()

    def _open_snapshot(self) -> KeptSnapshot:
        if get_memory(self._stores, self.name).published_seq == 0:
            publish(self._stores, self.name)
        self._kept = KeptSnapshot(self._stores, self.name, snapshot_folder(self._settings))
        return self._kept

    def _load_model(self) -> None:
        known = [version for version, _ in list_models(self._stores, self.name)]
        if self._version is not None and self._version not in known:
            raise CheckpointError(
                f"memory {self.name!r} knows no model {self._version} (it knows: "
                f"{', '.join(known) or 'none'}): run `memreward train --memory {self.name}`"
            )
        version = self._version or next(iter(known), None)
        if version is not None and version != self.model:
            folder = checkpoint_folder(self._settings, self.name) / version
            self._model = LoadedModel.load(folder, self.encoder.name)

    def _prepared(self, rollouts: Sequence[Rollout]) -> list[PreparedRollout]:
        """Valid rollouts with their ids; embeddings of another encoder are left out."""
        nothing = dict.fromkeys(TEXT_EMBEDDINGS)
        items: list[PreparedRollout] = []
        for place, rollout in enumerate(rollouts):
            if rollout.encoder not in (None, self.encoder.name):
                rollout = replace(rollout, encoder=None, **nothing)
            try:
                check_rollout(rollout, self.encoder.dimension)
            except InputError as error:
                raise InputError(f"rollout {place} of {len(rollouts)}: {error}") from error
            items.append(prepare(self.name, self.run, rollout))
        return items

    def _embedded(self, items: Sequence[PreparedRollout]) -> list[PreparedRollout]:
        """With embeddings; those of texts that their queries' rollouts have are not made again."""
        if self._kept is not None:
            lacking = [item for item in items if item.rollout.query_embedding is None]
            encoder = self._writer.encoder
            unknown = [item for item in lacking if not encoder.knows(item.rollout.query)]
            for text, vector in vectors_in(self._kept.snapshot, unknown).items():
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
        return accepted.seq is not None

    def _snapshot(self) -> KeptSnapshot:
        """The snapshot, up to date.

        Raises:
            EncoderMismatchError: if it has embeddings of another encoder than this object.
        """
        kept = self._kept or self._open_snapshot()
        kept.catch_up()
        encoder = kept.snapshot.files.manifest.encoder
        if encoder != self.encoder.name:
            raise EncoderMismatchError(
                f"memory {self.name!r} has embeddings of {encoder} now: call `refresh()`"
            )
        return kept

    def _features_of(self, kept: KeptSnapshot, *, write: bool) -> KeptFeatures:
        folder = kept.snapshot.files.folder
        if not write:
            return KeptFeatures(folder, write=False)
        if self._features is None or self._features[0] != folder.name:
            self._features = (folder.name, KeptFeatures(folder))
        return self._features[1]

    def _scored(self, items: Sequence[PreparedRollout]) -> dict[str, Score]:
        """Scores by rollout id, of rollouts that are stored."""
        kept = self._snapshot()
        if not items or self._model is None:
            return {}
        snapshot, found = kept.snapshot, self._model
        queries = snapshot.known(QUERY, sorted({item.query_id for item in items}))
        features = self._features_of(kept, write=True)
        ids, said = score_queries(
            found.model, found.caution, snapshot, queries, features, self._own.features()
        )
        return found.scores(ids, said)

    def _scored_unstored(
        self, items: Sequence[PreparedRollout], unverified: Sequence[PreparedRollout]
    ) -> dict[str, Score]:
        """The same, of rollouts that are stored nowhere, as if they were."""
        if not unverified or self._model is None:
            return {}
        self._writer.find_memory()  # Is it still there?
        kept, found = self._snapshot(), self._model
        snapshot = kept.snapshot
        fresh = {item.id: item for item in self._embedded(self._writer.split(items)[0])}
        query_ids = sorted({item.query_id for item in items})
        rows = dict(zip(query_ids, snapshot.find(QUERY, query_ids).tolist(), strict=True))
        strangers = [item for item in fresh.values() if rows[item.query_id] < 0]
        neighbours = get_memory(self._stores, self.name).neighbours
        with self._stores.vectors.transaction("outbox.sql") as session:
            edges = nearest_unstored(session, self.name, strangers, neighbours)
        near = snapshot.find(QUERY, sorted({other for _, other, _ in edges}))
        seeds = np.array([row for row in (*rows.values(), *near.tolist()) if row >= 0], np.int64)
        part = cut(snapshot, seeds, opinion_reach(found.model))
        graph = self._features_of(kept, write=False).fill(part)
        graph = with_rollouts(graph, list(fresh.values()), edges, snapshot.files.manifest.stamp)
        place = {id_: row for row, id_ in enumerate(graph.query_id_Q)}
        asked = np.array([place[item.query_id] for item in unverified], np.int64)
        said = opinions_on(found.model, found.caution, graph, np.unique(asked))
        return found.scores(graph.rollout_id_R, said)
