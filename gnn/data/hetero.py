"""A memory's graph as PyG HeteroData: typed nodes, typed edges in both directions."""

import torch

from gnn.data.pyg import HeteroData
from schema.graph import ANSWER, CONCLUSION, EDGE_SPECS, POLICY, QUERY, SIMILAR, THINKING, EdgeType
from schema.memory_graph import Ints, MemoryGraph


def edge_indices(graph: MemoryGraph) -> dict[EdgeType, Ints]:
    """Sender and receiver rows of every edge type of schema.graph.EDGE_SPECS, each [2, E]."""
    stored = graph.stored_edges
    return {spec.triple: spec.messages(stored[spec.stored_name]) for spec in EDGE_SPECS}


def to_hetero(graph: MemoryGraph) -> HeteroData:
    """The structure of a graph: what a model puts its own inputs on.

    Returns:
        HeteroData with the nodes `query`, `thinking`, `answer`, `conclusion` and `policy`, whose
        `n_id` [N] are their rows in `graph`, and all edges of EDGE_TYPES. SIMILAR carries
        `edge_attr` [E, 1], the cosine.

    Raises:
        ValueError: by PyG's `validate`, if an edge points outside its node types.
    """
    counts = {
        QUERY: len(graph.query_id_Q),
        THINKING: len(graph.rollout_id_R),
        ANSWER: len(graph.rollout_id_R),
        CONCLUSION: len(graph.conclusion_id_C),
        POLICY: len(graph.policy_name_U),
    }
    data = HeteroData()
    for node_type, count in counts.items():
        data[node_type].n_id = torch.arange(count)
    for edge_type, index_2E in edge_indices(graph).items():
        data[edge_type].edge_index = torch.from_numpy(index_2E.copy())
    data[SIMILAR].edge_attr = torch.from_numpy(graph.similar_score_E[:, None].copy())
    data.validate(raise_on_error=True)
    return data
