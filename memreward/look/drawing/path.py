"""The path of one bar through the graph, in fixed columns: query, neighbour, answers, policies."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gnn.explain import Contribution

#: Sizes of the drawing: a box, and the distances of two columns and of two rows.
BOX: Final = 190
COLUMN: Final = 240
ROW: Final = 30
#: Boxes of a column: those that moved most. A table has all of them.
MOST_BOXES: Final = 8
#: Characters that fit into a box.
IN_BOX: Final = 24
#: Width of the line that moved a score from 0 to 1.
_WIDEST: Final = 40.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A box with a text."""

    x: int
    y: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line between the boxes of two columns; what it moved says how wide it is."""

    x: int
    y: int
    to_x: int
    to_y: int
    width: float
    up: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """A drawing."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def path_of(part: "Contribution", query: str, through: str) -> Path:
    """Where an input comes from.

    Args:
        part: the input.
        query: text of the query that is explained.
        through: how its answers reach the query: a neighbour's text, or a word.
    """
    edges: defaultdict[tuple[int, str, str], float] = defaultdict(float)
    for sender in part.senders:
        edges[1, through, sender.answer] += sender.probability
        edges[2, sender.answer, sender.policy or "no policy named"] += sender.probability
    edges[0, query, through] = part.probability
    answers = _most(edges, 1)
    policies = _most({edge: moved for edge, moved in edges.items() if edge[1] in answers}, 2)
    columns = ([query], [through], answers, policies)
    places = {
        (column, text): (column * COLUMN, ROW * row)
        for column, texts in enumerate(columns)
        for row, text in enumerate(texts)
    }
    rows = max(len(texts) for texts in columns)
    width = 3 * COLUMN + BOX if answers else COLUMN + BOX
    return Path(
        width=width,
        height=ROW * rows,
        boxes=tuple(Box(x=x, y=y, text=_cut(text)) for (_, text), (x, y) in places.items()),
        lines=tuple(_lines(edges, places)),
    )


def _most(edges: Mapping[tuple[int, str, str], float], column: int) -> list[str]:
    """Ends of the edges from a column, those first that moved most."""
    moved: defaultdict[str, float] = defaultdict(float)
    for (begin, _, end), value in edges.items():
        if begin == column:
            moved[end] += abs(value)
    return sorted(moved, key=lambda end: (-moved[end], end))[:MOST_BOXES]


def _lines(
    edges: Mapping[tuple[int, str, str], float], places: Mapping[tuple[int, str], tuple[int, int]]
) -> Iterable[Line]:
    for (column, begin, end), moved in edges.items():
        if (column, begin) in places and (column + 1, end) in places:
            (x, y), (to_x, to_y) = places[column, begin], places[column + 1, end]
            yield Line(
                x=x + BOX,
                y=y + ROW // 2,
                to_x=to_x,
                to_y=to_y + ROW // 2,
                width=round(min(max(_WIDEST * abs(moved), 1.0), ROW - 6.0), 1),
                up=moved > 0,
            )


def _cut(text: str) -> str:
    line = " ".join(text[: 4 * IN_BOX].split())
    return line if len(line) <= IN_BOX else line[: IN_BOX - 1] + "…"
