"""A run's folder: one request, one plan of labels."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from memreward.runs.run_request import GrpoRequest, ScorerSource
from memstore import write_atomically
from schema.errors import InputError
from trainer import LabelPlan, plan_labels
from trainer.datasets import RIGHT_FROM
from trainer.rewards import Arm
from trainer.runs import Method, keep_settings
from trainer.tasks import TaskSet, tasks_of_file

#: What a run by GRPO has in place of the settings of one that learns from samples.
_ONLINE: Final = {"method": Method.GRPO, "right_from": RIGHT_FROM}
#: What runs of older versions were asked for without saying so.
_OLDER: Final = _ONLINE | {"curriculum": False}


def keep_request(path: Path, request: GrpoRequest, **offline: str | float) -> None:
    """Save the run's settings; refuse to resume it with others of these.

    Args:
        path: the file.
        request: what the run was asked for.
        offline: method and threshold of a run that learns from samples.
    """
    told = json.loads(json.dumps(_ONLINE | asdict(request) | offline, default=str))
    del told["watched"], told["on_alarm"]  # They change nothing of what the run learns from.
    keep_settings(path, told, "--run", older=_OLDER)


def label_plan(
    path: Path, request: GrpoRequest, training: TaskSet, source: ScorerSource
) -> tuple[LabelPlan, frozenset[str]]:
    """Which queries are labelled, and which of them were paid for; kept as it was made first."""
    texts = [task.query for task in training]
    if not path.exists():
        paid = source.paid(texts)
        plan = plan_labels(
            [(task.query, task.dataset) for task in training],
            _label_share(request),
            request.options.seed,
            paid=paid,
            suggested=_suggested(request.suggestions, texts),
        )
        if request.arm is not Arm.MEMREWARD:
            plan = replace(plan, audited=frozenset())
        chosen = {
            "labelled": sorted(plan.labelled),
            "audited": sorted(plan.audited),
            "paid": sorted(paid & plan.labelled),
        }
        write_atomically(path, json.dumps(chosen, indent=1))
    kept = json.loads(path.read_text(encoding="utf-8"))
    return (
        LabelPlan(labelled=frozenset(kept["labelled"]), audited=frozenset(kept["audited"])),
        frozenset(kept["paid"]),
    )


def _label_share(request: GrpoRequest) -> float:
    """Share of the queries whose completions are all verified."""
    if request.budgets_calls:
        return 0.0
    return 1.0 if request.arm is Arm.ORACLE else request.labels


def _suggested(path: Path | None, texts: list[str]) -> list[str]:
    """Suggested queries, best first; those that are no task are left out.

    Raises:
        InputError: if the file cannot be read, or suggests no task.
    """
    if path is None:
        return []
    suggested = [task.query for task in tasks_of_file(path) if task.query in set(texts)]
    if not suggested:
        raise InputError(f"{path}: no row has the `query` of a task: check both")
    return suggested
