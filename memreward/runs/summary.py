"""The runs of a comparison as one line an arm: means, spreads and intervals."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from gnn.base import mean_and_spread
from memreward.runs.comparison_table import DRIFT, ArmResult
from memreward.runs.drift import QUARTERS
from memreward.runs.grpo_outcome import GrpoOutcome
from memreward.runs.intervals import Intervals, bootstrap, curves
from memreward.runs.reward_quality import RewardQuality
from trainer.rewards import Arm
from trainer.runs import Accuracy


@dataclass(frozen=True, kw_only=True)
class ArmRun:
    """One run of the comparison; labels 1 for the oracle, 0 where calls are budgeted."""

    arm: Arm
    labels: float
    seed: int
    calls: float | None = None

    @property
    def folder(self) -> str:
        """Its folder within that of the comparison."""
        if self.calls is not None:
            return f"{self.arm}-calls-{100 * self.calls:g}-seed{self.seed}"
        return f"{self.arm}-{round(100 * self.labels)}-seed{self.seed}"

    @property
    def budget(self) -> str:
        """What may be verified."""
        return f"{self.labels:.0%}" if self.calls is None else f"{self.calls:.0%} of calls"


def summarise(outcomes: dict[ArmRun, GrpoOutcome], families: Sequence[str] = ()) -> list[ArmResult]:
    """One line for each arm and share of labels, in the order of the runs."""
    oracle = {run.seed: out for run, out in outcomes.items() if run.arm is Arm.ORACLE}
    values: defaultdict[ArmRun, list[dict[str, float]]] = defaultdict(list)
    for run, out in outcomes.items():
        before, after = parts(out.before, families), parts(out.after, families)
        gain = after[0] - before[0]
        best = float("nan")
        if run.seed in oracle:
            whole = oracle[run.seed]
            best = parts(whole.after, families)[0] - parts(whole.before, families)[0]
        values[replace(run, seed=0)].append(
            {
                "before": before[0],
                "after": after[0],
                "gain": gain,
                "share": gain / best if best > 0 else float("nan"),
                "unseen_before": before[1],
                "unseen_after": after[1],
                "labels": out.labels,
                "calls": out.calls,
                "reward_share": out.reward_seconds / out.seconds if out.seconds else float("nan"),
                "seconds": out.seconds,
                **_greedy(out, families),
                **_quality(out),
            }
        )
    intervals = _intervals(outcomes, families)
    return [
        ArmResult(
            arm=run.arm,
            labels=run.labels,
            calls=run.calls,
            budget=run.budget,
            seeds=len(rows),
            measures={name: mean_and_spread([row[name] for row in rows]) for name in rows[0]},
            intervals=intervals.get(run),
        )
        for run, rows in values.items()
    ]


def _intervals(
    outcomes: Mapping[ArmRun, GrpoOutcome], families: Sequence[str]
) -> dict[ArmRun, Intervals]:
    """By arm, of the families that were trained on; empty if not all arms have the same seeds."""
    by_arm: defaultdict[ArmRun, list[GrpoOutcome]] = defaultdict(list)
    for run, out in sorted(outcomes.items(), key=lambda item: item[0].seed):
        by_arm[replace(run, seed=0)].append(out)
    found = {
        arm: curves(
            [_queries(one.before, families) for one in of_arm],
            [_queries(one.after, families) for one in of_arm],
        )
        for arm, of_arm in by_arm.items()
    }
    known = {arm: one for arm, one in found.items() if one is not None}
    if len(known) < len(by_arm) or len({one[1].shape for one in known.values()}) != 1:
        return {}
    oracle = next((one for arm, one in known.items() if arm.arm is Arm.ORACLE), None)
    return dict(zip(known, bootstrap(list(known.values()), oracle), strict=True))


def _queries(accuracy: Accuracy, families: Sequence[str]) -> dict[str, float]:
    """Accuracy by query, of the families that were trained on."""
    return {
        query: mean
        for family, queries in accuracy.queries.items()
        if family not in families
        for query, mean in queries.items()
    }


def _greedy(out: GrpoOutcome, families: Sequence[str]) -> dict[str, float]:
    if out.greedy is None:
        return {}
    before, after = (parts(one, families)[0] for one in out.greedy)
    return {"greedy_before": before, "greedy_after": after}


def _quality(out: GrpoOutcome) -> dict[str, float]:
    """Measures of the rewards; not a number where one is not defined."""
    found = {} if out.quality is None else asdict(out.quality)
    values = {field.name: found.get(field.name) for field in fields(RewardQuality)}
    return _numbers(values) | _drift(out)


def _drift(out: GrpoOutcome) -> dict[str, float]:
    """Measures of the propagated rewards by quarter; not a number where one is not defined."""
    values: dict[str, float | None] = {}
    for number in range(QUARTERS):
        quarter = out.drift[number] if out.drift else None
        for name in DRIFT:
            value = None if quarter is None else getattr(quarter, name)
            values[f"{name}_{number + 1}"] = value
    return _numbers(values)


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float("nan") if value is None else value for name, value in values.items()}


def parts(accuracy: Accuracy, families: Sequence[str]) -> tuple[float, float]:
    """Mean over families that were trained on, and over those that were held out altogether."""
    seen = [mean for name, mean in accuracy.families.items() if name not in families]
    unseen = [mean for name, mean in accuracy.families.items() if name in families]
    return (
        float(np.mean(seen)) if seen else float("nan"),
        float(np.mean(unseen)) if unseen else float("nan"),
    )
