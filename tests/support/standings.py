"""Standings written as text: queries apart by `|`, a letter a rollout's conclusion, `-` unread."""

from collections.abc import Mapping, Sequence

import numpy as np

from schema.calls import Standing


def standing(
    text: str,
    *,
    p: float | Sequence[float] = 0.5,
    bought: Mapping[int, float] | None = None,
    closed: float | Sequence[float] = 1.0,
    informed: bool = False,
    verifiable: Sequence[bool] | None = None,
    kinds: Sequence[int] | None = None,
    lost: int = 0,
) -> Standing:
    """A standing of these rollouts.

    Args:
        text: as in `aab|ac-`.
        p: probability of each rollout, or of all.
        bought: verdict by rollout.
        closed: of each query, or of all.
        informed: see Standing.
        verifiable: see Standing.
        kinds: kind of each query.
        lost: rollouts without a query that follow.
    """
    groups = text.split("|")
    query = [q for q, group in enumerate(groups) for _ in group] + [-1] * lost
    keys = [ord(key) if key != "-" else -1 for group in groups for key in group] + [1] * lost
    verdict_R = np.full(len(query), np.nan, dtype=np.float32)
    for row, verdict in (bought or {}).items():
        verdict_R[row] = verdict
    return Standing(
        query_R=np.array(query, dtype=np.int64),
        conclusion_R=np.array(keys, dtype=np.int64),
        probability_R=np.broadcast_to(np.asarray(p, dtype=np.float32), (len(query),)).copy(),
        verdict_R=verdict_R,
        informed=informed,
        verifiable_R=None if verifiable is None else np.array(verifiable),
        closed_Q=np.broadcast_to(np.asarray(closed, dtype=np.float32), (len(groups),)).copy(),
        kind_Q=None if kinds is None else np.array(kinds, dtype=np.int64),
    )
