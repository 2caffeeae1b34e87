"""Whether a snapshot still has the edges that Neo4j has: some may have been changed by hand.

Compared are, for each type of edge up to the snapshot's last published batch: their number, the
sums of their sequence numbers and of the products of their ends' ones, and of their cosines. Neo4j
adds these up itself, so that no edge travels.
"""

import math
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Final

import numpy as np

from memstore.db import Stores
from memstore.snapshot.files import EDGES, NODES
from memstore.snapshot.snapshot import Snapshot
from schema.graph import SIMILAR

#: How far a sum of cosines may be off for each edge: they are kept as float32.
_COSINE_TOLERANCE: Final = 1e-6
#: A comparison beside that failed, since Neo4j was away, is made again after so long.
AGAIN_SECONDS: Final = 30.0

Sums = tuple[int, int, int, float]


class EdgeComparison:
    """The edges of a snapshot as it is now, to be held against Neo4j's, at once or beside."""

    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        upto: int,
        generation: int,
        edges: Iterable[str] = EDGES,
    ) -> None:
        """Nothing is added up yet.

        Args:
            stores: both databases.
            snapshot: of a memory; what is appended to it later is left out.
            upto: the last batch to compare, which Neo4j has been told.
            generation: of similarity edges that Neo4j shows.
            edges: names of the types to compare.
        """
        self._graph, self._memory = stores.graph, snapshot.memory
        self._upto, self._generation = upto, generation
        #: What Neo4j is like now; see `GraphStore.mark`.
        self.mark = stores.graph.mark()
        numbers = snapshot.files.numbers
        self._seq_N = {node: numbers[f"{node}.seq"].array for node in NODES}
        self._columns = {
            edge: (numbers[f"{edge}.ends"].array, numbers[f"{edge}.seq"].array) for edge in edges
        }
        self._score_E = numbers["similar.score"].array

    def changed(self) -> list[str]:
        """Names of the types whose edges Neo4j does not have as the snapshot does."""
        return [edge for edge in self._columns if not self._is_same(edge)]

    def _is_same(self, edge: str) -> bool:
        bounds: dict[str, object] = {"memory": self._memory, "seq": self._upto}
        if edge == SIMILAR[1]:
            bounds["generation"] = self._generation
        row = self._graph.read("edges.cypher", lambda tx: tx.rows(f"sum_{edge}", **bounds))[0]
        count, seqs, products, cosines = self._sums(edge)
        return tuple(row[:3]) == (count, seqs, products) and math.isclose(
            row[3], cosines, rel_tol=0, abs_tol=_COSINE_TOLERANCE * (count + 1)
        )

    def _sums(self, edge: str) -> Sums:
        upto, (ends_E2, seq_E) = self._upto, self._columns[edge]
        source_seq, target_seq = (
            self._seq_N[node][ends_E2[:, place]] for place, node in enumerate(EDGES[edge])
        )
        counted = (seq_E <= upto) & (source_seq <= upto) & (target_seq <= upto)
        cosines = 0.0
        if edge == SIMILAR[1]:
            cosines = float(self._score_E[counted & (seq_E > 0)].sum(dtype=np.float64))
        products = int((source_seq[counted] * target_seq[counted]).sum())
        return int(counted.sum()), int(seq_E[counted].sum()), products, cosines


class ComparisonBeside:
    """A comparison that another thread makes, and makes again a while after it failed."""

    def __init__(self) -> None:
        """None yet."""
        self._compared: tuple[str | None, Future[list[str]]] | None = None
        #: When one that failed is to be made again, by the monotonic clock.
        self._again_at: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether the last one failed, a while ago."""
        return self._again_at is not None and monotonic() >= self._again_at

    def begin(self, comparison: EdgeComparison | None, memory: str) -> None:
        """Make this one; None: there is nothing to compare."""
        self.drop()
        if comparison is None:
            return
        threads = ThreadPoolExecutor(1, thread_name_prefix=f"edges of {memory}")
        self._compared = comparison.mark, threads.submit(comparison.changed)
        threads.shutdown(wait=False)

    def drop(self) -> None:
        """What it finds is not wanted any more."""
        self._compared = self._again_at = None

    def found(self) -> tuple[str | None, list[str]] | None:
        """What Neo4j was like and which types differ, told once; None: it is not done.

        Raises:
            MemrewardError: what kept it from its end, told once; then it `is_due` after a while.
        """
        if self._compared is None or not self._compared[1].done():
            return None
        (mark, done), self._compared = self._compared, None
        self._again_at = monotonic() + AGAIN_SECONDS
        changed = done.result()
        self._again_at = None
        return mark, changed
