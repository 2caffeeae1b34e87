"""The help of commands and groups: what an option does, not of which Python type it is.

typer's own drawing imports a Markdown parser and a syntax highlighter, which cost more processor
time than all the rest of `memreward --help`; it cuts long defaults, and gives types a column.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from memreward.base import console

#: What typer writes after a name, such as `<list[Path]>` or `<query|conclusion>`.
_TYPE: Final = re.compile(r" <(.*)>$")
#: What it writes of a switch that is off, and its opposite.
_OFF: Final = re.compile(r"\[default: no-[\w-]+\]")
_OPPOSITE: Final = re.compile(r" / --no-[\w-]+$")
_AT_LEAST: Final = re.compile(r"x>=([\d.]+)")
_BETWEEN: Final = re.compile(r"([\d.]+)<=x<=([\d.]+)")


def print_group_help(group: Any, ctx: Any, panels: Mapping[str, Mapping[str, str]]) -> None:
    """Print usage, help, options, and the commands with the help line of each, by title."""
    options = (param.get_help_record(ctx) for param in group.get_params(ctx))
    _print_head(group, ctx)
    console.print(_panel("Options", dict(record for record in options if record)))
    width = max(len(name) for commands in panels.values() for name in commands)
    for title, commands in panels.items():
        console.print(_panel(title, commands, width))


def print_command_help(command: Any, ctx: Any) -> None:
    """Print usage, help, arguments and options of a command."""
    _print_head(command, ctx)
    for title, kind in (("Arguments", "argument"), ("Options", "option")):
        params = [param for param in command.get_params(ctx) if param.param_type_name == kind]
        rows = dict(_rows(params, ctx))
        if rows:
            console.print(_panel(title, rows))


def _print_head(command: Any, ctx: Any) -> None:
    console.print(Padding(Text(command.get_usage(ctx), style="bold"), 1))
    paragraphs = (command.help or "").split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    console.print(Padding(Text(text), (0, 1, 1, 1)))


def _rows(params: list[Any], ctx: Any) -> Iterator[tuple[str, str]]:
    """Names and help of each parameter, without types."""
    for param in params:
        record = param.get_help_record(ctx)
        if record is None:
            continue
        name, text = record
        kind = _TYPE.search(name)
        name = _TYPE.sub("", name)
        if param.param_type_name == "argument":
            name = name.upper()
        if _OFF.search(text):
            name, text = _OPPOSITE.sub("", name), _OFF.sub("", text)
        if kind is not None and "|" in kind[1]:
            text = f"{', '.join(kind[1].split('|'))}: {text}"
        text = _BETWEEN.sub(r"\1 to \2", _AT_LEAST.sub(r"at least \1", text))
        if getattr(param, "multiple", False):
            text += " Give it again for more."
        yield name, text


def _panel(title: str, rows: Mapping[str, str], width: int | None = None) -> Panel:
    """A box with a name, at least `width` wide, and a text a row."""
    table = Table(show_header=False, expand=True, box=None, pad_edge=False)
    table.add_column(style="bold cyan", no_wrap=True, min_width=width)
    table.add_column(ratio=1)
    for name, text in rows.items():
        table.add_row(Text(name), Text(text))
    return Panel(table, title=title, title_align="left", border_style="dim")
