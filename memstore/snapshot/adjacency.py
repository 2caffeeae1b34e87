"""Which edges a node has, found without looking at any other node: CSR in levels.

The edges of a snapshot's base lie in one CSR over all its nodes. What came later lies in small
CSRs over the nodes that occur, merged so that their number stays logarithmic: nothing that is
old is sorted again for a new batch.
"""

from dataclasses import dataclass

import numpy as np

from schema.memory_graph import Ints


@dataclass(frozen=True, kw_only=True)
class _Level:
    """Edges by node, [K] nodes; `nodes` None: every node from 0 on."""

    nodes: Ints | None
    starts: Ints
    edges: Ints

    def spans(self, nodes: Ints) -> tuple[Ints, Ints]:
        """Where the edges of each of `nodes` begin and how many there are."""
        if self.nodes is None:
            known = nodes < len(self.starts) - 1
            place = np.where(known, nodes, 0)
        else:
            place = np.minimum(np.searchsorted(self.nodes, nodes), len(self.nodes) - 1)
            known = self.nodes[place] == nodes
        if len(self.starts) < 2:
            return np.zeros(len(nodes), np.int64), np.zeros(len(nodes), np.int64)
        start = self.starts[place]
        return start, np.where(known, self.starts[place + 1] - start, 0)


def csr(ends: Ints, n_nodes: int) -> tuple[Ints, Ints]:
    """Starts [n_nodes + 1] and edge numbers [E] by the node in `ends` [E], in their order."""
    starts = np.zeros(n_nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(ends, minlength=n_nodes), out=starts[1:])
    return starts, np.argsort(ends, kind="stable").astype(np.int64)


class Adjacency:
    """Edges of one type by their source, or by their target."""

    def __init__(self, starts: Ints, edges: Ints) -> None:
        """The base: see `csr`."""
        self._base = _Level(nodes=None, starts=starts, edges=edges)
        self._later: list[_Level] = []
        self.n_edges = len(edges)

    def add(self, ends: Ints) -> None:
        """More edges, numbered on from those that there are; `ends` is the node of each."""
        if not len(ends):
            return
        numbers = np.arange(self.n_edges, self.n_edges + len(ends))
        self.n_edges += len(ends)
        level = _sparse(np.asarray(ends, np.int64), numbers)
        while self._later and len(self._later[-1].edges) <= 2 * len(level.edges):
            level = _merged(self._later.pop(), level)
        self._later.append(level)

    def edges_of(self, nodes: Ints) -> tuple[Ints, Ints]:
        """Numbers of the edges of `nodes`, and for each the place in `nodes` that it belongs to.

        Ordered by that place, then by number.
        """
        found: list[Ints] = []
        places: list[Ints] = []
        for level in (self._base, *self._later):
            start, count = level.spans(nodes)
            place = np.repeat(np.arange(len(nodes)), count)
            within = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
            found.append(level.edges[np.repeat(start, count) + within])
            places.append(place)
        if len(found) == 1:
            return found[0], places[0]
        edges, place = np.concatenate(found), np.concatenate(places)
        order = np.argsort(place, kind="stable")
        return edges[order], place[order]


def _sparse(ends: Ints, numbers: Ints) -> _Level:
    order = np.argsort(ends, kind="stable")
    nodes, first = np.unique(ends[order], return_index=True)
    return _Level(nodes=nodes, starts=np.append(first, len(ends)), edges=numbers[order])


def _merged(older: _Level, newer: _Level) -> _Level:
    ends = []
    for level in (older, newer):
        assert level.nodes is not None
        ends.append(np.repeat(level.nodes, np.diff(level.starts)))
    return _sparse(np.concatenate(ends), np.concatenate([older.edges, newer.edges]))
