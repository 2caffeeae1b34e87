"""The actor that writes. It opens no model and imports no torch, so it is soon back when killed."""

from collections.abc import Mapping
from contextlib import ExitStack

import pyarrow as pa
from prometheus_client.core import Metric

from memreward.base import started_at
from memreward.cluster.arrow import prepared_in
from memreward.cluster.watching import WriterMetrics, timed
from memstore import Settings, load_settings
from memstore.changes import RolloutWriter
from memstore.outbox import Accepted, BackgroundPublisher, deleted_memory_error
from memstore.shards import nearest_in
from memstore.similarity import Near
from schema.errors import EncoderMismatchError
from schema.memory_graph import Floats


class WriterActor:
    """The one writer of a memory or of a shard, for the runs of all trainers; one call at a time.

    What a shard's writer keeps in its process is what it needs to find the nearest queries there.
    """

    def __init__(self, memory: str, settings: Settings | None) -> None:
        """Open the databases, and publish what an earlier writer accepted.

        Args:
            memory: its name, or a shard's.
            settings: where the databases are; None: what this node's environment and files say.
        """
        self._memory, self._metrics = memory, WriterMetrics()
        self._open = ExitStack()  # Kept, since what it opened is closed with it.
        self._stores = self._open.enter_context(started_at(memory, settings or load_settings()))
        self._publisher = BackgroundPublisher(self._stores, memory)
        self._writers: dict[tuple[str, bool], RolloutWriter] = {}

    def store(
        self,
        run: str,
        encoder: str,
        incarnation: str | None,
        table: pa.Table,
        reuse: bool = False,
    ) -> Accepted:
        """Store what a scorer has checked and embedded; the same again adds nothing.

        Args:
            run: that made the rollouts.
            encoder: that made their embeddings.
            incarnation: of the memory that the scorer reads; None: it knows of none.
            table: a `prepared_table`.
            reuse: rollouts that conclude what was verified on their query take that verdict over.

        Raises:
            MemrewardError: see `RolloutWriter.accept_embedded`; also what went wrong in publishing.
        """
        self._publisher.raise_error()
        with timed(self._metrics.answered):
            items, keys = prepared_in(table)
            writer = self._writer((run, reuse), encoder, incarnation)
            accepted = writer.accept_embedded(items, lambda: keys)
        self._metrics.stored(accepted.new)
        if accepted.seq is not None:
            self._publisher.wake()
        return accepted

    def nearest(self, asked: Mapping[str, Floats], neighbours: int) -> list[Near]:
        """The nearest queries in this shard to queries that are anywhere.

        Args:
            asked: their embeddings by their ids.
            neighbours: how many each gets, if there are so many.
        """
        return nearest_in(self._stores, self._memory, asked, neighbours)

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        self._publisher.flush()

    def metrics(self) -> list[Metric]:
        """What it counts."""
        return list(self._metrics.registry.collect())

    def _writer(
        self, kind: tuple[str, bool], encoder: str, incarnation: str | None
    ) -> RolloutWriter:
        """The writer of a run, with or without `reuse`, to the memory as the scorer knows it."""
        writer = self._writers.get(kind)
        if writer is None or (encoder, incarnation) != (writer.encoder.name, writer.incarnation):
            run, reuse = kind
            writer = RolloutWriter(self._stores, self._memory, run, reuse=reuse)
            self._writers[kind] = writer
        if incarnation not in (None, writer.incarnation):
            raise deleted_memory_error(self._memory)
        if encoder != writer.encoder.name:
            raise EncoderMismatchError(
                f"memory {self._memory!r} has embeddings of {writer.encoder.name} now: call "
                "`refresh()`"
            )
        return writer
