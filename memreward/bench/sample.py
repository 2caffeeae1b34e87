"""`memreward bench sample`: edges a second of a sampled neighbourhood, compared with Cypher."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from gnn.data import NodeSamplerInput, SnapshotSampler, node_loader
from memreward.base import Bars
from memreward.bench.data import ROLLOUTS_A_QUERY, Mixer
from memreward.bench.scratch import grow, scratch_memory
from memstore import Settings
from memstore.db import GraphTransaction, Stores
from memstore.servers import SAMPLE, snapshot_folder
from memstore.snapshot import NODE_OF, ROLLOUT, Snapshot, SnapshotCache
from schema.errors import InputError
from schema.graph import ANSWER, EDGE_SPECS, EDGE_TYPES
from schema.memory_graph import Ints

#: Neighbours of a node and edge type, step by step: from an answer over its thinking and its query
#: to similar queries, and to their thinkings.
FAN_OUT: Final = (15, 10, 10, 10)


@dataclass(frozen=True, kw_only=True)
class SampleRequest:
    """What to measure."""

    queries: int
    rollouts: Path = SAMPLE
    seeds: int = 512
    repeats: int = 5

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.queries * ROLLOUTS_A_QUERY < self.seeds or self.repeats < 1:
            raise InputError(
                f"--queries: give at least {self.seeds // ROLLOUTS_A_QUERY}; --repeats: at least 1"
            )


def bench_sample(
    stores: Stores, settings: Settings, request: SampleRequest, progress: Bars
) -> dict[str, Any]:
    """Sample around random answers: from the snapshot, through PyG's loader, and in Cypher.

    All expand each node once, by every type of edge, with the same fan-out.
    """
    mixer = Mixer.of(request.rollouts)
    with scratch_memory(stores, settings) as memory:
        grow(stores, memory, mixer, 0, request.queries, progress)
        snapshot = SnapshotCache(stores, memory, snapshot_folder(settings)).snapshot
        rng = np.random.default_rng(0)
        batches = [
            rng.choice(snapshot.count(ROLLOUT), request.seeds, replace=False)
            for _ in range(request.repeats + 1)
        ]
        ways: dict[str, Callable[[Ints], tuple[int, int]]] = {
            "memreward": lambda seeds: _sampled(snapshot, seeds),
            "PyG's loader, with features": lambda seeds: _loaded(snapshot, seeds),
            "Cypher": lambda seeds: _by_cypher(stores, snapshot, seeds),
        }
        rows = [_row(name, work, batches, progress) for name, work in ways.items()]
    rate = {row["way"]: row["edges_per_s"] for row in rows}
    return {"rows": rows, "ratio": rate["memreward"] / rate["Cypher"], "seeds": request.seeds}


def _row(
    name: str, work: Callable[[Ints], tuple[int, int]], batches: list[Ints], progress: Bars
) -> dict[str, Any]:
    work(batches[0])
    nodes = edges = 0
    began = time.perf_counter()
    for place, seeds in enumerate(batches[1:]):
        found = work(seeds)
        nodes, edges = nodes + found[0], edges + found[1]
        progress(name, place + 1, len(batches) - 1)
    seconds = time.perf_counter() - began
    n_batches = len(batches) - 1
    return {
        "way": name,
        "edges_per_s": edges / seconds,
        "batch_s": seconds / n_batches,
        "nodes": nodes // n_batches,
        "edges": edges // n_batches,
    }


def _sampled(snapshot: Snapshot, seeds: Ints) -> tuple[int, int]:
    """Nodes and edges of a sample."""
    asked = NodeSamplerInput(input_id=None, node=torch.from_numpy(seeds), input_type=ANSWER)
    found = SnapshotSampler(snapshot, FAN_OUT).sample_from_nodes(asked)
    edges = (rows for rows in found.row.values() if rows is not None)
    return sum(map(len, found.node.values())), sum(map(len, edges))


def _loaded(snapshot: Snapshot, seeds: Ints) -> tuple[int, int]:
    """The same as a mini-batch with features."""
    loader = node_loader(snapshot, seeds, FAN_OUT, batch_size=len(seeds))
    (batch,) = loader
    return sum(batch[node].num_nodes for node in NODE_OF), sum(
        batch[edge].edge_index.shape[1] for edge in EDGE_TYPES
    )


def _by_cypher(stores: Stores, snapshot: Snapshot, seeds: Ints) -> tuple[int, int]:
    """The same, asked of Neo4j: one query a step and type of edge."""
    known: dict[str, set[str]] = {node: set() for node in NODE_OF}
    known[ANSWER] = set(snapshot.ids(ROLLOUT, seeds))

    def work(tx: GraphTransaction) -> int:
        frontier, n_edges = {node: set(ids) for node, ids in known.items()}, 0
        for count in FAN_OUT:
            reached: dict[str, set[str]] = {node: set() for node in NODE_OF}
            for spec in EDGE_SPECS:
                source, name, target = spec.triple
                if spec.into_hub or not frontier[target]:
                    continue
                ids = sorted(frontier[target])
                rows = tx.rows(f"hop_{name}", memory=snapshot.memory, ids=ids, count=count)
                n_edges += len(rows)
                reached[source].update(row[0] for row in rows)
            for node, ids in reached.items():
                frontier[node] = ids - known[node]
                known[node] |= ids
        return n_edges

    n_edges = stores.graph.read("bench.cypher", work)
    return sum(map(len, known.values())), n_edges
