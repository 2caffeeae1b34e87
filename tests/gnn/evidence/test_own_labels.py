"""Verified rewards of the same question: a rollout's own is never seen by itself."""

import numpy as np
import pytest
from support.graph_factory import make_graph

from gnn.evidence.masks import halves, mask_rewards
from gnn.evidence.opinions import Opinions
from gnn.evidence.own_labels import own_labels


def test_its_own_reward_changes_nothing_for_a_rollout() -> None:
    graph, truth_R = make_graph(8, 5)
    opinions = Opinions.of(graph)
    before = own_labels(opinions, truth_R)
    for row in range(len(truth_R)):
        other_R = truth_R.copy()
        other_R[row] = 1 - other_R[row]
        after = own_labels(opinions, other_R)
        for name, value_R in before.items():
            assert after[name][row] == pytest.approx(value_R[row]), name


def test_graded_and_disagreeing_rewards_count_as_what_they_are() -> None:
    graph, _ = make_graph(4, 6, seed=2)
    opinions = Opinions.of(graph)
    conclusion_R = opinions.conclusion_R
    (mates,) = (
        rows[:3] for rows in [np.flatnonzero(conclusion_R == np.bincount(conclusion_R).argmax())]
    )
    reward_R = np.full(len(conclusion_R), np.nan, dtype=np.float32)
    reward_R[mates[1]], reward_R[mates[2]] = 0.25, 1.0
    found = own_labels(opinions, reward_R)
    assert found["same_rate"][mates[0]] == pytest.approx(0.625 - 0.5)
    assert found["same_right"][mates[0]] == pytest.approx(np.log1p(1.25))
    assert found["same_rate"][mates[1]] == pytest.approx(1.0 - 0.5)


def test_without_rewards_there_is_no_evidence() -> None:
    graph, truth_R = make_graph(5, 4)
    found = own_labels(Opinions.of(graph), np.full_like(truth_R, np.nan))
    assert not any(value_R.any() for value_R in found.values())


def test_masks_hide_all_of_some_queries_and_depend_on_known_rewards_only() -> None:
    graph, truth_R = make_graph(300, 6)
    query_R = graph.query_of_rollout_R
    known_R = np.where(query_R % 2 == 0, truth_R, np.nan).astype(np.float32)
    shown_R = mask_rewards(known_R, query_R, np.random.default_rng(0))
    assert not shown_R[np.isnan(known_R)].any()
    some_Q = np.bincount(query_R[shown_R], minlength=300)[::2] > 0
    assert 0.2 < some_Q.mean() < 0.6
    rows = np.flatnonzero(~np.isnan(known_R))
    alone = mask_rewards(known_R[rows], query_R[rows], np.random.default_rng(0))
    assert np.array_equal(alone, shown_R[rows])


def test_halves_share_each_querys_rewards() -> None:
    graph, truth_R = make_graph(5, 5)
    known_R = np.where(np.arange(25) % 5 == 4, np.nan, truth_R).astype(np.float32)
    first_R, second_R = halves(known_R, graph.query_of_rollout_R)
    assert np.bincount(graph.query_of_rollout_R[first_R]).tolist() == [2] * 5
    assert np.array_equal(first_R | second_R, ~np.isnan(known_R))
    assert not (first_R & second_R).any()
