"""Rows told to Neo4j by a named statement, a page at a time, and counted."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memstore.db import GraphTransaction
from schema.errors import StoreError

ROWS_A_STATEMENT = 2_000


def unwind(
    tx: GraphTransaction, name: str, rows: list[dict[str, Any]], **parameters: object
) -> None:
    """Run a statement over rows, a page at a time, and compare its count with theirs.

    Raises:
        StoreError: if a row found no node to attach to; the transaction is rolled back.
    """
    unwind_batches(tx, name, [{**parameters, "rows": rows}])


def unwind_batches(tx: GraphTransaction, name: str, batches: Sequence[Mapping[str, Any]]) -> None:
    """The same over the `rows` of several batches, each with the parameters that they share.

    Raises:
        StoreError: as `unwind`.
    """
    for page in _pages(batches):
        given = sum(len(batch["rows"]) for batch in page)
        count = tx.value(name, batches=page)
        if count != given:
            raise StoreError(
                f"Neo4j applied {count} of {given} rows of `{name}`: nodes they belong to "
                "are missing; nothing of this batch was written"
            )


def _pages(batches: Sequence[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    page, size = list[dict[str, Any]](), 0
    for batch in batches:
        for start in range(0, len(batch["rows"]), ROWS_A_STATEMENT):
            rows = batch["rows"][start : start + ROWS_A_STATEMENT]
            if page and size + len(rows) > ROWS_A_STATEMENT:
                yield page
                page, size = [], 0
            page.append({**batch, "rows": rows})
            size += len(rows)
    if page:
        yield page
