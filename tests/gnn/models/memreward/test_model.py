"""The default model: it learns, stays local, keeps its state and needs no signals."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.graph_factory import labelled, make_graph, without_queries

from gnn.base.metrics import auc
from gnn.evaluation.flipped_labels import flip_labels
from gnn.models.members.batch import rollouts_of
from gnn.models.members.losses import pairs_within, reward_loss
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from schema.errors import TrainingError
from schema.memory_graph import Floats, MemoryGraph

SMALL = MemrewardConfig(
    parts=2, net={"hidden": 8, "heads": 2}, train=TrainConfig(max_epochs=3, queries_a_batch=16)
)


@pytest.fixture(scope="module")
def grown() -> tuple[MemoryGraph, Floats]:
    graph, truth_R = make_graph(60, 6, signals=True, policy_dimension=4)
    return labelled(graph, truth_R), truth_R


@pytest.fixture(scope="module")
def fitted(grown: tuple[MemoryGraph, Floats]) -> MemrewardModel:
    model = MemrewardModel(SMALL)
    model.fit(grown[0], seed=0)
    return model


def test_it_ranks_unlabelled_rollouts(
    fitted: MemrewardModel, grown: tuple[MemoryGraph, Floats]
) -> None:
    graph, truth_R = grown
    probability_R = fitted.predict(graph)
    assert ((probability_R >= 0) & (probability_R <= 1)).all()
    open_R = ~graph.labelled_R
    right, wrong = (probability_R[open_R & (truth_R == value)] for value in (1, 0))
    assert right.mean() > wrong.mean() + 0.1


def test_the_state_survives_json_and_tensors(
    fitted: MemrewardModel, grown: tuple[MemoryGraph, Floats]
) -> None:
    tensors, config = fitted.state()
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())
    again = MemrewardModel.from_state(tensors, json.loads(json.dumps(config)))
    np.testing.assert_array_equal(again.predict(grown[0]), fitted.predict(grown[0]))
    assert again.features == fitted.features


def test_a_source_that_says_the_opposite_is_not_learned() -> None:
    graph, truth_R = make_graph(200, 6)
    honest = labelled(graph, truth_R, 0.75)
    spoilt, flipped_R = flip_labels(honest, "source", 0.2, seed=0)
    nameless = replace(spoilt, source_of_rollout_R=np.full(len(truth_R), -1))
    open_R = ~graph.labelled_R & (graph.query_of_rollout_R >= 150)
    areas: list[float] = []
    for known in (honest, spoilt, nameless):
        model = MemrewardModel(SMALL)
        report = model.fit(known, seed=0)
        areas.append(auc(model.predict(known)[open_R], truth_R[open_R]) or 0.0)
        assert report.n_rollouts == honest.labelled_R.sum()
        told = model.tables(known).graph.verified_R
        turned = np.abs(told - known.verified_R)[honest.labelled_R] > 0.5
        expected = flipped_R if known is spoilt else np.zeros_like(flipped_R)
        np.testing.assert_array_equal(turned, expected[honest.labelled_R])
        again = MemrewardModel.from_state(*model.state())
        np.testing.assert_array_equal(again.predict(known), model.predict(known))
    assert areas[1] > areas[0] - 0.03
    assert areas[1] > areas[2]


def test_a_score_depends_on_the_neighbourhood_only(
    fitted: MemrewardModel, grown: tuple[MemoryGraph, Floats]
) -> None:
    graph, _ = grown
    asked = 50
    needed = np.zeros(len(graph.query_id_Q), bool)
    needed[[asked, *graph.similar_2E[1, graph.similar_2E[0] == asked]]] = True
    smaller, kept_R = without_queries(graph, ~needed)
    of_asked = graph.query_of_rollout_R == asked
    whole, part = fitted.predict(graph), fitted.predict(smaller)
    np.testing.assert_allclose(part[of_asked[kept_R]], whole[of_asked], atol=1e-5)


def test_a_verified_reward_is_an_input_of_its_own_query_and_of_no_other(
    fitted: MemrewardModel, grown: tuple[MemoryGraph, Floats]
) -> None:
    graph, truth_R = grown
    asked_R = graph.query_of_rollout_R == 50
    (first,) = np.flatnonzero(asked_R)[:1]
    verified_R = graph.verified_R.copy()
    verified_R[first] = truth_R[first]
    told = replace(graph, verified_R=verified_R)
    change_R = np.abs(fitted.predict(told) - fitted.predict(graph))
    others_R = asked_R & (np.arange(len(asked_R)) != first)
    assert (change_R[others_R] > 1e-4).any()
    near_Q = graph.similar_2E[0][graph.similar_2E[1] == 50]
    far_R = ~asked_R & ~np.isin(graph.query_of_rollout_R, near_Q)
    assert change_R[far_R].max() == 0


def test_no_member_learns_from_a_reward_that_it_was_shown(
    grown: tuple[MemoryGraph, Floats],
) -> None:
    graph, truth_R = grown
    model = MemrewardModel(SMALL)
    known = labelled(graph, truth_R)
    model.fit(known, seed=0)
    tables = model.tables(known)
    for example in model.learned_from(tables, 0):
        rows = rollouts_of(example.data)[example.labelled.numpy()]
        assert 0 < len(rows) < known.labelled_R.sum()


def test_a_neighbours_reward_is_an_input(
    fitted: MemrewardModel, grown: tuple[MemoryGraph, Floats]
) -> None:
    graph, _ = grown
    forgotten = replace(graph, verified_R=np.full_like(graph.verified_R, np.nan))
    assert not np.allclose(fitted.predict(forgotten), fitted.predict(graph))


@pytest.mark.parametrize("missing", ["signals", "hidden", "all", "policy", "dimension"])
def test_it_scores_without_what_is_missing(
    fitted: MemrewardModel, grown: tuple[MemoryGraph, Floats], missing: str
) -> None:
    graph, _ = grown
    none_R6 = np.full_like(graph.policy_signals_R6, np.nan)
    nowhere_RP = graph.policy_embedding_RP[:, :0]
    changed = {
        "signals": {"policy_signals_R6": none_R6},
        "hidden": {"policy_embedding_RP": nowhere_RP},
        "all": {"policy_signals_R6": none_R6, "policy_embedding_RP": nowhere_RP},
        "policy": {"policy_R": ["another"] * len(graph.policy_R)},
        "dimension": {"policy_embedding_RP": np.ones((len(graph.policy_R), 9), np.float32)},
    }[missing]
    probability_R = fitted.predict(replace(graph, **changed))
    assert np.isfinite(probability_R).all()
    assert not np.array_equal(probability_R, fitted.predict(graph))


def test_training_needs_no_signals_and_takes_soft_rewards() -> None:
    graph, truth_R = make_graph(30)
    soft = labelled(graph, (0.2 + 0.6 * truth_R).astype(np.float32))
    model = MemrewardModel(SMALL)
    report = model.fit(soft, seed=1)
    assert report.n_queries == 15
    assert np.isfinite(model.predict(soft)).all()


def test_graded_rewards_are_learned_as_probabilities() -> None:
    graph, truth_R = make_graph(60, 6)
    soft_R = (0.3 + 0.4 * truth_R).astype(np.float32)
    soft = labelled(graph, soft_R)
    model = MemrewardModel(SMALL)
    report = model.fit(soft, seed=1)
    open_R = ~soft.labelled_R
    probability_R = model.predict(soft)[open_R]
    assert probability_R.mean() == pytest.approx(soft_R[open_R].mean(), abs=0.05)
    assert np.quantile(probability_R, [0.02, 0.98]) == pytest.approx([0.3, 0.7], abs=0.1)
    assert report.metrics["ece"] is not None
    assert report.metrics["ece"] < 0.05
    right, wrong = (probability_R[truth_R[open_R] == value] for value in (1, 0))
    assert right.mean() > wrong.mean() + 0.1


def test_the_same_seed_gives_the_same_model() -> None:
    graph, truth_R = make_graph(30)
    graph = labelled(graph, truth_R)
    predictions = []
    for _ in range(2):
        model = MemrewardModel(SMALL)
        model.fit(graph, seed=3)
        predictions.append(model.predict(graph))
    np.testing.assert_array_equal(*predictions)


def test_a_rollout_without_a_query_gets_no_score(
    fitted: MemrewardModel, grown: tuple[MemoryGraph, Floats]
) -> None:
    graph, _ = grown
    cut = replace(graph, generated_2E=graph.generated_2E[:, 1:])
    probability_R = fitted.predict(cut)
    assert np.isnan(probability_R[0])
    assert np.isfinite(probability_R[1:]).all()


def test_too_few_labels_are_refused() -> None:
    graph, truth_R = make_graph(30)
    with pytest.raises(TrainingError, match="label more"):
        MemrewardModel(SMALL).fit(labelled(graph, truth_R, share=0.05), seed=0)
    with pytest.raises(TrainingError, match="fit"):
        MemrewardModel().predict(graph)


def test_pairs_are_within_queries_and_better_first() -> None:
    query_R = np.array([0, 1, 0, 1, 0])
    reward_R = np.array([1, 0, 0, 0, 0.5], dtype=np.float32)
    pairs = {tuple(pair) for pair in pairs_within(query_R, reward_R).T.tolist()}
    assert pairs == {(0, 2), (0, 4), (4, 2)}


def test_the_pairwise_part_punishes_a_wrong_order() -> None:
    reward = torch.tensor([1.0, 0.0])
    pairs = torch.tensor([[0], [1]])
    good, bad = (
        reward_loss(torch.tensor(logits), reward, pairs, pair_weight=1.0)
        - reward_loss(torch.tensor(logits), reward, pairs, pair_weight=0.0)
        for logits in ([2.0, 1.0], [1.0, 2.0])
    )
    assert bad > good > 0


def test_a_checkpoint_may_hold_its_tensors_in_any_order(
    grown: tuple[MemoryGraph, Floats], fitted: MemrewardModel
) -> None:
    tensors, config = fitted.state()
    again = MemrewardModel.from_state(dict(reversed(tensors.items())), config)
    np.testing.assert_array_equal(again.predict(grown[0]), fitted.predict(grown[0]))


def test_a_model_of_other_inputs_is_refused(fitted: MemrewardModel) -> None:
    tensors, config = fitted.state()
    names = ["cos_query_answer", *config["features"]]
    with pytest.raises(ValueError, match="inputs"):
        MemrewardModel.from_state(tensors, {**config, "features": names})
