"""Collecting: a policy answers the queries of a task set, and what it wrote is handed on.

What is stored already is not sampled again: every rollout has random numbers of its own, so a
collection that was interrupted resumes as if it had not been.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from schema.rollout import Rollout
from schema.task import Task
from trainer.policy import Policy, Sampling, sample
from trainer.tasks import TaskSet
from trainer.verifiers import Verifiers

#: Rollouts that are sampled together on a CPU, and on a GPU.
CPU_BATCH: Final = 64
GPU_BATCH: Final = 512

#: A rollout's place: (source query id, place).
Place = tuple[str, int]
#: Chooses rows of a batch of rollouts that can be verified.
Choose = Callable[[Sequence[Rollout]], Sequence[int]]
#: Stores rollouts; when it returns they are safe.
Ingest = Callable[[Sequence[Rollout]], None]
#: Called with what is counted, how much is done and how much there is.
Progress = Callable[[str, int, int | None], None]


@dataclass(kw_only=True)
class CollectReport:
    """What a collection did."""

    #: Rollouts that were there before.
    existing: int = 0
    sampled: int = 0
    #: Completions without any text, which no memory holds.
    empty: int = 0
    verified: int = 0
    #: Rollouts of verified queries of which the verifier could not tell.
    undecided: int = 0
    #: Sum of the verified rewards.
    reward: float = 0.0
    #: Rollouts that have the verdict of another, which concludes the same.
    taken_over: int = 0

    def lines(self) -> list[str]:
        """The report, a line a fact."""
        lines = [f"{self.sampled} rollouts sampled, {self.existing} were there"]
        if self.verified:
            share = self.reward / self.verified
            lines.append(f"{self.verified} verified, mean reward {share:.3f}")
        if self.taken_over:
            lines.append(f"{self.taken_over} have the verdict of one that concludes the same")
        if self.undecided:
            lines.append(f"{self.undecided} could not be verified, and have no reward")
        if self.empty:
            lines.append(f"{self.empty} completions held no text, and are left out")
        return lines


def collect(
    policy: Policy,
    tasks: TaskSet,
    sampling: Sampling,
    *,
    ingest: Ingest,
    stored: Set[Place],
    choose: Choose,
    verifiers: Verifiers,
    progress: Progress,
) -> CollectReport:
    """Sample what is missing, verify it where the budget allows, and hand it on.

    Args:
        policy: what answers.
        tasks: what it is asked.
        sampling: how many rollouts a query, and how.
        ingest: takes a batch of whole groups.
        stored: places of the rollouts that need not be sampled.
        choose: which rows of a batch are to be verified.
        verifiers: check them.
        progress: told of rollouts.

    Raises:
        InputError: if answers' code would have to be run and may not.
        VerifierError: if a verifier cannot be started.
    """
    report = CollectReport()
    missing = [task for task in tasks if _missing(task, sampling, stored)]
    total = len(tasks) * sampling.rollouts
    report.existing = total - sum(len(_missing(task, sampling, stored)) for task in missing)
    limit = CPU_BATCH if policy.model.device.type == "cpu" else GPU_BATCH
    size = max(1, limit // sampling.rollouts)
    for start in range(0, len(missing), size):
        progress("rollouts", report.existing + report.sampled + report.empty, total)
        batch = missing[start : start + size]
        made = _sampled(policy, batch, sampling, stored, report)
        ingest(_verified(made, choose, verifiers, report))
    progress("rollouts", total, total)
    return report


def _missing(task: Task, sampling: Sampling, stored: Set[Place]) -> list[int]:
    """Places of a task's rollouts that are not stored."""
    places = range(sampling.rollouts)
    return [place for place in places if (task.source_query_id, place) not in stored]


def _sampled(
    policy: Policy,
    batch: Sequence[Task],
    sampling: Sampling,
    stored: Set[Place],
    report: CollectReport,
) -> list[tuple[Rollout, Task]]:
    made: list[tuple[Rollout, Task]] = []
    for task, group in zip(batch, sample(policy, batch, sampling), strict=True):
        for place in _missing(task, sampling, stored):
            rollout = group[place].to_rollout(task, place, policy.name)
            if rollout is None:
                report.empty += 1
            else:
                report.sampled += 1
                made.append((rollout, task))
    return made


def _verified(
    made: Sequence[tuple[Rollout, Task]],
    choose: Choose,
    verifiers: Verifiers,
    report: CollectReport,
) -> list[Rollout]:
    """The rollouts, with their rewards where the budget allows."""
    rollouts = [rollout for rollout, _ in made]
    can = [number for number, (_, task) in enumerate(made) if task.check is not None]
    chosen = choose([rollouts[number] for number in can])
    paid = [
        (number, check)
        for number in sorted(can[row] for row in chosen)
        if (check := made[number][1].check) is not None
    ]
    verdicts = verifiers.verify([(rollouts[number], check) for number, check in paid])
    for (number, _), verdict in zip(paid, verdicts, strict=True):
        if verdict.reward is None:
            report.undecided += 1
            continue
        report.verified += 1
        report.reward += verdict.reward
        rollouts[number] = replace(rollouts[number], reward=verdict.reward)
    return rollouts
