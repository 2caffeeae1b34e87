"""Neighbourhoods of seed nodes, sampled for PyG's loaders in plain numpy."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

from gnn.data.pyg import BaseSampler, HeteroData, HeteroSamplerOutput, NodeSamplerInput
from memstore.snapshot import NODE_OF, Snapshot
from schema.graph import EDGE_SPECS, EDGE_TYPES, EdgeSpec, EdgeType
from schema.memory_graph import Ints

#: Neighbours of a node per step: the same for every edge type, or by edge type; -1: all. Edges into
#: a hub are as many as the memory's answers: they must be named, or are left out.
FanOut = Sequence[int] | Mapping[EdgeType, Sequence[int]]
_NONE: Final[Ints] = np.zeros(0, np.int64)
_NODE_TYPES: Final = tuple(dict.fromkeys(edge[0] for edge in EDGE_TYPES))


def fan_out_of(fan_out: FanOut) -> dict[EdgeType, tuple[int, ...]]:
    """Neighbours of a node per step, by edge type; types that are not named get none.

    Raises:
        ValueError: if there is no step, the types differ in their number of steps, or one is
            unknown.
    """
    if not fan_out:
        raise ValueError("the fan-out must name at least one step")
    if isinstance(fan_out, Mapping):
        if unknown := fan_out.keys() - set(EDGE_TYPES):
            raise ValueError(f"{sorted(unknown)[0]} is no edge type: choose from {EDGE_TYPES}")
        steps = {len(counts) for counts in fan_out.values()}
        if len(steps) != 1:
            raise ValueError("the fan-out must name as many steps for every edge type")
        none = (0,) * steps.pop()
        return {edge: tuple(fan_out.get(edge, none)) for edge in EDGE_TYPES}
    none = (0,) * len(fan_out)
    return {spec.triple: none if spec.into_hub else tuple(fan_out) for spec in EDGE_SPECS}


class NeighbourSampler(BaseSampler):
    """Samples edges towards the seeds, step by step, each node's edges once.

    A node is expanded in the step after it was first reached, so that no edge comes twice. With a
    fan-out of -1 everywhere the outputs of as many rounds of messages are exact at the seeds, as
    long as none goes into a hub.

    The random numbers come from torch's generator: `torch.manual_seed` repeats a sample, and the
    workers of a loader draw different ones. Where all neighbours are taken, none is drawn.
    """

    def __init__(self, fan_out: FanOut) -> None:
        """See the class and `FanOut`."""
        self.fan_out = fan_out_of(fan_out)
        self._draws = any(count > 0 for counts in self.fan_out.values() for count in counts)

    def sample_from_nodes(self, index: NodeSamplerInput, **kwargs: Any) -> HeteroSamplerOutput:
        """Sample around the seeds `index.node`, each of which must occur once.

        Raises:
            ValueError: if a seed occurs twice, or has a time of its own.
        """
        seeds = index.node.numpy()
        assert index.input_type is not None
        self._check(index, seeds)
        rng = np.random.default_rng(int(torch.randint(2**62, ()).item()) if self._draws else 0)
        nodes = {node: [seeds if node == index.input_type else seeds[:0]] for node in _NODE_TYPES}
        frontier = {node: parts[-1] for node, parts in nodes.items()}
        edges: dict[EdgeType, list[tuple[Ints, Ints, Ints]]] = {edge: [] for edge in EDGE_TYPES}
        n_steps = len(next(iter(self.fan_out.values())))
        for step in range(n_steps):
            reached: dict[str, list[Ints]] = {node: [] for node in _NODE_TYPES}
            for spec in EDGE_SPECS:
                edge = spec.triple
                found = self._incoming(spec, frontier[edge[2]], self.fan_out[edge][step], rng)
                edges[edge].append(found)
                if len(found[1]):
                    reached[edge[0]].append(found[1])
            for node, rows in reached.items():
                frontier[node] = _unknown(rows, nodes[node])
                nodes[node].append(frontier[node])
        return _output(index, nodes, edges)

    def sample_from_edges(self, index: Any, neg_sampling: Any = None) -> Any:
        """Not offered: nothing here learns from edges."""
        raise NotImplementedError("seeds are nodes: use sample_from_nodes")

    def _check(self, index: NodeSamplerInput, seeds: Ints) -> None:
        if index.time is not None:
            raise ValueError("seeds have no times of their own: give the sampler a `seq`")
        if len(np.unique(seeds)) != len(seeds):
            raise ValueError("a seed occurs twice in one batch: give each once")

    @abstractmethod
    def _edges_into(self, spec: EdgeSpec, targets: Ints) -> tuple[Ints, Ints, Ints]:
        """Numbers and sources of all messages to `targets`, and each one's place in `targets`.

        The places rise.
        """
        ...

    def _incoming(
        self, spec: EdgeSpec, targets: Ints, count: int, rng: np.random.Generator
    ) -> tuple[Ints, Ints, Ints]:
        """Numbers, sources and targets of at most `count` messages to each of `targets`."""
        if count == 0 or not len(targets):
            return _NONE, _NONE, _NONE
        numbers, sources, place = self._edges_into(spec, targets)
        if count > 0:
            kept = _some_of_each(place, count, rng)
            numbers, place, sources = numbers[kept], place[kept], sources[kept]
        return numbers, sources, targets[place]


class SnapshotSampler(NeighbourSampler):
    """Samples from a snapshot, whose rows are the nodes' numbers.

    With `seq`, nothing that arrived in a later batch is found, and no such seed is taken.
    """

    def __init__(self, snapshot: Snapshot, fan_out: FanOut, *, seq: int | None = None) -> None:
        """See the class and `FanOut`."""
        super().__init__(fan_out)
        self._snapshot, self.seq = snapshot, seq

    def _check(self, index: NodeSamplerInput, seeds: Ints) -> None:
        super()._check(index, seeds)
        assert index.input_type is not None
        if self.seq is not None and (self._arrived(index.input_type, seeds) > self.seq).any():
            raise ValueError(f"a seed arrived after batch {self.seq}, as of which is sampled")

    def _arrived(self, node: str, rows: Ints) -> Ints:
        return self._snapshot.files.numbers[f"{NODE_OF[node]}.seq"].array[rows]

    def _edges_into(self, spec: EdgeSpec, targets: Ints) -> tuple[Ints, Ints, Ints]:
        name, forward = spec.stored_name, spec.message_from == "start"
        snapshot = self._snapshot
        numbers, place = (
            snapshot.edges_to(name, targets) if forward else snapshot.edges_from(name, targets)
        )
        sources = snapshot.ends(name, numbers)[0 if forward else 1]
        if self.seq is None:
            return numbers, sources, place
        seq_E = snapshot.files.numbers[f"{name}.seq"].array[numbers]
        held = (seq_E <= self.seq) & (self._arrived(spec.triple[0], sources) <= self.seq)
        return numbers[held], sources[held], place[held]


class HeteroSampler(NeighbourSampler):
    """Samples from HeteroData in memory. Its edges are put in order once, when first needed."""

    def __init__(self, data: HeteroData, fan_out: FanOut) -> None:
        """See the class and `FanOut`."""
        super().__init__(fan_out)
        self.data = data
        #: Numbers of the edges by their targets, and where each target's begin.
        self._by_target: dict[EdgeType, tuple[Ints, Ints]] = {}

    def _edges_into(self, spec: EdgeSpec, targets: Ints) -> tuple[Ints, Ints, Ints]:
        order, start_N = self._ordered(spec.triple)
        count_T = start_N[targets + 1] - start_N[targets]
        place = np.repeat(np.arange(len(targets)), count_T)
        skipped_T = start_N[targets] - np.cumsum(count_T) + count_T
        numbers = order[np.arange(len(place)) + skipped_T[place]]
        return numbers, self.data[spec.triple].edge_index[0].numpy()[numbers], place

    def _ordered(self, edge: EdgeType) -> tuple[Ints, Ints]:
        if edge not in self._by_target:
            target_E = self.data[edge].edge_index[1].numpy()
            count_N = np.bincount(target_E, minlength=int(self.data[edge[2]].num_nodes or 0))
            start_N = np.concatenate([[0], np.cumsum(count_N)])
            self._by_target[edge] = np.argsort(target_E, kind="stable"), start_N
        return self._by_target[edge]


def _unknown(found: Sequence[Ints], seen: Sequence[Ints]) -> Ints:
    """What is `found` and not `seen`, each once, ascending: numpy's own is slower."""
    if not found:
        return _NONE
    rows, known = np.sort(np.concatenate(found)), np.sort(np.concatenate(seen))
    first = np.ones(len(rows), dtype=np.bool_)
    np.not_equal(rows[1:], rows[:-1], out=first[1:])
    rows = rows[first]
    if not len(known):
        return rows
    place = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    return rows[known[place] != rows]


def _some_of_each(place_E: Ints, count: int, rng: np.random.Generator) -> Ints:
    """At most `count` random positions of each value of the rising `place_E`, in order."""
    first = np.searchsorted(place_E, place_E)
    rank = np.arange(len(place_E)) - first
    if not len(rank) or rank.max() < count:
        return np.arange(len(place_E))
    order = np.lexsort([rng.random(len(place_E)), place_E])
    return np.sort(order[rank < count])


def _output(
    index: NodeSamplerInput,
    nodes: Mapping[str, list[Ints]],
    edges: Mapping[EdgeType, list[tuple[Ints, Ints, Ints]]],
) -> HeteroSamplerOutput:
    """Rows renumbered by their place in the sample: seeds first, then step by step."""
    rows = {node: np.concatenate(parts) for node, parts in nodes.items()}
    places = {node: np.argsort(found, kind="stable") for node, found in rows.items()}

    def local(node: str, wanted: Ints) -> torch.Tensor:
        order = places[node]
        at = np.searchsorted(rows[node], wanted, sorter=order)
        return torch.from_numpy(order[at] if len(order) else np.zeros(0, np.int64))

    joined = {
        edge: [np.concatenate([step[part] for step in found]) for part in range(3)]
        for edge, found in edges.items()
    }
    return HeteroSamplerOutput(
        node={node: torch.from_numpy(found) for node, found in rows.items()},
        row={edge: local(edge[0], found[1]) for edge, found in joined.items()},
        col={edge: local(edge[2], found[2]) for edge, found in joined.items()},
        edge={edge: torch.from_numpy(found[0]) for edge, found in joined.items()},
        num_sampled_nodes={node: [len(p) for p in parts] for node, parts in nodes.items()},
        num_sampled_edges={edge: [len(f[0]) for f in found] for edge, found in edges.items()},
        metadata=(index.input_id, index.time),
    )
