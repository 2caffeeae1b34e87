"""Completions that are sampled and verified once, for several arms that learn from the same ones.

A file of JSON lines, a query each, so that sampling resumes where it was stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from schema.rollout import Rollout
from schema.task import Task
from trainer import add_line, read_lines
from trainer.policy import Completion, Policy, Sampling, sample
from trainer.runs.collection import CPU_BATCH, GPU_BATCH, Progress
from trainer.verifiers import Verifiers


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A completion as it was written, with the rollout that a memory stores and the truth."""

    task: Task
    text: str
    rollout: Rollout
    #: What the verifier says; an arm may know it of some samples only.
    truth: float


def sampled_once(
    load: Callable[[], Policy],
    tasks: Sequence[Task],
    sampling: Sampling,
    verifiers: Verifiers,
    path: Path,
    progress: Progress,
) -> list[list[Sample]]:
    """The samples of each task, in order; those that say nothing or cannot be judged are left out.

    Args:
        load: loads the policy, if something is missing.
        tasks: what it is asked.
        sampling: how.
        verifiers: check the answers.
        path: the file.
        progress: told of queries.
    """
    kept = {record["query_id"]: record for record in read_lines(path)}
    missing = [task for task in tasks if task.source_query_id not in kept]
    if missing:
        policy = load()
        limit = CPU_BATCH if policy.model.device.type == "cpu" else GPU_BATCH
        size = max(1, limit // sampling.rollouts)
        for start in range(0, len(missing), size):
            progress("sample queries", len(tasks) - len(missing) + start, len(tasks))
            for record in _records(policy, missing[start : start + size], sampling, verifiers):
                add_line(path, record)
                kept[record["query_id"]] = record
        progress("sample queries", len(tasks), len(tasks))
    return [list(_samples(task, kept[task.source_query_id])) for task in tasks]


def _records(
    policy: Policy, tasks: Sequence[Task], sampling: Sampling, verifiers: Verifiers
) -> Iterator[dict]:
    """A line a task: `{"query_id", "policy", "completions": [[text, tokens, cut off, reward]]}`."""
    groups = sample(policy, tasks, sampling, signals=False)
    rewards = _rewards(policy.name, tasks, groups, verifiers)
    for task, group in zip(tasks, groups, strict=True):
        rows = [
            [one.text, one.tokens, one.truncated, rewards.get((task.source_query_id, place))]
            for place, one in enumerate(group)
        ]
        yield {"query_id": task.source_query_id, "policy": policy.name, "completions": rows}


def _rewards(
    policy: str,
    tasks: Sequence[Task],
    groups: Sequence[Sequence[Completion]],
    verifiers: Verifiers,
) -> dict[tuple[str, int], float | None]:
    """Verdicts by query id and place, of completions that say something."""
    asked = [
        (rollout, task.check)
        for task, group in zip(tasks, groups, strict=True)
        for place, one in enumerate(group)
        if (rollout := one.to_rollout(task, place, policy)) is not None and task.check is not None
    ]
    verdicts = verifiers.verify(asked)
    return {
        (rollout.source_query_id, rollout.place): verdict.reward
        for (rollout, _), verdict in zip(asked, verdicts, strict=True)
    }


def _samples(task: Task, record: dict) -> Iterator[Sample]:
    for place, (text, tokens, truncated, truth) in enumerate(record["completions"]):
        one = Completion(text=text, tokens=tokens, truncated=truncated, signals=None)
        rollout = one.to_rollout(task, place, record["policy"])
        if rollout is not None and truth is not None:
            yield Sample(task=task, text=text, rollout=rollout, truth=truth)
