"""Whole or sampled, from memory or from a snapshot: the default model reads the same HeteroData."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.graph_factory import labelled, make_graph
from support.snapshot_factory import snapshot_of, with_real_ids

from gnn.data.hetero import to_hetero
from gnn.data.loader import node_loader
from gnn.data.pyg import HeteroData
from gnn.models.members.batch import make_batch, rollouts_of, with_inputs
from gnn.models.members.example import make_example
from gnn.models.members.member import given_in_training
from gnn.models.members.tables import FAN_OUT, Tables
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from memstore.snapshot.subgraph import whole
from schema.graph import ANSWER, EDGE_TYPES, QUERY, SIMILAR, THINKING
from schema.memory_graph import Floats, MemoryGraph

SMALL = MemrewardConfig(parts=2, net={"hidden": 8, "heads": 2})


@pytest.fixture(scope="module")
def graph() -> MemoryGraph:
    """Half of it labelled; a rollout has lost its query, another its thinking."""
    graph, truth_R = make_graph(40, 4, signals=True, policy_dimension=3)
    return replace(
        with_real_ids(labelled(graph, truth_R)),
        generated_2E=np.delete(graph.generated_2E, 9, axis=1),
        leads_to_2E=np.delete(graph.leads_to_2E, 14, axis=1),
    )


@pytest.fixture(scope="module")
def model(graph: MemoryGraph) -> MemrewardModel:
    """A model whose network listens to every path."""
    fitted = MemrewardModel(replace(SMALL, train=replace(SMALL.train, max_epochs=2)))
    fitted.fit(graph, seed=0)
    for member in fitted.members:
        for parameter in member.net.head[-1].parameters():
            torch.nn.init.normal_(parameter)
    return fitted


def whole_graph(graph: MemoryGraph, tables: Tables) -> Iterator[HeteroData]:
    yield with_inputs(to_hetero(graph), tables)


def batches(graph: MemoryGraph, tables: Tables) -> Iterator[HeteroData]:
    for queries in np.array_split(np.random.default_rng(0).permutation(40), 7):
        yield make_batch(tables, queries)


def loaded(graph: MemoryGraph, tables: Tables) -> Iterator[HeteroData]:
    """From a snapshot that has the rows of `graph`."""
    snapshot = snapshot_of(graph, Path(graph.memory))
    for data in node_loader(snapshot, np.arange(40), FAN_OUT, seed_type=QUERY, batch_size=9):
        yield with_inputs(data, tables)


def logits(model: MemrewardModel, parts: Iterator[HeteroData], n_rollouts: int) -> Floats:
    """Mean logit of each rollout, NaN where none is given."""
    logit_R = np.full(n_rollouts, np.nan, np.float32)
    for data in parts:
        assert data.validate()
        logit_R[rollouts_of(data)] = model.logits_of(data).mean(0)
    return logit_R


@pytest.mark.parametrize("way", [batches, loaded])
def test_neighbourhoods_give_what_the_whole_graph_gives(
    model: MemrewardModel,
    graph: MemoryGraph,
    way: Callable[[MemoryGraph, Tables], Iterator[HeteroData]],
    tmp_path: Path,
) -> None:
    stored = snapshot_of(graph, tmp_path / "rows")
    graph = replace(whole(stored).graph, memory=str(tmp_path / "loaded"))
    tables = model.tables(graph)
    full_R = logits(model, whole_graph(graph, tables), 160)
    found_R = logits(model, way(graph, tables), 160)
    assert np.isnan(full_R).sum() == 2
    np.testing.assert_allclose(found_R, full_R, atol=1e-5)
    assert np.nanstd(full_R) > 0.1


def test_a_batch_has_the_edge_types_of_the_graph_and_no_more_than_is_needed(
    model: MemrewardModel, graph: MemoryGraph
) -> None:
    data = make_batch(model.tables(graph), np.array([30, 31]))
    assert set(data.edge_types) == set(EDGE_TYPES)
    assert data[QUERY].n_id[:2].tolist() == [30, 31]
    chose, neighbour = graph.similar_2E
    near = np.unique(neighbour[np.isin(chose, [30, 31]) & (neighbour < 20)])
    assert set(data[QUERY].n_id[2:].tolist()) == set(near.tolist()) - {30, 31}
    assert set(rollouts_of(data).tolist()) == set(range(120, 128))


def test_a_query_shows_its_label_to_others_and_never_to_itself(
    model: MemrewardModel, graph: MemoryGraph
) -> None:
    looped = replace(
        graph,
        similar_2E=np.hstack([graph.similar_2E, [[3], [3]]]),
        similar_score_E=np.append(graph.similar_score_E, np.float32(1)),
    )
    np.testing.assert_array_equal(model.predict(looped), model.predict(graph))
    data = with_inputs(to_hetero(looped), model.tables(looped))
    sender, receiver = data[SIMILAR].edge_index
    assert (sender != receiver).all() and (sender < 20).all() and len(sender)
    changed = model.tables(graph).with_labels(np.full(40, np.nan, np.float32))
    assert make_batch(changed, np.arange(40))[SIMILAR].edge_index.shape == (2, 0)


def test_what_is_learned_from_is_known_and_not_shown(
    model: MemrewardModel, graph: MemoryGraph
) -> None:
    tables = model.tables(graph)
    shown_R = np.arange(160) % 3 == 0
    example = make_example(replace(tables, shown_R=shown_R), np.arange(18, 22))
    rows = rollouts_of(example.data)[example.labelled.numpy()]
    assert rows.tolist() == [row for row in range(72, 80) if row % 3]
    np.testing.assert_array_equal(example.reward_L.numpy(), graph.verified_R[rows])
    assert not example.data[ANSWER].train_mask[rollouts_of(example.data) >= 80].any()


def test_signals_are_withheld_from_whole_groups(model: MemrewardModel, graph: MemoryGraph) -> None:
    data = make_batch(model.tables(graph), np.arange(40))
    torch.manual_seed(0)
    signals, hidden = given_in_training(model.members[-1], data)
    given_Q = signals.new_zeros(40).index_add(0, data[THINKING].n_id // 4, signals)
    whole_Q = torch.tensor([4.0 - (query in (2, 3)) for query in range(40)])
    assert ((given_Q == 0) | (given_Q == whole_Q)).all()
    assert 0.5 < (given_Q > 0).float().mean() < 0.9
    assert (hidden <= signals).all() and hidden.sum() < signals.sum()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_what_the_processor_gives(model: MemrewardModel, graph: MemoryGraph) -> None:
    data = make_batch(model.tables(graph), np.arange(40))
    on_gpu = data.clone().to("cuda")
    for member in model.members:
        member.to(torch.device("cpu"))
        expected = member.logits(data)
        found = member.to(torch.device("cuda")).logits(on_gpu)
        torch.testing.assert_close(found.cpu(), expected, atol=1e-4, rtol=0)
