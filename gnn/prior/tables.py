"""What a prior learns from: one memory again and again, with other policies and rewards in sight.

A drawn table has all policies of a memory or a few, and none, few or many of its queries verified;
of these the policies' reliability is counted. It is learned from the other queries, of whose
rewards a part is shown (`gnn.evidence.mask_rewards`), so that nothing judges itself.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from gnn.evidence import (
    CommonWords,
    Opinions,
    Reliability,
    mask_rewards,
    number_table,
    part_of,
)
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph

#: Shares of the queries that are verified, one drawn for each table: half of the time none.
SHARES: Final = (0.0, 0.0, 0.0, 0.01, 0.05, 0.2)
#: How many policies are kept, one drawn for each table; 0: all, half of the time.
POLICIES: Final = (0, 0, 0, 0, 1, 2, 3, 5)
#: Rollouts of a table that are learned from, at most.
ROWS: Final = 4_000


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Numbers of evidence of some rollouts, [N, F], with their rewards, [N]."""

    number_NF: Floats
    reward_N: Floats


def draw_table(graph: MemoryGraph, rng: np.random.Generator) -> Drawn:
    """Draw a table from the verified rollouts of `graph`."""
    part = part_of(graph, _rollouts(graph, rng))
    opinions = Opinions.of(part, CommonWords.fit(part))
    share = rng.choice(SHARES)
    verified_Q = np.append(rng.random(len(part.query_id_Q)) < share, False)
    verified_R = verified_Q[opinions.query_R]
    told_R = np.where(verified_R, part.verified_R, np.nan).astype(np.float32)
    voters = Reliability.fit(part, opinions, told_R).of_voters(part, opinions)
    asked_R = np.where(verified_R, np.nan, part.verified_R).astype(np.float32)
    shown_R = np.zeros(len(asked_R), dtype=np.bool_)
    if share > 0:
        shown_R = mask_rewards(asked_R, opinions.query_R, rng)
    seen_R = np.where(shown_R | verified_R, part.verified_R, np.nan).astype(np.float32)
    rows = _some(~np.isnan(asked_R) & ~shown_R, rng)
    return Drawn(
        number_NF=number_table(opinions, voters, seen_R)[rows], reward_N=part.verified_R[rows]
    )


def _rollouts(graph: MemoryGraph, rng: np.random.Generator) -> Ints:
    """Rows of the rollouts whose policies are kept."""
    policies, policy_R = np.unique(np.array(graph.policy_R, dtype=np.str_), return_inverse=True)
    count = rng.choice(POLICIES)
    kept_R = graph.query_of_rollout_R >= 0
    if 0 < count < len(policies):
        kept_R &= np.isin(policy_R, rng.choice(len(policies), count, replace=False))
    return np.flatnonzero(kept_R)


def _some(wanted_R: Bools, rng: np.random.Generator) -> Ints:
    rows = np.flatnonzero(wanted_R)
    return np.sort(rng.permutation(rows)[:ROWS])
