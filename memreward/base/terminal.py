"""What the command line prints with: results on standard output, all else on standard error.

Names and texts of rollouts are anybody's. So nothing that is printed is read as markup, and
characters that would steer a terminal or turn the writing direction are shown as escapes.
"""

import json
import os
import re
import shlex
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.console import Console, Group
from rich.highlighter import JSONHighlighter
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from memreward.base.tables import Excerpt, fitted, tab_separated

#: Control characters but newline and tab, marks of direction, line separators, half characters.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
#: Characters of a long text that a table at a terminal shows.
EXCERPT: Final = 60


def visible(text: str) -> str:
    r"""`text` with what a terminal would obey written out: `\x1b` for an escape character."""
    return _UNSAFE.sub(_escape, text)


def one_line(text: str) -> str:
    r"""The same for a name within a line: its newlines and tabs are written out, too."""
    return visible(text).replace("\n", r"\n").replace("\t", r"\t")


def cell(value: object) -> Text:
    """A cell of a table, as it is."""
    return Text(visible(str(value)))


def excerpt(text: str, length: int = EXCERPT) -> Text:
    """A cell with the beginning of a text, on one line; in a pipe with all of it."""
    line = visible(" ".join(text.split()))
    return Excerpt(line if len(line) <= length else f"{line[: length - 1]}…", text)


def number_cell(value: float) -> Text:
    """A cell with three decimals; in a pipe with all of them."""
    return Excerpt(f"{value:.3f}", repr(value))


class SafeConsole(Console):
    """Prints every text as it is, also in cells, headings and titles of tables."""

    def __init__(self, **settings: Any) -> None:
        """Take rich's settings, but read neither markup nor names of emoji."""
        super().__init__(markup=False, emoji=False, **settings)

    def render_str(self, text: str, **settings: Any) -> Text:
        """Rich asks this for everything that is text and not yet `Text`."""
        return super().render_str(visible(text), **settings)

    def print(self, *objects: Any, soft_wrap: bool | None = None, **settings: Any) -> None:
        """Print what rich prints, but cut no table, and break no line outside a terminal."""
        if soft_wrap is None and not self.is_terminal:
            soft_wrap = all(isinstance(item, str | Text | Table) for item in objects)
        shown = (self._whole(item) if isinstance(item, Table) else item for item in objects)
        super().print(*shown, soft_wrap=soft_wrap, **settings)

    def _whole(self, table: Table) -> Any:
        if self.is_terminal:
            return Group(fitted(table, self.width, self.render_str), Text())
        lines = tab_separated(table, one_line)
        return Segments([Segment(f"{line}\n") for line in lines])

    def print_data(self, data: Any) -> None:
        """Print `data` as JSON on several lines, with escapes for what a terminal would obey."""
        text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
        safe = _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        self.print(JSONHighlighter()(Text(safe)), soft_wrap=True)


def as_started(arguments: str) -> str:
    """A command of memreward as this one was started: by `uv run` or not."""
    return f"{'uv run ' if 'UV_RUN_RECURSION_DEPTH' in os.environ else ''}memreward {arguments}"


def how_made() -> list[str]:
    """How a page was made: the command, the version, and when."""
    now = datetime.now().astimezone().isoformat(" ", "minutes")
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return [command, f"memreward {version('memreward')}, {now}"]


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


console = SafeConsole()
#: Progress and remarks go here, so that standard output holds results only.
err_console = SafeConsole(stderr=True)
