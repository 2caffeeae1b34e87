"""Rows told to Neo4j by a named statement, a page at a time, and counted."""

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
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        page = rows[start : start + ROWS_A_STATEMENT]
        count = tx.value(name, rows=page, **parameters)
        if count != len(page):
            raise StoreError(
                f"Neo4j applied {count} of {len(page)} rows of `{name}`: nodes they belong to "
                "are missing; nothing of this batch was written"
            )
