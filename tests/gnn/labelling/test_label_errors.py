"""No label judges itself, and wrong labels are found."""

from dataclasses import replace

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph

from gnn.base.metrics import auc
from gnn.evaluation.flipped_labels import flip_labels
from gnn.labelling.label_errors import contradiction, predict_unseen, suspects
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from schema.memory_graph import Bools, Floats, MemoryGraph

SMALL = MemrewardConfig(
    parts=2, net={"hidden": 8, "heads": 2}, train=TrainConfig(max_epochs=3, queries_a_batch=16)
)


@pytest.fixture(scope="module")
def spoilt() -> tuple[MemoryGraph, Bools, Floats]:
    graph, truth_R = make_graph(80, 6, signals=True)
    return *flip_labels(labelled(graph, truth_R, 0.75), "random", 0.1, seed=0), truth_R


@pytest.fixture(scope="module")
def model(spoilt: tuple[MemoryGraph, Bools, Floats]) -> MemrewardModel:
    fitted = MemrewardModel(SMALL)
    fitted.fit(spoilt[0], seed=0)
    return fitted


def test_flipped_labels_are_the_most_contradicted(
    model: MemrewardModel, spoilt: tuple[MemoryGraph, Bools, Floats]
) -> None:
    graph, flipped_R, _ = spoilt
    distance_R, known_R = contradiction(graph, predict_unseen(model, graph))
    found = auc(distance_R[known_R], flipped_R[known_R].astype(np.float32))
    assert found is not None
    assert found > 0.7
    listed = suspects(graph, predict_unseen(model, graph), 20)
    wrong = {graph.rollout_id_R[row] for row in np.flatnonzero(flipped_R)}
    assert sum(item.rollout_id in wrong for item in listed) > 3 * 20 * 0.1
    sizes = [item.contradiction for item in listed]
    assert sizes == sorted(sizes, reverse=True)
    assert all(abs(abs(i.reward - i.probability) - i.contradiction) < 1e-6 for i in listed)


def test_only_members_that_left_the_query_out_are_asked(
    model: MemrewardModel, spoilt: tuple[MemoryGraph, Bools, Floats]
) -> None:
    graph, _, _ = spoilt
    unseen_R = predict_unseen(model, graph)
    for view, division in enumerate(model.divisions.values()):
        part_Q = division.part_of(graph.query_text_Q)
        for part in range(2):
            again = MemrewardModel.from_state(*model.state())
            ruined = again.members[2 * view + 1 - part]
            for name in ruined.base.weights:
                ruined.base.weights[name] = ruined.base.weights[name] + 1
            same_R = np.isclose(predict_unseen(again, graph), unseen_R, atol=1e-7)
            of_part_R = part_Q[graph.query_of_rollout_R] == part
            assert same_R[of_part_R].all()
            assert not same_R[~of_part_R].all()


def test_a_label_does_not_change_what_is_thought_of_it(
    spoilt: tuple[MemoryGraph, Bools, Floats],
) -> None:
    """The members that are asked are the same with and without it, but for the inputs' scale."""
    graph, _, truth_R = spoilt
    asked = 5
    of_query_R = graph.query_of_rollout_R == asked
    other = replace(graph, verified_R=np.where(of_query_R, 1 - truth_R, graph.verified_R))
    weights = []
    for known in (graph, other):
        fitted = MemrewardModel(SMALL)
        fitted.fit(known, seed=0)
        part = fitted.divisions["text"].part_of([graph.query_text_Q[asked]])[0]
        weights.append(fitted.members[part].base.weights["text"].numpy())
    np.testing.assert_allclose(*weights, atol=2e-3)


def test_a_query_s_own_rewards_are_not_in_sight(
    model: MemrewardModel, spoilt: tuple[MemoryGraph, Bools, Floats]
) -> None:
    graph = spoilt[0]
    before_R = predict_unseen(model, graph)
    changed = 0
    for query in range(4):
        own_R = graph.query_of_rollout_R == query
        flipped_R = np.where(own_R, 1 - graph.verified_R, graph.verified_R)
        after_R = predict_unseen(model, replace(graph, verified_R=flipped_R))
        np.testing.assert_array_equal(after_R[own_R], before_R[own_R])
        changed += int((after_R != before_R).sum())
    assert changed > 0  # Similar queries do see them.


def test_a_rollout_without_a_query_is_no_suspect(
    model: MemrewardModel, spoilt: tuple[MemoryGraph, Bools, Floats]
) -> None:
    graph = spoilt[0]
    cut = replace(graph, generated_2E=graph.generated_2E[:, 1:])
    unseen_R = predict_unseen(model, cut)
    assert np.isnan(unseen_R[0])
    listed = suspects(cut, unseen_R, 1000)
    assert len(listed) == cut.labelled_R.sum() - 1
    assert graph.rollout_id_R[0] not in {item.rollout_id for item in listed}
