"""Tables that nothing cuts: folded to fit a terminal, tab-separated lines in a pipe.

A table that is too wide for a terminal even when folded is shown as one block of lines a row, so
that no id, name or heading is broken.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

#: The narrowest column for the beginning of a text.
LEAST_EXCERPT: Final = 20
#: Blanks between two columns.
GAP: Final = 2


class Excerpt(Text):
    """What a terminal shows of a longer text; a pipe gets all of it."""

    def __init__(self, shown: str, whole: str) -> None:
        """Show `shown`, which stands for `whole`."""
        super().__init__(shown)
        self.whole = whole


def tab_separated(table: Table, plain: Callable[[str], str]) -> Iterator[str]:
    """The title, the headings and the rows as lines, a tab between two cells.

    Args:
        table: its cells are texts.
        plain: writes out what may not be in a line.
    """
    if table.title is not None:
        yield plain(str(table.title))
    if table.show_header:
        yield "\t".join(plain(str(column.header)) for column in table.columns)
    for row in _rows(table):
        yield "\t".join(
            plain(cell.whole if isinstance(cell, Excerpt) else str(cell)) for cell in row
        )


def fitted(table: Table, width: int, text: Callable[[str], Text]) -> RenderableType:
    """The table, no wider than `width`; no word in it is broken unless it is longer than that.

    Args:
        table: its cells are texts; the widths of its columns are set.
        width: of the terminal.
        text: makes `Text` of what is not yet.
    """
    rows = [[_as_text(cell, text) for cell in row] for row in _rows(table)]
    headings = [_as_text(column.header, text) for column in table.columns]
    columns = [
        [*([heading] if table.show_header else []), *(row[place] for row in rows)]
        for place, heading in enumerate(headings)
    ]
    least = [max((_least(cell) for cell in cells), default=0) for cells in columns]
    most = [max((_longest_line(cell) for cell in cells), default=0) for cells in columns]
    room = width - GAP * len(columns)
    if not table.show_header:  # names and values: only a value may be too long for a line
        least = [*most[:-1], min(least[-1], room - sum(most[:-1]))]
    if sum(least) > room:
        return _blocks(table, headings, rows)
    for column, chosen in zip(table.columns, _shared_out(least, most, room), strict=True):
        column.width, column.overflow, column.no_wrap = chosen, "fold", False
    table.box, table.show_edge, table.pad_edge = box.SIMPLE_HEAD, False, False
    table.padding, table.title_justify = (0, 1, 0, 0), "left"
    return table


def _shared_out(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Widths between `least` and `most`: what is left over goes first to who wants little."""
    widths, spare = list(least), room - sum(least)
    by_wish = sorted(range(len(least)), key=lambda place: most[place] - least[place])
    for rank, place in enumerate(by_wish):
        more = min(most[place] - least[place], spare // (len(by_wish) - rank))
        widths[place] += more
        spare -= more
    return widths


def _blocks(table: Table, headings: Sequence[Text], rows: Sequence[Sequence[Text]]) -> Group:
    """One block a row: a line for each column."""
    title = [] if table.title is None else [Text(str(table.title), style="italic")]
    blocks: list[RenderableType] = [*title]
    for number, row in enumerate(rows):
        block = Table(show_header=False, box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        block.add_column(style="bold", overflow="fold")
        block.add_column(overflow="fold")
        for heading, cell in zip(headings, row, strict=True):
            block.add_row(heading, cell)
        blocks += [Text(), block] if number else [block]
    return Group(*blocks)


def _rows(table: Table) -> Iterator[tuple[RenderableType, ...]]:
    return zip(*(column.cells for column in table.columns), strict=True)


def _as_text(cell: RenderableType, text: Callable[[str], Text]) -> Text:
    return cell if isinstance(cell, Text) else text(str(cell))


def _least(cell: Text) -> int:
    """The longest word; of a long text a little more, so that it takes few lines."""
    word = max((Text(word).cell_len for word in cell.plain.split()), default=0)
    return max(word, min(cell.cell_len, LEAST_EXCERPT)) if isinstance(cell, Excerpt) else word


def _longest_line(cell: Text) -> int:
    return max((Text(line).cell_len for line in cell.plain.splitlines()), default=0)
