"""What the command line prints with: results on standard output, all else on standard error.

Names and texts of rollouts are anybody's. So nothing that is printed is read as markup, and
characters that would steer a terminal or turn the writing direction are shown as escapes.
"""

import json
import os
import re
from typing import Any, Final

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.text import Text

#: Control characters but newline and tab, marks of direction, line separators, half characters.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""`text` with what a terminal would obey written out: `\x1b` for an escape character."""
    return _UNSAFE.sub(_escape, text)


def one_line(text: str) -> str:
    r"""The same for a name within a line: its newlines and tabs are written out, too."""
    return visible(text).replace("\n", r"\n").replace("\t", r"\t")


def cell(value: object) -> Text:
    """A cell of a table, as it is."""
    return Text(visible(str(value)))


class SafeConsole(Console):
    """Prints every text as it is, also in cells, headings and titles of tables."""

    def __init__(self, **settings: Any) -> None:
        """Take rich's settings, but read neither markup nor names of emoji."""
        super().__init__(markup=False, emoji=False, **settings)

    def render_str(self, text: str, **settings: Any) -> Text:
        """Rich asks this for everything that is text and not yet `Text`."""
        return super().render_str(visible(text), **settings)

    def print_data(self, data: Any) -> None:
        """Print `data` as JSON on several lines, with escapes for what a terminal would obey."""
        text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
        safe = _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        self.print(JSONHighlighter()(Text(safe)), soft_wrap=True)


def as_started(arguments: str) -> str:
    """A command of memreward as this one was started: by `uv run` or not."""
    return f"{'uv run ' if 'UV_RUN_RECURSION_DEPTH' in os.environ else ''}memreward {arguments}"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


console = SafeConsole()
#: Progress and remarks go here, so that standard output holds results only.
err_console = SafeConsole(stderr=True)
