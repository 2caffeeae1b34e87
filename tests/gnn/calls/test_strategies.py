"""Strategies by name: each names open rollouts only, in the order that it stands for."""

import numpy as np
import pytest
from support.standings import standing

from gnn.calls.care import advantage_gap, care_order
from gnn.calls.groups import Groups
from gnn.calls.revision import counted
from gnn.calls.strategies import STRATEGIES


def chosen(name, known, budget=1):
    return list(STRATEGIES[name](known, budget, np.random.default_rng(0)))


@pytest.mark.parametrize("name", STRATEGIES)
def test_no_rollout_is_named_twice_and_the_budget_is_kept(name):
    known = standing("aabc|aab-|abcd", p=0.3, bought={0: 0.0, 8: 1.0}, lost=2)
    for budget in (0, 1, 3, 99):
        rows = chosen(name, known, budget)
        assert len(rows) == len(set(rows)) <= budget
        assert not {0, 8, 12, 13} & set(rows)


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_cannot_be_verified_is_not_named(name):
    known = standing("aab|ab", p=0.3, verifiable=[False, True, False, False, True])
    assert set(chosen(name, known, 9)) <= {1, 4}
    assert chosen(name, known, 9)


def test_the_largest_conclusion_first_then_the_next_where_it_was_wrong():
    text = "aaabbc|aab"
    assert chosen("largest", standing(text), 9) == [0, 6]
    assert chosen("largest", standing(text, bought={0: 0.0, 6: 1.0}), 9) == [3]
    assert chosen("largest", standing("a--|-")) == [0]


def test_the_least_certain_first():
    assert chosen("uncertainty", standing("abc", p=[0.1, 0.55, 0.3]), 2) in ([1, 2], [1, 0])
    assert chosen("uncertainty", standing("abc", p=[0.1, 0.9, 0.45], closed=0.0)) == [2]


def test_a_begun_query_is_bought_to_its_end():
    known = standing("abcd|abcd|abcd", bought={5: 1.0})
    assert set(chosen("queries", known, 3)) == {4, 6, 7}
    assert {row // 4 for row in chosen("queries", standing("abcd|abcd|abcd"), 4)} in ({0}, {1}, {2})


def test_random_rollouts_depend_on_chance_alone():
    known = standing("abcdefgh" * 4, p=0.3)
    again = STRATEGIES["random"](known, 8, np.random.default_rng(1))
    assert chosen("random", known, 8) == chosen("random", known, 8) != list(again)


def test_the_gap_of_advantages_is_that_of_the_vectors():
    def advantage(rewards):
        spread = rewards.std()
        return (rewards - rewards.mean()) / spread if spread else np.zeros_like(rewards)

    for total, majority, right in ((8, 5, 2), (8, 3, 0), (8, 8, 0), (6, 2, 4)):
        pseudo, true = np.zeros(total), np.zeros(total)
        pseudo[:majority] = 1
        true[majority : majority + right] = 1
        gap = advantage_gap(*(np.array([float(n)]) for n in (total, majority, right)))[0]
        assert gap == pytest.approx(np.linalg.norm(advantage(pseudo) - advantage(true)))


def test_care_buys_where_a_wrong_majority_would_change_most():
    text = "aaaabbbb|aaaaaaaa|aaaaaaaa|aaaaaaaa"
    known = standing(text, p=[0.1] * 4 + [0.8] * 4 + [0.9] * 24)
    assert care_order(known, Groups.of(known))[0] == 0
    assert chosen("care", known) == [0]


def test_counting_takes_verdicts_and_shares():
    said_R = counted(standing("aab-|aab|abb", p=0.9, bought={4: 1.0, 7: 0.0}))
    assert said_R[:4] == pytest.approx([0.5, 0.5, 0.25, 0])
    assert said_R[4:7].tolist() == [1, 1, 0]
    assert said_R[7:] == pytest.approx([0, 2 / 3, 2 / 3])
