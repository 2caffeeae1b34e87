"""Preferences between rollouts of one query, as training sees them.

A preference for one of two is scored as the logistic of the difference of their logits
(Bradley and Terry, 1952). If exactly one of the two is right, that is the probability that it is
this one, by the very logits that single rewards are learned with, so both train one model.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from schema.memory_graph import Bools, Floats, Ints, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class Preferred:
    """Preferences among the rollouts of a batch."""

    #: Rows of the better and of the worse rollout, [2, P].
    rows: Tensor
    weight_P: Tensor

    def loss(self, logit_R: Tensor) -> Tensor:
        """Sum of the weighted losses."""
        gap_P = logit_R[self.rows[0]] - logit_R[self.rows[1]]
        return (self.weight_P * softplus(-gap_P)).sum()


def usable_preferences(graph: MemoryGraph) -> Ints:
    """Preferences between rollouts of one query, rows better and worse, [2, P]."""
    query_2P = graph.query_of_rollout_R[graph.preferred_2P]
    return graph.preferred_2P[:, (query_2P[0] == query_2P[1]) & (query_2P[0] >= 0)]


def known_rollouts(graph: MemoryGraph) -> Bools:
    """Rollouts with a query and a reward or usable preference: those to learn from, [R]."""
    known_R = graph.labelled_R & (graph.query_of_rollout_R >= 0)
    known_R[usable_preferences(graph)] = True
    return known_R


def preference_weights(preferred_2P: Ints, query_R: Ints) -> Floats:
    """Weight of each preference: what n compared rollouts of a query say is at most n - 1 facts.

    A full order of n rollouts is n (n - 1) / 2 pairs, which follow from n - 1 of them.
    """
    if not preferred_2P.shape[1]:
        return np.zeros(0, dtype=np.float32)
    query_P = query_R[preferred_2P[0]]
    n_queries = int(query_P.max()) + 1
    pairs_Q = np.bincount(query_P, minlength=n_queries)
    compared = np.unique(preferred_2P)
    compared_Q = np.bincount(query_R[compared], minlength=n_queries)
    weight_Q = np.minimum(1.0, (compared_Q - 1) / np.maximum(pairs_Q, 1))
    return weight_Q[query_P].astype(np.float32)


def preferred_among(rollouts: Ints, graph: MemoryGraph) -> Preferred:
    """The preferences among `rollouts` (ascending rows of the graph, whole queries)."""
    preferred_2P = usable_preferences(graph)
    place_R = np.full(len(graph.rollout_id_R), -1)
    place_R[rollouts] = np.arange(len(rollouts))
    kept_2P = preferred_2P[:, place_R[preferred_2P[0]] >= 0]
    return Preferred(
        rows=torch.from_numpy(place_R[kept_2P]),
        weight_P=torch.from_numpy(preference_weights(kept_2P, graph.query_of_rollout_R)),
    )
