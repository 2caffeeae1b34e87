"""A page of queries with their rollouts as marks; the newest queries come first.

A choice that no index knows is made on queries that are read in order, some hundred at a time,
until the page is full or the time is over. So a page costs the same in any memory.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from memstore.browse.brief_read import View
from memstore.browse.reward_marks import RolloutMark, rewards_of

#: Characters of a query's text.
HEAD: Final = 300
#: Rollouts of a query that are read; the others are counted.
MOST_ROLLOUTS: Final = 64
#: Queries that are read at a time if not all are shown.
_AT_A_TIME: Final = 200
#: How long queries are looked at for those that are wanted.
_LOOK_S: Final = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """Where a page ends: the next one begins after this query."""

    seq: int
    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A query and its rollouts."""

    query_id: str
    seq: int
    dataset: str
    domain: str
    #: The beginning of its text.
    text: str
    #: Cosine of the nearest other query; None: it has no neighbours.
    nearest: float | None
    n_rollouts: int
    #: At most `MOST_ROLLOUTS` of them.
    rollouts: tuple[RolloutMark, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupChoice:
    """Which queries are wanted; what is None does not matter."""

    text: str | None = None
    dataset: str | None = None
    run: str | None = None
    policy: str | None = None
    #: Decides on a query that all the others let through.
    keep: Callable[[Group], bool] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupPage:
    """Some queries, and where to look on."""

    groups: tuple[Group, ...]
    #: None: there are no more.
    next: Cursor | None
    #: Queries that were looked at for this page.
    looked_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """What queries can be chosen by."""

    datasets: tuple[str, ...]
    runs: tuple[str, ...]
    policies: tuple[str, ...]


def names_in(view: View) -> Names:
    """Data sets, runs and policies of a memory, the latest runs first."""

    def named(statement: str) -> tuple[str, ...]:
        return tuple(row[0] for row in view.session.rows(statement, memory=view.state.name))

    return Names(datasets=named("datasets"), runs=named("runs"), policies=named("policies"))


def group_page(view: View, choice: GroupChoice, after: Cursor | None, size: int) -> GroupPage:
    """Up to `size` queries that are wanted, after the last one of the page before."""
    deadline = time.monotonic() + _LOOK_S
    found: list[Group] = []
    looked_at = 0
    step = size if choice.keep is None else _AT_A_TIME
    while True:
        groups = _read(view, choice, after, step)
        for group in groups:
            looked_at += 1
            after = Cursor(seq=group.seq, id=group.query_id)
            if choice.keep is None or choice.keep(group):
                found.append(group)
            if len(found) == size:
                return GroupPage(groups=tuple(found), next=after, looked_at=looked_at)
        ended = len(groups) < step
        if ended or time.monotonic() > deadline:
            return GroupPage(
                groups=tuple(found), next=None if ended else after, looked_at=looked_at
            )


def groups_of(view: View, choice: GroupChoice, ids: Sequence[str]) -> list[Group]:
    """Those of some queries that are wanted, but for `choice.keep`."""
    return _read(view, choice, None, len(ids), ids)


def _read(
    view: View,
    choice: GroupChoice,
    after: Cursor | None,
    limit: int,
    ids: Sequence[str] | None = None,
) -> list[Group]:
    """Queries in their order, with their rollouts; of these ids alone, if there are any."""
    rows = view.session.rows(
        "query_page",
        **view.bounds,
        generation=view.generation,
        # The first page begins before everything: no id is as large, no batch as late.
        before_seq=view.seq + 1 if after is None else after.seq,
        before_id="" if after is None else after.id,
        pattern=None if choice.text is None else _pattern(choice.text),
        dataset=choice.dataset,
        run=choice.run,
        policy=choice.policy,
        ids=None if ids is None else list(ids),
        head=HEAD,
        limit=limit,
    )
    marks = _marks(view, [row[0] for row in rows])
    return [
        Group(
            query_id=id_,
            seq=seq,
            dataset=dataset,
            domain=domain,
            text=text,
            nearest=nearest,
            n_rollouts=marks[id_][0],
            rollouts=tuple(marks[id_][1]),
        )
        for id_, seq, dataset, domain, text, nearest in rows
    ]


def _marks(view: View, queries: Sequence[str]) -> dict[str, tuple[int, list[RolloutMark]]]:
    """Query to how many rollouts it has, and the first of them."""
    rows = view.session.rows(
        "rollouts_of_queries", **view.bounds, queries=list(queries), most=MOST_ROLLOUTS
    )
    rewards = rewards_of(view, [row[1] for row in rows])
    marks: defaultdict[str, list[RolloutMark]] = defaultdict(list)
    totals: defaultdict[str, int] = defaultdict(int)
    for query, id_, run, policy, step, conclusion_id, forgotten, total in rows:
        totals[query] = total
        mark = rewards.mark(id_, run, policy, step, conclusion_id, forgotten=forgotten)
        marks[query].append(mark)
    return {query: (totals[query], marks[query]) for query in queries}


def _pattern(text: str) -> str:
    """What ILIKE finds wherever `text` occurs."""
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, "\\" + sign)
    return f"%{text}%"
