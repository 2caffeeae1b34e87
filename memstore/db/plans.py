"""Plans of Postgres for statements that find rows by key."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from memstore.db.vector_store import SqlSession

_FOR_ANY: Final = "plans for any memory"


@contextmanager
def plans_for_any_memory(session: "SqlSession") -> Iterator[None]:
    """Statements that are planned for an average memory.

    Planned for the memory that is named, and that Postgres has not yet counted, a lookup by key
    looks as cheap as reading all of the memory by another index.
    """
    if _FOR_ANY in session.modes:
        yield
        return
    plans = session.of("plans.sql")
    plans.run("for_any_memory")
    session.modes.add(_FOR_ANY)
    try:
        yield
    finally:
        session.modes.remove(_FOR_ANY)
        if session.takes_statements:  # Else the transaction goes back, or the connection is lost.
            plans.run("for_this_memory")
