"""Answering only what one is sure of: risk against coverage, and precision at thresholds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gnn.base import RIGHT_FROM, expected_calibration_error, mean_and_spread
from gnn.confidence.thresholds import Thresholds
from schema.memory_graph import Bools, Floats

#: Coverages at which the risk is told.
COVERAGES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
#: Wanted precisions whose thresholds are tried.
PRECISIONS: Final = (0.8, 0.9, 0.95)


@dataclass(frozen=True, kw_only=True)
class RiskCurve:
    """Selective risk: the share of errors among the most confident rollouts.

    An error is a value on the wrong side of one half. El-Yaniv and Wiener, On the Foundations of
    Noise-free Selective Classification (2010).
    """

    #: Share of the rollouts that are answered, rising to 1, and the risk among them.
    coverage_N: Floats
    risk_N: Floats

    @classmethod
    def of(cls, value_R: Floats, reward_R: Floats) -> "RiskCurve":
        """The curve of some rollouts; rollouts of equal confidence share their errors evenly."""
        confidence_R = np.abs(value_R - 0.5)
        wrong_R = (value_R >= 0.5) != (reward_R >= RIGHT_FROM)
        order_R = np.argsort(-confidence_R, kind="stable")
        _, tie_R = np.unique(-confidence_R[order_R], return_inverse=True)
        mean = np.bincount(tie_R, weights=wrong_R[order_R]) / np.bincount(tie_R)
        answered_R = np.arange(1, len(order_R) + 1)
        return cls(
            coverage_N=(answered_R / len(order_R)).astype(np.float32),
            risk_N=(np.cumsum(mean[tie_R]) / answered_R).astype(np.float32),
        )

    @property
    def area(self) -> float:
        """AURC: the mean risk over all coverages (Geifman, Uziel and El-Yaniv 2019)."""
        return float(self.risk_N.mean())

    def at(self, coverage: float) -> float:
        """Risk when this share is answered."""
        return float(self.risk_N[max(1, round(coverage * len(self.risk_N))) - 1])


def selective(
    out_of_distribution_R: Bools,
    thresholds: Thresholds | None,
    value_R: Floats,
    reward_R: Floats,
    among_R: Bools,
) -> dict[str, float | None]:
    """Flat figures of one trial: AURC, risk at COVERAGES, precision and coverage at PRECISIONS.

    Args:
        out_of_distribution_R: rollouts of queries unlike anything labelled.
        thresholds: of the model, if it has them.
        value_R: the model's values of all rollouts.
        reward_R: what is true.
        among_R: which rollouts count.
    """
    value_N, reward_N = value_R[among_R], reward_R[among_R]
    curve = RiskCurve.of(value_N, reward_N)
    row: dict[str, float | None] = {"aurc": curve.area}
    row |= {f"risk_at_{coverage:g}": curve.at(coverage) for coverage in COVERAGES}
    row["unlike"] = float(out_of_distribution_R[among_R].mean())
    familiar_R = among_R & ~out_of_distribution_R
    row["ece_without_unlike"] = (
        expected_calibration_error(value_R[familiar_R], reward_R[familiar_R])
        if familiar_R.any()
        else None
    )
    for precision in PRECISIONS if thresholds is not None else ():
        assert thresholds is not None
        called = thresholds.sure(value_N, precision)
        right_N = reward_N >= RIGHT_FROM
        for side, in_N, true_N in zip(("right", "wrong"), called, (right_N, ~right_N), strict=True):
            row[f"{side}_at_{precision:g}"] = float(true_N[in_N].mean()) if in_N.any() else None
            row[f"{side}_at_{precision:g}_coverage"] = float(in_N.mean())
    return row


def mean_selective(rows: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    """Mean and sample standard deviation over trials; None where nothing is known."""
    result: dict[str, Any] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        result[name], result[f"{name}_spread"] = mean_and_spread(row.get(name) for row in rows)
    return result
