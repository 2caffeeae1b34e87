"""Accuracy of a policy on held-out tasks during training."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from schema.errors import RewardError
from schema.rollout import Rollout
from schema.task import Task
from trainer import add_line, read_lines
from trainer.policy import Policy, Sampling, sample
from trainer.verifiers import Verifiers

#: Completions that are sampled together.
TOGETHER: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """Mean verified reward after `step` steps: over all completions, by family, and by query."""

    step: int
    completions: int
    mean: float
    families: Mapping[str, float]
    #: By family and the owner's id of the query; empty where an older version measured.
    queries: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def measure_accuracy(
    policy: Policy, tasks: Sequence[Task], verifiers: Verifiers, sampling: Sampling, step: int
) -> Accuracy:
    """Sample tasks and verify what comes; the same seed draws the same random numbers.

    Random numbers of torch are not used, so that training is not disturbed.

    Raises:
        RewardError: if more than 5 % of the completions could not be verified.
    """
    was_training = policy.model.training
    policy.model.eval()
    together = max(1, TOGETHER // sampling.rollouts)
    rewards: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    failed = 0
    for start in range(0, len(tasks), together):
        chunk = tasks[start : start + together]
        asked = []
        for task, rollout in _sampled(policy, chunk, sampling):
            assert task.check is not None
            if rollout is None:
                rewards[task.dataset, task.source_query_id].append(0.0)
            else:
                asked.append((rollout, task.check))
        for (rollout, _), verdict in zip(asked, verifiers.verify(asked), strict=True):
            if verdict.reward is None:
                failed += 1
            else:
                rewards[rollout.dataset, rollout.source_query_id].append(verdict.reward)
    policy.model.train(was_training)
    everything = [reward for group in rewards.values() for reward in group]
    if failed > 0.05 * (failed + len(everything)):
        raise RewardError(
            f"{failed} of {failed + len(everything)} held-out completions could not be verified: "
            "raise the verifier's deadline, or take other tasks"
        )
    return Accuracy(
        step=step,
        completions=len(everything),
        mean=sum(everything) / len(everything),
        families=_means((family, group) for (family, _), group in rewards.items()),
        queries={
            family: _means((query, group) for (of, query), group in rewards.items() if of == family)
            for family in sorted({family for family, _ in rewards})
        },
    )


def _means(groups: Iterable[tuple[str, list[float]]]) -> dict[str, float]:
    """The mean of all rewards under a name."""
    rewards: defaultdict[str, list[float]] = defaultdict(list)
    for name, group in groups:
        rewards[name] += group
    return {name: sum(found) / len(found) for name, found in sorted(rewards.items())}


def _sampled(
    policy: Policy, tasks: Sequence[Task], sampling: Sampling
) -> Iterator[tuple[Task, Rollout | None]]:
    """Each task with its rollouts; None for a completion that says nothing."""
    groups = sample(policy, tasks, sampling, signals=False)
    for task, group in zip(tasks, groups, strict=True):
        for place, completion in enumerate(group):
            yield task, completion.to_rollout(task, place, policy.name)


class AccuracyCurve:
    """What was measured in one run, in a file of its folder; a step is measured once."""

    def __init__(self, path: Path) -> None:
        """Read what is there."""
        self._path = path
        self.points = {record["step"]: Accuracy(**record) for record in read_lines(path)}

    def add(self, point: Accuracy) -> None:
        """Keep a measurement."""
        self.points[point.step] = point
        add_line(self._path, asdict(point))

    @property
    def first(self) -> Accuracy:
        """The earliest measurement."""
        return self.points[min(self.points)]

    @property
    def last(self) -> Accuracy:
        """The latest measurement."""
        return self.points[max(self.points)]
