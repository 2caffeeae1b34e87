"""What a bought verdict says of the rollouts around it."""

import numpy as np
import pytest
from support.standings import standing

from gnn.calls.groups import settled_by
from gnn.calls.revision import BELIEF_WEIGHT, beliefs, closed_by_domain, pooled


def test_a_verdict_counts_for_every_rollout_of_its_query_with_its_conclusion():
    known = standing("aab|a", p=0.4, bought={0: 1.0})
    assert settled_by(known)[:2].tolist() == [1.0, 1.0]
    assert np.isnan(settled_by(known)[2:]).all()
    said_R = beliefs(known)
    assert said_R[0] == 1.0
    assert said_R[1] == pytest.approx((1 + BELIEF_WEIGHT * 0.4) / (1 + BELIEF_WEIGHT))
    assert said_R[3] == pytest.approx(0.4)


def test_a_right_conclusion_makes_the_others_of_a_closed_question_wrong():
    assert beliefs(standing("abb", p=0.3, bought={0: 1.0}))[1:].tolist() == [0, 0]
    open_ = standing("abb", p=0.3, bought={0: 1.0}, closed=0.0)
    assert beliefs(open_)[1:] == pytest.approx([0.3, 0.3])


def test_a_wrong_conclusion_raises_the_others_by_what_it_had():
    assert beliefs(standing("ab", p=[0.5, 0.3], bought={0: 0.0}))[1] == pytest.approx(0.6)
    assert beliefs(standing("ab", p=[0.9, 0.8], bought={0: 0.0}))[1] == pytest.approx(1.0)
    half = standing("ab", p=[0.5, 0.3], bought={0: 0.0}, closed=0.5)
    assert beliefs(half)[1] == pytest.approx(0.45)


def test_probabilities_said_with_the_verdicts_in_sight_are_not_revised_again():
    known = standing("abb", p=[0.5, 0.3, 0.2], bought={0: 0.0}, informed=True)
    assert beliefs(known)[1:] == pytest.approx([0.3, 0.2])


def test_an_unread_rollout_speaks_for_itself():
    known = standing("--", p=0.2, bought={0: 0.0})
    assert np.isnan(settled_by(known)[1])
    assert beliefs(known)[1] == pytest.approx(0.25)


def test_a_rollout_without_a_query_keeps_its_probability():
    known = standing("a", p=0.3, lost=1)
    assert beliefs(known).tolist() == pytest.approx([0.3, 0.3])


def test_the_surer_opinion_decides():
    one, other = np.array([0.5, 0.99], np.float32), np.array([0.8, 0.4], np.float32)
    said = pooled(one, other, 0.5)
    assert said[0] == pytest.approx(2 / 3, abs=1e-4)
    assert said[1] > 0.85
    assert pooled(one, other, 0.0) == pytest.approx(one, abs=1e-4)
    assert pooled(one, other, 1.0) == pytest.approx(other, abs=1e-4)
    assert np.isfinite(pooled(np.array([0.0]), np.array([1.0]), 0.5)).all()


def test_programs_may_be_right_side_by_side():
    closed_Q = closed_by_domain(["code", "math", ""])
    assert closed_Q[0] < 0.5 < closed_Q[1] == closed_Q[2]
