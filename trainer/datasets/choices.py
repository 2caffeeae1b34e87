"""Which rollouts of one query a data set takes: pure functions of their rewards."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from trainer.datasets.selection import JudgedRollout, Selection


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two rollouts of one query, one with a higher reward than the other."""

    chosen: JudgedRollout
    rejected: JudgedRollout


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledRollout:
    """A rollout that is right or wrong."""

    judged: JudgedRollout
    right: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Difficulty:
    """How often a query is answered right."""

    #: Mean reward.
    solve_rate: float
    judged: tuple[JudgedRollout, ...]


def best_answers(judged: Sequence[JudgedRollout], selection: Selection) -> list[JudgedRollout]:
    """Rejection sampling: right answers, the best first, one for each conclusion.

    A verified answer is better than any propagated one.
    """
    right = [one for one in judged if one.reward >= selection.right_from]
    right.sort(key=lambda one: (not one.verified, -one.reward, one.rollout.id))
    # An answer without a conclusion is like no other.
    first: dict[str, JudgedRollout] = {}
    for one in right:
        first.setdefault(one.rollout.conclusion_id or one.rollout.id, one)
    return list(first.values())[: selection.rows_a_query]


def pairs(judged: Sequence[JudgedRollout], selection: Selection) -> list[Pair]:
    """Pairs whose rewards differ by the margin or more, and whose conclusions differ.

    Pairs of two verified rollouts come first, then those of one, then the largest difference. A
    rollout is in one pair at most.
    """
    ends = _ends(judged, selection.rows_a_query)
    found = [
        Pair(chosen=better, rejected=worse)
        for better, worse in product(ends, repeat=2)
        if better.reward - worse.reward >= selection.margin and _differ(better, worse)
    ]
    found.sort(key=_rank)
    used: set[str] = set()
    taken: list[Pair] = []
    for pair in found:
        ids = {pair.chosen.rollout.id, pair.rejected.rollout.id}
        if not used & ids:
            used |= ids
            taken.append(pair)
    return taken[: selection.rows_a_query]


def _ends(judged: Sequence[JudgedRollout], most: int | None) -> list[JudgedRollout]:
    """The verified and the propagated rollouts of highest and of lowest reward.

    `most` pairs need no more of each; a group of thousands has millions of pairs.
    """
    ends: dict[str, JudgedRollout] = {}
    for verified in (True, False):
        of_kind = [one for one in judged if one.verified is verified]
        highest = sorted(of_kind, key=lambda one: (-one.reward, one.rollout.id))
        lowest = sorted(of_kind, key=lambda one: (one.reward, one.rollout.id))
        ends |= {one.rollout.id: one for one in [*highest[:most], *lowest[:most]]}
    return list(ends.values())


def _differ(one: JudgedRollout, other: JudgedRollout) -> bool:
    """Whether two rollouts conclude different things; unknown conclusions are different."""
    conclusion = one.rollout.conclusion_id
    return conclusion is None or conclusion != other.rollout.conclusion_id


def _rank(pair: Pair) -> tuple[int, float, str, str]:
    verified = pair.chosen.verified + pair.rejected.verified
    gap = pair.chosen.reward - pair.rejected.reward
    return (-verified, -gap, pair.chosen.rollout.id, pair.rejected.rollout.id)


def labelled(judged: Sequence[JudgedRollout], selection: Selection) -> list[LabelledRollout]:
    """Right and wrong rollouts, verified ones first, then the surest; none between the two."""
    sure = [
        LabelledRollout(judged=one, right=one.reward >= selection.right_from)
        for one in judged
        if one.reward >= selection.right_from or one.reward <= selection.wrong_to
    ]
    sure.sort(
        key=lambda one: (
            not one.judged.verified,
            -abs(one.judged.reward - 0.5),
            one.judged.rollout.id,
        )
    )
    return sure[: selection.rows_a_query]


def difficulty(judged: Sequence[JudgedRollout], selection: Selection) -> Difficulty | None:
    """How hard a query is; None if all its rollouts are right, or wrong, or fewer than two judged.

    A group with equal rewards teaches a group-relative policy nothing.
    """
    always_right = all(one.reward >= selection.right_from for one in judged)
    always_wrong = all(one.reward <= selection.wrong_to for one in judged)
    if len(judged) < 2 or always_right or always_wrong:
        return None
    mean = sum(one.reward for one in judged) / len(judged)
    return Difficulty(solve_rate=mean, judged=tuple(judged))
