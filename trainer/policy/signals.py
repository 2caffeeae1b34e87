"""The policy's own signals of a completion, from one forward pass over prompt and completion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from schema.rollout import Rollout, Vector
from schema.task import Text
from trainer.policy.decoding import positions, read_prompts
from trainer.policy.policy import Policy

if TYPE_CHECKING:
    import torch

#: A token with a log-probability below this was a surprise to the policy.
LOW_LOGPROB: Final = -2.0
LAST_TOKENS: Final = 8
#: Completions of a trainer that are read at once; bounds the memory, changes no signal.
AT_ONCE: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Signals:
    """The policy's own statistics and hidden state of one completion."""

    #: Values of POLICY_SIGNALS, in that order.
    statistics: tuple[float, ...]
    #: Mean over the completion's tokens of the hidden state after `layer`; None: counts as absent.
    embedding: Vector | None
    layer: str | None

    def added_to(self, rollout: Rollout) -> Rollout:
        """The rollout with them."""
        return replace(
            rollout,
            policy_signals=self.statistics,
            policy_embedding=self.embedding,
            policy_layer=self.layer,
        )


def signal_layer(policy: Policy) -> int:
    """The layer whose hidden state is taken: two thirds up, counted from 1."""
    return max(1, 2 * int(policy.model.config.num_hidden_layers) // 3)


def signals_of(
    policy: Policy, state: Any, ids_RT: "torch.Tensor", mask_RT: "torch.Tensor", n_completion: int
) -> list[Signals]:
    """Signals of R completions.

    Args:
        policy: in evaluation mode.
        state: `read_prompts` of the prompts, a row each; it is used up.
        ids_RT: int64 [R, T], prompts padded on the left, then completions padded on the right.
        mask_RT: int64 [R, T], 1 for the tokens that count; each completion has at least one.
        n_completion: the last so many columns hold the completions.

    Returns:
        One for each row. Log-probabilities and entropies are those of the policy's plain softmax,
        whatever temperature the tokens were sampled at.
    """
    import torch

    layer = signal_layer(policy)
    read = slice(-n_completion - 1, None)
    with torch.inference_mode():
        output = policy.model(
            input_ids=ids_RT[:, read],
            attention_mask=mask_RT,
            position_ids=positions(mask_RT)[:, read],
            past_key_values=state,
            output_hidden_states=True,
            use_cache=True,
        )
        logprob_RTV = output.logits[:, :-1].float().log_softmax(-1)
        entropy_RT = -(logprob_RTV.exp() * logprob_RTV).sum(-1)
        tokens_RT1 = ids_RT[:, -n_completion:, None]
        chosen_RT = logprob_RTV.gather(-1, tokens_RT1)[..., 0]
        counted_RT = mask_RT[:, -n_completion:].bool()
        hidden_RTD = output.hidden_states[layer][:, -n_completion:].float()
        weight_RT1 = counted_RT[..., None].float()
        pooled_RD = (hidden_RTD * weight_RT1).sum(1) / weight_RT1.sum(1)
    embeddings = pooled_RD.cpu().numpy().astype(np.float16).astype(np.float32)
    return [
        Signals(
            statistics=_statistics(
                chosen_RT[row, counted_RT[row]].cpu().numpy(),
                entropy_RT[row, counted_RT[row]].cpu().numpy(),
            ),
            embedding=embeddings[row],
            layer=str(layer),
        )
        for row in range(len(ids_RT))
    ]


def completion_signals(
    policy: Policy, prompts: Sequence[Text], completion_ids: Sequence[Sequence[int]]
) -> list[Signals | None]:
    """Signals of completions that a trainer sampled; None for one without a token.

    Hidden states are left out: what a memory learns of them it learns from earlier checkpoints of
    a policy that changes with every step, and they did not help (docs/trainer.md).

    Args:
        policy: as it is now; afterwards it trains or evaluates as before.
        prompts: texts or messages, [R], as the trainer was given them.
        completion_ids: tokens of the completions, [R][T].
    """
    found: list[Signals | None] = [None] * len(prompts)
    asked = [row for row, ids in enumerate(completion_ids) if len(ids)]
    training = policy.model.training
    policy.model.eval()
    try:
        for start in range(0, len(asked), AT_ONCE):
            rows = asked[start : start + AT_ONCE]
            prompt_ids = [_prompt_ids(policy, prompts[row]) for row in rows]
            signals = _padded_signals(policy, prompt_ids, [completion_ids[row] for row in rows])
            for row, one in zip(rows, signals, strict=True):
                found[row] = replace(one, embedding=None, layer=None)
    finally:
        policy.model.train(training)
    return found


def _prompt_ids(policy: Policy, prompt: Text) -> list[int]:
    """Tokens of a prompt as TRL makes them."""
    if isinstance(prompt, str):
        return policy.tokenizer(prompt)["input_ids"]
    text = policy.prompt_text([dict(turn) for turn in prompt])
    return policy.tokenizer(text, add_special_tokens=False)["input_ids"]


def _padded_signals(
    policy: Policy, prompt_ids: Sequence[Sequence[int]], completion_ids: Sequence[Sequence[int]]
) -> list[Signals]:
    import torch

    left, right = max(2, *map(len, prompt_ids)), max(map(len, completion_ids))
    padding: Any = policy.tokenizer.pad_token_id
    ids_RT = torch.full((len(prompt_ids), left + right), padding)
    mask_RT = torch.zeros_like(ids_RT)
    for row, (prompt, completion) in enumerate(zip(prompt_ids, completion_ids, strict=True)):
        span = slice(left - len(prompt), left + len(completion))
        ids_RT[row, span] = torch.tensor([*prompt, *completion])
        mask_RT[row, span] = 1
    ids_RT, mask_RT = ids_RT.to(policy.model.device), mask_RT.to(policy.model.device)
    places: dict[tuple[int, ...], int] = {}
    prompt_R = [places.setdefault(tuple(prompt), len(places)) for prompt in prompt_ids]
    first_P = [prompt_R.index(place) for place in places.values()]
    with torch.inference_mode():
        state = read_prompts(policy.model, ids_RT[first_P, :left], mask_RT[first_P, :left])
    state.batch_select_indices(torch.tensor(prompt_R, device=policy.model.device))
    return signals_of(policy, state, ids_RT, mask_RT, right)


def _statistics(logprob_T: Vector, entropy_T: Vector) -> tuple[float, ...]:
    return (
        float(logprob_T.mean()),
        float(logprob_T.min()),
        float(entropy_T.mean()),
        float(entropy_T.max()),
        float(logprob_T[-LAST_TOKENS:].mean()),
        float((logprob_T < LOW_LOGPROB).mean()),
    )
