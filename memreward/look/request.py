"""What an address asks for: the memory that is looked at, and as of when."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from memstore import Settings
from memstore.browse import View, open_view
from memstore.db import Stores
from schema.errors import UnknownMemoryError


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What the server shows."""

    stores: Stores
    #: They tell where models and snapshots are.
    settings: Settings
    #: The only memory; None: all.
    only: str | None

    def named(self, memory: str | None) -> str:
        """The memory of an address.

        Raises:
            UnknownMemoryError: if it is not shown here, or none is named.
        """
        name = memory if memory is not None else self.only
        if name is None:
            raise UnknownMemoryError("the address names no memory: choose one on the first page")
        if self.only not in (None, name):
            raise UnknownMemoryError(
                f"only memory {self.only!r} is shown here: run `memreward look` without --memory"
            )
        return name

    @contextmanager
    def view(self, memory: str | None, as_of: int | None = None) -> Iterator[View]:
        """The memory of an address, for the length of a block.

        Raises:
            UnknownMemoryError: if it is not there, or not shown.
            UnreachableError: if Postgres does not answer.
        """
        with open_view(self.stores, self.named(memory), as_of) as view:
            yield view


def frame(view: View, where: str, as_of: int | None) -> dict[str, Any]:
    """What every page about a memory shows around its own content."""
    return {
        "memory": view.state.name,
        "seq": view.seq,
        "last_seq": view.state.published_seq,
        "as_of": as_of,
        "at": view.when() if as_of is not None else None,
        "where": where,
    }
