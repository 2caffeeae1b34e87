"""The baselines, and what all models have in common."""

from dataclasses import replace

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph, without_queries

from gnn.base.metrics import auc
from gnn.models.baselines.constant_majority_knn import ConstantModel, MajorityModel, NearestModel
from gnn.models.baselines.logistic import LogisticModel
from gnn.models.baselines.logistic_features import GROUP_FEATURES
from gnn.models.registry import REWARD_MODELS, reward_model
from schema.errors import InputError, TrainingError

QUICK = ["constant", "majority", "knn", "logistic", "votes", "reliability", "rule"]


@pytest.mark.parametrize("name", QUICK)
def test_predicts_on_a_graph_that_grew(name: str) -> None:
    grown, truth_R = make_graph(n_queries=20, signals=True, policy_dimension=3)
    before, kept_R = without_queries(grown, np.arange(20) % 4 == 3)
    model = reward_model(name)()
    report = model.fit(labelled(before, truth_R[kept_R]), seed=0)
    probability_R = model.predict(grown)
    assert probability_R.shape == truth_R.shape
    assert probability_R.dtype == np.float32
    assert ((probability_R >= 0) & (probability_R <= 1)).all()
    assert (report.n_queries, report.n_rollouts) == (8, 32)


@pytest.mark.parametrize("name", QUICK)
def test_unlabelled_rewards_do_not_matter(name: str) -> None:
    graph, truth_R = make_graph()
    shown_R = labelled(graph, truth_R).labelled_R
    predictions = []
    for reward_R in (truth_R, np.where(shown_R, truth_R, 1 - truth_R).astype(np.float32)):
        known = labelled(graph, reward_R)
        model = reward_model(name)()
        model.fit(known, seed=0)
        predictions.append(model.predict(known))
    np.testing.assert_array_equal(*predictions)


@pytest.mark.parametrize("name", QUICK)
def test_a_rollout_without_query_gets_no_opinion(name: str) -> None:
    graph, truth_R = make_graph()
    model = reward_model(name)()
    model.fit(labelled(graph, truth_R), seed=0)
    cut = replace(graph, generated_2E=graph.generated_2E[:, 1:])
    assert np.flatnonzero(np.isnan(model.predict(cut))).tolist() == [0]


@pytest.mark.parametrize("name", QUICK)
def test_no_labels_are_refused(name: str) -> None:
    graph, _ = make_graph()
    with pytest.raises(TrainingError, match="no verified rewards"):
        reward_model(name)().fit(graph, seed=0)


@pytest.mark.parametrize("name", ["constant", "knn", "logistic", "votes", "reliability"])
def test_asked_before_it_learnt(name: str) -> None:
    graph, _ = make_graph()
    with pytest.raises(TrainingError, match="not been fitted"):
        reward_model(name)().predict(graph)


def test_constant_is_the_labelled_mean() -> None:
    graph, truth_R = make_graph()
    known = labelled(graph, truth_R)
    model = ConstantModel()
    model.fit(known, seed=0)
    np.testing.assert_allclose(model.predict(known), truth_R[known.labelled_R].mean(), rtol=1e-6)


def test_majority_is_the_share_of_the_same_answer() -> None:
    graph, truth_R = make_graph(n_queries=4, group=5)
    model = MajorityModel()
    model.fit(labelled(graph, truth_R), seed=0)
    share_R, conclusion_R = model.predict(graph), graph.conclusion_of_rollout_R
    assert share_R[0] == 0
    for row in range(1, 20):
        assert share_R[row] == np.float32((conclusion_R == conclusion_R[row]).sum() / 5)


def test_knn_returns_the_reward_of_what_it_has_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NearestModel, "K_NEAREST", 1)
    graph, truth_R = make_graph()
    known = labelled(graph, truth_R)
    model = NearestModel()
    model.fit(known, seed=0)
    shown_R = known.labelled_R
    np.testing.assert_array_equal(model.predict(known)[shown_R], truth_R[shown_R])


def test_knn_asks_no_more_neighbours_than_there_are() -> None:
    graph, truth_R = make_graph()
    known = labelled(graph, truth_R, 0.1)
    model = NearestModel()
    model.fit(known, seed=0)
    mean = truth_R[known.labelled_R].mean()
    np.testing.assert_allclose(model.predict(known), mean, rtol=1e-6)


def test_logistic_learns_and_uses_signals_only_where_there_are_any() -> None:
    graph, truth_R = make_graph(n_queries=60, signals=True, policy_dimension=2)
    graph.policy_signals_R6[:, 0] = truth_R + 0.1
    known = labelled(graph, truth_R)
    model = LogisticModel()
    model.fit(known, seed=0)
    assert len(model.features) == 17 + 6 + 2
    assert (auc(model.predict(known), truth_R) or 0) > 0.95
    bare, _ = make_graph(n_queries=60)
    text = LogisticModel()
    text.fit(labelled(bare, truth_R), seed=0)
    assert text.features == GROUP_FEATURES


def test_logistic_fills_missing_signals() -> None:
    graph, truth_R = make_graph(signals=True)
    model = LogisticModel()
    model.fit(labelled(graph, truth_R), seed=0)
    graph.policy_signals_R6[::2] = np.nan
    assert np.isfinite(model.predict(graph)).all()


def test_logistic_takes_soft_rewards_as_shares() -> None:
    graph, truth_R = make_graph(n_queries=60)
    soft = LogisticModel()
    soft.fit(labelled(graph, (0.3 + 0.4 * truth_R).astype(np.float32)), seed=0)
    hard = LogisticModel()
    hard.fit(labelled(graph, truth_R), seed=0)
    assert np.ptp(soft.predict(graph)) < np.ptp(hard.predict(graph))
    assert abs(soft.predict(graph).mean() - 0.5) < 0.1


def test_logistic_refuses_one_class() -> None:
    graph, truth_R = make_graph()
    with pytest.raises(TrainingError, match="label some of the other kind"):
        LogisticModel().fit(labelled(graph, np.ones_like(truth_R)), seed=0)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="published"):
        reward_model("oracle")
    assert [*QUICK, "published"] == [n for n in REWARD_MODELS if n in (*QUICK, "published")]


def test_text_embeddings_of_another_dimension_are_refused() -> None:
    graph, truth_R = make_graph()
    model = reward_model("knn")()
    model.fit(labelled(graph, truth_R), seed=0)
    other = replace(graph, answer_embedding_RD=graph.answer_embedding_RD[:, :4])
    with pytest.raises(TrainingError, match="train a model on this memory"):
        model.predict(other)


def test_policy_embeddings_of_another_dimension_count_as_missing() -> None:
    graph, truth_R = make_graph(signals=True, policy_dimension=2)
    model = reward_model("logistic")()
    model.fit(labelled(graph, truth_R), seed=0)
    missing = np.full_like(graph.policy_embedding_RP, np.nan)
    np.testing.assert_array_equal(
        model.predict(replace(graph, policy_embedding_RP=graph.policy_embedding_RP[:, :1])),
        model.predict(replace(graph, policy_embedding_RP=missing)),
    )
