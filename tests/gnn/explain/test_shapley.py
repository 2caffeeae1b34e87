import numpy as np
import pytest

from gnn.explain.shapley import EXACT_UP_TO, Game, Worths, shapley_values, shares_within
from schema.memory_graph import Bools


def additive(weights: list[float]) -> Game:
    def worth(coalition_SN: Bools) -> Worths:
        return (coalition_SN @ np.array(weights, dtype=np.float64))[:, None]

    return worth


def glove(coalition_SN: Bools) -> Worths:
    """Player 0 has a left glove, 1 and 2 a right one each; a pair is worth 1. Known: 2/3, 1/6."""
    return (coalition_SN[:, :1] & coalition_SN[:, 1:].any(axis=1, keepdims=True)).astype(np.float64)


def tangled(coalition_SN: Bools) -> Worths:
    """Two currencies in which the players depend on one another."""
    size_S = coalition_SN @ np.linspace(1, 2, coalition_SN.shape[1])
    return np.column_stack([np.tanh(size_S / 5) - 1, size_S**2])


def test_the_glove_game() -> None:
    assert shapley_values(glove, 3).ravel() == pytest.approx([2 / 3, 1 / 6, 1 / 6])


@pytest.mark.parametrize("n", [1, 4, EXACT_UP_TO + 3])
def test_a_sum_is_divided_into_its_terms(n: int) -> None:
    weights = [float(i - 1) for i in range(n)]
    assert shapley_values(additive(weights), n).ravel() == pytest.approx(weights, abs=1e-12)


@pytest.mark.parametrize("n", [0, 1, 5, EXACT_UP_TO, EXACT_UP_TO + 5])
def test_values_add_up(n: int) -> None:
    all_, none = (tangled(np.full((1, n), full))[0] for full in (True, False))
    assert shapley_values(tangled, n).sum(axis=0) == pytest.approx(all_ - none, abs=1e-9)


def test_orders_come_near_to_coalitions(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = shapley_values(tangled, 8)
    monkeypatch.setattr("gnn.explain.shapley.EXACT_UP_TO", 3)
    sampled = shapley_values(tangled, 8)
    assert not np.array_equal(sampled, exact)
    np.testing.assert_allclose(sampled, exact, rtol=0.2)


def test_a_group_divides_what_it_received() -> None:
    total_K = np.array([3.0])
    assert shares_within(additive([1.0, -1.0]), 2, total_K).ravel() == pytest.approx([2.5, 0.5])
    assert shares_within(glove, 3, total_K).sum() == pytest.approx(3)
