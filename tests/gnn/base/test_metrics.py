"""Metrics against naive loops and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from gnn.base.metrics import (
    accuracy,
    auc,
    brier_skill,
    expected_calibration_error,
    measure,
    measure_groups,
    within_query,
)

Sample = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def samples(draw: st.DrawFn, soft: bool = False) -> Sample:
    """Predictions with ties, rewards, and queries of uneven size."""
    n = draw(st.integers(1, 40))
    rewards = st.sampled_from([0.0, 0.25, 0.5, 1.0] if soft else [0.0, 1.0])
    probability = draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))
    reward = draw(st.lists(rewards, min_size=n, max_size=n))
    query = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    return (
        np.array(probability, dtype=np.float32) / 8,
        np.array(reward, dtype=np.float32),
        np.array(query, dtype=np.int64),
    )


def naive_within(probability: np.ndarray, reward: np.ndarray, query: np.ndarray) -> float | None:
    won, pairs = 0.0, 0
    for i in range(len(query)):
        for j in range(len(query)):
            if query[i] == query[j] and reward[i] > reward[j]:
                pairs += 1
                won += 1.0 if probability[i] > probability[j] else 0.0
                won += 0.5 if probability[i] == probability[j] else 0.0
    return won / pairs if pairs else None


@given(samples(soft=True))
def test_within_query_is_the_naive_pair_loop(sample: Sample) -> None:
    assert within_query(*sample) == pytest.approx(naive_within(*sample))


@given(samples())
def test_auc_is_within_query_of_one_big_query(sample: Sample) -> None:
    probability, reward, query = sample
    expected = naive_within(probability, reward, np.zeros_like(query))
    assert auc(probability, reward) == pytest.approx(expected)
    if expected is not None:
        assert expected == pytest.approx(roc_auc_score(reward, probability))


@given(samples())
def test_brier_skill_is_against_the_sets_own_base_rate(sample: Sample) -> None:
    probability, reward, _ = sample
    skill = brier_skill(probability, reward)
    if len(set(reward)) < 2:
        assert skill is None
        return
    base = np.full(len(reward), reward.mean(dtype=np.float64))
    expected = 1 - brier_score_loss(reward, probability) / brier_score_loss(reward, base)
    assert skill == pytest.approx(expected, abs=1e-6)


@given(samples(soft=True))
def test_ece_is_the_naive_loop(sample: Sample) -> None:
    probability, reward, _ = sample
    expected = 0.0
    for b in range(15):
        low, high = b / 15, (b + 1) / 15
        inside = [low <= p < high or (b == 14 and p == 1) for p in probability]
        if any(inside):
            gap = abs(probability[inside].mean() - reward[inside].mean())
            expected += gap * sum(inside) / len(reward)
    assert expected_calibration_error(probability, reward) == pytest.approx(expected, abs=1e-5)


def test_a_perfect_and_an_inverted_prediction() -> None:
    reward = np.array([0, 1, 0, 1, 1], dtype=np.float32)
    query = np.array([0, 0, 1, 1, 1])
    best, worst = measure(reward, reward, query), measure(1 - reward, reward, query)
    assert best.measures() == dict(auc=1, within_query=1, accuracy=1, brier_skill=1, ece=0)
    assert (worst.auc, worst.within_query, worst.accuracy) == (0, 0, 0)
    assert (best.n_queries, best.n_rollouts) == (2, 5)


def test_one_class_is_not_applicable() -> None:
    reward = np.ones(4, dtype=np.float32)
    result = measure(np.full(4, 0.7, dtype=np.float32), reward, np.array([0, 0, 1, 1]))
    assert (result.auc, result.within_query, result.brier_skill) == (None, None, None)
    assert result.accuracy == 1
    assert result.ece is not None and math.isclose(result.ece, 0.3, rel_tol=1e-5)


def test_nothing_at_all_is_not_applicable() -> None:
    none = np.zeros(0, dtype=np.float32)
    assert set(measure(none, none, np.zeros(0, dtype=np.int64)).measures().values()) == {None}


def test_a_constant_ranks_one_half_everywhere() -> None:
    reward = np.array([0, 1, 1, 0], dtype=np.float32)
    result = measure(np.full(4, 0.5, dtype=np.float32), reward, np.array([0, 0, 1, 1]))
    assert (result.auc, result.within_query, result.brier_skill) == (0.5, 0.5, 0)


def test_one_half_counts_as_right() -> None:
    half = np.array([0.5, 0.49], dtype=np.float32)
    assert accuracy(half, np.array([1, 0], dtype=np.float32)) == 1


def test_groups_are_measured_apart() -> None:
    reward = np.array([0, 1, 0, 1], dtype=np.float32)
    probability = np.array([0.1, 0.9, 0.9, 0.1], dtype=np.float32)
    among = np.array([True, True, True, True])
    group = np.array(["good", "good", "bad", "bad"])
    result = measure_groups(probability, reward, np.array([0, 0, 1, 1]), group, among)
    assert {name: m.auc for name, m in result.items()} == {"good": 1, "bad": 0}
    assert list(measure_groups(probability, reward, group == "bad", group, group == "bad")) == [
        "bad"
    ]
