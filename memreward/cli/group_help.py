"""The help of a group of commands, drawn as typer draws a command's.

typer's own drawing imports a Markdown parser and a syntax highlighter, which cost more processor
time than all the rest of `memreward --help`.
"""

from collections.abc import Mapping
from typing import Any

from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from memreward.base import console


def print_group_help(group: Any, ctx: Any, panels: Mapping[str, Mapping[str, str]]) -> None:
    """Print usage, help, options, and the commands with the help line of each, by title."""
    options = (param.get_help_record(ctx) for param in group.get_params(ctx))
    console.print(Padding(Text(group.get_usage(ctx), style="bold"), 1))
    console.print(Padding(Text(group.help or ""), (0, 1, 1, 1)))
    console.print(_panel("Options", dict(record for record in options if record)))
    width = max(len(name) for commands in panels.values() for name in commands)
    for title, commands in panels.items():
        console.print(_panel(title, commands, width))


def _panel(title: str, rows: Mapping[str, str], width: int | None = None) -> Panel:
    """A box with a name, at least `width` wide, and a text a row."""
    table = Table(show_header=False, expand=True, box=None, pad_edge=False)
    table.add_column(style="bold cyan", no_wrap=True, min_width=width)
    table.add_column(ratio=1)
    for name, text in rows.items():
        table.add_row(Text(name), Text(text))
    return Panel(table, title=title, title_align="left", border_style="dim")
