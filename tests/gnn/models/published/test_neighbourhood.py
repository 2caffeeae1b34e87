"""The exact neighbourhood of some outputs, and the attention that runs on it."""

import numpy as np
import pytest
import torch
from support.graph_factory import make_graph

from gnn.data.hetero import edge_indices
from gnn.data.pyg import GATv2Conv
from gnn.models.published.attention import Attention, take
from gnn.models.published.neighbourhood import receptive_field
from gnn.models.published.network import EDGE_TYPES


def test_holds_what_messages_can_reach_and_no_more() -> None:
    graph, _ = make_graph(n_queries=30, group=2, k=2)
    edges = {edge_type: edge_indices(graph)[edge_type] for edge_type in EDGE_TYPES}
    outputs = {"query": np.array([4]), "thinking": np.array([8]), "answer": np.array([8])}
    field = receptive_field(edges, outputs, n_layers=2)
    reached = {node_type: set(rows.tolist()) for node_type, rows in outputs.items()}
    for _ in range(2):
        before = {node_type: set(rows) for node_type, rows in reached.items()}
        for (source, _, target), index_2E in edges.items():
            for i, j in index_2E.T.tolist():
                if j in before[target]:
                    reached[source].add(i)
    assert {t: set(rows.tolist()) for t, rows in field.inputs.items()} == reached
    assert len(reached["query"]) < 30


def test_of_everything_is_everything() -> None:
    graph, _ = make_graph()
    edges = {edge_type: edge_indices(graph)[edge_type] for edge_type in EDGE_TYPES}
    everyone = np.arange(len(graph.rollout_id_R))
    outputs = {"query": np.arange(12), "thinking": everyone, "answer": everyone}
    layer = receptive_field(edges, outputs, n_layers=1).layers[0]
    for edge_type in EDGE_TYPES:
        senders = layer.source[edge_type][layer.edge_index[edge_type][0]]
        found = torch.stack([senders, layer.edge_index[edge_type][1]]).numpy()
        np.testing.assert_array_equal(found, edges[edge_type])


@pytest.mark.parametrize("targets", [[0, 0, 1, 3, 3, 3], [2, 0, 1, 3]])
def test_attention_is_gatv2(targets: list[int]) -> None:
    torch.manual_seed(0)
    ours = Attention(16, heads=4, dropout=0.0)
    theirs = GATv2Conv(16, 4, heads=4, add_self_loops=False)
    theirs.load_state_dict(ours.state_dict())
    x = (torch.randn(7, 16), torch.randn(5, 16))
    edge_index = torch.stack([torch.randperm(7)[: len(targets)], torch.tensor(targets)])
    torch.testing.assert_close(ours(x, edge_index), theirs(x, edge_index))


@pytest.mark.parametrize("targets", [[0, 0, 1], [0, 1, 2]])
def test_attention_drops_whole_heads_only_in_training(targets: list[int]) -> None:
    torch.manual_seed(0)
    layer = Attention(8, heads=2, dropout=0.5)
    x, edge_index = (torch.randn(3, 8), torch.randn(3, 8)), torch.tensor([[0, 1, 2], targets])
    assert not torch.equal(layer(x, edge_index), layer(x, edge_index))
    layer.eval()
    assert torch.equal(layer(x, edge_index), layer(x, edge_index))


def test_take_copies_only_when_it_must() -> None:
    state = torch.randn(3, 2)
    assert take(state, torch.arange(3)) is state
    assert torch.equal(take(state, torch.tensor([2, 1, 0])), state.flip(0))
