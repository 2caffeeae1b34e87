"""The command line: `memreward COMMAND`; every refusal is one message and exit code 2."""

from typing import Any

import typer

from memreward.base import err_console
from memreward.cli.commands import COMMANDS
from memreward.cli.lazy_group import LazyGroup
from schema.errors import MemrewardError


class _Memreward(LazyGroup):
    """Prints our errors as a message; all others stay tracebacks, since they are bugs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(tree=COMMANDS, **attributes)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MemrewardError as error:
            err_console.print(
                f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True
            )
            raise typer.Exit(2) from error


app = typer.Typer(cls=_Memreward, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def memreward() -> None:
    """A shared, durable memory of rollouts that spreads few verified rewards to many."""
