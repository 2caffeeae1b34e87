"""Whether a snapshot still has the edges that Neo4j has: some may have been changed by hand.

Compared are, for each type of edge up to the snapshot's last published batch: their number, the
sums of their sequence numbers and of the products of their ends' ones, and of their cosines. Neo4j
adds these up itself, so that no edge travels.
"""

import math
from typing import Final

import numpy as np

from memstore.db import Stores
from memstore.snapshot.files import EDGES
from memstore.snapshot.snapshot import Snapshot
from schema.graph import SIMILAR

#: How far a sum of cosines may be off for each edge: they are kept as float32.
_COSINE_TOLERANCE: Final = 1e-6

Sums = tuple[int, int, int, float]


def changed_edges(
    stores: Stores, snapshot: Snapshot, published_seq: int, generation: int
) -> str | None:
    """Name of an edge type whose edges Neo4j no longer has as the snapshot does; None: all agree.

    Args:
        stores: both databases.
        snapshot: of a memory.
        published_seq: what Neo4j has been told.
        generation: of similarity edges that Neo4j shows.
    """
    upto = min(published_seq, snapshot.seq)
    for edge in EDGES:
        count, seqs, products, cosines = _sums(snapshot, edge, upto)
        bounds = {"memory": snapshot.memory, "seq": upto}
        if edge == SIMILAR[1]:
            bounds["generation"] = generation
        row = stores.graph.read(
            "edges.cypher", lambda tx, e=edge, b=bounds: tx.rows(f"sum_{e}", **b)
        )[0]
        same = tuple(row[:3]) == (count, seqs, products)
        if not same or not math.isclose(
            row[3], cosines, rel_tol=0, abs_tol=_COSINE_TOLERANCE * (count + 1)
        ):
            return edge
    return None


def _sums(snapshot: Snapshot, edge: str, upto: int) -> Sums:
    numbers = snapshot.files.numbers
    ends_E2, seq_E = numbers[f"{edge}.ends"].array, numbers[f"{edge}.seq"].array
    source_seq, target_seq = (
        numbers[f"{node}.seq"].array[ends_E2[:, place]] for place, node in enumerate(EDGES[edge])
    )
    counted = (seq_E <= upto) & (source_seq <= upto) & (target_seq <= upto)
    cosines = 0.0
    if edge == SIMILAR[1]:
        score_E = numbers["similar.score"].array
        cosines = float(score_E[counted & (seq_E > 0)].sum(dtype=np.float64))
    products = int((source_seq[counted] * target_seq[counted]).sum())
    return int(counted.sum()), int(seq_E[counted].sum()), products, cosines
