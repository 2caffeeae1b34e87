"""Thresholds for a wanted precision, from held-out labels."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from gnn.base import RIGHT_FROM, Held
from schema.errors import InputError
from schema.memory_graph import Bools, Floats

#: Held-out rollouts on which a precision must rest.
LEAST: Final = 20


@dataclass(frozen=True, kw_only=True)
class OneSided:
    """For rising thresholds of a probability, the precision of what lies at or above them.

    Only thresholds that a wanted precision can lead to are kept: each has a higher precision than
    all lower ones.
    """

    thresholds: tuple[float, ...]
    precisions: tuple[float, ...]

    @classmethod
    def fit(cls, probability_L: Floats, true_L: Bools) -> Self:
        """Fit to probabilities of held-out rollouts and whether what is predicted is true."""
        order_L = np.argsort(-probability_L, kind="stable")
        sorted_L = probability_L[order_L].astype(np.float64)
        count_L = np.arange(1, len(sorted_L) + 1)
        precision_L = np.cumsum(true_L[order_L]) / count_L
        last_of_tie_L = np.append(sorted_L[1:] < sorted_L[:-1], True)
        rising = np.flatnonzero(last_of_tie_L & (count_L >= LEAST))[::-1]
        best = np.maximum.accumulate(np.append(-1.0, precision_L[rising]))
        kept = rising[precision_L[rising] > best[:-1]]
        return cls(
            thresholds=tuple(sorted_L[kept].tolist()),
            precisions=tuple(precision_L[kept].tolist()),
        )

    def threshold(self, precision: float) -> float:
        """The least threshold that reached `precision`; infinite where none did."""
        place = int(np.searchsorted(self.precisions, precision))
        return self.thresholds[place] if place < len(self.thresholds) else float("inf")


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """From which probability a rollout is called right, and below which wrong.

    Precision is the share of what is called right (or wrong) that is so, estimated on labelled
    rollouts by members that did not learn from them.
    """

    right: OneSided
    #: Of the probability that a rollout is wrong.
    wrong: OneSided

    @classmethod
    def fit(cls, held: Held) -> Self:
        """Fit to held-out predictions."""
        right_L = held.reward_L >= RIGHT_FROM
        return cls(
            right=OneSided.fit(held.probability_L, right_L),
            wrong=OneSided.fit(1 - held.probability_L, ~right_L),
        )

    def sure(self, probability_R: Floats, precision: float) -> tuple[Bools, Bools]:
        """Which rollouts are called right, and which wrong, at a wanted precision, [R] each.

        Where both hold, the likelier counts.

        Raises:
            InputError: if `precision` is not above .5 and at most 1.
        """
        if not 0.5 < precision <= 1:
            raise InputError(
                f"a precision of {precision} cannot be used: give one above 0.5 and at most 1"
            )
        right_R = probability_R >= self.right.threshold(precision)
        wrong_R = 1 - probability_R >= self.wrong.threshold(precision)
        likelier_R = probability_R >= RIGHT_FROM
        return right_R & (likelier_R | ~wrong_R), wrong_R & (~likelier_R | ~right_R)

    def to_json(self) -> dict[str, Any]:
        """Itself as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Mapping[str, Any]]) -> Self:
        """What `to_json` described."""
        right, wrong = (
            OneSided(
                thresholds=tuple(found[side]["thresholds"]),
                precisions=tuple(found[side]["precisions"]),
            )
            for side in ("right", "wrong")
        )
        return cls(right=right, wrong=wrong)
