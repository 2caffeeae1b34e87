"""Tasks for TRL: rows of a data set, and a verifier of their completions."""

from collections.abc import Sequence
from typing import Any

from schema.task import Check, Task
from trainer.policy import Policy
from trainer.rewards.trl_rows import rows_of
from trainer.rewards.types import RewardFunction
from trainer.verifiers import Verifiers


def task_rows(policy: Policy, tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """One row a task: the prompt as the policy is given it, and what rewards need."""
    return [
        {
            "prompt": policy.prompt_text(task.messages),
            "query": task.query,
            "query_id": task.source_query_id,
            "dataset": task.dataset,
            "domain": task.domain,
            "check": None if task.check is None else task.check.to_row(),
        }
        for task in tasks
    ]


def verified_by(verifiers: Verifiers) -> RewardFunction:
    """A reward function that has completions to such rows verified.

    None: the verifier could not decide, or the task has nothing to verify by.
    """

    def verify(
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> list[float | None]:
        rows = rows_of(prompts, completions, completion_ids, columns)
        checks = columns["check"]
        asked = [number for number, check in enumerate(checks) if check is not None]
        verdicts = verifiers.verify(
            [
                (
                    rows[number].rollout(step=0, place=0, policy=None, reward=None),
                    Check.from_row(checks[number]),
                )
                for number in asked
            ]
        )
        rewards: list[float | None] = [None] * len(rows)
        for number, verdict in zip(asked, verdicts, strict=True):
            rewards[number] = verdict.reward
        return rewards

    return verify
