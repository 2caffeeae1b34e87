"""New passwords for memreward's own databases; one that was cut off is finished by the next."""

from collections.abc import Callable

from memstore import Settings
from memstore.db import (
    change_neo4j_password,
    change_postgres_password,
    ping_neo4j,
    ping_postgres,
)
from memstore.servers.home import SERVE_TOKEN, Home
from memstore.servers.lifecycle import own_servers
from memstore.servers.neo4j_server import USER as NEO4J_USER
from memstore.servers.postgres_server import USER as POSTGRES_USER
from schema.errors import ServerError, UnreachableError

#: Holds the new password until the server has it; then it becomes the file of the password.
_NEXT = "{}-next"


def rotate_passwords(settings: Settings) -> list[str]:
    """Give memreward's own databases new passwords, while they run.

    Connections that are open stay; whoever logs in with the old password is refused.

    Returns:
        Names of the databases that have one now; those of yours are left alone.

    Raises:
        ServerError: a database does not run, or refuses its password.
    """
    neo4j, postgres = own_servers(settings)
    home = Home(root=settings.home)
    done: list[str] = []
    if neo4j is None and postgres is None:
        return done
    home.prepare()
    with home.lock():
        if neo4j is not None:
            old, uri = home.read_password("neo4j"), neo4j.uri
            _rotate(
                home,
                "neo4j",
                lambda new: change_neo4j_password(uri, NEO4J_USER, old, new),
                lambda new: ping_neo4j(uri, NEO4J_USER, new),
            )
            done.append("neo4j")
        if postgres is not None:
            dsn, dsn_with = postgres.dsn, postgres.dsn_with
            _rotate(
                home,
                "postgres",
                lambda new: change_postgres_password(dsn, POSTGRES_USER, new),
                lambda new: ping_postgres(dsn_with(new)),
            )
            done.append("postgres")
    return done


def rotate_token(settings: Settings) -> bool:
    """Make a new token for `memreward serve`, if there is one; a running service keeps the old."""
    home = Home(root=settings.home)
    if not (home.secrets / SERVE_TOKEN).exists():
        return False
    _next(home, SERVE_TOKEN)
    _take_up_next(home, SERVE_TOKEN)
    return True


def _rotate(
    home: Home, name: str, change: Callable[[str], None], ask: Callable[[str], str]
) -> None:
    """Have a database take a new password, and keep it.

    Args:
        home: holds the passwords.
        name: of the database's.
        change: gives it the new one, logged in with the old one.
        ask: logs in with the new one: it has it, if an earlier rotation was cut off.
    """
    new = _next(home, name)
    try:
        change(new)
    except UnreachableError:
        raise
    except ServerError:
        ask(new)
    _take_up_next(home, name)


def _next(home: Home, name: str) -> str:
    return home.password(_NEXT.format(name))


def _take_up_next(home: Home, name: str) -> None:
    (home.secrets / _NEXT.format(name)).replace(home.secrets / name)
