"""Mean and sample standard deviation of what is defined."""

import pytest

from gnn.base.spread import mean_and_spread


def test_what_is_not_defined_is_left_out() -> None:
    assert mean_and_spread([1.0, None, float("nan"), 3.0]) == (2.0, pytest.approx(2**0.5))


def test_one_value_has_no_spread_and_none_has_no_mean() -> None:
    assert mean_and_spread([0.25, None]) == (0.25, None)
    assert mean_and_spread([float("nan")]) == (None, None)
