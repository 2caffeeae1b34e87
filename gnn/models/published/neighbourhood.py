"""What the outputs of some nodes depend on, layer by layer: an exact k-hop neighbourhood.

A network of k layers computes, for chosen output nodes, the same numbers on its receptive field
as on the whole graph; only the work differs. No neighbour is left out (nothing is sampled).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from gnn.models.published.attention import take
from schema.graph import EdgeType
from schema.memory_graph import Ints


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer as bipartite edges from the nodes before it to the nodes after it."""

    #: Edge type to rows, among the nodes before, of the sources that send anything.
    source: dict[EdgeType, Tensor]
    #: Node type to rows, among the nodes before, of the nodes after.
    target: dict[str, Tensor]
    #: Edge type to [2, E]: position in `source`, position in `target`.
    edge_index: dict[EdgeType, Tensor]

    def pairs(self, hidden: Mapping[str, Tensor]) -> dict[EdgeType, tuple[Tensor, Tensor]]:
        """States of senders and receivers per edge type: HeteroConv takes them as its `x_dict`."""
        return {
            edge_type: (
                take(hidden[edge_type[0]], rows),
                take(hidden[edge_type[2]], self.target[edge_type[2]]),
            )
            for edge_type, rows in self.source.items()
        }

    def to(self, device: torch.device) -> Self:
        """The same layer on `device`."""
        return type(self)(
            source={key: rows.to(device) for key, rows in self.source.items()},
            target={key: rows.to(device) for key, rows in self.target.items()},
            edge_index={key: index.to(device) for key, index in self.edge_index.items()},
        )


@dataclass(frozen=True, kw_only=True)
class ReceptiveField:
    """Nodes to put in, the layers between, and nodes that come out."""

    #: Node type to ascending rows of the graph.
    inputs: dict[str, Ints]
    layers: list[Layer]
    outputs: dict[str, Ints]

    def to(self, device: torch.device) -> Self:
        """The same field with its layers on `device`."""
        layers = [layer.to(device) for layer in self.layers]
        return type(self)(inputs=self.inputs, layers=layers, outputs=self.outputs)

    def position(self, node_type: str, rows: Ints) -> Tensor:
        """Positions of the graph's `rows`, all of them outputs, among the outputs."""
        return torch.from_numpy(np.searchsorted(self.outputs[node_type], rows))


def receptive_field(
    edges: Mapping[EdgeType, Ints], outputs: Mapping[str, Ints], *, n_layers: int
) -> ReceptiveField:
    """The exact receptive field of `outputs` under `n_layers` rounds of messages.

    Args:
        edges: edge type to source and target rows, [2, E].
        outputs: node type to rows, in any order; every node type of `edges` must occur.
        n_layers: number of message-passing layers.
    """
    wanted = {node_type: np.unique(rows) for node_type, rows in outputs.items()}
    last = wanted
    layers: list[Layer] = []
    for _ in range(n_layers):
        layer, wanted = _layer_before(edges, wanted)
        layers.insert(0, layer)
    return ReceptiveField(inputs=wanted, layers=layers, outputs=last)


def _layer_before(
    edges: Mapping[EdgeType, Ints], after: Mapping[str, Ints]
) -> tuple[Layer, dict[str, Ints]]:
    """The layer that computes the nodes `after`, and the nodes that it needs before."""
    kept: dict[EdgeType, Ints] = {}
    senders: dict[EdgeType, Ints] = {}
    before = dict(after)
    for edge_type, index_2E in edges.items():
        source_type, _, target_type = edge_type
        kept[edge_type] = index_2E[:, _among(index_2E[1], after[target_type])]
        senders[edge_type] = np.unique(kept[edge_type][0])
        before[source_type] = np.union1d(before[source_type], senders[edge_type])
    layer = Layer(
        source={e: _rows(before[e[0]], senders[e]) for e in edges},
        target={node_type: _rows(before[node_type], rows) for node_type, rows in after.items()},
        edge_index={
            e: torch.stack([_rows(senders[e], kept[e][0]), _rows(after[e[2]], kept[e][1])])
            for e in edges
        },
    )
    return layer, before


def _among(rows: Ints, ascending: Ints) -> np.ndarray:
    """Mask of the `rows` that occur in `ascending`."""
    if not len(ascending):
        return np.zeros(len(rows), dtype=np.bool_)
    return ascending[np.minimum(np.searchsorted(ascending, rows), len(ascending) - 1)] == rows


def _rows(ascending: Ints, values: Ints) -> Tensor:
    """IdIndex of `values`, all of which occur, in `ascending`."""
    return torch.from_numpy(np.searchsorted(ascending, values))
