"""Writers whose work is done by actors: checked and embedded here, accepted there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from memreward.cluster.arrow import prepared_table
from memreward.cluster.library import result_of
from memstore.changes import RolloutWriter
from memstore.db import Stores
from memstore.outbox import Accepted, BackgroundPublisher, Given
from memstore.shards import InOnePlace, ShardedWriter, Shards
from memstore.similarity import Near
from schema.calls import Reuse
from schema.keyed_rollout import Keys, PreparedRollout
from schema.memory_graph import Floats


class WriterElsewhere(RolloutWriter):
    """Has the memory's writer accept what is checked and embedded here."""

    def __init__(
        self, stores: Stores, memory: str, run: str, actor: Any, *, reuse: bool = False
    ) -> None:
        """See `RolloutWriter`; `actor` is the handle of the memory's writer."""
        super().__init__(stores, memory, run, reuse=reuse)
        self._actor = actor

    def accept_embedded(
        self, prepared: Sequence[PreparedRollout], keys: Callable[[], Keys] = dict
    ) -> Accepted:
        """See `RolloutWriter`."""
        return self.accept_table(prepared_table(prepared, keys()))

    def publisher(self) -> BackgroundPublisher:
        """See `RolloutWriter`."""
        return _PublisherElsewhere(self._stores, self.memory, self._actor)

    def accept_table(self, table: Any) -> Accepted:
        """The same with a `prepared_table`, or a reference to one.

        Raises:
            MemrewardError: see `RolloutWriter.accept_embedded`.
        """
        whose = [Given(memory=self.memory, prepared=(), incarnation=self.incarnation)]
        stamp = self.run, self.encoder.name, whose
        (accepted,) = result_of(self._actor.store.remote(*stamp, table, reuse=self._reuse))
        self.note(accepted)
        return accepted


class ShardsElsewhere:
    """Has the writer of shards in the same databases accept what is checked and embedded here."""

    def __init__(self, there: InOnePlace, actor: Any) -> None:
        """`actor` is the handle of their writer."""
        self._there, self._actor = there, actor

    def accept(
        self, run: str, given: Sequence[Given], encoder: str, keys: Callable[[], Keys], reuse: bool
    ) -> list[Accepted]:
        """See `WriterInPlace`."""
        table = prepared_table([item for each in given for item in each.prepared], keys())
        whose = [replace(each, prepared=()) for each in given]
        rows = [len(each.prepared) for each in given]
        return result_of(self._actor.store.remote(run, encoder, whose, table, rows, reuse))

    def nearest(self, asked: Mapping[str, Floats], neighbours: int) -> list[Near]:
        """See `WriterInPlace`."""
        return result_of(self._actor.nearest.remote(asked, neighbours))

    def publisher(self) -> BackgroundPublisher:
        """See `WriterInPlace`."""
        return _PublisherElsewhere(self._there.stores, self._there.names[0], self._actor)


def writer_elsewhere(
    stores: Stores,
    memory: str,
    run: str,
    shards: Shards | None,
    actors: Sequence[Any],
    reuse: Reuse | None,
) -> RolloutWriter | ShardedWriter:
    """The writer of a run to a memory, all of whose work is done by these actors.

    Args:
        stores: the databases of a memory that is not divided.
        memory: its name.
        run: that makes the rollouts.
        shards: of a memory that is divided.
        actors: handles of the writers of its shards, a pair of databases each, or the one of the
            memory's.
        reuse: see `OnlineScorer`.
    """
    if shards is None:
        return WriterElsewhere(stores, memory, run, actors[0], reuse=reuse is not None)
    return ShardedWriter(shards, run, shards_elsewhere(shards, actors), reuse=reuse is not None)


def shards_elsewhere(shards: Shards, actors: Sequence[Any]) -> list[ShardsElsewhere]:
    """The writers of the shards, whose work is done by these actors."""
    return [
        ShardsElsewhere(there, actor)
        for there, actor in zip(shards.together(), actors, strict=True)
    ]


class _PublisherElsewhere(BackgroundPublisher):
    """The writer wakes its own publisher, and says what went wrong when it is given more."""

    def __init__(self, stores: Stores, memory: str, actor: Any) -> None:
        super().__init__(stores, memory)
        self._actor = actor

    def wake(self) -> None:
        """It is awake."""

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        result_of(self._actor.flush.remote())
