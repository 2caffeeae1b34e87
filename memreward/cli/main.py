"""The command line: `memreward COMMAND`; a refusal is one message and exit code 2, Ctrl-C 130."""

from typing import Annotated, Any, Final

import typer

from memreward.base import err_console
from memreward.cli.commands import COMMANDS, PANELS
from memreward.cli.lazy_group import LazyGroup
from schema.errors import MemrewardError

#: Commands that know more, such as `train` and `follow`, say it themselves.
_INTERRUPTED: Final = (
    "interrupted: what was stored stays, and nothing is half done; the same command can be given "
    "again"
)


class _Memreward(LazyGroup):
    """Prints our errors as a message; all others stay tracebacks, since they are bugs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(tree=COMMANDS, panels=PANELS, **attributes)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MemrewardError as error:
            err_console.print(
                f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True
            )
            raise typer.Exit(2) from error
        except (KeyboardInterrupt, BufferError) as error:
            if not _is_interrupt(error):
                raise
            err_console.print(_INTERRUPTED, highlight=False, soft_wrap=True)
            raise typer.Exit(130) from error


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether it is Ctrl-C, or came of it.

    Neo4j's driver raises BufferError where it is interrupted while it reads, since it reads on to
    end the transaction.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


app = typer.Typer(cls=_Memreward, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"memreward {version('memreward')}")
        raise typer.Exit


@app.callback()
def memreward(
    show: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A shared, durable memory of rollouts that spreads few verified rewards to many."""
