"""Evidence: what the memory knows of a rollout from who said it, who agrees, what was verified.

All of it is local to the rollout's query, given how reliable the policies are. A checkpoint keeps
the latter, so that scoring few rollouts gives the full graph's result.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gnn.evidence.opinions import Opinions
from gnn.evidence.own_labels import own_labels
from gnn.evidence.prior import Prior
from gnn.evidence.reliability import VoterReliability
from gnn.evidence.soft_agreement import (
    likeness_to_own,
    likeness_to_verified,
    likeness_to_voters,
)
from gnn.evidence.votes import plain_votes, policy_numbers, weighted_votes
from gnn.evidence.words import Words
from schema.memory_graph import Floats


def evidence(
    opinions: Opinions, reliability: VoterReliability, reward_R: Floats
) -> dict[str, NDArray[Any]]:
    """Every number of evidence by name, [R] each, as it is (not standardised).

    Args:
        opinions: of the graph.
        reliability: of its voters.
        reward_R: rewards that may be seen, NaN elsewhere; a rollout never sees its own.
    """
    columns = plain_votes(opinions) | policy_numbers(opinions, reliability)
    for name, log_odds_V in (("policy", reliability.policy_V), ("kind", reliability.kind_V)):
        unmarked_O = reliability.unmarked_V[opinions.voter_O] * ~opinions.given_O
        log_odds_O = log_odds_V[opinions.voter_O] + unmarked_O
        weighted = weighted_votes(opinions, log_odds_O)
        columns |= {f"by_{name}_{key}": value for key, value in weighted.items()}
    weight_V = np.logaddexp(0, reliability.kind_V + 2)
    columns |= likeness_to_own(opinions) | likeness_to_voters(opinions, weight_V, "by_kind_")
    columns |= likeness_to_voters(opinions, np.ones(len(weight_V)), "")
    columns |= likeness_to_verified(opinions, reward_R)
    return columns | own_labels(opinions, reward_R)


def number_table(opinions: Opinions, reliability: VoterReliability, reward_R: Floats) -> Floats:
    """The same as a table, [R, len(NUMBER_NAMES)], float32."""
    columns = evidence(opinions, reliability, reward_R)
    return np.column_stack([columns[name] for name in NUMBER_NAMES]).astype(np.float32)


def evidence_table(
    opinions: Opinions, reliability: VoterReliability, reward_R: Floats, prior: Prior
) -> Floats:
    """The numbers, and what the prior says of them, [R, len(EVIDENCE_NAMES)], float32."""
    number_RF = number_table(opinions, reliability, reward_R)
    return np.column_stack([number_RF, prior(number_RF)])


def _names() -> tuple[str, ...]:
    empty, none = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    opinions = Opinions(
        n_queries=1,
        policies=(),
        read_C=none,
        given_R=none,
        given_O=none,
        vote_O=np.zeros(0, dtype=np.float32),
        words=Words(rollout_W=empty, weight_W=np.zeros(0, dtype=np.float32), word_W=empty),
        **{
            name: empty
            for name in (
                "query_R",
                "voter_R",
                "conclusion_R",
                "opinion_R",
                "query_V",
                "policy_V",
                "n_rollouts_V",
                "query_C",
                "voter_O",
                "conclusion_O",
            )
        },
    )
    nothing = np.zeros(0, dtype=np.float32)
    unknown = VoterReliability(
        policy_V=nothing,
        kind_V=nothing,
        difficulty_V=nothing,
        unmarked_V=nothing,
    )
    return tuple(evidence(opinions, unknown, nothing))


NUMBER_NAMES: Final = _names()
EVIDENCE_NAMES: Final = (*NUMBER_NAMES, "prior")
