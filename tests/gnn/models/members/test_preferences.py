"""Preferences train: they order what they compare, in the linear base and in the network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.graph_factory import labelled, make_graph

from gnn.base.metrics import within_query
from gnn.models.members.batch import make_batch
from gnn.models.members.example import make_example
from gnn.models.members.linear_base import LinearBase
from gnn.models.members.member import TrainConfig
from gnn.models.members.preferences import Preferred, preference_weights, usable_preferences
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from schema.errors import TrainingError
from schema.memory_graph import Floats, Ints, MemoryGraph

SMALL = MemrewardConfig(
    parts=2, net={"hidden": 8, "heads": 2}, train=TrainConfig(max_epochs=3, queries_a_batch=16)
)


def all_preferences(graph: MemoryGraph, truth_R: Floats, first_query: int) -> Ints:
    """Every right rollout before every wrong one of its query, from `first_query` on."""
    query_R = graph.query_of_rollout_R
    return np.array(
        [
            (better, worse)
            for query in range(first_query, len(graph.query_id_Q))
            for better in np.flatnonzero((query_R == query) & (truth_R == 1))
            for worse in np.flatnonzero((query_R == query) & (truth_R == 0))
        ],
        dtype=np.int64,
    ).T.reshape(2, -1)


@pytest.fixture(scope="module")
def known() -> tuple[MemoryGraph, Floats]:
    """60 queries, a sixth of them labelled."""
    graph, truth_R = make_graph(60, 6)
    return labelled(graph, truth_R, share=1 / 6), truth_R


def fitted(graph: MemoryGraph) -> MemrewardModel:
    model = MemrewardModel(SMALL)
    model.fit(graph, seed=0)
    return model


def test_many_preferences_outweigh_a_few_labels_that_say_the_opposite(
    known: tuple[MemoryGraph, Floats],
) -> None:
    graph, truth_R = known
    fresh, fresh_truth_R = make_graph(80, 6, seed=5)
    dull = replace(graph, verified_R=np.where(graph.labelled_R, 1 - truth_R, np.nan))
    told = replace(dull, preferred_2P=all_preferences(graph, truth_R, 10))
    without, with_ = (
        within_query(fitted(each).predict(fresh), fresh_truth_R, fresh.query_of_rollout_R)
        for each in (dull, told)
    )
    assert without is not None
    assert with_ is not None
    assert with_ > 0.8 > 0.5 > without


def test_turned_preferences_turn_the_order(known: tuple[MemoryGraph, Floats]) -> None:
    graph, truth_R = known
    preferred_2P = all_preferences(graph, truth_R, 10)
    scores = [
        within_query(
            fitted(replace(graph, preferred_2P=pairs)).predict(graph),
            truth_R,
            graph.query_of_rollout_R,
        )
        for pairs in (preferred_2P, preferred_2P[::-1])
    ]
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0] > scores[1] + 0.1


def test_the_report_counts_them_and_verified_rewards_apart(
    known: tuple[MemoryGraph, Floats],
) -> None:
    graph, truth_R = known
    told = replace(graph, preferred_2P=all_preferences(graph, truth_R, 10))
    report = MemrewardModel(SMALL).fit(told, seed=0)
    assert (report.n_queries, report.n_rollouts) == (10, 60)
    assert report.n_preferences == told.preferred_2P.shape[1] > 0


def test_a_preference_is_never_an_input(known: tuple[MemoryGraph, Floats]) -> None:
    graph, truth_R = known
    model = fitted(graph)
    told = replace(graph, preferred_2P=all_preferences(graph, truth_R, 0))
    np.testing.assert_array_equal(model.predict(told), model.predict(graph))


def test_preferences_alone_give_no_probabilities(known: tuple[MemoryGraph, Floats]) -> None:
    graph, truth_R = known
    bare = replace(
        graph,
        verified_R=np.where(graph.query_of_rollout_R < 2, truth_R, np.nan).astype(np.float32),
        preferred_2P=all_preferences(graph, truth_R, 2),
    )
    with pytest.raises(TrainingError, match="preferences alone"):
        fitted(bare)


def test_only_rollouts_of_one_query_are_compared() -> None:
    graph, _ = make_graph(3, 2)
    told = replace(graph, preferred_2P=np.array([[0, 0, 4], [1, 2, 5]]))
    np.testing.assert_array_equal(usable_preferences(told), [[0, 4], [1, 5]])
    cut = replace(told, generated_2E=told.generated_2E[:, 1:])
    np.testing.assert_array_equal(usable_preferences(cut), [[4], [5]])


def test_a_full_order_weighs_as_much_as_a_chain() -> None:
    query_R = np.zeros(5, np.int64)
    chain = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
    full = np.array([(i, j) for i in range(5) for j in range(i + 1, 5)]).T
    assert preference_weights(chain, query_R).sum() == pytest.approx(4)
    assert preference_weights(full, query_R).sum() == pytest.approx(4)
    assert len(preference_weights(full[:, :0], query_R)) == 0


def test_its_loss_is_that_of_the_right_one_of_two() -> None:
    preferred = Preferred(rows=torch.tensor([[0], [1]]), weight_P=torch.tensor([0.5]))
    odds = torch.tensor([0.8 / 0.2, 0.3 / 0.7])
    first, second = 0.8 * 0.7, 0.2 * 0.3
    expected = -0.5 * np.log(first / (first + second))
    assert float(preferred.loss(torch.log(odds))) == pytest.approx(expected, rel=1e-5)


def test_the_base_learns_from_preferences_without_moving_its_level(
    known: tuple[MemoryGraph, Floats],
) -> None:
    graph, truth_R = known
    told = replace(graph, preferred_2P=all_preferences(graph, truth_R, 10))
    tables = fitted(told).tables(told)
    nothing_R = np.zeros_like(tables.shown_R)
    example = make_example(replace(tables, shown_R=nothing_R), np.arange(60))
    bases = [
        LinearBase.fit([replace(example, preferred=preferred)], view="text")
        for preferred in (
            example.preferred,
            Preferred(rows=example.preferred.rows[:, :0], weight_P=example.preferred.weight_P[:0]),
        )
    ]
    data = make_batch(tables, np.arange(60))
    nothing = torch.zeros(data["thinking"].num_nodes)
    logits = [base(data, (nothing, nothing)).numpy() for base in bases]
    better, worse = told.preferred_2P
    gaps = [np.mean(logit[better] - logit[worse]) for logit in logits]
    assert gaps[0] > gaps[1]
    labelled_means = [np.mean(1 / (1 + np.exp(-logit[:60]))) for logit in logits]
    assert labelled_means[0] == pytest.approx(float(truth_R[:60].mean()), abs=0.05)
