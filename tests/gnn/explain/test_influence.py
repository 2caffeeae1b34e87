"""Influences foretell what fitting the linear base again without a label does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.graph_factory import labelled, make_graph

from gnn.explain.influence import base_influence, influences
from gnn.models.members.batch import make_batch, rollouts_of
from gnn.models.members.example import Example
from gnn.models.members.linear_base import LinearBase
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from schema.memory_graph import MemoryGraph

SMALL = MemrewardConfig(
    parts=2, net={"hidden": 8, "heads": 2}, train=TrainConfig(max_epochs=1, queries_a_batch=16)
)
ASKED = 200


@pytest.fixture(scope="module")
def graph() -> MemoryGraph:
    graph, truth_R = make_graph(50, 5, signals=True, policy_dimension=3)
    known = labelled(graph, truth_R, share=0.6)
    graded_R = np.where(np.arange(len(truth_R)) % 7 == 0, 0.6, known.verified_R)
    return replace(
        known, verified_R=np.where(known.labelled_R, graded_R, np.nan).astype(np.float32)
    )


@pytest.fixture(scope="module")
def model(graph: MemoryGraph) -> MemrewardModel:
    fitted = MemrewardModel(SMALL)
    fitted.fit(graph, seed=0)
    return fitted


def refitted(model: MemrewardModel, graph: MemoryGraph, without: int = -1) -> float:
    """Mean linear logit of the asked rollout, each base fitted with one label less.

    Inputs stay what they are: an influence is what a label does through the weights.
    """
    tables = model.tables(graph)
    logits: list[float] = []
    for number, member in enumerate(model.members):
        examples = [
            example_without(example, without) for example in model.learned_from(tables, number)
        ]
        base = LinearBase.fit(examples, view=member.view)
        data = make_batch(tables, tables.query_R[ASKED : ASKED + 1])
        place = int(np.searchsorted(rollouts_of(data), ASKED))
        with torch.no_grad():
            logits.append(float(base(data, member.given(data))[place]))
    return float(np.mean(logits))


def example_without(example: Example, row: int) -> Example:
    """The example without the label of a row of the graph."""
    kept_L = rollouts_of(example.data)[example.labelled.numpy()] != row
    kept = torch.from_numpy(kept_L)
    return replace(example, labelled=example.labelled[kept], reward_L=example.reward_L[kept])


def test_it_is_what_leaving_the_label_out_does(model: MemrewardModel, graph: MemoryGraph) -> None:
    found_R = base_influence(model, model.tables(graph), ASKED)
    whole = refitted(model, graph)
    largest = np.argsort(-np.abs(found_R))[:6]
    small = np.flatnonzero(graph.labelled_R)[:6]
    changes = []
    for row in (*largest, *small):
        changes.append(whole - refitted(model, graph, without=int(row)))
    claimed = found_R[[*largest, *small]]
    assert np.corrcoef(claimed, changes)[0, 1] > 0.95
    assert np.abs(claimed - changes).max() < 0.2 * np.abs(changes).max()


def test_only_labelled_rollouts_act(model: MemrewardModel, graph: MemoryGraph) -> None:
    found_R = base_influence(model, model.tables(graph), ASKED)
    assert not found_R[~graph.labelled_R].any()
    assert found_R[graph.labelled_R].all()


def test_the_largest_come_first(model: MemrewardModel, graph: MemoryGraph) -> None:
    found = influences(model, graph, graph.rollout_id_R[ASKED], 5)
    sizes = [abs(item.logit) for item in found]
    assert len(found) == 5
    assert sizes == sorted(sizes, reverse=True)
    row = graph.rollout_id_R.index(found[0].rollout_id)
    assert found[0].reward == pytest.approx(graph.verified_R[row])
