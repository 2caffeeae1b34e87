"""Bulk ingest on Ray: one actor reads the files, several embed and read, the writer stores.

It is `memreward ingest` with another writer. Nothing is kept but what the databases hold, and a
rollout is known by its sample number: whatever dies is started again and repeats its work, and
what is stored already is neither embedded nor stored again.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any, Final

import pyarrow as pa

from memreward.base import started
from memreward.cluster.actors import DURABLE
from memreward.cluster.arrow import prepared_table, rollout_table, rollouts_in
from memreward.cluster.elsewhere import WriterElsewhere
from memreward.cluster.library import ray_library, result_of
from memreward.cluster.stages import Staged, told_until_done
from memreward.cluster.watching import WATCH
from memreward.jobs import IngestOutcome, IngestRequest, Told, ingest_files
from memstore import Settings, load_settings
from memstore.changes import Progress, RolloutWriter
from memstore.db import Stores
from schema.answers import conclusion_key
from schema.rollout import Rollout

#: Batches that an embedding actor has before it.
_AHEAD: Final = 2


class IngestActor(Staged):
    """Reads and checks the files, links in the end, and says how far it is."""

    def __init__(self, settings: Settings | None) -> None:
        """Nothing is begun; `settings`: see `WriterActor`."""
        super().__init__()
        self._settings = settings

    def run(self, request: IngestRequest, writer: Any, embedders: int) -> IngestOutcome:
        """Do what `memreward ingest` does.

        Args:
            request: its files must be readable on this node.
            writer: the handle of the memory's writer.
            embedders: actors that embed, a processor each.

        Raises:
            MemrewardError: see `ingest_files`.
        """
        with started(self._settings or load_settings()) as stores:
            spread = _SpreadWriter(stores, request, writer, self._settings, embedders)
            return ingest_files(spread, request, self.note)


class EmbedActor:
    """Embeds the rollouts of batches that the memory lacks, and reads what they conclude."""

    def __init__(self, memory: str, run: str, settings: Settings | None) -> None:
        """Open the databases, which are only read."""
        self._open = ExitStack()  # Kept, since what it opened is closed with it.
        stores = self._open.enter_context(started(settings or load_settings()))
        self._writer = RolloutWriter(stores, memory, run)

    def prepared(self, table: pa.Table) -> pa.Table:
        """A `prepared_table` of a `rollout_table`."""
        items = self._writer.ready(rollouts_in(table))
        fresh = [item for item in items if item.rollout.query_embedding is not None]
        return prepared_table(items, {item.id: conclusion_key(*item.texts) for item in fresh})


class _SpreadWriter(WriterElsewhere):
    """Has batches embedded by several actors, and stored by the memory's writer in their order."""

    def __init__(
        self,
        stores: Stores,
        request: IngestRequest,
        actor: Any,
        settings: Settings | None,
        embedders: int,
    ) -> None:
        super().__init__(stores, request.memory, request.run, actor)
        made = ray_library().remote(num_cpus=1)(EmbedActor).options(**DURABLE)
        own = request.memory, request.run, settings
        self._embedders = [made.remote(*own) for _ in range(embedders)]

    def write(self, batches: Iterable[Sequence[Rollout]], progress: Progress) -> None:
        """See `RolloutWriter`; a few batches are under way at any time."""
        ray, dimension = ray_library(), self.encoder.dimension
        under_way: deque[tuple[Any, int]] = deque()
        for number, batch in enumerate(batches):
            embedder = self._embedders[number % len(self._embedders)]
            table = ray.put(rollout_table(batch, dimension))
            under_way.append((embedder.prepared.remote(table), len(batch)))
            if len(under_way) >= _AHEAD * len(self._embedders):
                self._store(*under_way.popleft(), progress)
        while under_way:
            self._store(*under_way.popleft(), progress)
        result_of(self._actor.flush.remote())

    def _store(self, table: Any, rows: int, progress: Progress) -> None:
        self.accept_table(table)
        progress(rows)


def ingest_on_ray(
    request: IngestRequest,
    writer: Any,
    settings: Settings | None,
    embedders: int | None,
    progress: Told,
) -> IngestOutcome:
    """Have actors ingest, and call `progress` about once a second until they are done.

    Raises:
        MemrewardError: see `ingest_files`.
    """
    ray = ray_library()
    count = embedders or max(1, int(ray.cluster_resources().get("CPU", 1)))
    made = ray.remote(num_cpus=0, concurrency_groups={WATCH: 1})(IngestActor)
    actor = made.options(**DURABLE).remote(settings)
    return told_until_done(actor, actor.run.remote(request, writer, count), progress)
