"""Parameters that the addresses of several views have."""

from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, Field

from memstore.browse import Cursor
from schema.errors import InputError

MemoryName = Annotated[str | None, Query(max_length=1024)]
Name = Annotated[str | None, Query(max_length=1024)]
Id = Annotated[str, Query(max_length=200)]
#: A form sends fields that are empty, too.
AsOf = Annotated[
    Annotated[int, Field(ge=0, le=2**62)] | None,
    BeforeValidator(lambda given: None if given == "" else given),
    Query(),
]


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
