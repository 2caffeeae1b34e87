"""Numbers about who agrees with a rollout: votes of policies, plain and weighted.

A policy has one vote on a query, divided among what its rollouts say. Votes are weighted by how
reliable the policies have proved, overall and on this kind of question.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log1p

from gnn.evidence.opinions import Opinions
from gnn.evidence.reliability import VoterReliability

#: Log-odds of a supporter where there is none: lower than any policy's.
NOBODY = -5.0
#: Largest exponent of the posterior.
LARGEST_EXPONENT = 50.0
#: Votes for "none of the conclusions is right", in the posterior.
NONE_RIGHT = 1.0


def plain_votes(opinions: Opinions) -> dict[str, NDArray[Any]]:
    """Agreement, every policy counting the same, [R] each."""
    voter_R, conclusion_R, query_R = opinions.voter_R, opinions.conclusion_R, opinions.query_R
    read_R, voters_R = opinions.read_R, opinions.n_voters_Q[query_R]
    votes_C = opinions.total_C(opinions.vote_O)
    own_R = opinions.vote_O[opinions.opinion_R] * read_R
    votes_R, others_R = votes_C[conclusion_R], np.maximum(voters_R - 1, 1)
    best_Q, rival_C = opinions.best_and_rival(votes_C)
    size_R, count_C = opinions.n_rollouts_Q[query_R], np.bincount(conclusion_R)
    unread_Q = opinions.total_Q(opinions.vote_O * ~opinions.read_C[opinions.conclusion_O])
    read_votes_Q = np.maximum(opinions.n_voters_Q - unread_Q, 1e-9)
    share_C = np.clip(votes_C / read_votes_Q[opinions.query_C], 0, 1)
    entropy_Q = np.bincount(
        opinions.query_C,
        weights=-share_C * np.log(np.maximum(share_C, 1e-9)),
        minlength=opinions.n_queries,
    )
    return {
        "rollout_share": count_C[conclusion_R] * read_R / size_R,
        "vote_share": votes_R / voters_R,
        "own_vote": own_R,
        "vote_share_of_others": (votes_R - own_R) / others_R,
        "log_supporters": log1p(np.maximum(votes_R - own_R, 0)),
        "log_voters": np.log(voters_R),
        "one_voter": voters_R == 1,
        "log_own_rollouts": np.log(opinions.n_rollouts_V[voter_R]),
        "unread": ~read_R,
        "unmarked": ~opinions.given_R,
        "vote_margin": (votes_R - rival_C[conclusion_R]) / voters_R,
        "vote_leads": (votes_R >= best_Q[query_R] - 1e-6) & read_R,
        "vote_unread_share": (unread_Q / np.maximum(opinions.n_voters_Q, 1))[query_R],
        "vote_entropy": entropy_Q[query_R],
        "vote_top": best_Q[query_R] / voters_R,
    }


def policy_numbers(opinions: Opinions, reliability: VoterReliability) -> dict[str, NDArray[Any]]:
    """The policy itself, [R] each: its log-odds, and the same against the other voters'."""
    mean_Q = np.bincount(
        opinions.query_V, weights=reliability.policy_V, minlength=opinions.n_queries
    ) / np.maximum(opinions.n_voters_Q, 1)
    voter_R, mean_R = opinions.voter_R, mean_Q[opinions.query_R]
    policy_R = reliability.policy_V[voter_R]
    return {
        "policy": policy_R,
        "policy_on_kind": reliability.kind_V[voter_R],
        "kind": reliability.difficulty_V[voter_R],
        "mean_policy": mean_R,
        "policy_against_mean": policy_R - mean_R,
    }


def weighted_votes(opinions: Opinions, log_odds_O: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Agreement, each opinion counting by its log-odds of being right, [R] each.

    Log-odds as weights fail where most policies are wrong more often than right, so two rising
    functions of them that are never negative are taken too: softplus(l + 2) and sigmoid(l)^2. From
    the first comes a posterior over the query's conclusions and "none is right".
    """
    columns: dict[str, NDArray[Any]] = {}
    support_C = opinions.total_C(opinions.vote_O * log_odds_O)
    rival_C = opinions.best_and_rival(support_C)[1]
    columns["log_odds_margin"] = (support_C - rival_C)[opinions.conclusion_R]
    for name, weight_O in (
        ("soft", np.logaddexp(0, log_odds_O + 2)),
        ("square", expit(log_odds_O) ** 2),
    ):
        columns |= _weighted(opinions, weight_O, name)
        if name == "soft":
            columns |= _posterior(opinions, opinions.total_C(opinions.vote_O * weight_O))
    return columns | _best_supporter(opinions, log_odds_O)


def _weighted(opinions: Opinions, weight_O: NDArray[Any], name: str) -> dict[str, NDArray[Any]]:
    """Margin and shares of the weighted votes."""
    conclusion_R, query_R, read_R = opinions.conclusion_R, opinions.query_R, opinions.read_R
    votes_C = opinions.total_C(opinions.vote_O * weight_O)
    total_R = opinions.total_Q(opinions.vote_O * weight_O)[query_R]
    rival_C = opinions.best_and_rival(votes_C)[1]
    cast_V = np.bincount(
        opinions.voter_O, weights=opinions.vote_O * weight_O, minlength=len(opinions.query_V)
    )
    own_R = (opinions.vote_O * weight_O)[opinions.opinion_R] * read_R
    rest_R = np.maximum(total_R - cast_V[opinions.voter_R], 1e-6)
    some_R = (opinions.n_voters_Q[query_R] > 1) & read_R
    return {
        f"{name}_margin": (votes_C - rival_C)[conclusion_R],
        f"{name}_share": votes_C[conclusion_R] / np.maximum(total_R, 1e-9),
        f"{name}_share_of_others": np.where(some_R, (votes_C[conclusion_R] - own_R) / rest_R, 0),
    }


def _posterior(opinions: Opinions, votes_C: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Softmax of the votes over a query's conclusions and "none is right"."""
    weight_C = np.exp(np.minimum(votes_C, LARGEST_EXPONENT)) * opinions.read_C
    total_Q = np.bincount(opinions.query_C, weights=weight_C, minlength=opinions.n_queries)
    posterior_C = weight_C / (total_Q + np.exp(NONE_RIGHT))[opinions.query_C]
    log_odds_C = np.log(np.clip(posterior_C, 1e-4, 1) / np.clip(1 - posterior_C, 1e-4, 1))
    conclusion_R = opinions.conclusion_R
    return {
        "posterior": posterior_C[conclusion_R],
        "posterior_log_odds": np.where(opinions.read_R, log_odds_C[conclusion_R], -4.0),
    }


def _best_supporter(opinions: Opinions, log_odds_O: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The most reliable other policy with the same conclusion, against the query's best."""
    conclusion_O, n_conclusions = opinions.conclusion_O, len(opinions.query_C)
    best_C, second_C = np.full(n_conclusions, NOBODY), np.full(n_conclusions, NOBODY)
    np.maximum.at(best_C, conclusion_O, log_odds_O)
    order = np.lexsort((-log_odds_O, conclusion_O))
    first_C = np.unique(conclusion_O[order], return_index=True)[1]
    rest = np.delete(order, first_C)
    np.maximum.at(second_C, conclusion_O[rest], log_odds_O[rest])
    leads_O = np.zeros(len(conclusion_O), dtype=np.bool_)
    leads_O[order[first_C]] = True
    other_O = np.where(leads_O, second_C[conclusion_O], best_C[conclusion_O])
    top_Q = np.full(opinions.n_queries, NOBODY)
    np.maximum.at(top_Q, opinions.query_V[opinions.voter_O], log_odds_O)
    best_R = np.where(opinions.read_R, other_O[opinions.opinion_R], NOBODY)
    return {
        "best_supporter": best_R,
        "best_supporter_gap": best_R - top_Q[opinions.query_R],
    }
