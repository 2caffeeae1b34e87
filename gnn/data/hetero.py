"""A memory's graph as PyG HeteroData: typed nodes, typed edges in both directions."""

from collections.abc import Mapping

import numpy as np
import torch

from gnn.data.pyg import HeteroData
from gnn.data.segment_sum import sums_by
from schema.graph import ANSWER, CONCLUSION, EDGE_SPECS, POLICY, QUERY, SIMILAR, THINKING, EdgeType
from schema.memory_graph import Floats, Ints, MemoryGraph


def edge_indices(graph: MemoryGraph) -> dict[EdgeType, Ints]:
    """Sender and receiver rows of every edge type of schema.graph.EDGE_SPECS, each [2, E]."""
    stored = graph.stored_edges
    return {spec.triple: spec.messages(stored[spec.stored_name]) for spec in EDGE_SPECS}


def conclusion_embeddings(graph: MemoryGraph) -> Floats:
    """Mean embedding of the answers that reach each conclusion, shape [C, D]."""
    answer_E, conclusion_E = graph.concludes_2E
    total_CD: Floats = sums_by(
        conclusion_E, graph.answer_embedding_RD[answer_E], len(graph.conclusion_id_C)
    )
    size_C = np.bincount(conclusion_E, minlength=len(total_CD))
    return total_CD / np.maximum(size_C, 1)[:, None].astype(np.float32)


def to_hetero(graph: MemoryGraph, *, features: Mapping[str, Floats] | None = None) -> HeteroData:
    """Typed nodes `query`, `thinking`, `answer`, `conclusion`, `policy`; all edges of EDGE_TYPES.

    Args:
        graph: the memory's graph.
        features: node type to an array [N, F] that is put behind the text embedding in `x`; a
            policy has no embedding, so its `x` is [U, F].

    Returns:
        HeteroData with, for each node type, `x` [N, D + F]; for `answer` also `y` [R] (the
        verified reward, 0 where unknown), `labelled` [R], `source` [R] (of that reward, a row of
        `source_name_S`, -1 without), `query` [R] (row of its query, -1 without) and `step` [R]. A
        verified reward is never part of any `x`. SIMILAR carries `edge_attr` [E, 1], the cosine.
        The order of the rows is the order in `graph`.

    Raises:
        ValueError: by PyG's `validate`, if an edge points outside its node types.
    """
    embeddings = {
        QUERY: graph.query_embedding_QD,
        THINKING: graph.thinking_embedding_RD,
        ANSWER: graph.answer_embedding_RD,
        CONCLUSION: conclusion_embeddings(graph),
        POLICY: np.zeros((len(graph.policy_name_U), 0), np.float32),
    }
    data = HeteroData()
    for node_type, embedding_ND in embeddings.items():
        more = (features or {}).get(node_type)
        inputs = embedding_ND if more is None else np.hstack([embedding_ND, more])
        data[node_type].x = torch.from_numpy(np.ascontiguousarray(inputs, dtype=np.float32))
    for edge_type, index_2E in edge_indices(graph).items():
        data[edge_type].edge_index = torch.from_numpy(np.ascontiguousarray(index_2E))
    data[SIMILAR].edge_attr = torch.from_numpy(graph.similar_score_E[:, None].copy())
    labelled_R = graph.labelled_R
    data[ANSWER].y = torch.from_numpy(np.where(labelled_R, graph.verified_R, 0.0)).float()
    data[ANSWER].labelled = torch.from_numpy(labelled_R)
    data[ANSWER].query = torch.from_numpy(graph.query_of_rollout_R)
    source_R = np.where(labelled_R, graph.source_of_rollout_R, -1)
    data[ANSWER].source = torch.from_numpy(source_R)
    data[ANSWER].step = torch.from_numpy(graph.step_R.copy())
    data.validate(raise_on_error=True)
    return data
