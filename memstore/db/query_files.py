"""SQL and Cypher live in files under `queries/`; this reads them by name.

A query starts at a line `-- name: ...` (SQL) or `// name: ...` (Cypher); the comment lines right
below it say what it is for.
"""

import re
from functools import cache
from importlib.resources import files

_HEADER = re.compile(r"^(?:--|//) name: (\w+)\s*$", re.MULTILINE)


@cache
def named_queries(file: str) -> dict[str, str]:
    """Queries of `memstore/db/queries/<file>` by name, comments included.

    Raises:
        KeyError: if a name stands twice.
    """
    text = (files("memstore.db") / "queries" / file).read_text(encoding="utf-8")
    parts = _HEADER.split(text)[1:]
    queries: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in queries:
            raise KeyError(f"{file} holds two queries named {name}")
        queries[name] = body.strip().removesuffix(";")
    return queries
