"""Calibration: probabilities that mean what they say, for each kind of question."""

import json

import numpy as np
import pytest
from scipy.special import expit

from gnn.base.metrics import expected_calibration_error
from gnn.confidence.calibration import Calibration, Curve, _steps
from schema.memory_graph import Floats, Ints

N = 4000


def drawn(slope_R: Floats | float, seed: int = 0) -> tuple[Floats, Floats, Ints]:
    """Logits whose rewards follow a sigmoid of `slope_R`, eight a query."""
    rng = np.random.default_rng(seed)
    logit_R = rng.normal(size=N).astype(np.float32)
    reward_R = (rng.random(N) < expit(slope_R * logit_R)).astype(np.float32)
    return logit_R, reward_R, np.arange(N) // 8


def test_it_undoes_overconfidence() -> None:
    logit_R, reward_R, query_R = drawn(1.0)
    curve = Curve.fit(3 * logit_R + 1, reward_R, query_R)
    assert curve is not None
    assert curve(3 * logit_R + 1) == pytest.approx(expit(logit_R), abs=0.08)


def test_a_curve_rises() -> None:
    logit_R, reward_R, query_R = drawn(1.0)
    curve = Curve.fit(logit_R, reward_R, query_R)
    assert curve is not None
    steps = np.diff(curve(np.linspace(-6, 6, 500, dtype=np.float32)))
    assert (steps > 0).all()


def test_soft_rewards_calibrate_too() -> None:
    logit_R, _, query_R = drawn(1.0)
    curve = Curve.fit(logit_R, expit(2 * logit_R).astype(np.float32), query_R)
    assert curve is not None
    assert curve(logit_R) == pytest.approx(expit(2 * logit_R), abs=0.03)


def test_kinds_have_curves_of_their_own() -> None:
    kind_R = np.arange(N) // 8 % 2
    slope_R = np.where(kind_R == 1, 0.3, 3.0).astype(np.float32)
    logit_R, reward_R, query_R = drawn(slope_R)
    found = Calibration.fit(logit_R, reward_R, query_R, kind_R)
    fresh_R, truth_R, _ = drawn(slope_R, seed=1)
    for kind in (0, 1):
        in_R = kind_R == kind
        own = found(fresh_R, kind_R)[in_R]
        pooled = found.pooled(fresh_R)[in_R]
        assert expected_calibration_error(own, truth_R[in_R]) < 0.05
        assert expected_calibration_error(pooled, truth_R[in_R]) > 0.1


def test_a_kind_with_few_labels_stays_near_the_others() -> None:
    logit_R, reward_R, query_R = drawn(2.0)
    kind_R = (query_R < 2).astype(np.int64)
    reward_R[kind_R == 1] = logit_R[kind_R == 1] > 0.5
    found = Calibration.fit(logit_R, reward_R, query_R, kind_R)
    assert found.of_kind[1][1] == pytest.approx(2 / 22)
    everywhere = np.linspace(-2, 2, 50, dtype=np.float32)
    as_kind = found(everywhere, np.ones(50, np.int64))
    assert as_kind == pytest.approx(found.pooled(everywhere), abs=0.08)


def test_an_unknown_kind_has_the_curve_of_all() -> None:
    logit_R, reward_R, query_R = drawn(1.0)
    found = Calibration.fit(logit_R, reward_R, query_R, np.zeros(N, np.int64))
    np.testing.assert_array_equal(found(logit_R, np.full(N, 9)), found.pooled(logit_R))


def test_nothing_changes_without_two_classes_or_with_a_falling_logit() -> None:
    logit_R, reward_R, query_R = drawn(1.0)
    kind_R = np.zeros(N, np.int64)
    assert Calibration.fit(logit_R, np.ones(N, np.float32), query_R, kind_R) == Calibration()
    assert Calibration.fit(-logit_R, reward_R, query_R, kind_R) == Calibration()


def test_it_survives_json() -> None:
    logit_R, reward_R, query_R = drawn(1.0)
    found = Calibration.fit(logit_R, reward_R, query_R, query_R % 3)
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_rounding_within_a_step_makes_no_step() -> None:
    fitted_R = np.array([0.2, 0.2 + 6e-8, 0.2, 0.5, 0.5 - 6e-8, 0.5], dtype=np.float32)
    middles_S, heights_S = _steps(np.arange(6, dtype=np.float32), fitted_R, np.ones(6))
    assert middles_S.tolist() == [1.0, 4.0]
    assert heights_S == pytest.approx([0.2, 0.5])


def test_largest_logits_that_hardly_differ() -> None:
    logit_R = np.linspace(-1, 0.25, 40, dtype=np.float32)
    logit_R = np.append(logit_R, np.nextafter(logit_R[-1], np.float32(1)))
    reward_R = (np.arange(41) % 3 > 0).astype(np.float32)
    reward_R[-10:] = 1
    curve = Curve.fit(logit_R, reward_R, np.arange(41))
    assert curve is not None
    assert np.isfinite(curve(logit_R)).all()
