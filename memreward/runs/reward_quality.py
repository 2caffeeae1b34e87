"""How good the rewards of a run were, against what the verifier says of everything afterwards.

Where verification is free, each completion is verified once more, for this report only: no reward,
no memory and no count of calls sees it. A file of JSON lines, one a call for rewards: `{"step",
"rows": [[query id, truth, reward, source]]}`; of a step that was made twice the last one counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gnn.base import measure
from schema.score import ScoreSource
from trainer import add_line, read_lines
from trainer.rewards import Assigned, RewardCall, RewardFunction, Watch

TRUTH = "truth.jsonl"


@dataclass(frozen=True, kw_only=True)
class RewardQuality:
    """Of the completions that got a reward; None where it is not defined."""

    #: Share of all completions that got one, and share of those that was not verified.
    coverage: float
    propagated: float
    #: Area under the ROC curve, share of a query's pairs ranked right, calibration error.
    auc: float | None
    within_query: float | None
    ece: float | None
    #: The same of the propagated rewards alone.
    propagated_auc: float | None
    propagated_within_query: float | None
    propagated_ece: float | None


#: A completion's query id, truth, reward and where the reward is from.
Row = tuple[str, float, float | None, str]


def truth_watch(verify: RewardFunction, path: Path) -> Watch:
    """Has everything verified that a reward function is called for, and keeps it in `path`."""

    def watch(
        call: RewardCall, assigned: Sequence[Assigned], rewards: Sequence[float | None]
    ) -> None:
        truth = verify(
            prompts=call.prompts,
            completions=call.completions,
            completion_ids=call.completion_ids,
            **call.columns,
        )
        rows = [
            (row.source_query_id, true, reward, one.source)
            for row, true, reward, one in zip(call.rows, truth, rewards, assigned, strict=True)
            if true is not None
        ]
        keep_truth(path, call.step, rows)

    return watch


def keep_truth(path: Path, step: int, rows: Sequence[Row]) -> None:
    """Keep the rows of a step."""
    add_line(path, {"step": step, "rows": [list(row) for row in rows]})


def read_truth(path: Path) -> dict[int, list[Row]]:
    """The rows of each step; the same query is another one in another step."""
    steps = {line["step"]: line["rows"] for line in read_lines(path)}
    return {
        step: [(f"{query} {step}", true, reward, source) for query, true, reward, source in rows]
        for step, rows in steps.items()
    }


def read_quality(path: Path) -> RewardQuality | None:
    """The quality of all rewards that are kept there; None: there are none."""
    rows = [row for of_step in read_truth(path).values() for row in of_step]
    given = [row for row in rows if row[2] is not None]
    if not given:
        return None
    guessed = [row for row in given if row[3] == ScoreSource.PROPAGATED]
    whole, part = measured(given), measured(guessed)
    return RewardQuality(
        coverage=len(given) / len(rows),
        propagated=len(guessed) / len(given),
        auc=whole[0],
        within_query=whole[1],
        ece=whole[2],
        propagated_auc=part[0],
        propagated_within_query=part[1],
        propagated_ece=part[2],
    )


def measured(rows: Sequence[Row]) -> tuple[float | None, float | None, float | None]:
    """AUROC, within-query and ECE of rows that have a reward; None where not defined."""
    if not rows:
        return None, None, None
    queries, truth, reward, _ = zip(*rows, strict=True)
    _, query_R = np.unique(queries, return_inverse=True)
    found = measure(np.array(reward, float), np.array(truth, float), query_R)
    return found.auc, found.within_query, found.ece
