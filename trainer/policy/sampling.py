"""Sampling completions of a policy, so that each can be sampled again to the letter.

Every rollout has random numbers of its own, made of seed, query and place. They pick its tokens by
the inverse of the cumulative distribution, so a rollout depends neither on what else is in its
batch (but for rounding) nor on what was sampled before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from schema.answers import split_completion
from schema.ids import digest
from schema.rollout import Rollout
from schema.task import Task
from trainer.policy.decoding import decode, read_prompts
from trainer.policy.policy import Policy
from trainer.policy.signals import Signals, signals_of

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How completions are sampled."""

    #: Completions a query.
    rollouts: int = 8
    max_new_tokens: int = 24
    temperature: float = 1.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """One completion as it was sampled."""

    text: str
    tokens: int
    #: Cut off at the token limit.
    truncated: bool
    signals: Signals | None

    def to_rollout(self, task: Task, place: int, policy: str, step: int = 0) -> Rollout | None:
        """The rollout that a memory stores; None if nothing at all was written."""
        said = split_completion(self.text.replace("\x00", ""))
        if not said.thinking and not said.answer:
            return None
        rollout = Rollout(
            query=task.query,
            answer=said.answer,
            thinking=said.thinking,
            answer_given=said.answer_given,
            source_query_id=task.source_query_id,
            step=step,
            place=place,
            dataset=task.dataset,
            domain=task.domain,
            policy=policy,
            completion_tokens=self.tokens,
            truncated=self.truncated,
        )
        return rollout if self.signals is None else self.signals.added_to(rollout)


def sample(
    policy: Policy, tasks: Sequence[Task], sampling: Sampling, *, signals: bool = True
) -> list[list[Completion]]:
    """`sampling.rollouts` completions of each task, all in one batch, in the tasks' order.

    Args:
        policy: in evaluation mode.
        tasks: few enough that their rollouts fit into memory together.
        sampling: how.
        signals: also take the policy's signals, by one more forward pass.
    """
    import torch

    tokenizer = policy.tokenizer
    end: Any = tokenizer.eos_token_id
    prompts = [policy.prompt_text(task.messages) for task in tasks]
    batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    ids: torch.Tensor = batch["input_ids"].to(policy.model.device)
    mask: torch.Tensor = batch["attention_mask"].to(policy.model.device)
    rows = decode(
        policy.model,
        ids,
        mask,
        _uniform(tasks, sampling).to(ids.device),
        ends=[end],
        temperature=sampling.temperature,
    )
    found: Sequence[Signals | None] = [None] * len(rows)
    if signals:
        found = _signals(policy, ids, mask, rows)
    completions = [
        Completion(
            text=str(tokenizer.decode(row, skip_special_tokens=True)),
            tokens=len(row),
            truncated=row[-1] != end,
            signals=one,
        )
        for row, one in zip(rows, found, strict=True)
    ]
    size = sampling.rollouts
    return [completions[start : start + size] for start in range(0, len(completions), size)]


def _uniform(tasks: Sequence[Task], sampling: Sampling) -> "torch.Tensor":
    """The random numbers in [0, 1) of all rollouts, [R, max_new_tokens]."""
    import torch

    keys = [
        digest("sample", str(sampling.seed), task.source_query_id, task.query, str(place))
        for task in tasks
        for place in range(sampling.rollouts)
    ]
    rows = [np.random.default_rng(int(key, 16)).random(sampling.max_new_tokens) for key in keys]
    return torch.from_numpy(np.stack(rows))


def _signals(
    policy: Policy,
    ids_PT: "torch.Tensor",
    mask_PT: "torch.Tensor",
    rows: Sequence[Sequence[int]],
) -> list[Signals]:
    """The policy's signals of completions, by one more forward pass over them."""
    import torch

    repeats, longest = len(rows) // len(ids_PT), max(map(len, rows))
    # Decoding has used up what it kept of the prompts.
    with torch.inference_mode():
        state = read_prompts(policy.model, ids_PT, mask_PT)
    state.batch_repeat_interleave(repeats)
    padding: Any = policy.tokenizer.pad_token_id
    new_RT = torch.full((len(rows), longest), padding, device=ids_PT.device)
    counted_RT = torch.zeros_like(new_RT)
    for number, row in enumerate(rows):
        new_RT[number, : len(row)] = torch.tensor(row)
        counted_RT[number, : len(row)] = 1
    ids_RT = torch.cat([ids_PT.repeat_interleave(repeats, 0), new_RT], 1)
    mask_RT = torch.cat([mask_PT.repeat_interleave(repeats, 0), counted_RT], 1)
    return signals_of(policy, state, ids_RT, mask_RT, longest)
