"""Which call is worth most."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from support.standings import standing

from gnn.calls.choice import MEAN_WEIGHT, choose_calls, expected_gains


def chosen(known, budget=1):
    return [call.rollout for call in choose_calls(known, budget)]


def test_the_conclusion_of_most_rollouts_is_first():
    calls = choose_calls(standing("abbbc|abcde", p=0.3), 1)
    assert [(call.rollout, call.settles) for call in calls] == [(1, 3)]


def test_what_is_nearly_certain_is_not_worth_a_call():
    assert chosen(standing("aabb", p=[0.02, 0.02, 0.5, 0.5])) == [2]


def test_a_group_with_spread_comes_before_one_without():
    assert chosen(standing("aaaa|aabb", p=[0.5] * 4 + [0.5] * 4)) == [4]


def test_a_right_answer_settles_a_closed_question_and_no_open_one():
    closed = standing("aab|cd", p=0.45, bought={0: 1.0})
    assert chosen(closed, 5)[0] in (3, 4)
    assert choose_calls(closed, 5)[0].gain > 10 * choose_calls(closed, 5)[-1].gain
    open_ = standing("aab", p=0.45, bought={0: 1.0}, closed=0.0)
    assert choose_calls(open_, 5)[0].gain > 0.1


def test_nothing_is_bought_twice_and_the_budget_is_kept():
    known = standing("aab-|ab", p=0.4, bought={1: 0.0})
    assert sorted(chosen(known, 99)) == [2, 3, 4, 5]
    assert len(chosen(known, 2)) == 2
    assert chosen(known, 0) == []
    assert chosen(standing("", p=0.4), 3) == []


def test_only_what_can_be_verified_is_chosen():
    known = standing("aab", p=0.4, verifiable=[False, True, False])
    assert chosen(known, 9) == [1]


def test_the_most_typical_rollout_speaks_for_its_conclusion():
    assert chosen(standing("aaa", p=[0.1, 0.6, 0.8])) == [1]


def test_calls_of_one_query_count_by_the_way_that_leads_to_them():
    sure = choose_calls(standing("aaabb", p=[0.8] * 3 + [0.15] * 2), 2)
    unsure = choose_calls(standing("aaabb", p=[0.3] * 3 + [0.15] * 2), 2)
    assert sure[1].gain < unsure[1].gain


def test_a_part_of_the_memory_without_verdicts_is_worth_more():
    kinds, alike = [0, 0, 1, 1], "ab|ab|ab|ab"
    assert chosen(standing(alike, p=0.4, bought={0: 1.0}, kinds=kinds)) == [4]
    assert chosen(standing(alike, p=0.4, bought={0: 1.0})) == [2]


def test_the_gain_is_the_fall_of_the_expected_squared_error():
    """Counted over all cases of a closed query: one conclusion is right, or none."""
    size_C, mean_C = np.array([3.0, 2.0, 1.0]), np.array([0.4, 0.3, 0.1])
    cases = [*np.eye(3), np.zeros(3)]
    chance = [*mean_C, 1 - mean_C.sum()]

    def error(known):
        """Expected error of rewards, and of their differences from the mean, given the cases."""
        weight = sum(chance[i] for i in known)
        expected = sum(chance[i] * cases[i] for i in known) / weight
        off = [cases[i] - expected for i in known]
        of_mean = [(size_C @ o) ** 2 / size_C.sum() for o in off]
        whole = [size_C @ o**2 for o in off]
        return sum(
            chance[i] * (w - (1 - MEAN_WEIGHT) * m)
            for i, w, m in zip(known, whole, of_mean, strict=True)
        )

    gains = expected_gains(size_C, mean_C, 1.0, np.zeros(3, dtype=np.int64), np.array([6.0]))
    for row, gain in enumerate(gains):
        wrong = [i for i in range(4) if i != row]
        assert gain == pytest.approx(error(range(4)) - error([row]) - error(wrong))


def test_rows_in_another_order_give_the_same_calls():
    text, rng = "aabbc|abcdd|aaaab", np.random.default_rng(0)
    known = standing(text, p=rng.uniform(0.1, 0.6, 15).tolist())
    conclusion = {row: (row // 5, text.replace("|", "")[row]) for row in range(15)}
    expected = {conclusion[call.rollout]: call.gain for call in choose_calls(known, 6)}
    order = rng.permutation(15)
    moved = type(known)(
        query_R=known.query_R[order],
        conclusion_R=known.conclusion_R[order],
        probability_R=known.probability_R[order],
        verdict_R=known.verdict_R[order],
    )
    found = {conclusion[int(order[c.rollout])]: c.gain for c in choose_calls(moved, 6)}
    assert found == pytest.approx(expected)


def test_a_step_of_64_groups_of_8_can_be_bought_whole():
    rng = np.random.default_rng(0)
    groups = ["".join(rng.choice(list("abcd"), 8)) for _ in range(64)]
    known = standing("|".join(groups), p=rng.uniform(0.05, 0.6, 512).tolist())
    calls = choose_calls(known, 512)
    assert len(calls) == sum(len(set(group)) for group in groups)
    gains = [call.gain for call in calls]
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(gains[:64]))


def test_queries_without_rollouts_change_nothing():
    known = standing("aab|ab", p=0.4, kinds=[0, 0, 1])
    few = standing("aab|ab", p=0.4, kinds=[0, 0])
    bare = replace(few, closed_Q=None)
    assert choose_calls(replace(known, closed_Q=None), 9) == choose_calls(bare, 9)
    assert choose_calls(bare, 9) == choose_calls(few, 9)
