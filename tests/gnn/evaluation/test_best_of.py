"""Best of N, against choices that were counted by hand."""

import numpy as np
import pytest
from numpy.typing import ArrayLike

from gnn.evaluation.best_of import MOST_SUBSETS, Candidates, best_of, summary


def candidates(
    score: ArrayLike, reward: ArrayLike, query: ArrayLike, conclusion: ArrayLike
) -> Candidates:
    return Candidates(
        score={"model": np.array(score, np.float32)},
        reward_R=np.array(reward, np.float32),
        query_R=np.array(query),
        conclusion_R=np.array(conclusion),
    )


def test_best_of_two_is_counted_by_hand() -> None:
    # Pairs of (a right .9, b wrong .5, c right .5): ab a, ac a, bc b or c.
    found = best_of(candidates([0.9, 0.5, 0.5], [1, 0, 1], [4, 4, 4], [0, 1, 0]), 2)
    assert found.query_Q.tolist() == [4]
    assert found.right["model"][0] == pytest.approx((1 + 1 + 0.5) / 3)
    # Votes: ab one each, ac both say 0, bc one each.
    assert found.right["majority"][0] == pytest.approx((0.5 + 1 + 0.5) / 3)
    assert found.right["random"][0] == pytest.approx(2 / 3)
    assert found.right["oracle"][0] == 1


def test_what_has_no_conclusion_wins_no_vote_and_all_without_are_drawn_by_lot() -> None:
    all_four = best_of(candidates([0, 0, 0, 0], [0, 0, 0, 1], [0] * 4, [-1, -1, -1, 7]), 4)
    assert all_four.right["majority"][0] == 1
    assert all_four.right["model"][0] == 0.25
    none = best_of(candidates([0, 0], [0, 1], [0] * 2, [-1, -1]), 2)
    assert none.right["majority"][0] == 0.5


def test_queries_with_fewer_rollouts_are_left_out_and_the_others_are_in_order() -> None:
    one = candidates(
        [0.1, 0.2, 0.9, 0.8, 0.3, 0.4], [0, 1, 0, 1, 1, 0], [5, 5, 2, 2, 2, 9], [0] * 6
    )
    found = best_of(one, 2)
    assert found.query_Q.tolist() == [2, 5]
    assert found.right["model"].tolist() == pytest.approx([1 / 3, 1])
    assert best_of(one, 4).query_Q.tolist() == []


def test_a_partial_reward_counts_as_right_from_one_half_on() -> None:
    found = best_of(candidates([0.9, 0.1], [0.5, 0.4], [0, 0], [0, 1]), 2)
    assert found.right["model"][0] == 1
    assert found.right["random"][0] == 0.5


def test_drawn_subsets_are_near_the_exact_expectation() -> None:
    random = np.random.default_rng(0)
    score, right = random.permutation(20) / 20, random.random(20) < 0.3
    found = best_of(candidates(score, right, [0] * 20, range(20)), 4)
    # The best of 4 has rank r (from 0) with probability C(r, 3) / C(20, 4), C(20, 4) = 4845.
    rank = np.argsort(np.argsort(score))
    exact = sum(r * (r - 1) * (r - 2) / 6 / 4845 for r in rank[right])
    assert MOST_SUBSETS < 4845
    assert found.right["model"][0] == pytest.approx(exact, abs=0.1)
    assert found.right["random"][0] == pytest.approx(right.mean(), abs=0.05)


def test_summary_is_over_queries_then_trials_and_by_domain() -> None:
    first = candidates([0.9, 0.1, 0.9, 0.1], [1, 0, 0, 1], [0, 0, 1, 1], [0, 1, 2, 3])
    second = candidates([0.9, 0.1, 0.1, 0.9], [1, 0, 0, 1], [0, 0, 1, 1], [0, 1, 2, 3])
    found = summary([first, second], np.array(["math", "code"]))
    assert set(found) == {"2", "by_domain"}
    row = found["2"]["model"]
    assert (row["accuracy"], row["regret"], row["n_queries"]) == (0.75, 0.25, 2)
    assert row["accuracy_spread"] == pytest.approx(np.std([0.5, 1], ddof=1))
    assert found["2"]["oracle"]["regret"] == 0
    assert found["by_domain"]["math"]["2"]["model"]["accuracy"] == 1
    assert found["by_domain"]["code"]["2"]["model"]["accuracy"] == 0.5
