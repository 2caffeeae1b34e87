"""Risk against coverage, and what thresholds attain."""

import numpy as np
import pytest

from gnn.base.reward_model import Held
from gnn.confidence.risk_coverage import COVERAGES, RiskCurve, mean_selective, selective
from gnn.confidence.thresholds import Thresholds


def test_errors_of_the_most_confident() -> None:
    value_R = np.array([0.99, 0.05, 0.8, 0.45], np.float32)
    reward_R = np.array([1, 0, 0, 1], np.float32)
    curve = RiskCurve.of(value_R, reward_R)
    assert curve.coverage_N.tolist() == pytest.approx([0.25, 0.5, 0.75, 1])
    assert curve.risk_N.tolist() == pytest.approx([0, 0, 1 / 3, 2 / 4])
    assert curve.area == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert curve.at(0.5) == 0
    assert curve.at(1) == 0.5


def test_the_order_of_ties_does_not_count() -> None:
    value_R = np.full(10, 0.3, np.float32)
    reward_R = (np.arange(10) < 4).astype(np.float32)
    for rewards in (reward_R, reward_R[::-1]):
        assert RiskCurve.of(value_R, rewards).risk_N == pytest.approx(np.full(10, 0.4))


def test_figures_of_a_trial() -> None:
    rng = np.random.default_rng(0)
    value_R = rng.random(4000).astype(np.float32)
    reward_R = (rng.random(4000) < value_R).astype(np.float32)
    thresholds = Thresholds.fit(Held(probability_L=value_R, reward_L=reward_R))
    ood_R = np.arange(4000) % 10 == 0
    among_R = np.arange(4000) >= 2000
    row = selective(ood_R, thresholds, value_R, reward_R, among_R)
    assert row["unlike"] == pytest.approx(0.1)
    assert row["right_at_0.9"] == pytest.approx(0.9, abs=0.05)
    assert row["right_at_0.9_coverage"] == pytest.approx(0.2, abs=0.05)
    risks = [row[f"risk_at_{coverage:g}"] for coverage in COVERAGES]
    assert risks[0] is not None
    assert risks[-1] is not None
    assert risks[0] < 0.1 < risks[-1]
    without = selective(ood_R, None, value_R, reward_R, among_R)
    assert "right_at_0.9" not in without
    mean = mean_selective([row, row])
    assert mean["aurc"] == row["aurc"]
    assert mean["aurc_spread"] == 0
    assert mean_selective([row])["aurc_spread"] is None
