"""A reward function called as TRL does, with a verifier and an opinion of a line each."""

from types import SimpleNamespace
from typing import Any

from schema.rollout import Rollout
from trainer.rewards.types import RewardFunction


class Calls:
    """Calls a reward function as TRL does, a step a call."""

    def __init__(self, reward: RewardFunction) -> None:
        self.reward = reward
        self.model = SimpleNamespace(training=True)
        self.eos_token_ids = [0]
        self.metrics: dict[str, list[float]] = {}
        #: Columns for the trainer's table of completions.
        self.extra: dict[str, list[Any]] = {}

    def log_metric(self, name: str, value: float) -> None:
        self.metrics.setdefault(name, []).append(value)

    def log_extra(self, column: str, values: list[Any]) -> None:
        self.extra.setdefault(column, []).extend(values)

    def __call__(
        self, asked: list[tuple[str, str]], step: int = 0, **columns: list[Any]
    ) -> list[float | None]:
        prompts = [query for query, _ in asked]
        completions = [answer for _, answer in asked]
        rewards = self.reward(
            prompts=prompts,
            completions=completions,
            completion_ids=[[5, 6, 0] for _ in asked],
            trainer_state=SimpleNamespace(global_step=step),
            log_metric=self.log_metric,
            log_extra=self.log_extra,
            **{"gold": ["2"] * len(asked), **columns},
        )
        assert len(rewards) == len(prompts)
        return rewards


def last_digit(rollout: Rollout) -> float:
    return int(rollout.answer[-1]) / 10


def says_gold(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
    """A verifier: the completion is the expected answer."""
    return [float(c == gold) for c, gold in zip(completions, columns["gold"], strict=True)]
