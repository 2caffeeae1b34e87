"""Re-embedding and linking on Ray: actors that keep nothing embed and search, one actor writes.

It is `memreward reembed` and `memreward link` with that work divided by the same pages and chunks.
What is made is stored by the one session that holds the memory's lock, in the same order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from memreward.base import started_pairs
from memreward.cluster.actors import DURABLE
from memreward.cluster.divided import divided
from memreward.cluster.library import ray_library, result_of
from memreward.cluster.stages import Staged, told_until_done
from memreward.cluster.watching import WATCH
from memreward.jobs import Told
from memstore import Settings, load_settings
from memstore.changes import edges_now, link, reembed
from memstore.db import MemoryState, Stores
from memstore.encoders import DEFAULT_ENCODER, caching, text_encoder
from memstore.shards import Shards, link_shards, nearest_now, reembed_shards
from schema.errors import EncoderMismatchError
from schema.memory_graph import Floats

#: Pages or chunks that a worker has before it.
_AHEAD: Final = 2

#: Rows of SIMILAR_TO.
Edges = list[dict[str, Any]]


class ReembedWorker:
    """Embeds texts; it opens no database."""

    def __init__(self, encoder: str, name: str) -> None:
        """Open the encoder.

        Args:
            encoder: the default one's name, or a folder on this node.
            name: that it must have.

        Raises:
            EncoderMismatchError: if the folder holds another model here.
        """
        found = text_encoder(encoder)
        if found.name != name:
            raise EncoderMismatchError(
                f"{encoder} on this node is {found.name}, not {name}: give every node the same "
                "folder"
            )
        self._encoder = caching(found)

    def embedded(self, texts: list[str]) -> Floats:
        """Vectors [N, D] of a page of N texts."""
        return self._encoder.encode(texts)


class LinkWorker:
    """Finds neighbours; the databases are only read."""

    def __init__(self, memory: str, settings: Settings | None) -> None:
        """Open the databases of a memory; `settings`: see `WriterActor`."""
        self._open = ExitStack()  # Kept, since what it opened is closed with it.
        self._pairs = self._open.enter_context(started_pairs(settings or load_settings()))
        self._shards = divided(self._pairs, memory, None)

    def edges(self, begun: MemoryState, query_ids: list[str], neighbours: int) -> Edges:
        """See `edges_now`."""
        return edges_now(self._pairs[0], begun, query_ids, neighbours)

    def edges_across(
        self, states: list[MemoryState | None], asked: dict[str, Floats], neighbours: int
    ) -> Edges:
        """See `nearest_now`, of a memory that is divided."""
        assert self._shards is not None, "who asks has found its shards"
        return nearest_now(self._shards, states, asked, neighbours)


class RenewActor(Staged):
    """Reads what is to be done, has it done by workers, and writes it."""

    def __init__(self, memory: str, settings: Settings | None, workers: int) -> None:
        """Nothing is begun.

        Args:
            memory: its name.
            settings: see `WriterActor`.
            workers: a processor each.
        """
        super().__init__()
        self._memory, self._settings, self._workers = memory, settings, workers

    def reembed(self, encoder: str) -> int:
        """Do what `memreward reembed` does; the number of texts that were embedded now.

        Raises:
            MemrewardError: see `memstore.changes.reembed`.
        """
        chosen = text_encoder(encoder)
        path = None if encoder == DEFAULT_ENCODER else Path(encoder)

        def embedded(pages: Iterable[list[str]]) -> Iterator[Floats]:
            workers = self._started(ReembedWorker, encoder, chosen.name)
            return spread([worker.embedded.remote for worker in workers], pages)

        with self._opened() as (stores, shards):
            if shards is not None:
                return reembed_shards(shards, chosen, path, self.note, embedded, self._found_across)
            return reembed(
                stores, self._memory, chosen, path=path, progress=self.note, elsewhere=embedded
            )

    def link(self, neighbours: int | None) -> int:
        """Do what `memreward link` does; the number of edges.

        Raises:
            MemrewardError: see `memstore.changes.link`.
        """

        def found(begun: MemoryState, chunks: Iterable[list[str]], k: int) -> Iterator[Edges]:
            workers = self._started(LinkWorker, self._memory, self._settings)
            calls = [
                lambda ids, worker=worker: worker.edges.remote(begun, ids, k) for worker in workers
            ]
            return spread(calls, chunks)

        def progress(done: int, total: int) -> None:
            self.note("link queries", done, total)

        with self._opened() as (stores, shards):
            if shards is not None:
                return link_shards(shards, neighbours, progress, self._found_across).edges
            return link(stores, self._memory, neighbours, progress, found)

    def _found_across(
        self, states: Sequence[MemoryState | None], chunks: Iterable[dict[str, Floats]], k: int
    ) -> Iterator[Edges]:
        """See `memstore.shards.FindNearest`."""
        workers, known = self._started(LinkWorker, self._memory, self._settings), list(states)
        calls = [
            lambda asked, worker=worker: worker.edges_across.remote(known, asked, k)
            for worker in workers
        ]
        return spread(calls, chunks)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Stores, Shards | None]]:
        """The databases of a memory that is not divided, or its shards."""
        with started_pairs(self._settings or load_settings()) as pairs:
            yield pairs[0], divided(pairs, self._memory, None)

    def _started(self, kind: type, *arguments: object) -> list[Any]:
        made = ray_library().remote(num_cpus=1)(kind).options(**DURABLE)
        return [made.remote(*arguments) for _ in range(self._workers)]


def spread(calls: Sequence[Callable[[Any], Any]], items: Iterable[Any]) -> Iterator[Any]:
    """Results of calls of actors in the order of `items`; a few are under way at any time."""
    under_way: deque[Any] = deque()
    for number, item in enumerate(items):
        under_way.append(calls[number % len(calls)](item))
        if len(under_way) >= _AHEAD * len(calls):
            yield result_of(under_way.popleft())
    while under_way:
        yield result_of(under_way.popleft())


def renewed_on_ray(
    memory: str,
    settings: Settings | None,
    workers: int | None,
    progress: Told,
    method: str,
    *arguments: object,
) -> int:
    """Have an actor do what `RenewActor` does by `method`, and call `progress` meanwhile.

    Raises:
        MemrewardError: see there.
    """
    ray = ray_library()
    count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    made = ray.remote(num_cpus=0, concurrency_groups={WATCH: 1})(RenewActor)
    actor = made.options(**DURABLE).remote(memory, settings, count)
    return told_until_done(actor, getattr(actor, method).remote(*arguments), progress)
