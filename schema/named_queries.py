"""SQL and Cypher live in files, many queries each; this takes such a file apart by their names.

A query starts at a line `-- name: ...` (SQL) or `// name: ...` (Cypher); the comment lines right
below it say what it is for.
"""

import re
from typing import Final

_HEADER: Final = re.compile(r"^(?:--|//) name: (\w+)\s*$", re.MULTILINE)


def parse_queries(text: str) -> dict[str, str]:
    """Queries of a file by name, comments included, without the last semicolon.

    Raises:
        KeyError: if a name occurs twice.
    """
    parts = _HEADER.split(text)[1:]
    queries: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in queries:
            raise KeyError(f"two queries are named {name}")
        queries[name] = body.strip().removesuffix(";")
    return queries
