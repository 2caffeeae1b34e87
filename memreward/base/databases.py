"""From settings to open databases that fit this version of the code."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from memreward.base.terminal import err_console
from memstore import Settings, each_pair, load_settings
from memstore.db import Stores, open_stores
from memstore.outbox import catch_up_all
from memstore.servers import addresses, migrate, pending, refuse_stopped, up
from memstore.shards import Shards, pair_of, shard_counts
from schema.errors import InputError, MigrationError, ServerError
from schema.ids import whole_name


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


@contextmanager
def connected_pairs(settings: Settings | None = None) -> Iterator[list[Stores]]:
    """Every pair of databases of the settings, the first one first; see `connected`."""
    with _opened(settings or load_settings(), connected) as pairs:
        yield pairs


@contextmanager
def started_pairs(settings: Settings) -> Iterator[list[Stores]]:
    """Every pair of databases of the settings, the first one first; see `started`."""
    with _opened(settings, started) as pairs:
        yield pairs


@contextmanager
def connected_to(memory: str | None, settings: Settings | None = None) -> Iterator[Stores]:
    """The pair of databases of a memory: the first one, unless it is a shard that lies elsewhere.

    Raises:
        ServerError, MigrationError: see `connected`.
        SettingsError: if the pair is not among those of the settings.
    """
    with _opened_for(memory, settings or load_settings(), connected) as stores:
        yield stores


@contextmanager
def started_at(memory: str, settings: Settings) -> Iterator[Stores]:
    """The pair of databases of a memory; see `connected_to` and `started`."""
    with _opened_for(memory, settings, started) as stores:
        yield stores


@contextmanager
def connected_whole(
    memory: str, settings: Settings | None = None, *, shards: int | None = None
) -> Iterator[tuple[Stores, Shards | None]]:
    """The databases of a memory, and its shards if it is divided: then the first one's databases.

    Args:
        memory: its name.
        settings: where the databases are; None: what the environment and files say.
        shards: how many it is to have, if it is new; None: it is what it is.

    Raises:
        InputError: if it has another number of shards, or is not divided.
        ServerError, MigrationError: see `connected`.
        SettingsError: if a pair that holds a shard is not among those of the settings.
    """
    settings = settings or load_settings()
    with connected(settings) as first:
        count = shards or shard_counts([first], memory).get(memory)
        if count is None and whole_name(memory) == memory:
            yield first, None
            return
    if count is None:
        with connected_to(memory, settings) as stores:
            yield stores, None
        return
    with connected_pairs(settings) as pairs:
        found = Shards.over(memory, count, pairs)
        yield found.first.stores, found


def shards_of(memory: str, settings: Settings) -> int | None:
    """How many shards a memory has; None: it is not divided. See `started`."""
    with started(settings) as first:
        return shard_counts([first], memory).get(memory)


@contextmanager
def connected_as_whole(
    memory: str, command: str, settings: Settings | None = None
) -> Iterator[tuple[Stores, Shards | None]]:
    """See `connected_whole`; for commands whose answer is of all shards.

    Raises:
        InputError: if it is a shard: what is made of it alone is not what the memory says.
        MemrewardError: see `connected_whole`.
    """
    whole = whole_name(memory)
    if whole != memory:
        raise InputError(
            f"{memory!r} is a shard, and `memreward {command}` is of all shards: name the whole "
            f"memory, {whole!r} (docs/shards.md)"
        )
    with connected_whole(memory, settings) as found:
        yield found


@contextmanager
def named_pair(number: int) -> Iterator[None]:
    """Errors of servers and schemas say which pair of the settings it is, if not the first."""
    try:
        yield
    except (MigrationError, ServerError) as error:
        if number == 1:
            raise
        raise type(error)(f"pair {number} of the settings: {error}") from error


_OpenOne = Callable[[Settings], AbstractContextManager[Stores]]


@contextmanager
def _opened_for(memory: str | None, settings: Settings, open_one: _OpenOne) -> Iterator[Stores]:
    if memory is None or whole_name(memory) == memory or not settings.pairs:
        with open_one(settings) as stores:
            yield stores
        return
    with _opened(settings, open_one) as pairs:
        yield pair_of(pairs, memory)


@contextmanager
def _opened(settings: Settings, open_one: _OpenOne) -> Iterator[list[Stores]]:
    with ExitStack() as stack:
        found: list[Stores] = []
        for number, pair in enumerate(each_pair(settings), 1):
            with named_pair(number):
                found.append(stack.enter_context(open_one(pair)))
        yield found


def finish_what_was_cut_off(stores: Stores) -> None:
    """Repair at start; a memory that cannot be is named and left to `memreward repair`."""
    for error in catch_up_all(stores):
        err_console.print(f"warning: {error}", style="yellow", markup=False, soft_wrap=True)
