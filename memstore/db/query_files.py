"""The statements of `memstore/db/queries/`, by file and name; see `schema.named_queries`."""

from functools import cache
from importlib.resources import files

from schema.named_queries import parse_queries


@cache
def named_queries(file: str) -> dict[str, str]:
    """Queries of `memstore/db/queries/<file>` by name, comments included."""
    return parse_queries((files("memstore.db") / "queries" / file).read_text(encoding="utf-8"))
