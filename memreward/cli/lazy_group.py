"""Groups of commands whose modules are imported only when a command is called or asked for help."""

import importlib
import re
from collections import UserDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from memreward.base import with_json_file
from memreward.cli.help import print_command_help, print_group_help

_ARGUMENT: Final = re.compile(r"\{(.+?)\}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A command: where its function is, and the line that its group's help shows."""

    #: `module:function`.
    target: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A group of commands within a group."""

    entries: "Tree"
    help: str


Tree = Mapping[str, Entry | Branch]


class Command(TyperCommand):
    """A command that refuses an option which is given twice, unless the option is a list.

    `--json` may have a file after it where that makes sense.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse what would silently be overwritten, then parse.

        Raises:
            UsageError: if an option is given twice.
        """
        options = (param for param in self.params if isinstance(param, TyperOption))
        if any("--json" in option.opts and not option.is_flag for option in options):
            args = with_json_file(args)
        if not ctx.resilient_parsing:
            _, _, order = self.make_parser(ctx).parse_args(args=list(args))
            for param in order:
                once = isinstance(param, TyperOption) and not param.multiple
                if once and not param.is_eager and order.count(param) > 1:
                    names = " / ".join([*param.opts, *param.secondary_opts])
                    ctx.fail(f"{names} is given {order.count(param)} times: give it once.")
        return super().parse_args(ctx, args)

    def get_usage(self, ctx: Any) -> str:
        """`memreward evaluate [OPTIONS] TRAIN`, where typer writes `{train}`."""
        return _ARGUMENT.sub(lambda found: found[1].upper(), super().get_usage(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, without types."""
        print_command_help(self, ctx)


class LazyGroup(TyperGroup):
    """A group that knows the names and the helps of its commands without their modules."""

    def __init__(
        self,
        *,
        tree: Tree,
        panels: Mapping[str, Sequence[str]] | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(**attributes)
        self.tree = tree
        #: What the help shows together, by title.
        self.panels = panels or {"Commands": tuple(tree)}
        self.commands = _Commands(tree)

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands, in the order of the help."""
        return list(self.tree)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help; it does not import the commands."""
        panels = {
            title: {name: self.tree[name].help for name in names}
            for title, names in self.panels.items()
        }
        print_group_help(self, ctx, panels)


class _Commands(UserDict[str, Any]):
    """The commands of a group by name; each is imported when it is looked up."""

    def __init__(self, tree: Tree) -> None:
        super().__init__()
        self.data = dict(tree)

    def __getitem__(self, name: str) -> Any:
        found = self.data[name]
        if isinstance(found, Entry):
            found = self.data[name] = _command(name, found)
        elif isinstance(found, Branch):
            found = self.data[name] = LazyGroup(
                name=name, tree=found.entries, help=found.help, no_args_is_help=True
            )
        return found


def _command(name: str, entry: Entry) -> Any:
    """The command of a function."""
    module, _, function = entry.target.partition(":")
    app = typer.Typer(add_completion=False)
    app.command(name, cls=Command)(getattr(importlib.import_module(module), function))
    return typer.main.get_command(app)
