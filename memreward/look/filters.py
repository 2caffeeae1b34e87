"""Queries that people look for: each filter decides on one query and its rollouts."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from memstore.browse import Group

#: Rewards from here on count as right.
RIGHT: Final = 0.5
#: Rewards of a query that are closer than this teach a policy nothing.
NO_SPREAD: Final = 0.05
#: The cosine of the nearest other query below which a query is unlike all of them.
UNLIKE: Final = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A choice of queries, with the words for it."""

    title: str
    #: What it finds, in a sentence.
    help: str
    keep: Callable[[Group], bool]


def _rewards(group: Group) -> list[float]:
    return [mark.reward for mark in group.rollouts if mark.reward is not None]


def _no_spread(group: Group) -> bool:
    rewards = _rewards(group)
    return len(rewards) > 1 and max(rewards) - min(rewards) < NO_SPREAD


def _contradicted(group: Group) -> bool:
    return any(
        mark.verified is not None
        and mark.propagated is not None
        and (mark.verified >= RIGHT) != (mark.propagated >= RIGHT)
        for mark in group.rollouts
    )


def _means(pairs: Iterator[tuple[str | None, float | None]]) -> dict[str, float]:
    """Mean reward by name, of what has both."""
    rewards: defaultdict[str, list[float]] = defaultdict(list)
    for name, reward in pairs:
        if name is not None and reward is not None:
            rewards[name].append(reward)
    return {name: fmean(values) for name, values in rewards.items()}


def _sizes(group: Group) -> Counter[str]:
    return Counter(mark.conclusion_id for mark in group.rollouts if mark.conclusion_id is not None)


def _majority_is_wrong(group: Group) -> bool:
    sizes = _sizes(group)
    means = _means((mark.conclusion_id, mark.reward) for mark in group.rollouts)
    if not sizes or not means:
        return False
    largest, _ = sizes.most_common(1)[0]
    return means.get(largest, RIGHT) < RIGHT and max(means.values()) >= RIGHT


def _disagreement(group: Group) -> bool:
    sizes = _sizes(group)
    return len(sizes) > 2 and max(sizes.values()) <= len(group.rollouts) / 3


def _unlike_anything(group: Group) -> bool:
    return group.nearest is None or group.nearest < UNLIKE


def _policies_differ(group: Group) -> bool:
    means = _means((mark.policy, mark.reward) for mark in group.rollouts).values()
    return len(means) > 1 and min(means) < RIGHT <= max(means)


def _unverified(group: Group) -> bool:
    return all(mark.verified is None for mark in group.rollouts)


def _no_opinion(group: Group) -> bool:
    return any(mark.reward is None for mark in group.rollouts)


#: By the name that an address has.
FILTERS: Final = {
    "no-spread": Filter(
        title="no spread",
        help="All rewards are about the same, so that a policy learns nothing from the query.",
        keep=_no_spread,
    ),
    "contradicted": Filter(
        title="memory against label",
        help="A model took an answer for right that was verified as wrong, or the other way.",
        keep=_contradicted,
    ),
    "majority-wrong": Filter(
        title="majority against memory",
        help="The most frequent conclusion has a low reward, and a rarer one a high reward.",
        keep=_majority_is_wrong,
    ),
    "disagreement": Filter(
        title="high disagreement",
        help="No conclusion is shared by more than a third of the rollouts.",
        keep=_disagreement,
    ),
    "unlike": Filter(
        title="unlike anything",
        help=f"The nearest other query has a cosine below {UNLIKE:g}, or there is none.",
        keep=_unlike_anything,
    ),
    "policies-differ": Filter(
        title="one policy right, another wrong",
        help="The mean rewards of two policies are on different sides of one half.",
        keep=_policies_differ,
    ),
    "unverified": Filter(
        title="nothing verified", help="No rollout has a verified reward.", keep=_unverified
    ),
    "no-opinion": Filter(
        title="without a reward",
        help="A rollout has neither a verified nor a propagated reward.",
        keep=_no_opinion,
    ),
}
