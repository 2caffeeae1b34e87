"""Where both databases are, and how to log in."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """What to connect to. The passwords are in it, but not in its text."""

    neo4j_uri: str
    neo4j_user: str
    neo4j_password: str = field(repr=False)
    postgres_dsn: str = field(repr=False)
    #: Where memreward's own Neo4j keeps its data; None: it is yours.
    neo4j_folder: Path | None = field(default=None, compare=False)
