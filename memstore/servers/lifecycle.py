"""Both database servers together: start, stop, look, and where to connect.

A server whose address is given in the settings is yours and is never started or stopped.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from memstore import Settings, each_pair, redact_dsn
from memstore.db import Addresses, ping_neo4j, ping_postgres
from memstore.servers.home import Home
from memstore.servers.neo4j_server import USER as NEO4J_USER
from memstore.servers.neo4j_server import Neo4jServer
from memstore.servers.postgres_server import PostgresServer
from schema.errors import ServerError


class ServerState(StrEnum):
    """How a server is doing."""

    RUNNING = "running"
    STOPPED = "stopped"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """One server, as `memreward status` shows it."""

    name: str
    state: ServerState
    #: Whether memreward runs it, or you do.
    ours: bool
    #: Where it is, without a password.
    address: str
    #: Its version while it runs, else why it does not.
    detail: str


def up(settings: Settings) -> Addresses:
    """Start what memreward runs itself, unless it runs; return once both servers answer.

    Safe to call again and from several processes: they share the servers.

    Raises:
        SettingsError: the home cannot work.
        ServerError: a server cannot be started, reached or logged in to; its DamagedGraphError,
            if memreward's own Neo4j cannot open its store.
    """
    neo4j, postgres = _own_neo4j(settings), _own_postgres(settings)
    starts = [server.start for server in (neo4j, postgres) if server is not None]
    if starts:
        home = Home(root=settings.home)
        home.prepare()
        with home.lock(), ThreadPoolExecutor(len(starts)) as pool:
            _all_done([pool.submit(start) for start in starts])
    found = addresses(settings)
    if neo4j is None:
        ping_neo4j(found.neo4j_uri, found.neo4j_user, found.neo4j_password)
    if postgres is None:
        ping_postgres(found.postgres_dsn)
    return found


def set_neo4j_aside(settings: Settings) -> Path:
    """Stop memreward's own Neo4j and put its data where the next start does not find them.

    Returns:
        Where they are.

    Raises:
        ServerError: it does not stop.
    """
    home = Home(root=settings.home)
    server = _own_neo4j(settings)
    assert server is not None
    with home.lock():
        return server.set_aside()


def down(settings: Settings) -> None:
    """Stop what memreward runs itself, if it runs. The data stay; yours are left alone.

    Raises:
        ServerError: a server does not stop.
    """
    servers = [
        server for server in (_own_neo4j(settings), _own_postgres(settings)) if server is not None
    ]
    if not servers or not settings.home.exists():
        return
    home = Home(root=settings.home)
    home.prepare()
    with home.lock(), ThreadPoolExecutor(len(servers)) as pool:
        _all_done([pool.submit(server.stop) for server in servers])


def addresses(settings: Settings) -> Addresses:
    """What to connect to; starts nothing and asks no server.

    Raises:
        ServerError: a server of memreward's own was never started.
        SettingsError: its password cannot be read.
    """
    uri, user, password = _neo4j_address(settings)
    return Addresses(
        neo4j_uri=uri,
        neo4j_user=user,
        neo4j_password=password,
        postgres_dsn=_postgres_address(settings),
        neo4j_folder=None if settings.neo4j_uri else Home(root=settings.home).neo4j,
    )


def own_servers(settings: Settings) -> tuple[Neo4jServer | None, PostgresServer | None]:
    """Those that memreward runs itself; None in the place of one of yours."""
    return _own_neo4j(settings), _own_postgres(settings)


def refuse_stopped(settings: Settings) -> None:
    """Check at once, without asking them, that memreward's own servers run.

    Raises:
        ServerError: if one was stopped; those that were never started are `addresses`' to refuse.
    """
    if not settings.home.exists():
        return
    named = {"Neo4j": _own_neo4j(settings), "Postgres": _own_postgres(settings)}
    stopped = [name for name, server in named.items() if server and server.process() is None]
    if stopped:
        raise ServerError(
            f"{' and '.join(stopped)} in {settings.home} {'are' if len(stopped) > 1 else 'is'} "
            "stopped: start what is missing with `memreward up`"
        )


def status(settings: Settings) -> list[ServerStatus]:
    """How the servers of all pairs are doing, Neo4j before its Postgres; starts nothing."""
    found: list[ServerStatus] = []
    for number, pair in enumerate(each_pair(settings), 1):
        both = [_neo4j_status(pair), _postgres_status(pair)]
        if number > 1:
            both = [replace(one, name=f"{one.name} of pair {number}") for one in both]
        found += both
    return found


def _neo4j_status(settings: Settings) -> ServerStatus:
    server = _own_neo4j(settings)
    if server is not None and (not settings.home.exists() or server.process() is None):
        return _stopped("neo4j", server.home)
    found = _neo4j_address(settings)
    try:
        detail = ping_neo4j(*found)
    except ServerError as error:
        return _answered("neo4j", server is not None, redact_dsn(found[0]), error)
    return _answered("neo4j", server is not None, redact_dsn(found[0]), detail)


def _postgres_status(settings: Settings) -> ServerStatus:
    server = _own_postgres(settings)
    if server is not None and (not settings.home.exists() or server.process() is None):
        return _stopped("postgres", server.home)
    dsn = _postgres_address(settings)
    try:
        detail = f"PostgreSQL {ping_postgres(dsn)}"
    except ServerError as error:
        return _answered("postgres", server is not None, redact_dsn(dsn), error)
    return _answered("postgres", server is not None, redact_dsn(dsn), detail)


def _stopped(name: str, home: Home) -> ServerStatus:
    return ServerStatus(
        name=name,
        state=ServerState.STOPPED,
        ours=True,
        address=str(home.root),
        detail="start it with `memreward up`",
    )


def _answered(name: str, ours: bool, address: str, answer: str | ServerError) -> ServerStatus:
    failed = isinstance(answer, ServerError)
    return ServerStatus(
        name=name,
        state=ServerState.UNREACHABLE if failed else ServerState.RUNNING,
        ours=ours,
        address=address,
        detail=str(answer),
    )


def _neo4j_address(settings: Settings) -> tuple[str, str, str]:
    """URI, user and password."""
    server = _own_neo4j(settings)
    if server is not None:
        return server.uri, NEO4J_USER, server.home.read_password("neo4j")
    assert settings.neo4j_uri is not None and settings.neo4j_password is not None
    return settings.neo4j_uri, settings.neo4j_user, settings.neo4j_password.get_secret_value()


def _postgres_address(settings: Settings) -> str:
    server = _own_postgres(settings)
    if server is not None:
        return server.dsn
    assert settings.postgres_dsn is not None
    return settings.postgres_dsn.get_secret_value()


def _own_neo4j(settings: Settings) -> Neo4jServer | None:
    if settings.neo4j_uri is not None:
        return None
    return Neo4jServer(
        home=Home(root=settings.home),
        jars=settings.jars_folder,
        wanted_port=settings.neo4j_port,
    )


def _own_postgres(settings: Settings) -> PostgresServer | None:
    if settings.postgres_dsn is not None:
        return None
    return PostgresServer(home=Home(root=settings.home), wanted_port=settings.postgres_port)


def _all_done(futures: list[Future[None]]) -> None:
    """Wait for all, then raise the first error."""
    errors = [error for future in futures if (error := future.exception()) is not None]
    if errors:
        raise errors[0]
