"""What moved a rollout's score, from its neighbourhood alone: the same as from the whole graph."""

import threading
from pathlib import Path

from gnn.checkpoints import find_checkpoint, load_checkpoint
from gnn.explain import explain
from gnn.jobs.explain import Why, why_of
from gnn.jobs.score import prediction_reach
from gnn.jobs.scoring_snapshot import ScoringSnapshot
from gnn.models.memreward import MemrewardModel
from memstore import Settings
from memstore.db import Stores, get_memory
from memstore.snapshot import ROLLOUT, Snapshot, cut, queries_of


class NearbyExplainer:
    """Explains scores of one memory by its latest model. Calls wait for one another.

    The model and the snapshot stay in memory; what a call costs does not grow with the memory.
    """

    def __init__(self, stores: Stores, settings: Settings, memory: str) -> None:
        """Nothing is read yet."""
        self.memory = memory
        self._stores, self._settings = stores, settings
        self._snapshot = ScoringSnapshot(stores, settings, memory)
        self._loaded: tuple[Path, MemrewardModel] | None = None
        self._lock = threading.Lock()

    def explain(self, rollout: str) -> Why:
        """What moved the score of a rollout of the memory; labels that act by weights are left out.

        Neighbour queries have the memory's ids, not their owners'.

        Raises:
            UnknownMemoryError: if there is no such memory.
            StoreError: if the memory has no such rollout.
            CheckpointError: if it has no fitting model.
        """
        with self._lock:
            version, model, snapshot = self._read()
            queries = queries_of(snapshot, snapshot.known(ROLLOUT, [rollout]))
            part = cut(snapshot, queries, prediction_reach(model))
            graph = self._snapshot.features(snapshot).fill(part)
            found = explain(model, graph, rollout)
        return why_of(self._stores, graph, version, found, ())

    def _read(self) -> tuple[str, MemrewardModel, Snapshot]:
        """The latest model, its version, and the snapshot as the memory is now."""
        encoder = get_memory(self._stores, self.memory).encoder
        version, model = self._model(encoder)
        return version, model, self._snapshot.caught_up(encoder)

    def _model(self, encoder: str) -> tuple[str, MemrewardModel]:
        """The latest model and its version; read again only if there is a newer one."""
        folder = find_checkpoint(
            self._stores, self._settings, self.memory, None, model=MemrewardModel.name
        )
        if self._loaded is None or self._loaded[0] != folder:
            model, _ = load_checkpoint(folder, encoder=encoder)
            assert isinstance(model, MemrewardModel)
            self._loaded = (folder, model)
        return folder.name, self._loaded[1]
