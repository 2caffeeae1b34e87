"""HeteroData from a MemoryGraph."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.graph_factory import labelled, make_graph

from gnn.data.hetero import to_hetero
from schema.graph import EDGE_TYPES, GAVE, GENERATED, LEADS_TO, SIMILAR


def test_has_every_type_with_its_reverse() -> None:
    graph, _ = make_graph()
    data = to_hetero(graph)
    assert set(data.node_types) == {"query", "thinking", "answer", "conclusion", "policy"}
    assert set(data.edge_types) == set(EDGE_TYPES)
    for source, name, target in (GENERATED, LEADS_TO, ("answer", "concludes", "conclusion"), GAVE):
        there = data[source, name, target].edge_index
        back = data[target, f"rev_{name}", source].edge_index
        assert torch.equal(there, back.flip(0))


def test_no_node_type_is_a_source_only() -> None:
    sources = {source for source, _, _ in EDGE_TYPES}
    assert sources == {target for _, _, target in EDGE_TYPES}


def test_similarity_flows_from_the_neighbour_to_the_query_that_chose_it() -> None:
    graph, _ = make_graph()
    data = to_hetero(graph)
    neighbour, chooser = data[SIMILAR].edge_index.numpy()
    assert (chooser == graph.similar_2E[0]).all()
    assert (neighbour == graph.similar_2E[1]).all()
    embedding_QD = graph.query_embedding_QD
    cosine_E = (embedding_QD[neighbour] * embedding_QD[chooser]).sum(1, keepdims=True)
    torch.testing.assert_close(data[SIMILAR].edge_attr, torch.from_numpy(cosine_E))


def test_nodes_know_their_rows_and_no_reward() -> None:
    graph, truth_R = make_graph()
    data = to_hetero(labelled(graph, truth_R, 0.5))
    for node_type, count in (("query", 12), ("thinking", 48), ("answer", 48), ("policy", 1)):
        assert data[node_type].n_id.tolist() == list(range(count))
    assert {name for store in data.node_stores for name in store} == {"n_id"}


def test_a_changed_edge_changes_the_data() -> None:
    graph, _ = make_graph()
    moved = graph.similar_2E.copy()
    moved[1, 0] = (moved[1, 0] + 1) % len(graph.query_id_Q)
    changed = to_hetero(replace(graph, similar_2E=moved))
    assert not torch.equal(changed[SIMILAR].edge_index, to_hetero(graph)[SIMILAR].edge_index)


def test_an_edge_to_nowhere_is_refused() -> None:
    graph, _ = make_graph()
    broken = graph.similar_2E.copy()
    broken[1, 0] = len(graph.query_id_Q)
    with pytest.raises(ValueError, match="larger"):
        to_hetero(replace(graph, similar_2E=broken))


def test_a_graph_without_similarity_or_conclusions_is_fine() -> None:
    graph, _ = make_graph()
    none_2E = np.zeros((2, 4), dtype=np.int64)[:, :0]
    bare = replace(
        graph,
        similar_2E=none_2E,
        similar_score_E=np.zeros(0, dtype=np.float32),
        concludes_2E=none_2E,
        conclusion_id_C=[],
        conclusion_key_C=[],
    )
    data = to_hetero(bare)
    assert data["conclusion"].num_nodes == 0
