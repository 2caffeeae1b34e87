"""The actor that writes. It opens no model and imports no torch, so it is soon back when killed."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice

import pyarrow as pa
from prometheus_client.core import Metric

from memreward.base import started_at
from memreward.cluster.arrow import prepared_in
from memreward.cluster.watching import WriterMetrics, timed
from memstore import Settings, load_settings
from memstore.changes import RolloutWriter
from memstore.outbox import Accepted, Given, accept_to_several, deleted_memory_error
from memstore.shards import InOnePlace, PairPublisher, nearest_in_place
from memstore.similarity import Near
from schema.errors import EncoderMismatchError
from schema.keyed_rollout import Keys
from schema.memory_graph import Floats


class WriterActor:
    """The one writer of a memory, or of its shards in the same databases, for the runs of all.

    It takes one call at a time. What it keeps of shards in its process is what it needs to find the
    nearest queries there.
    """

    def __init__(self, memories: list[str], settings: Settings | None) -> None:
        """Open the databases, which publishes what an earlier writer accepted.

        Args:
            memories: the memory's name, or the shards'.
            settings: where the databases are; None: what this node's environment and files say.
        """
        self._metrics = WriterMetrics()
        self._open = ExitStack()  # Kept, since what it opened is closed with it.
        found = settings or load_settings()
        stores = self._open.enter_context(started_at(memories[0], found))
        self._there = InOnePlace(stores=stores, places=tuple(range(len(memories))), names=memories)
        self._publisher = PairPublisher(self._there)
        self._writers: dict[tuple[str, str, bool], RolloutWriter] = {}

    def store(
        self,
        run: str,
        encoder: str,
        whose: Sequence[Given],
        table: pa.Table,
        rows: Sequence[int] | None = None,
        reuse: bool = False,
    ) -> list[Accepted]:
        """Store what a scorer has checked and embedded; the same again adds nothing.

        Args:
            run: that made the rollouts.
            encoder: that made their embeddings.
            whose: what the memories are given, without the rollouts; their incarnations are those
                that the scorer reads.
            table: a `prepared_table`, the rollouts of one memory after those of another.
            rows: how many are of each memory; None: all are of the one.
            reuse: rollouts that conclude what was verified on their query take that verdict over.

        Raises:
            MemrewardError: see `accept_to_several`; also what went wrong in publishing.
        """
        self._publisher.raise_error()
        with timed(self._metrics.answered):
            items, keys = prepared_in(table)
            left = iter(items)
            given = [
                replace(each, prepared=list(islice(left, count)))
                for each, count in zip(whose, rows or [len(items)], strict=True)
            ]
            done = self._accept(run, encoder, given, keys, reuse)
        self._metrics.stored(sum(accepted.new for accepted in done))
        if any(accepted.seq is not None for accepted in done):
            self._publisher.wake()
        return done

    def nearest(self, asked: Mapping[str, Floats], neighbours: int) -> list[Near]:
        """The nearest queries in these shards to queries that are anywhere.

        Args:
            asked: their embeddings by their ids.
            neighbours: how many each gets, if there are so many.
        """
        return nearest_in_place(self._there, asked, neighbours)

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        self._publisher.flush()

    def metrics(self) -> list[Metric]:
        """What it counts."""
        return list(self._metrics.registry.collect())

    def _accept(
        self, run: str, encoder: str, given: Sequence[Given], keys: Keys, reuse: bool
    ) -> list[Accepted]:
        writers = [self._writer((each.memory, run, reuse), encoder, each) for each in given]
        stamp = encoder, writers[0].encoder.dimension
        done = accept_to_several(
            self._there.stores.vectors, run, given, stamp, keys=lambda: keys, reuse=reuse
        )
        for writer, accepted in zip(writers, done, strict=True):
            writer.note(accepted)
        return done

    def _writer(self, kind: tuple[str, str, bool], encoder: str, given: Given) -> RolloutWriter:
        """The writer to a memory, of a run, with or without `reuse`, as the scorer knows it."""
        writer, incarnation = self._writers.get(kind), given.incarnation
        if writer is None or (encoder, incarnation) != (writer.encoder.name, writer.incarnation):
            memory, run, reuse = kind
            writer = RolloutWriter(self._there.stores, memory, run, reuse=reuse)
            self._writers[kind] = writer
        if incarnation not in (None, writer.incarnation):
            raise deleted_memory_error(given.memory)
        if encoder != writer.encoder.name:
            raise EncoderMismatchError(
                f"memory {given.memory!r} has embeddings of {writer.encoder.name} now: call "
                "`refresh()`"
            )
        return writer
