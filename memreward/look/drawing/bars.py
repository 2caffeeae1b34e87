"""An explanation as a waterfall: from the score without any input to the score, bar by bar."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gnn.explain import Contribution, Explanation

#: Width of the drawing; a probability of 1 is at its right end.
WIDTH: Final = 320
#: What moves less than this is put into one bar: it cannot be seen.
LEAST: Final = 0.002


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """What one input moved, and where it is drawn."""

    title: str
    #: Change of the probability.
    moved: float
    #: The probability after it.
    after: float
    left: float
    width: float
    #: None: of several inputs that moved little.
    contribution: "Contribution | None"


def waterfall(found: "Explanation", titles: Mapping[str, str]) -> list[Bar]:
    """A bar for each input that moved something, the largest first; they add up.

    Args:
        found: what was explained.
        titles: of each kind of input.
    """
    bars: list[Bar] = []
    at, little = found.baseline_probability, 0.0
    for item in sorted(found.contributions, key=lambda item: -abs(item.probability)):
        if abs(item.probability) < LEAST:
            little += item.probability
            continue
        bars.append(_bar(titles[item.kind], item.probability, at, item))
        at += item.probability
    if little:
        bars.append(_bar(f"inputs that each moved less than {LEAST:g}", little, at, None))
    return bars


def _bar(title: str, moved: float, at: float, contribution: "Contribution | None") -> Bar:
    return Bar(
        title=title,
        moved=moved,
        after=at + moved,
        left=round(WIDTH * min(at, at + moved), 1),
        width=round(max(WIDTH * abs(moved), 1.0), 1),
        contribution=contribution,
    )
