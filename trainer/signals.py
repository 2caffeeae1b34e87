"""The policy's own signals of a completion, from one forward pass over prompt and completion."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from schema.rollout import Vector
from trainer.policy import Policy

if TYPE_CHECKING:
    import torch

#: A token with a log-probability below this was a surprise to the policy.
LOW_LOGPROB: Final = -2.0
LAST_TOKENS: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Signals:
    """What the policy shows of one completion beside its text."""

    #: Values of POLICY_SIGNALS, in that order.
    statistics: tuple[float, ...]
    #: Mean over the completion's tokens of the hidden state after `layer`.
    embedding: Vector
    layer: str


def signal_layer(policy: Policy) -> int:
    """The layer whose hidden state is taken: two thirds up, counted from 1."""
    return max(1, 2 * int(policy.model.config.num_hidden_layers) // 3)


def signals_of(
    policy: Policy, ids_RT: "torch.Tensor", mask_RT: "torch.Tensor", n_completion: int
) -> list[Signals]:
    """Signals of R completions.

    Args:
        policy: in evaluation mode.
        ids_RT: int64 [R, T], prompts padded on the left, then completions padded on the right.
        mask_RT: int64 [R, T], 1 for the tokens that count; each completion has at least one.
        n_completion: the last so many columns hold the completions.

    Returns:
        One for each row. Log-probabilities and entropies are those of the policy's plain softmax,
        whatever temperature the tokens were sampled at.
    """
    import torch

    layer = signal_layer(policy)
    with torch.inference_mode():
        output = policy.model(
            input_ids=ids_RT,
            attention_mask=mask_RT,
            position_ids=(mask_RT.cumsum(1) - 1).clamp(min=0),
            logits_to_keep=n_completion + 1,
            output_hidden_states=True,
            use_cache=False,
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


def _statistics(logprob_T: Vector, entropy_T: Vector) -> tuple[float, ...]:
    return (
        float(logprob_T.mean()),
        float(logprob_T.min()),
        float(entropy_T.mean()),
        float(entropy_T.max()),
        float(logprob_T[-LAST_TOKENS:].mean()),
        float((logprob_T < LOW_LOGPROB).mean()),
    )
