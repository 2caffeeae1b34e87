"""Decoding with a cache: a prompt is read once for all its completions, and ended ones are dropped.

A completion takes its tokens by the inverse of the cumulative distribution from random numbers that
the caller gives, so it depends on nothing else in its batch (but for rounding).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import torch

#: Rows that have ended are dropped when at most this share of the batch still grows; dropping
#: copies the cache of the others.
DROP_AT: Final = 0.8


def decode(
    model: Any,
    ids_PT: "torch.Tensor",
    mask_PT: "torch.Tensor",
    uniform_RT: "torch.Tensor",
    *,
    ends: Sequence[int],
    temperature: float = 1.0,
) -> list[list[int]]:
    """Tokens of R completions of P prompts, R / P of each, up to and with their end.

    Args:
        model: a causal language model of transformers.
        ids_PT: int64 [P, T], prompts of two tokens or more, padded on the left.
        mask_PT: int64 [P, T], 1 for the tokens that count.
        uniform_RT: random numbers in [0, 1) for the tokens, [R, most tokens].
        ends: tokens that end a completion.
        temperature: of the distribution.
    """
    import torch

    repeats = len(uniform_RT) // len(ids_PT)
    completions: list[list[int]] = [[] for _ in range(len(uniform_RT))]
    end_E = torch.tensor(list(ends), device=ids_PT.device)
    with torch.inference_mode():
        state = read_prompts(model, ids_PT, mask_PT)
        state.batch_repeat_interleave(repeats)
        mask_RT = mask_PT.repeat_interleave(repeats, 0)
        token_R1 = ids_PT[:, -1:].repeat_interleave(repeats, 0)
        row_R = torch.arange(len(uniform_RT), device=ids_PT.device)
        grows_R = torch.ones_like(row_R, dtype=torch.bool)
        for place in range(uniform_RT.shape[1]):
            logits_RV = model(
                input_ids=token_R1,
                attention_mask=mask_RT,
                position_ids=positions(mask_RT)[:, -1:],
                past_key_values=state,
                logits_to_keep=1,
                use_cache=True,
            ).logits[:, -1]
            token_R1 = picked(logits_RV, uniform_RT[row_R, place, None], temperature)
            _append(completions, row_R[grows_R], token_R1[grows_R])
            grows_R = grows_R & ~torch.isin(token_R1[:, 0], end_E)
            if not grows_R.any():
                break
            if grows_R.float().mean() <= DROP_AT:
                kept = grows_R.nonzero()[:, 0]
                state.batch_select_indices(kept)
                row_R, token_R1, mask_RT = row_R[kept], token_R1[kept], mask_RT[kept]
                grows_R = grows_R[kept]
            mask_RT = torch.cat([mask_RT, torch.ones_like(token_R1)], 1)
    return completions


def _append(completions: list[list[int]], row_R: "torch.Tensor", token_R1: "torch.Tensor") -> None:
    for row, token in zip(row_R.tolist(), token_R1[:, 0].tolist(), strict=True):
        completions[row].append(token)


def picked(
    logits_RV: "torch.Tensor", uniform_R1: "torch.Tensor", temperature: float
) -> "torch.Tensor":
    """The token [R, 1] that each row's random number picks of the vocabulary."""
    import torch

    share_RV = (logits_RV.double() / temperature).softmax(-1).cumsum(-1)
    # The last column is 1 but for rounding.
    wanted_R1 = uniform_R1.to(share_RV) * share_RV[:, -1:]
    # Rounded up to 1, a number would pick a token past the last.
    return torch.searchsorted(share_RV, wanted_R1, right=True).clamp(max=share_RV.shape[1] - 1)


def read_prompts(model: Any, ids_PT: "torch.Tensor", mask_PT: "torch.Tensor") -> Any:
    """What a model keeps of P prompts, all but their last token (a `Cache` of transformers).

    Repeated, it serves all completions of a prompt, which is then read once. Gradients pass through
    it where they are on.
    """
    return model(
        input_ids=ids_PT[:, :-1],
        attention_mask=mask_PT[:, :-1],
        position_ids=positions(mask_PT[:, :-1]),
        logits_to_keep=1,
        use_cache=True,
    ).past_key_values


def positions(mask_RT: "torch.Tensor") -> "torch.Tensor":
    """The position of each token among those that count."""
    return (mask_RT.cumsum(1) - 1).clamp(min=0)
