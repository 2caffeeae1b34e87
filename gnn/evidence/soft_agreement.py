"""Numbers about how like a rollout's answer is to others of its query, by its words.

For open questions and code, where answers are rarely equal to the letter. Without another policy's
answer, and without a verified one, the numbers are 0.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnn.evidence.opinions import Opinions
from schema.memory_graph import Floats


def likeness_to_voters(
    opinions: Opinions, weight_V: NDArray[Any], name: str
) -> dict[str, NDArray[Any]]:
    """Mean likeness to the answers of the other policies, each weighted, [R] each."""
    size_V, voter_R = opinions.n_rollouts_V, opinions.voter_R
    weight_R = (weight_V / size_V)[voter_R]
    total_R = opinions.likeness_in_query(weight_R) - opinions.likeness_in_voter(weight_R)
    weight_Q = np.bincount(opinions.query_V, weights=weight_V, minlength=opinions.n_queries)
    others_R = weight_Q[opinions.query_R] - weight_V[voter_R]
    mean_R = np.where(others_R > 1e-6, total_R / np.maximum(others_R, 1e-6), 0)
    return {f"{name}words": mean_R, f"{name}words_against_mean": _against_mean(opinions, mean_R)}


def likeness_to_own(opinions: Opinions) -> dict[str, NDArray[Any]]:
    """Mean likeness to the same policy's other answers, [R] each."""
    size_R = opinions.n_rollouts_V[opinions.voter_R]
    total_R = opinions.likeness_in_voter(np.ones(len(size_R))) - opinions.has_words_R
    mean_R = (total_R / np.maximum(size_R - 1, 1)).round(6)
    return {"own_words": mean_R, "own_words_against_mean": _against_mean(opinions, mean_R)}


def likeness_to_verified(opinions: Opinions, reward_R: Floats) -> dict[str, NDArray[Any]]:
    """Likeness to the verified answers of the query, its own reward left out, [R] each.

    Args:
        opinions: of the graph.
        reward_R: rewards that may be seen, NaN elsewhere; r counts r as right and 1 - r as wrong.
    """
    known_R = ~np.isnan(reward_R)
    right_R = np.where(known_R, reward_R, 0.0)
    means: list[NDArray[Any]] = []
    for weight_R in (right_R, known_R - right_R):
        total_Q = np.bincount(opinions.query_R, weights=weight_R, minlength=opinions.n_queries)
        others_R = total_Q[opinions.query_R] - weight_R
        like_R = opinions.likeness_in_query(weight_R) - opinions.has_words_R * weight_R
        mean_R = np.where(others_R > 1e-6, like_R / np.maximum(others_R, 1e-6), 0)
        # Rounded: what is left of its own reward, after the subtraction, must not tell it.
        means.append(mean_R.round(6))
    right, wrong = means
    both_R = (right > 0) & (wrong > 0)
    return {
        "words_right": right,
        "words_wrong": wrong,
        "words_verdict": np.where(both_R, right - wrong, 0),
    }


def _against_mean(opinions: Opinions, value_R: NDArray[Any]) -> NDArray[Any]:
    total_Q = np.bincount(opinions.query_R, weights=value_R, minlength=opinions.n_queries)
    return value_R - (total_Q / np.maximum(opinions.n_rollouts_Q, 1))[opinions.query_R]
