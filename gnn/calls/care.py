"""The order in which CARE would buy queries (Wang et al. 2026, arXiv 2605.25864).

The paper lets the majority's answer stand for the truth where none was bought, and buys the queries
whose GRPO advantages would change most: the Corrective Advantage Gap is the Euclidean norm of the
difference between the advantages of both rewards. Before buying it estimates in two stages: of all
queries the GATE with the largest probability that the majority is wrong, and of these the expected
gap, over how many other rollouts could be right then. The paper learns both from hidden states of
the policy; here they come from the same probabilities that all strategies see.
"""

from typing import Final

import numpy as np

from gnn.calls.groups import Doubles, Groups
from schema.calls import Standing
from schema.memory_graph import Ints

#: Share of the queries that pass the first stage (the paper's p2, as its code has it).
GATE: Final = 0.25


def care_order(standing: Standing, groups: Groups) -> Ints:
    """Queries, those to buy first."""
    n_queries, query_C = groups.n_queries, groups.query_C
    mean_C = groups.total_C(standing.probability_R) / groups.size_C
    order_C = np.lexsort((-mean_C, -groups.size_C, query_C))
    seen, first = np.unique(query_C[order_C], return_index=True)
    majority = order_C[first]
    wrong_Q, votes_Q, total_Q = np.zeros(n_queries), np.zeros(n_queries), np.zeros(n_queries)
    wrong_Q[seen], votes_Q[seen] = 1 - mean_C[majority], groups.size_C[majority]
    np.add.at(total_Q, query_C, groups.size_C)
    other_C = np.ones(len(query_C), dtype=np.bool_)
    other_C[majority] = False
    gap_C = advantage_gap(total_Q[query_C], votes_Q[query_C], groups.size_C.astype(np.float64))
    none_Q = advantage_gap(total_Q, votes_Q, np.zeros(n_queries))
    chance_C = np.where(other_C, mean_C, 0.0)
    some_Q = np.bincount(query_C, weights=chance_C, minlength=n_queries)
    likely_Q = np.maximum(some_Q, wrong_Q)  # given that the majority is wrong
    found_Q = np.bincount(query_C, weights=chance_C * gap_C, minlength=n_queries)
    gap_Q = (found_Q + (likely_Q - some_Q) * none_Q) / np.maximum(likely_Q, 1e-9)
    passed_Q = np.zeros(n_queries, dtype=np.bool_)
    passed_Q[np.argsort(-wrong_Q, kind="stable")[: int(np.ceil(GATE * n_queries))]] = True
    return np.lexsort((-wrong_Q, -gap_Q * passed_Q, ~passed_Q))


def advantage_gap(total: Doubles, majority: Doubles, right: Doubles) -> Doubles:
    """Norm of the difference of GRPO's advantages if others are right than the majority.

    Args:
        total: rollouts of the group.
        majority: those that the pseudo-reward calls right.
        right: those that are right, none of the majority; 0: all are wrong.
    """

    def advantages(ones: Doubles) -> tuple[Doubles, Doubles]:
        """Of a rollout with reward 1, and with reward 0; both 0 where all rewards are equal."""
        share = ones / np.maximum(total, 1)
        spread = np.sqrt(share * (1 - share))
        none = spread == 0
        spread = np.where(none, 1.0, spread)
        return np.where(none, 0, (1 - share) / spread), np.where(none, 0, -share / spread)

    (pseudo_1, pseudo_0), (true_1, true_0) = advantages(majority), advantages(right)
    return np.sqrt(
        majority * (pseudo_1 - true_0) ** 2
        + right * (pseudo_0 - true_1) ** 2
        + np.maximum(total - majority - right, 0) * (pseudo_0 - true_0) ** 2
    )
