"""Which of two rollouts of a query people prefer, from the preferences that a memory stores."""

from collections.abc import Sequence
from dataclasses import dataclass

from memstore.reads import QueryGroup, StoredRollout


@dataclass(frozen=True, kw_only=True, slots=True)
class PreferredPair:
    """Two rollouts of one query, of which annotators prefer the first."""

    better: StoredRollout
    worse: StoredRollout
    #: Who prefers it, sorted.
    annotators: tuple[str, ...]

    @property
    def ids(self) -> frozenset[str]:
        """The ids of both rollouts."""
        return frozenset((self.better.id, self.worse.id))


def preferred_pairs(group: QueryGroup) -> tuple[tuple[PreferredPair, ...], int]:
    """The pairs of a query that annotators decide, and how many pairs they do not decide.

    Where annotators disagree, the majority decides; as many on each side decide nothing. Pairs of
    more annotators come first.
    """
    by_id = {rollout.id: rollout for rollout in group.rollouts}
    said: dict[tuple[str, str], list[str]] = {}
    for one in group.preferences:
        said.setdefault((one.better, one.worse), []).append(one.annotator)
    found = [
        PreferredPair(
            better=by_id[better], worse=by_id[worse], annotators=tuple(sorted(annotators))
        )
        for (better, worse), annotators in said.items()
        if len(annotators) > len(said.get((worse, better), ()))
    ]
    found.sort(key=lambda pair: (-len(pair.annotators), pair.better.id, pair.worse.id))
    return tuple(found), len({frozenset(pair) for pair in said}) - len(found)


def preferred_labels(pairs: Sequence[PreferredPair]) -> dict[str, tuple[StoredRollout, bool]]:
    """The rollouts that are the better one in all their pairs, or the worse one in all, by id.

    What is better than one rollout and worse than another has no label.
    """
    better = {pair.better.id: pair.better for pair in pairs}
    worse = {pair.worse.id: pair.worse for pair in pairs}
    return {
        id_: (rollout, id_ in better)
        for id_, rollout in sorted((better | worse).items())
        if (id_ in better) != (id_ in worse)
    }
