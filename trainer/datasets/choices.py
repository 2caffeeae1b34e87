"""Which rollouts of one query a data set takes: pure functions of their rewards."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from memstore.reads import StoredRollout
from trainer.datasets.preferred import PreferredPair, preferred_labels
from trainer.datasets.selection import JudgedRollout, Selection


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two rollouts of one query, one with a higher reward than the other."""

    chosen: JudgedRollout
    rejected: JudgedRollout


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledRollout:
    """A rollout that is right or wrong."""

    rollout: StoredRollout
    right: bool
    #: The reward that decides; None: preferences decide.
    judged: JudgedRollout | None = None


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


def all_pairs(
    judged: Sequence[JudgedRollout], preferred: Sequence[PreferredPair], selection: Selection
) -> tuple[list[PreferredPair], list[Pair]]:
    """The pairs that people prefer, then pairs by the rewards of rollouts that are in none of them.

    All preferences are taken unless fewer rows a query are asked for; pairs by rewards fill up.
    """
    chosen = list(preferred[: selection.most])
    used = {id_ for pair in chosen for id_ in pair.ids}
    found = pairs([one for one in judged if one.rollout.id not in used], selection)
    most = selection.rows_a_query
    return chosen, found if most is None else found[: max(most - len(chosen), 0)]


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


def labelled(
    judged: Sequence[JudgedRollout],
    selection: Selection,
    preferred: Sequence[PreferredPair] = (),
) -> list[LabelledRollout]:
    """Right and wrong rollouts, the surest of a source first; none between the two.

    A verified reward decides; without one preferences do, if they agree; then a propagated reward.
    """
    verified = {one.rollout.id for one in judged if one.verified}
    by_preference = {
        id_: LabelledRollout(rollout=rollout, right=right)
        for id_, (rollout, right) in preferred_labels(preferred).items()
        if id_ not in verified
    }
    sure = [
        one
        for one in sorted(judged, key=lambda one: (-abs(one.reward - 0.5), one.rollout.id))
        if one.reward >= selection.right_from or one.reward <= selection.wrong_to
    ]
    by_reward = [
        LabelledRollout(rollout=one.rollout, right=one.reward >= selection.right_from, judged=one)
        for one in sure
        if one.rollout.id not in by_preference
    ]
    found = [
        *(one for one in by_reward if one.rollout.id in verified),
        *by_preference.values(),
        *(one for one in by_reward if one.rollout.id not in verified),
    ]
    return found[: selection.rows_a_query]


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
