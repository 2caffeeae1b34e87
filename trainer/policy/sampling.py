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
from trainer.policy.policy import Policy
from trainer.policy.signals import Signals, read_prompts, signals_of

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
    prompts = [policy.prompt_text(task.messages) for task in tasks]
    batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    ids: torch.Tensor = batch["input_ids"].to(policy.model.device)
    mask: torch.Tensor = batch["attention_mask"].to(policy.model.device)
    with torch.inference_mode():
        all_ids = _generated(policy, tasks, sampling, ids, mask)
    new_RT = all_ids[:, ids.shape[1] :]
    end: Any = tokenizer.eos_token_id
    counted_RT, ended_R = _until_end(new_RT, end)
    found: Sequence[Signals | None] = [None] * len(new_RT)
    if signals:
        # Sampling has used up what it kept of the prompts.
        state = read_prompts(policy, ids, mask)
        state.batch_repeat_interleave(sampling.rollouts)
        mask_RT = torch.cat([mask.repeat_interleave(sampling.rollouts, 0), counted_RT], 1)
        found = signals_of(policy, state, all_ids, mask_RT, new_RT.shape[1])
    completions = [
        Completion(
            text=str(
                tokenizer.decode(new_RT[row][counted_RT[row].bool()], skip_special_tokens=True)
            ),
            tokens=int(counted_RT[row].sum()),
            truncated=not bool(ended_R[row]),
            signals=found[row],
        )
        for row in range(len(new_RT))
    ]
    size = sampling.rollouts
    return [completions[start : start + size] for start in range(0, len(completions), size)]


def _generated(
    policy: Policy,
    tasks: Sequence[Task],
    sampling: Sampling,
    ids_QT: "torch.Tensor",
    mask_QT: "torch.Tensor",
) -> "torch.Tensor":
    """Token ids of prompts and completions of all rollouts; a prompt is read once."""
    forward: Any = policy.model
    state = read_prompts(policy, ids_QT, mask_QT)
    state.batch_repeat_interleave(sampling.rollouts)
    ids_RT = ids_QT.repeat_interleave(sampling.rollouts, 0)
    mask_RT = mask_QT.repeat_interleave(sampling.rollouts, 0)
    uniform_RT = np.stack(
        [_uniform(task, place, sampling) for task in tasks for place in range(sampling.rollouts)]
    )
    all_ids = forward.generate(
        input_ids=ids_RT,
        attention_mask=mask_RT,
        past_key_values=state,
        do_sample=False,
        max_new_tokens=sampling.max_new_tokens,
        pad_token_id=policy.tokenizer.pad_token_id,
        logits_processor=[_pick(uniform_RT, ids_RT.shape[1], sampling.temperature)],
    )
    return all_ids


def _uniform(task: Task, place: int, sampling: Sampling) -> Any:
    """The random numbers in [0, 1) of one rollout, [max_new_tokens]."""
    key = digest("sample", str(sampling.seed), task.source_query_id, task.query, str(place))
    return np.random.default_rng(int(key, 16)).random(sampling.max_new_tokens)


def _pick(uniform_RT: Any, n_prompt: int, temperature: float) -> Any:
    """A logits processor that leaves only the token that a rollout's next random number picks."""
    import torch

    def pick(ids_RT: torch.Tensor, logits_RV: torch.Tensor) -> torch.Tensor:
        u_R1 = torch.from_numpy(uniform_RT[:, ids_RT.shape[1] - n_prompt, None])
        share_RV = (logits_RV.double() / temperature).softmax(-1).cumsum(-1)
        # The last column is 1 but for rounding.
        token_R1 = torch.searchsorted(share_RV, u_R1.to(share_RV) * share_RV[:, -1:], right=True)
        return torch.full_like(logits_RV, -torch.inf).scatter(1, token_R1, 0.0)

    return pick


def _until_end(ids_RT: "torch.Tensor", end: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """Mask [R, T] of the tokens up to and with the first end, and whether there is one [R]."""
    is_end_RT = ids_RT == end
    before_RT = is_end_RT.cumsum(1) - is_end_RT.long()
    return (before_RT == 0).long(), is_end_RT.any(1)
