"""What is to be judged next: one rollout, or two of a query to be compared."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from memreward.jobs import ListKind
from memreward.look.filters import FILTERS
from memreward.look.lists import Lists
from memreward.look.request import cursor_in, cursor_text
from memstore.browse import (
    Group,
    GroupChoice,
    RolloutMark,
    View,
    compared_queries,
    group_page,
    left_to_judge,
)


class Queue(StrEnum):
    """Where the next one comes from."""

    UNVERIFIED = "unverified"
    SUGGESTED = "suggested"
    SUSPECTS = "suspects"
    PAIRS = "pairs"


#: What each holds, for people.
TITLES: Final = {
    Queue.UNVERIFIED: "queries without a label, the newest first",
    Queue.SUGGESTED: "where labels help most (suggest-labels)",
    Queue.SUSPECTS: "labels that the memory contradicts (suspects)",
    Queue.PAIRS: "better of two",
}
#: Lists that are made at once, and not query by query.
LISTED: Final = {
    Queue.SUGGESTED: ListKind.SUGGESTED,
    Queue.SUSPECTS: ListKind.SUSPECTS,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What is judged now."""

    #: None of them, one, or two to be compared.
    rollouts: tuple[str, ...] = ()
    #: Where the next turn begins. None without rollouts: there are no more.
    after: str | None = None
    #: Why it is in its list.
    why: str | None = None
    #: Its list is not there yet.
    being_made: bool = False


def next_turn(view: View, lists: Lists, queue: Queue, annotator: str, after: str | None) -> Turn:
    """The first one of a queue after a place.

    Args:
        view: of its memory.
        lists: those that were made.
        queue: where to look.
        annotator: what this one judged already is left out.
        after: the place, as the last turn gave it; None: the beginning.

    Raises:
        InputError: if `after` names no place.
        CheckpointError: if the queue needs a model, and there is none.
    """
    if queue in LISTED:
        return _listed(view, lists, LISTED[queue], annotator, after)
    if queue is Queue.PAIRS:
        compared = compared_queries(view, annotator)
        keep = lambda group: group.query_id not in compared and len(_pair(group)) == 2  # noqa: E731
    else:
        unverified = FILTERS["unverified"].keep
        keep = lambda group: unverified(group) and len(_whole(group)) > 0  # noqa: E731
    found = group_page(view, GroupChoice(keep=keep), cursor_in(after), 1)
    place = None if found.next is None else cursor_text(found.next)
    for group in found.groups:
        first = tuple(mark.id for mark in _whole(group)[:1])
        return Turn(rollouts=_pair(group) if queue is Queue.PAIRS else first, after=place)
    return Turn(after=place)


def _pair(group: Group) -> tuple[str, ...]:
    """A rollout of each of the two most frequent conclusions; fewer if there are not two.

    Ids say nothing of what they name: neither place is better than the other.
    """
    whole = _whole(group)
    first = {mark.conclusion_id: mark.id for mark in reversed(whole)}
    sizes = Counter(mark.conclusion_id for mark in whole if mark.conclusion_id is not None)
    return tuple(sorted(first[id_] for id_, _ in sizes.most_common(2)))


def _whole(group: Group) -> list[RolloutMark]:
    """The rollouts that can be judged: nobody can judge one that is forgotten."""
    return [mark for mark in group.rollouts if not mark.forgotten]


def _listed(view: View, lists: Lists, kind: ListKind, annotator: str, after: str | None) -> Turn:
    made = lists.of(view.state.name, kind)
    if made is None:
        return Turn(being_made=True)
    why = {item.rollout_id: item.why for item in made.items}
    ids = list(why)
    # A list that was made again may lack the place: then it is begun again.
    rest = ids[ids.index(after) + 1 :] if after in why else ids
    for id_ in left_to_judge(view, rest, annotator, made.seq):
        return Turn(rollouts=(id_,), after=id_, why=why[id_])
    return Turn()
