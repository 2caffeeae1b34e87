"""Which rewards a model is shown while it learns, and which it learns from: masked labels.

As in UniMP (Shi et al., arXiv 2009.03509), verified rewards are inputs, and a model learns only
from those that it is not shown: what one rollout is shown of another would come back to the other
along their common conclusion and query. Of a query's rewards all are hidden with the probability
HIDE_ALL, since no evidence is the common case; otherwise each is shown with a probability that is
drawn for the query between 0 and 1.
"""

from typing import Final

import numpy as np

from schema.memory_graph import Bools, Floats, Ints

HIDE_ALL: Final = 0.6


def mask_rewards(reward_R: Floats, query_R: Ints, rng: np.random.Generator) -> Bools:
    """Rollouts whose known reward is shown this time, [R].

    What is drawn depends on the rewards that are known, and on no other rollout.
    """
    known = np.flatnonzero(~np.isnan(reward_R))
    queries, query_N = np.unique(query_R[known], return_inverse=True)
    chance_Q = rng.random(len(queries))
    chance_Q[rng.random(len(queries)) < HIDE_ALL] = 0
    shown_R = np.zeros(len(reward_R), dtype=np.bool_)
    shown_R[known[rng.random(len(known)) < chance_Q[query_N]]] = True
    return shown_R


def halves(reward_R: Floats, query_R: Ints) -> tuple[Bools, Bools]:
    """Two sets of rollouts, [R] each, with every second known reward of each query, and the rest.

    The model is shown one half where it is asked about the other.
    """
    known = np.flatnonzero(~np.isnan(reward_R))
    order = known[np.argsort(query_R[known], kind="stable")]
    first_N = np.unique(query_R[order], return_index=True)[1]
    start_N = np.repeat(first_N, np.diff(first_N, append=len(order)))
    even_R = np.zeros(len(reward_R), dtype=np.bool_)
    even_R[order[(np.arange(len(order)) - start_N) % 2 == 0]] = True
    return even_R, ~np.isnan(reward_R) & ~even_R
