"""What scores are read from: a memory's snapshot and its rollouts' features, up to date."""

from gnn.features import KeptFeatures
from memstore import Settings
from memstore.db import Stores, get_memory
from memstore.outbox import publish
from memstore.servers import snapshot_folder
from memstore.shards import Shards
from memstore.snapshot import ShardedSnapshotCache, Snapshot, SnapshotCache
from schema.errors import EncoderMismatchError


class ScoringSnapshot:
    """The snapshot of one memory, opened when it is first needed. Not thread-safe."""

    def __init__(
        self, stores: Stores, settings: Settings, memory: str, shards: Shards | None = None
    ) -> None:
        """Nothing is opened yet: the memory need not exist. `shards`: if it is divided."""
        self._stores, self._settings, self._memory = stores, settings, memory
        self._shards = shards
        self._kept: SnapshotCache | ShardedSnapshotCache | None = None
        self._features: tuple[str, KeptFeatures] | None = None

    @property
    def current(self) -> Snapshot | None:
        """As it is, without catching up; None: not opened yet."""
        return None if self._kept is None else self._kept.snapshot

    def check(self) -> Snapshot:
        """Open it, or compare its edges with Neo4j's, which users may have changed by hand.

        When it is opened, the comparison runs beside: `caught_up` sees what it has found.

        Raises:
            UnknownMemoryError: if there is no such memory.
        """
        if self._kept is None:
            return self._opened().snapshot
        self._kept.check()
        return self._kept.snapshot

    def caught_up(self, encoder: str) -> Snapshot:
        """The snapshot with everything that is accepted.

        Raises:
            UnknownMemoryError: if there is no such memory.
            EncoderMismatchError: if its embeddings are not of `encoder`.
        """
        kept = self._kept or self._opened()
        kept.catch_up()
        found = kept.snapshot.files.manifest.encoder
        if found != encoder:
            raise EncoderMismatchError(
                f"memory {self._memory!r} has embeddings of {found} now: call `refresh()`"
            )
        return kept.snapshot

    def features(self, snapshot: Snapshot) -> KeptFeatures:
        """Where its rollouts' own features are kept."""
        folder = snapshot.files.folder
        if self._features is None or self._features[0] != folder.name:
            self._features = (folder.name, KeptFeatures(folder))
        return self._features[1]

    def _opened(self) -> SnapshotCache | ShardedSnapshotCache:
        if self._shards is not None:
            self._kept = ShardedSnapshotCache(self._shards, snapshot_folder(self._settings))
            return self._kept
        if get_memory(self._stores, self._memory).published_seq == 0:
            publish(self._stores, self._memory)
        self._kept = SnapshotCache(
            self._stores, self._memory, snapshot_folder(self._settings), beside=True
        )
        return self._kept
