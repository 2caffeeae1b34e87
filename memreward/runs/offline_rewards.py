"""What an arm knows of samples that were drawn once: verified, taken over or propagated rewards.

They come in batches, as the samples of a training do: what may be verified is verified, the memory
stores everything and learns, and in the end it is asked of all again.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from memreward.runs.grpo import learn_and_note
from memreward.runs.grpo_outcome import REFRESHES
from memreward.runs.run_request import GrpoRequest, ScorerSource
from schema.calls import CallPlanner, calls_allowed
from schema.errors import InputError
from schema.rollout import Rollout
from trainer import add_line, read_lines
from trainer.rewards import Assigned
from trainer.runs import Sample

#: Queries that come together.
TOGETHER: Final = 8
#: Rows of each batch that were verified, noted before the memory is told.
VERIFIED: Final = "verified.jsonl"

Group = Sequence[Sample]


def reward_samples(
    request: GrpoRequest,
    folder: Path,
    source: ScorerSource,
    labelled: frozenset[str],
    groups: Sequence[Group],
) -> list[list[Assigned]]:
    """The reward of each sample, by the arm of `request`.

    Args:
        request: whose arm and budget.
        folder: of the run; a run that was killed verifies the same samples again.
        source: gives the opinions.
        labelled: texts of the queries that may be verified, where no calls are budgeted.
        groups: the samples of each query.

    Raises:
        InputError: if calls are budgeted and the source cannot plan them.
    """
    batches = [groups[start : start + TOGETHER] for start in range(0, len(groups), TOGETHER)]
    told: list[list[Rollout]] = []
    for number, batch in enumerate(batches):
        samples = [one for group in batch for one in group]
        rows = _asked(request, folder, source, labelled, number, samples)
        rollouts = [
            replace(one.rollout, reward=one.truth) if row in rows else one.rollout
            for row, one in enumerate(samples)
        ]
        source.scorer.score(rollouts)
        told.append(rollouts)
        if source.refresh is not None and (number + 1) % request.refresh_every == 0:
            learn_and_note(source.refresh, folder / REFRESHES, number + 1)
    if source.refresh is not None and len(batches) % request.refresh_every:
        learn_and_note(source.refresh, folder / REFRESHES, len(batches))
    scores = [score for rollouts in told for score in source.scorer.score(rollouts)]
    given = iter([Assigned(value=score.value, source=score.source) for score in scores])
    return [[next(given) for _ in group] for group in groups]


def _asked(
    request: GrpoRequest,
    folder: Path,
    source: ScorerSource,
    labelled: frozenset[str],
    number: int,
    samples: Sequence[Sample],
) -> set[int]:
    """Rows of batch `number` that are verified."""
    if not request.budgets_calls:
        return {row for row, one in enumerate(samples) if one.task.query in labelled}
    noted = {line["batch"]: line for line in read_lines(folder / VERIFIED)}
    if number not in noted:
        if not isinstance(source.scorer, CallPlanner):
            raise InputError("calls are planned by a memory: give --arm memreward")
        before = [line for batch, line in noted.items() if batch < number]
        seen = sum(line["samples"] for line in before) + len(samples)
        made = sum(len(line["rows"]) for line in before)
        left = (
            calls_allowed(request.calls, seen) - made
            if request.calls is not None
            else request.calls_per_step or 0
        )
        rows = source.scorer.plan_calls([one.rollout for one in samples], max(left, 0))
        noted[number] = {"batch": number, "samples": len(samples), "rows": sorted(rows)}
        add_line(folder / VERIFIED, noted[number])
    return set(noted[number]["rows"])
