"""One query: what its rollouts conclude, a few rollouts of each conclusion, and what was said."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from memstore.browse.brief_read import View
from memstore.browse.reward_marks import RolloutMark, rewards_of
from schema.errors import InputError

#: Conclusions that are shown with rollouts; the most frequent ones.
MOST_CONCLUSIONS: Final = 8
#: Rollouts of each of them, and of one that is asked for by itself.
MOST_EACH: Final = 6
MOST_OF_ONE: Final = 24
#: Characters of a rollout's thinking and answer, of a conclusion and of a neighbour.
TEXT_HEAD: Final = 2_000
KEY_HEAD: Final = 200
_NEIGHBOURS: Final = 8
_STATEMENTS: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownRollout:
    """A rollout with the beginnings of its texts."""

    mark: RolloutMark
    thinking: str
    answer: str
    #: Whether there is more of them.
    thinking_cut: bool
    answer_cut: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ConclusionColumn:
    """Rollouts that say the same."""

    #: None: no conclusion was found in them.
    id: str | None
    key: str | None
    n_rollouts: int
    rollouts: tuple[ShownRollout, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A query that is like this one."""

    query_id: str
    cosine: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SaidOf:
    """What somebody or a model said of a rollout."""

    seq: int
    at: datetime
    #: "verified", "propagated" or "preferred".
    kind: str
    who: str
    rollout_id: str
    value: float | None
    confidence: float | None
    #: The worse one of a preference.
    other: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupDetail:
    """A query with all that is shown of it."""

    query_id: str
    seq: int
    dataset: str
    domain: str
    text: str
    n_rollouts: int
    n_conclusions: int
    columns: tuple[ConclusionColumn, ...]
    neighbours: tuple[Neighbour, ...]
    history: tuple[SaidOf, ...]


def group_detail(
    view: View, query_id: str, conclusion: str | None = None, skip: int = 0
) -> GroupDetail:
    """One query.

    Args:
        view: of its memory.
        query_id: whose rollouts.
        conclusion: show more rollouts of this one alone; "" stands for no conclusion.
        skip: leave out that many rollouts of each conclusion.

    Raises:
        InputError: if there is no such query, or it came later.
    """
    row = view.session.row("query", **view.bounds, query=query_id)
    if row is None:
        raise InputError(f"memory {view.state.name!r} has no query {query_id!r} at {view.seq}")
    seq, dataset, domain, text = row
    counted = view.session.rows("conclusions", **view.bounds, query=query_id, head=KEY_HEAD)
    return GroupDetail(
        query_id=query_id,
        seq=seq,
        dataset=dataset,
        domain=domain,
        text=text,
        n_rollouts=sum(count for _, _, count in counted),
        n_conclusions=len(counted),
        columns=tuple(_columns(view, query_id, counted, conclusion, skip)),
        neighbours=_neighbours(view, query_id),
        history=_history(view, query_id),
    )


def _columns(
    view: View,
    query_id: str,
    counted: Sequence[tuple[str | None, str | None, int]],
    conclusion: str | None,
    skip: int,
) -> list[ConclusionColumn]:
    if conclusion is None:
        shown, most = counted[:MOST_CONCLUSIONS], MOST_EACH
    else:
        shown, most = [row for row in counted if (row[0] or "") == conclusion], MOST_OF_ONE
    rows = view.session.rows(
        "rollouts_of_conclusions",
        **view.bounds,
        query=query_id,
        conclusions=[id_ or "" for id_, _, _ in shown],
        head=TEXT_HEAD,
        skip=skip,
        most=most,
    )
    rewards = rewards_of(view, [row[1] for row in rows])
    rollouts: defaultdict[str | None, list[ShownRollout]] = defaultdict(list)
    for concluded, id_, run, policy, step, thinking, answer, *more in rows:
        n_thinking, n_answer, forgotten = more
        rollouts[concluded].append(
            ShownRollout(
                mark=rewards.mark(id_, run, policy, step, concluded, forgotten=forgotten),
                thinking=thinking,
                answer=answer,
                thinking_cut=n_thinking > TEXT_HEAD,
                answer_cut=n_answer > TEXT_HEAD,
            )
        )
    return [
        ConclusionColumn(id=id_, key=key, n_rollouts=count, rollouts=tuple(rollouts[id_]))
        for id_, key, count in shown
    ]


def _neighbours(view: View, query_id: str) -> tuple[Neighbour, ...]:
    rows = view.session.rows(
        "neighbours",
        **view.bounds,
        generation=view.generation,
        query=query_id,
        head=KEY_HEAD,
        limit=_NEIGHBOURS,
    )
    return tuple(Neighbour(query_id=id_, cosine=score, text=text) for id_, score, text in rows)


def _history(view: View, query_id: str) -> tuple[SaidOf, ...]:
    rows = view.session.rows("group_history", **view.bounds, query=query_id, limit=_STATEMENTS)
    return tuple(
        SaidOf(
            seq=seq,
            at=at,
            kind=kind,
            who=who,
            rollout_id=rollout,
            value=value,
            confidence=confidence,
            other=other,
        )
        for seq, at, kind, who, rollout, value, confidence, other in rows
    )
