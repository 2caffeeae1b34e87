"""`--json`, as every command spells it: JSON alone on standard output, the rest on the other."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from memreward.base.terminal import SafeConsole, console, err_console
from schema.errors import InputError

#: What `--json` without a file stands for.
STDOUT: Final = Path("-")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
#: The same for a command whose figures somebody may want in a file, next to the tables.
JsonFileOption = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="[FILE]",
        help="Print JSON; with a file, write it there and print tables.",
    ),
]


def check_json_file(path: Path | None) -> None:
    """Refuse, before any work, a file that cannot be written.

    Raises:
        InputError: if its folder does not exist.
    """
    if path is not None and not path.absolute().parent.is_dir():
        raise InputError(f"{path}: its folder does not exist; make it first")


def console_beside(path: Path | None) -> SafeConsole:
    """Where tables go: to standard error where JSON has standard output to itself."""
    return err_console if path == STDOUT else console


def write_figures(path: Path | None, figures: Any) -> None:
    """The figures as JSON, to a file or to standard output, if they are wanted."""
    if path == STDOUT:
        console.print_data(figures)
    elif path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def with_json_file(arguments: list[str]) -> list[str]:
    """Name standard output where `--json` is given without a file."""
    named: list[str] = []
    for place, argument in enumerate(arguments):
        named.append(argument)
        later = arguments[place + 1 : place + 2]
        if argument == "--json" and (not later or (later[0].startswith("-") and later != ["-"])):
            named.append(str(STDOUT))
    return named
