"""Intervals by bootstrap: known spreads, paired differences, and what is not defined."""

import numpy as np
import pytest

from memreward.runs.intervals import SEEN, bootstrap, curves


def test_an_interval_has_the_width_of_its_spread() -> None:
    """The mean of 400 coins has a standard error of .025."""
    rng = np.random.default_rng(1)
    before, after = np.zeros((1, 400)), rng.integers(0, 2, (1, 400)).astype(float)
    (found,) = bootstrap([(before, after)], (before, after))
    low, high = found.after
    assert low < after.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 0.025, rel=0.1)
    # The arm is the oracle: in each draw it has all of the gain, and nothing differs.
    assert found.share == (1.0, 1.0)
    assert found.visible == 0.0


def test_seeds_are_drawn_too() -> None:
    before = np.zeros((3, 50))
    after = np.repeat([[0.2], [0.5], [0.8]], 50, 1)
    (found,) = bootstrap([(before, after)], None)
    assert found.after == (pytest.approx(0.2), pytest.approx(0.8))
    assert found.share is None and found.visible is None


def test_differences_are_paired_and_shares_are_of_gains() -> None:
    """Queries differ much, arms by a tenth on each of them: little is needed to see that."""
    rng = np.random.default_rng(2)
    before = np.full((2, 60), 0.1)
    oracle = (before, 0.3 + 0.6 * rng.random((2, 60)))
    arm = (before, oracle[1] - 0.1)
    found = bootstrap([oracle, arm], oracle)[1]
    assert found.visible == pytest.approx(0.0, abs=1e-6 * SEEN)
    assert found.share
    gain = (oracle[1] - before).mean()
    assert found.share[0] < (gain - 0.1) / gain < found.share[1]
    none = bootstrap([arm], (before, before))[0]
    assert none.share is None and none.visible is not None


def test_queries_are_those_that_all_measured() -> None:
    found = curves([{"a": 0.0, "b": 1.0}], [{"b": 0.5, "a": 0.25, "c": 1.0}])
    assert found
    assert found[0].tolist() == [[0.0, 1.0]] and found[1].tolist() == [[0.25, 0.5]]
    assert curves([{}], [{"a": 1.0}]) is None
