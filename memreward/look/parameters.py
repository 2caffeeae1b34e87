"""Parameters that the addresses of several views have."""

from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, Field

MemoryName = Annotated[str | None, Query(max_length=1024)]
Name = Annotated[str | None, Query(max_length=1024)]
Id = Annotated[str, Query(max_length=200)]
#: A form sends fields that are empty, too.
AsOf = Annotated[
    Annotated[int, Field(ge=0, le=2**62)] | None,
    BeforeValidator(lambda given: None if given == "" else given),
    Query(),
]
