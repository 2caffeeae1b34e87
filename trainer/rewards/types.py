"""One call of a trainer for rewards, and what a function that answers it looks like."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from schema.rollout import Rollout
from schema.task import Text
from trainer.policy import Signals
from trainer.rewards.journal import Assigned
from trainer.rewards.trl_rows import Row

#: Prompts, and the tokens of their completions, to the policy's signals of each.
SignalsFunction = Callable[[Sequence[Text], Sequence[Sequence[int]]], Sequence[Signals | None]]


class RewardFunction(Protocol):
    """What TRL calls, and what a verifier must be able to be called as."""

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        **kwargs: Any,
    ) -> list[float | None]:
        """One reward a completion, in order; None: none."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardCall:
    """What one call is about."""

    rows: Sequence[Row]
    prompts: Sequence[Text]
    completions: Sequence[Text]
    completion_ids: Sequence[Sequence[int]]
    columns: Mapping[str, Any]
    step: int
    #: The policy's own, a row; None: not asked for, or a completion without a token.
    signals: Sequence[Signals | None]

    def rollout(
        self, number: int, *, place: int, policy: str | None, reward: float | None
    ) -> Rollout:
        """Row `number` as the rollout at `place` of the step."""
        rollout = self.rows[number].rollout(
            step=self.step, place=place, policy=policy, reward=reward
        )
        signals = self.signals[number]
        return rollout if signals is None else signals.added_to(rollout)


#: Told of each call in a training: what each completion was assigned, and the rewards handed out.
Watch = Callable[[RewardCall, Sequence[Assigned], Sequence[float | None]], None]
