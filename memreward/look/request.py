"""What an address asks for: the memory that is looked at, and as of when."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

from fastapi import Query, Request
from pydantic import BeforeValidator, Field

from memstore import Settings
from memstore.browse import Cursor, View, open_view
from memstore.db import Stores
from memstore.shards import pair_of
from schema.errors import InputError, UnknownMemoryError

#: Largest form.
MAX_BYTES: Final = 32_768

MemoryName = Annotated[str | None, Query(max_length=1024)]
Name = Annotated[str | None, Query(max_length=1024)]
Id = Annotated[str, Query(max_length=200)]
#: A form sends fields that are empty, too.
AsOf = Annotated[
    Annotated[int, Field(ge=0, le=2**62)] | None,
    BeforeValidator(lambda given: None if given == "" else given),
    Query(),
]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What the server shows."""

    #: Every pair of databases whose memories are shown, the first one first.
    pairs: Sequence[Stores]
    #: They tell where models and snapshots are.
    settings: Settings
    #: The only memory; None: all.
    only: str | None
    #: Databases of memories that were asked for.
    _places: dict[str, Stores] = field(default_factory=dict[str, Stores], init=False)

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

    def stores_of(self, memory: str) -> Stores:
        """The databases of a memory: the first pair, unless it is a shard that lies elsewhere.

        Raises:
            SettingsError, StoreError: if its place cannot be told.
        """
        if len(self.pairs) == 1:
            return self.pairs[0]
        if memory not in self._places:  # No page waits for other pairs than its memory's.
            self._places[memory] = pair_of(self.pairs, memory)
        return self._places[memory]

    @contextmanager
    def view(self, memory: str | None, as_of: int | None = None) -> Iterator[View]:
        """The memory of an address, for the length of a block.

        Raises:
            UnknownMemoryError: if it is not there, or not shown.
            UnreachableError: if Postgres does not answer.
        """
        name = self.named(memory)
        with open_view(self.stores_of(name), name, as_of) as view:
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


def cursor_text(cursor: Cursor) -> str:
    """Where a page begins, for an address."""
    return f"{cursor.seq}.{cursor.id}"


def cursor_in(text: str | None) -> Cursor | None:
    """Where a page begins, as its address says it.

    Raises:
        InputError: if it says nothing of the kind.
    """
    if text is None:
        return None
    seq, _, id_ = text.partition(".")
    if not seq.isdecimal() or len(seq) > 18 or not id_:
        raise InputError(f"after={text!r} names no place: begin at the first page")
    return Cursor(seq=int(seq), id=id_)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form.

    Raises:
        InputError: if it is too large, or no text.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise InputError(f"the form has more than {MAX_BYTES:,} bytes: nothing was stored")
    try:
        fields = parse_qs(body.decode(), errors="strict", max_num_fields=20)
    except ValueError as error:
        raise InputError("the form cannot be read: nothing was stored") from error
    return {name: values[-1] for name, values in fields.items()}
