"""The calls to make for new rollouts: those worth most, and a few to audit what is taken over."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gnn.calls.choice import choose_calls
from gnn.calls.revision import closed_by_domain
from schema.calls import Reuse, Standing
from schema.ids import text_fraction
from schema.memory_graph import Floats, Ints

#: Most of a budget that is expected to go to the audit.
AUDIT_PART: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A rollout that may be verified, and what is known of it."""

    rollout_id: str
    query: str
    domain: str
    dataset: str
    #: What it concludes; None: nothing that could be compared, or such verdicts are not trusted.
    conclusion: str | None
    #: Probability that it is right; None: the memory has no opinion.
    probability: float | None
    #: Verdict that it takes over without a call; None: there is none.
    verdict: float | None


def plan_calls(candidates: Sequence[Candidate], budget: int, reuse: Reuse) -> list[int]:
    """Rows of the candidates to verify, at most `budget`, without what is asked for twice.

    Of the rollouts that take a verdict over, one that is known or one that is asked for now, the
    share `reuse.audited` is verified all the same; less where that would take more than AUDIT_PART
    of the budget. It is drawn by the rollouts' ids, so a plan that is made again is the same.
    """
    if budget <= 0 or not candidates:
        return []
    standing = _standing(candidates)
    chosen = [call.rollout for call in choose_calls(standing, budget)]
    audited = _audited(candidates, standing, chosen, budget, reuse)
    return [*chosen[: budget - len(audited)], *audited]


def _audited(
    candidates: Sequence[Candidate],
    standing: Standing,
    chosen: Sequence[int],
    budget: int,
    reuse: Reuse,
) -> list[int]:
    pairs = list(zip(standing.query_R.tolist(), standing.conclusion_R.tolist(), strict=True))
    asked = {pairs[row] for row in chosen if pairs[row][1] >= 0}
    called = set(chosen)
    taken = [
        row
        for row in range(len(candidates))
        if row not in called and (candidates[row].verdict is not None or pairs[row] in asked)
    ]
    if not taken:
        return []
    share = min(reuse.audited, AUDIT_PART * budget / len(taken))
    drawn = [
        (fraction, row)
        for row in taken
        if (fraction := text_fraction(candidates[row].rollout_id, f"audit-{reuse.seed}")) < share
    ]
    return [row for _, row in sorted(drawn)[:budget]]


def _standing(candidates: Sequence[Candidate]) -> Standing:
    query_R = _numbers([item.query for item in candidates])
    kind_R = _numbers([item.dataset for item in candidates])
    _, first = np.unique(query_R, return_index=True)
    conclusion_R = _numbers([item.conclusion for item in candidates])
    conclusion_R[[item.conclusion is None for item in candidates]] = -1
    said_R = np.array(
        [np.nan if item.probability is None else item.probability for item in candidates],
        dtype=np.float32,
    )
    verdict_R = np.array(
        [np.nan if item.verdict is None else item.verdict for item in candidates],
        dtype=np.float32,
    )
    return Standing(
        query_R=query_R,
        conclusion_R=conclusion_R,
        probability_R=or_agreement(said_R, query_R, conclusion_R),
        verdict_R=verdict_R,
        informed=not np.isnan(said_R).any(),
        closed_Q=closed_by_domain([candidates[row].domain for row in first]),
        kind_Q=kind_R[first],
    )


def or_agreement(said_R: Floats, query_R: Ints, conclusion_R: Ints) -> Floats:
    """What is said of each rollout; where it is NaN, the share of its query that agrees with it.

    The rollout itself is included. One without a conclusion (-1) agrees with itself alone.
    """
    pair_2R = np.stack([query_R, conclusion_R])
    _, at_R, count_P = np.unique(pair_2R, axis=1, return_inverse=True, return_counts=True)
    count_R = np.where(conclusion_R < 0, 1, count_P[at_R.reshape(-1)])
    _, group_R, size_Q = np.unique(query_R, return_inverse=True, return_counts=True)
    share_R = (count_R / size_Q[group_R]).astype(np.float32)
    return np.where(np.isnan(said_R), share_R, said_R)


def _numbers(values: Sequence[Hashable]) -> Ints:
    """Equal numbers for equal values, in the order of their first."""
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(value, len(number)) for value in values], dtype=np.int64)
