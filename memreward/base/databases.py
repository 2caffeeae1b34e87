"""From settings to open databases that fit this version of the code."""

from collections.abc import Iterator
from contextlib import contextmanager

from memreward.base.terminal import err_console
from memstore import Settings, load_settings
from memstore.db import Stores, open_stores
from memstore.outbox import catch_up_all
from memstore.servers import addresses, migrate, pending, refuse_stopped, up
from schema.errors import MigrationError


@contextmanager
def connected(settings: Settings | None = None) -> Iterator[Stores]:
    """Both databases, opened, for commands on a memory; starts nothing, and says so at once.

    Raises:
        ServerError: if one of them is down or refuses the password.
        MigrationError: if they do not fit this version of the code.
    """
    settings = settings or load_settings()
    where = addresses(settings)
    refuse_stopped(settings)
    if waiting := pending(where):
        raise MigrationError(
            f"{len(waiting)} migrations are to be applied, {waiting[0].filename} first: "
            "run `memreward migrate`"
        )
    with open_stores(where) as stores:
        yield stores


@contextmanager
def started(settings: Settings) -> Iterator[Stores]:
    """The same, for jobs that bring their rollouts and for programs that open a memory.

    It starts what is ours, migrates, and leaves it running.

    What was cut off before is finished first.

    Raises:
        ServerError: if a server cannot be started or reached.
        MigrationError: if the databases are newer than this code.
    """
    migrate(up(settings))
    with connected(settings) as stores:
        finish_what_was_cut_off(stores)
        yield stores


def finish_what_was_cut_off(stores: Stores) -> None:
    """Repair at start; a memory that cannot be is named and left to `memreward repair`."""
    for error in catch_up_all(stores):
        err_console.print(f"warning: {error}", style="yellow", markup=False, soft_wrap=True)
