"""What the model is trained on: right probabilities, and right order within a query."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from schema.memory_graph import Floats, Ints


def reward_loss(logit_R: Tensor, reward_R: Tensor, pairs: Tensor, *, pair_weight: float) -> Tensor:
    """Cross entropy plus `pair_weight` times the pairwise logistic loss within queries.

    Rewards may be soft. The pairwise part is what a group-relative advantage is made of.

    Args:
        logit_R: predicted logits, [R].
        reward_R: verified rewards in [0, 1], [R].
        pairs: [2, P] rows of `logit_R`: the better and the worse rollout of one query.
        pair_weight: weight of the pairwise part.
    """
    loss = binary_cross_entropy_with_logits(logit_R, reward_R)
    if not pair_weight or not pairs.size(1):
        return loss
    gap_P = reward_R[pairs[0]] - reward_R[pairs[1]]
    ranked = softplus(logit_R[pairs[1]] - logit_R[pairs[0]])
    return loss + pair_weight * (gap_P * ranked).sum() / gap_P.sum()


def pairs_within(query_R: Ints, reward_R: Floats) -> Ints:
    """All pairs (better, worse) of rollouts of one query with different rewards, [2, P]."""
    order = np.argsort(query_R, kind="stable")
    better: list[Ints] = []
    worse: list[Ints] = []
    for distance in range(1, len(order)):
        first, second = order[:-distance], order[distance:]
        same = query_R[first] == query_R[second]
        if not same.any():
            break
        first, second = first[same], second[same]
        gap = reward_R[first] - reward_R[second]
        better += [first[gap > 0], second[gap < 0]]
        worse += [second[gap > 0], first[gap < 0]]
    if not better:
        return np.zeros((2, 0), dtype=np.int64)
    return np.stack([np.concatenate(better), np.concatenate(worse)])


def to_pairs(query_R: Ints, reward_R: Floats) -> Tensor:
    """`pairs_within` as a tensor."""
    return torch.from_numpy(pairs_within(query_R, reward_R))
