"""Bars of an explanation."""

import pytest

from gnn.explain.attribution import Contribution, Explanation
from memreward.look.drawing.bars import LEAST, WIDTH, waterfall


def part(kind: str, moved: float) -> Contribution:
    return Contribution(
        kind=kind, logit=moved, probability=moved, logit_without=0.0, probability_without=0.0
    )


def test_bars_lead_from_the_baseline_to_the_score() -> None:
    moves = [("text", 0.1), ("labels", -0.3), ("mates", LEAST / 3), ("signals", -LEAST / 4)]
    found = Explanation(
        rollout_id="r",
        query="q",
        answer="a",
        logit=0.0,
        probability=0.5 + sum(moved for _, moved in moves),
        baseline_logit=0.0,
        baseline_probability=0.5,
        contributions=tuple(part(kind, moved) for kind, moved in moves),
    )
    bars = waterfall(found, {kind: kind.upper() for kind, _ in moves})
    assert [bar.title for bar in bars[:2]] == ["LABELS", "TEXT"]
    assert len(bars) == 3 and bars[2].contribution is None
    assert (bars[0].left, bars[0].width) == pytest.approx((0.2 * WIDTH, 0.3 * WIDTH))
    assert (bars[1].left, bars[1].width) == pytest.approx((0.2 * WIDTH, 0.1 * WIDTH))
    assert bars[-1].after == pytest.approx(found.probability)
    assert all(bar.width >= 1 for bar in bars)
