"""Numbers about what was verified on the same question: for a rollout, its own reward left out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log1p

from gnn.evidence.opinions import Opinions
from schema.memory_graph import Floats, Ints


def own_labels(opinions: Opinions, reward_R: Floats) -> dict[str, NDArray[Any]]:
    """What the verified rewards of a query's other rollouts say of each rollout, [R] each.

    A reward r counts as r of a right rollout and 1 - r of a wrong one, so that graded and
    disagreeing rewards count as what they are. Without any, every number is 0.

    Args:
        opinions: of the graph.
        reward_R: rewards in [0, 1] that may be seen; NaN elsewhere.
    """
    known_R = ~np.isnan(reward_R)
    right_R = np.where(known_R, reward_R, 0.0)
    wrong_R = known_R - right_R
    conclusion_R, read_R = opinions.conclusion_R, opinions.read_R
    same_right_R, right_C = _others(right_R, conclusion_R)
    same_wrong_R, wrong_C = _others(wrong_R, conclusion_R)
    query_right_R, query_wrong_R = (_others(v, opinions.query_R)[0] for v in (right_R, wrong_R))
    policy_right_R, policy_wrong_R = (_others(v, opinions.voter_R)[0] for v in (right_R, wrong_R))
    same_R, policy_R = same_right_R + same_wrong_R, policy_right_R + policy_wrong_R
    else_right_R, else_wrong_R = query_right_R - same_right_R, query_wrong_R - same_wrong_R
    query_known_R = query_right_R + query_wrong_R
    judged_R = (same_R > 0) & read_R
    else_found_R = (else_right_R > 0.5) & ~judged_R
    refuted_C = (wrong_C > 0) & (right_C == 0)
    votes_C = opinions.total_C(opinions.vote_O)
    open_Q = np.bincount(
        opinions.query_C, weights=votes_C * ~refuted_C, minlength=opinions.n_queries
    )
    # Where no other rollout judges its conclusion, a rollout's own reward must not either.
    own_votes_R = votes_C[conclusion_R]
    open_R = open_Q[opinions.query_R] + own_votes_R * refuted_C[conclusion_R]
    open_share_R = own_votes_R / np.maximum(open_R, 1e-9)
    still_open_R = ~judged_R & ~else_found_R & (query_known_R > 0)
    return {
        "same_right": log1p(same_right_R) * read_R,
        "same_wrong": log1p(same_wrong_R) * read_R,
        "same_rate": np.where(judged_R, same_right_R / np.maximum(same_R, 1e-9) - 0.5, 0),
        "same_verified": judged_R,
        "another_right": else_found_R,
        "others_right": log1p(else_right_R),
        "others_wrong": log1p(else_wrong_R),
        "policy_here": (policy_right_R - policy_wrong_R) / (policy_R + 1),
        "query_rate": np.where(
            query_known_R > 0, (query_right_R + 0.5) / (query_known_R + 1) - 0.5, 0
        ),
        "open_share": np.where(still_open_R, open_share_R, 0),
        "query_verified": query_known_R > 0,
    }


def _others(value_R: NDArray[Any], group_R: Ints) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sum over the other rollouts of a group, [R], and over all of them, [group]."""
    total_G = np.bincount(group_R, weights=value_R)
    return total_G[group_R] - value_R, total_G
