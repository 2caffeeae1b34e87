"""Thresholds: what they promise is what held-out labels showed."""

import json

import numpy as np
import pytest

from gnn.base.reward_model import Held
from gnn.confidence.thresholds import OneSided, Thresholds
from schema.errors import InputError
from schema.memory_graph import Bools, Floats


def drawn(n: int = 6000, seed: int = 0) -> tuple[Floats, Bools]:
    """Calibrated probabilities and what came true."""
    rng = np.random.default_rng(seed)
    probability_L = rng.random(n).astype(np.float32)
    return probability_L, rng.random(n) < probability_L


@pytest.fixture(scope="module")
def fitted() -> Thresholds:
    probability_L, right_L = drawn()
    return Thresholds.fit(Held(probability_L=probability_L, reward_L=right_L.astype(np.float32)))


@pytest.mark.parametrize("precision", [0.8, 0.9])
def test_fresh_rollouts_attain_what_was_wanted(fitted: Thresholds, precision: float) -> None:
    probability_R, right_R = drawn(seed=1)
    called_right_R, called_wrong_R = fitted.sure(probability_R, precision)
    assert right_R[called_right_R].mean() == pytest.approx(precision, abs=0.04)
    assert (~right_R[called_wrong_R]).mean() == pytest.approx(precision, abs=0.04)
    # Of uniform probabilities those above 2 p - 1 have the mean p.
    assert called_right_R.mean() == pytest.approx(2 - 2 * precision, abs=0.06)
    assert not (called_right_R & called_wrong_R).any()


def test_the_least_threshold_is_taken() -> None:
    probability_L = np.linspace(0, 1, 100, dtype=np.float32)
    sided = OneSided.fit(probability_L, np.arange(100) >= 60)
    assert sided.threshold(1.0) == probability_L[60]
    assert sided.threshold(0.8) == probability_L[50]


def test_ties_stay_together_and_few_rollouts_prove_nothing() -> None:
    tied = OneSided.fit(np.full(100, 0.7, np.float32), np.arange(100) < 50)
    assert tied.precisions == (0.5,)
    few = OneSided.fit(np.ones(10, np.float32), np.ones(10, bool))
    assert few.threshold(0.6) == float("inf")


def test_what_cannot_be_reached_is_never_called(fitted: Thresholds) -> None:
    probability_L, right_L = drawn(seed=2)
    noisy = Thresholds.fit(
        Held(probability_L=probability_L, reward_L=(~right_L).astype(np.float32))
    )
    called_right_R, _ = noisy.sure(np.array([0.2, 0.99], np.float32), 0.99)
    assert not called_right_R.any()


@pytest.mark.parametrize("precision", [0.5, 0, 1.1, float("nan")])
def test_a_precision_that_cannot_be(fitted: Thresholds, precision: float) -> None:
    with pytest.raises(InputError, match="precision"):
        fitted.sure(np.zeros(1, np.float32), precision)


def test_it_survives_json(fitted: Thresholds) -> None:
    assert Thresholds.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted
