"""Bulk ingest on Ray: one actor reads the files, several embed and read, the writer stores.

It is `memreward ingest` with another writer. Nothing is kept but what the databases hold, and a
rollout is known by its sample number: whatever dies is started again and repeats its work, and
what is stored already is neither embedded nor stored again.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Any, Final

import pyarrow as pa

from memreward.base import started_pairs
from memreward.cluster.actors import DURABLE
from memreward.cluster.arrow import prepared_in, prepared_table, rollout_table, rollouts_in
from memreward.cluster.divided import divided
from memreward.cluster.elsewhere import WriterElsewhere, shards_elsewhere
from memreward.cluster.library import ray_library, result_of
from memreward.cluster.stages import Staged, told_until_done
from memreward.cluster.watching import WATCH
from memreward.jobs import IngestOutcome, IngestRequest, Told, ingest_files
from memstore import Settings, load_settings
from memstore.changes import BatchWriter, Progress
from memstore.db import Stores
from memstore.shards import ShardedWriter, Shards, writer_of
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

    def run(self, request: IngestRequest, writers: list[Any], embedders: int) -> IngestOutcome:
        """Do what `memreward ingest` does.

        Args:
            request: its files must be readable on this node.
            writers: handles of the memory's writer, or of its shards'.
            embedders: actors that embed, a processor each.

        Raises:
            MemrewardError: see `ingest_files`.
        """
        made = ray_library().remote(num_cpus=1)(EmbedActor).options(**DURABLE)
        own = request.memory, request.run, self._settings
        with started_pairs(self._settings or load_settings()) as pairs:
            shards = divided(pairs, request.memory, None)
            actors = _Embedders([made.remote(*own) for _ in range(embedders)])
            spread = _spread_writer(pairs[0], request, shards, writers, actors)
            return ingest_files(spread, request, self.note)


class EmbedActor:
    """Embeds the rollouts of batches that the memory lacks, and reads what they conclude."""

    def __init__(self, memory: str, run: str, settings: Settings | None) -> None:
        """Open the databases, which are only read."""
        self._open = ExitStack()  # Kept, since what it opened is closed with it.
        pairs = self._open.enter_context(started_pairs(settings or load_settings()))
        self._writer = writer_of(pairs[0], memory, run, divided(pairs, memory, None))

    def prepared(self, table: pa.Table) -> pa.Table:
        """A `prepared_table` of a `rollout_table`."""
        items = self._writer.ready(rollouts_in(table))
        fresh = [item for item in items if item.rollout.query_embedding is not None]
        return prepared_table(items, {item.id: conclusion_key(*item.texts) for item in fresh})


class _Embedders:
    """Actors that embed batches; a few batches are under way at any time."""

    def __init__(self, actors: Sequence[Any]) -> None:
        self._actors = actors

    def prepared(
        self, batches: Iterable[Sequence[Rollout]], dimension: int
    ) -> Iterator[tuple[Any, int]]:
        """References to a `prepared_table` of each batch, in their order, and its rows."""
        ray, under_way = ray_library(), deque[tuple[Any, int]]()
        for number, batch in enumerate(batches):
            actor = self._actors[number % len(self._actors)]
            table = ray.put(rollout_table(batch, dimension))
            under_way.append((actor.prepared.remote(table), len(batch)))
            if len(under_way) >= _AHEAD * len(self._actors):
                yield under_way.popleft()
        yield from under_way


class _SpreadWriter(WriterElsewhere):
    """Has batches embedded by several actors, and stored by the memory's writer in their order."""

    embedders: _Embedders

    def write(self, batches: Iterable[Sequence[Rollout]], progress: Progress) -> None:
        """See `BatchWriter`."""
        for table, rows in self.embedders.prepared(batches, self.encoder.dimension):
            self.accept_table(table)
            progress(rows)
        _flush(self)


class _SpreadShards(ShardedWriter):
    """The same; each batch is stored by the writers of the shards at the same time."""

    embedders: _Embedders

    def write(self, batches: Iterable[Sequence[Rollout]], progress: Progress) -> None:
        """See `BatchWriter`."""
        for table, rows in self.embedders.prepared(batches, self.encoder.dimension):
            items, keys = prepared_in(result_of(table))
            self.accept_embedded(items, lambda keys=keys: keys)
            progress(rows)
        _flush(self)


def _flush(writer: BatchWriter) -> None:
    with closing(writer.publisher()) as publisher:
        publisher.flush()


def _spread_writer(
    stores: Stores,
    request: IngestRequest,
    shards: Shards | None,
    actors: Sequence[Any],
    embedders: _Embedders,
) -> BatchWriter:
    if shards is None:
        writer = _SpreadWriter(stores, request.memory, request.run, actors[0])
    else:
        writer = _SpreadShards(shards, request.run, shards_elsewhere(shards, actors))
    writer.embedders = embedders
    return writer


def ingest_on_ray(
    request: IngestRequest,
    writers: list[Any],
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
    return told_until_done(actor, actor.run.remote(request, writers, count), progress)
