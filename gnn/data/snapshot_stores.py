"""A snapshot behind PyG's interfaces for remote data: features and edges, read row by row."""

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from gnn.data.pyg import EdgeAttr, EdgeLayout, FeatureStore, GraphStore, TensorAttr
from gnn.data.segment_sum import sums_by
from memstore.snapshot import NODE_OF, Snapshot
from schema.graph import (
    ANSWER,
    CONCLUDES,
    CONCLUSION,
    EDGE_SPECS,
    EDGE_TYPES,
    POLICY,
    QUERY,
    THINKING,
)
from schema.memory_graph import Floats, Ints

#: Columns of `x` by node type; a conclusion's is the mean of its answers', a policy has none.
_EMBEDDINGS: Final = {
    QUERY: "query.embedding",
    THINKING: "answer.thinking_embedding",
    ANSWER: "answer.embedding",
    CONCLUSION: "answer.embedding",
}
_SPECS: Final = {spec.triple: spec for spec in EDGE_SPECS}


class SnapshotFeatures(FeatureStore):
    """Node features of a snapshot: `x` of every type, `y`, `labelled`, `source`, `step` of answers.

    `x` is the text embedding, for a conclusion the mean of its answers', for a policy [U, 0]; a
    verified reward (`y`, 0 where `labelled` is false) is never part of it. Nothing can be written.
    """

    def __init__(self, snapshot: Snapshot, *, seq: int | None = None) -> None:
        """With `seq`, a conclusion is the mean of the answers that had arrived by then."""
        super().__init__()
        self._snapshot, self._seq = snapshot, seq

    def get_all_tensor_attrs(self) -> list[TensorAttr]:
        """Every tensor there is."""
        named = [(node, "x") for node in NODE_OF]
        named += [(ANSWER, name) for name in ("y", "labelled", "source", "step")]
        return [TensorAttr(group_name=node, attr_name=name) for node, name in named]

    def _get_tensor(self, attr: TensorAttr) -> Tensor:
        node, name = str(attr.group_name), attr.attr_name
        rows = self._rows(node, attr.index)
        if name == "x":
            return torch.from_numpy(self._embeddings(node, rows))
        if name == "step":
            return torch.from_numpy(self._snapshot.take("answer.step", rows))
        if name == "source":
            return torch.from_numpy(self._snapshot.sources(rows))
        verified_N = self._snapshot.verified(rows)
        labelled_N = ~np.isnan(verified_N)
        if name == "labelled":
            return torch.from_numpy(labelled_N)
        return torch.from_numpy(np.where(labelled_N, verified_N, np.float32(0)))

    def _rows(self, node: str, index: Any) -> Ints:
        count = self._snapshot.count(NODE_OF[node])
        if index is None:
            return np.arange(count)
        if isinstance(index, slice):
            return np.arange(count)[index]
        return torch.as_tensor(index).numpy()

    def _embeddings(self, node: str, rows: Ints) -> Floats:
        snapshot = self._snapshot
        if node == POLICY:
            return np.zeros((len(rows), 0), np.float32)
        if node != CONCLUSION:
            return snapshot.take(_EMBEDDINGS[node], rows)
        numbers, place = snapshot.edges_to(CONCLUDES[1], rows)
        if self._seq is not None:
            held = snapshot.files.numbers["concludes.seq"].array[numbers] <= self._seq
            numbers, place = numbers[held], place[held]
        embedding_ED = snapshot.take(_EMBEDDINGS[node], snapshot.ends(CONCLUDES[1], numbers)[0])
        size_N = np.maximum(np.bincount(place, minlength=len(rows)), 1)
        total_ND: Floats = sums_by(place, embedding_ED, len(rows))
        return total_ND / size_N[:, None].astype(np.float32)

    def _get_tensor_size(self, attr: TensorAttr) -> tuple[int, ...]:
        count = self._snapshot.count(NODE_OF[str(attr.group_name)])
        width = 0 if attr.group_name == POLICY else self._snapshot.files.manifest.dimension
        return (count, width) if attr.attr_name == "x" else (count,)

    def _put_tensor(self, tensor: Any, attr: TensorAttr) -> bool:
        return False

    def _remove_tensor(self, attr: TensorAttr) -> bool:
        return False


class SnapshotEdges(GraphStore):
    """Edges of a snapshot by type of message, as lists of ends. Nothing can be written."""

    def __init__(self, snapshot: Snapshot) -> None:
        """See the class."""
        super().__init__()
        self._snapshot = snapshot

    def get_all_edge_attrs(self) -> list[EdgeAttr]:
        """Every edge type there is."""
        return [
            EdgeAttr(
                edge_type=edge,
                layout=EdgeLayout.COO,
                size=(self._count(edge[0]), self._count(edge[2])),
            )
            for edge in EDGE_TYPES
        ]

    def _count(self, node: str) -> int:
        return self._snapshot.count(NODE_OF[node])

    def _get_edge_index(self, edge_attr: EdgeAttr) -> tuple[Tensor, Tensor] | None:
        spec = _SPECS.get(edge_attr.edge_type)
        if edge_attr.layout is not EdgeLayout.COO or spec is None:
            return None
        name = spec.stored_name
        ends = np.stack(self._snapshot.ends(name, np.arange(self._snapshot.n_edges(name))))
        source, target = spec.messages(ends)
        return torch.from_numpy(source.copy()), torch.from_numpy(target.copy())

    def _put_edge_index(self, edge_index: Any, edge_attr: EdgeAttr) -> bool:
        return False

    def _remove_edge_index(self, edge_attr: EdgeAttr) -> bool:
        return False
