"""Accuracy with an interval: it covers the truth as often as it says, and predictions narrow it."""

import numpy as np
import pytest

from gnn.confidence.accuracy import (
    MIN_QUERIES,
    Method,
    accuracy_of_sums,
    estimate_accuracy,
)
from schema.memory_graph import Floats, Ints
from schema.reward import VerifiedSums

TRUTH = 0.6


def drawn(
    rng: np.random.Generator, *, quality: float, queries: int = 300, labelled: int = 60
) -> tuple[Floats, Floats, Ints]:
    """Rewards of 1 to 8 rollouts a query, of a population whose mean is TRUTH; predictions."""
    easy_Q = rng.beta(2 * TRUTH, 2 * (1 - TRUTH), queries)
    query_R = np.repeat(np.arange(queries), rng.integers(1, 9, queries))
    right_R = (rng.random(len(query_R)) < easy_Q[query_R]).astype(np.float32)
    noise_R = rng.random(len(query_R))
    # Too high by .1 on purpose: an interval of the predictions alone would be wrong.
    predicted_R = quality * (0.5 * right_R + 0.5 * easy_Q[query_R]) + (1 - quality) * noise_R + 0.1
    shown_Q = rng.permutation(queries) < labelled
    reward_R = np.where(shown_Q[query_R], right_R, np.nan)
    return reward_R.astype(np.float32), predicted_R.astype(np.float32), query_R


@pytest.mark.parametrize("quality", [0.8, 0.0])
def test_the_interval_covers_the_truth_and_good_predictions_narrow_it(quality: float) -> None:
    rng = np.random.default_rng(0)
    covered, widths, classical_widths = 0, [], []
    for _ in range(500):
        reward_R, predicted_R, query_R = drawn(rng, quality=quality)
        found = estimate_accuracy(reward_R, predicted_R, query_R)
        classical = estimate_accuracy(reward_R, None, query_R)
        assert classical.method is Method.CLASSICAL
        assert found.low is not None and found.high is not None
        assert classical.low is not None and classical.high is not None
        covered += found.low <= TRUTH <= found.high
        widths.append(found.high - found.low)
        classical_widths.append(classical.high - classical.low)
    assert 0.93 <= covered / 500 <= 0.98
    ratio = np.mean(widths) / np.mean(classical_widths)
    assert (ratio < 0.6) if quality else (0.95 < ratio <= 1)


def test_rollouts_of_one_query_are_no_independent_facts() -> None:
    reward_R, _, query_R = drawn(np.random.default_rng(1), quality=0.0)
    once = estimate_accuracy(reward_R, None, query_R)
    again = estimate_accuracy(np.tile(reward_R, 9), None, np.tile(query_R, 9))
    assert (again.accuracy, again.low, again.high) == pytest.approx(
        (once.accuracy, once.low, once.high)
    )


def test_a_query_of_which_a_part_is_labelled_counts_once() -> None:
    """Predictions are of no use where they say the same of both parts of each query."""
    rng = np.random.default_rng(2)
    query_R = np.repeat(np.arange(40), 8)
    easy_R = rng.random(40)[query_R]
    right_R = (rng.random(len(query_R)) < easy_R).astype(np.float32)
    reward_R = np.where(np.tile(np.arange(8) < 4, 40), right_R, np.nan).astype(np.float32)
    found = estimate_accuracy(reward_R, easy_R.astype(np.float32), query_R)
    classical = estimate_accuracy(reward_R, None, query_R)
    assert (found.accuracy, found.low, found.high) == (
        classical.accuracy,
        classical.low,
        classical.high,
    )


def test_graded_rewards_count_as_what_they_are() -> None:
    reward_R = np.tile([0.25, 0.75, 0.5], 10).astype(np.float32)
    found = estimate_accuracy(reward_R, None, np.arange(30))
    assert found.accuracy == pytest.approx(0.5)
    assert found.n_verified_queries == 30
    # Their spread is that of 0.25, 0.75 and 0.5, not of a coin.
    assert found.high is not None
    assert found.high - 0.5 == pytest.approx(2.045 * np.std(reward_R, ddof=1) / 30**0.5, rel=0.02)


@pytest.mark.parametrize(("value", "low", "high"), [(1.0, 0.8316, 1.0), (0.0, 0.0, 0.1684)])
def test_where_all_labels_agree_it_is_exact(value: float, low: float, high: float) -> None:
    reward_R = np.full(20, value, dtype=np.float32)
    found = estimate_accuracy(reward_R, None, np.arange(20))
    assert (found.accuracy, found.low, found.high) == pytest.approx((value, low, high), abs=1e-4)


def test_too_few_queries_give_no_interval() -> None:
    reward_R = np.full(8 * MIN_QUERIES, np.nan, dtype=np.float32)
    query_R = np.repeat(np.arange(MIN_QUERIES), 8)
    assert estimate_accuracy(reward_R, None, query_R).accuracy is None
    reward_R[query_R > 0] = 0.5
    found = estimate_accuracy(reward_R, None, query_R)
    assert (found.accuracy, found.low, found.high) == (0.5, None, None)
    reward_R[0] = 1
    assert estimate_accuracy(reward_R, None, query_R).low is not None


def test_rollouts_without_a_prediction_are_left_out() -> None:
    reward_R, predicted_R, query_R = drawn(np.random.default_rng(3), quality=0.8)
    kept_R = query_R < 250
    found = estimate_accuracy(reward_R, np.where(kept_R, predicted_R, np.float32("nan")), query_R)
    assert found.method is Method.PREDICTION_POWERED
    assert found == estimate_accuracy(reward_R[kept_R], predicted_R[kept_R], query_R[kept_R])


@pytest.mark.parametrize("labelled", [0, 5, 60])
def test_sums_by_query_give_the_classical_estimate(labelled: int) -> None:
    reward_R, _, query_R = drawn(np.random.default_rng(3), quality=0.0, labelled=labelled)
    told_R = ~np.isnan(reward_R)
    n_Q = np.bincount(query_R[told_R], minlength=300)
    s_Q = np.bincount(query_R[told_R], reward_R[told_R], minlength=300)
    sums = VerifiedSums(
        queries=int((n_Q > 0).sum()),
        n=int(n_Q.sum()),
        s=float(s_Q.sum()),
        s_s=float(s_Q @ s_Q),
        s_n=float(s_Q @ n_Q),
        n_n=float(n_Q @ n_Q),
    )
    wanted, found = estimate_accuracy(reward_R, None, query_R), accuracy_of_sums(sums)
    assert found.n_verified_queries == wanted.n_verified_queries == labelled
    for name in ("accuracy", "low", "high"):
        value = getattr(wanted, name)
        assert getattr(found, name) == (None if value is None else pytest.approx(value))
