"""Seven numbers about who said a rollout's answer and who agrees.

They know the policies by their accuracy alone. An answer without a conclusion agrees with none.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from gnn.evidence import Opinions
from gnn.models.baselines.logistic_features import group_of_rollout
from schema.memory_graph import Floats, Ints, MemoryGraph

RELIABILITY_FEATURES: Final[tuple[str, ...]] = (
    "answer_share",
    "answer_share_in_policy",
    "weighted_margin",
    "weighted_share",
    "policy_log_odds",
    "answer_share_in_other_policies",
    "unread",
)

#: Accuracies are kept this far from 0 and 1, so that their log-odds are finite.
EDGE: Final = 0.01


def reliability_features(graph: MemoryGraph, accuracy_R: Floats) -> Floats:
    """The features RELIABILITY_FEATURES of every rollout.

    Args:
        graph: of the memory.
        accuracy_R: how often the policy of each rollout is right.

    Returns:
        Array [R, 7], float32, finite. A rollout without a query is a group of its own.
    """
    group_R, conclusion_R = group_of_rollout(graph), graph.conclusion_of_rollout_R
    policy_R = np.unique(graph.policy_R, return_inverse=True)[1]
    log_odds_R = logit(np.clip(accuracy_R, EDGE, 1 - EDGE)).astype(np.float32)
    in_group_R, with_answer_R = np.bincount(group_R)[group_R], _count(conclusion_R)
    part_R, said_R = _pair(group_R, policy_R), _pair(conclusion_R, policy_R)
    in_part_R, with_own_R = np.bincount(part_R)[part_R], _count(said_R)
    others_R = np.maximum(in_group_R - in_part_R, 1)
    columns = [
        with_answer_R / in_group_R,
        with_own_R / in_part_R,
        _margin(graph, log_odds_R),
        weighted_share(graph, accuracy_R),
        log_odds_R,
        (with_answer_R - with_own_R) / others_R,
        conclusion_R < 0,
    ]
    return np.column_stack(columns).astype(np.float32)


def weighted_share(graph: MemoryGraph, weight_R: Floats) -> Floats:
    """Share of the group's weight that is with the rollout's conclusion, [R]; 0 without one."""
    group_R = group_of_rollout(graph)
    votes_R = sum_of_same(weight_R, graph.conclusion_of_rollout_R)
    total_R = np.bincount(group_R, weights=weight_R)[group_R]
    return (votes_R / np.maximum(total_R, np.finfo(np.float32).tiny)).astype(np.float32)


def sum_of_same(value_R: Floats, conclusion_R: Ints) -> Floats:
    """Sum of `value_R` over the rollouts with the same conclusion, [R]; 0 without one."""
    read_R = conclusion_R >= 0
    total_R = np.zeros(len(conclusion_R), dtype=np.float32)
    place_R = conclusion_R[read_R]
    total_R[read_R] = np.bincount(place_R, weights=value_R[read_R])[place_R]
    return total_R


def _count(conclusion_R: Ints) -> Floats:
    """How many rollouts have the same conclusion, [R]; 0 without one."""
    return sum_of_same(np.ones(len(conclusion_R), dtype=np.float32), conclusion_R)


def _pair(first_R: Ints, second_R: Ints) -> Ints:
    """A dense number for each pair of values, [R]; -1 where the first is -1."""
    known_R = first_R >= 0
    pair_R = np.full(len(first_R), -1)
    pairs = np.stack([first_R[known_R], second_R[known_R]])
    pair_R[known_R] = np.unique(pairs, axis=1, return_inverse=True)[1].ravel()
    return pair_R


def _margin(graph: MemoryGraph, value_R: Floats) -> NDArray[Any]:
    """Sum of `value_R` for the rollout's conclusion less that for the group's best other, [R].

    A side that is missing, such as an answer without a conclusion, counts as 0.
    """
    opinions = Opinions.of(graph)
    total_C = np.bincount(opinions.conclusion_R, weights=value_R) * opinions.read_C
    return (total_C - opinions.best_and_rival(total_C)[1])[opinions.conclusion_R]
