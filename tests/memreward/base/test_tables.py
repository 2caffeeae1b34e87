"""Tables that nothing cuts, whatever is in them and however narrow the terminal is."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from memreward.base.tables import Excerpt
from memreward.base.terminal import SafeConsole, excerpt, number_cell

WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=24)
CELL = st.lists(WORD, max_size=5).map(" ".join)


def printed(table: Table, width: int, *, terminal: bool) -> str:
    file = io.StringIO()
    console = SafeConsole(file=file, width=width, force_terminal=terminal, color_system=None)
    console.print(table)
    return file.getvalue()


@given(st.data(), st.integers(1, 9), st.integers(1, 4), st.sampled_from([60, 80, 200]))
def test_no_word_is_broken_or_lost(
    data: st.DataObject, columns: int, rows: int, width: int
) -> None:
    headings = data.draw(st.lists(WORD, min_size=columns, max_size=columns))
    cells = [data.draw(st.lists(CELL, min_size=columns, max_size=columns)) for _ in range(rows)]
    table = Table(*headings)
    for row in cells:
        table.add_row(*row)
    shown = printed(table, width, terminal=True)
    assert max(map(len, shown.splitlines())) <= width
    words = {word for line in [headings, *cells] for cell in line for word in cell.split()}
    assert words <= set(shown.split())
    piped = printed(table, width, terminal=False).splitlines()
    assert piped == ["\t".join(line) for line in [headings, *cells]]


def test_a_wide_table_is_shown_row_by_row() -> None:
    table = Table(*(f"heading{n}" for n in range(9)), title="all of it")
    table.add_row(*(f"cell-{n}-{'x' * 20}" for n in range(9)))
    table.add_row(*(f"cell-{n}-{'y' * 20}" for n in range(9)))
    lines = printed(table, 80, terminal=True).splitlines()
    assert lines[0] == "all of it"
    assert [line.split() for line in lines[1:10]] == [
        [f"heading{n}", f"cell-{n}-{'x' * 20}"] for n in range(9)
    ]
    assert not lines[10] and lines[11].split() == ["heading0", f"cell-0-{'y' * 20}"]


def test_long_texts_and_numbers_are_whole_in_a_pipe_only() -> None:
    text = "a word\n" * 40
    table = Table("text", "number")
    table.add_row(excerpt(text), number_cell(1 / 3))
    assert "0.333 " not in (piped := printed(table, 80, terminal=False))
    assert piped == f"text\tnumber\n{text}\t{1 / 3!r}\n".replace(text, text.replace("\n", "\\n"))
    shown = printed(table, 80, terminal=True)
    assert "…" in shown and "0.333" in shown and len(shown.splitlines()) == 4


def test_names_and_values_fold_the_values_alone() -> None:
    table = Table(show_header=False)
    table.add_row("a name", "x" * 200)
    lines = printed(table, 80, terminal=True).splitlines()
    assert lines[0].startswith("a name  xxx")
    assert sum(line.count("x") for line in lines) == 200


def test_an_excerpt_is_a_text() -> None:
    assert isinstance(excerpt("a"), Text) and isinstance(excerpt("a"), Excerpt)
