"""Which folder may import which: the table of CONTRIBUTING, read from the code."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: Folder to the folders that it may import.
DOORS = {
    "schema": set[str](),
    "migrations": {"schema"},
    "memstore": {"schema", "migrations"},
    "gnn": {"schema", "memstore"},
    "trainer": {"schema", "memstore"},
    "memreward": {"schema", "migrations", "memstore", "gnn", "trainer"},
}
#: Each database driver has one door; the migration runner is handed open connections.
DRIVERS = {
    "neo4j": {"memstore/db/graph_store.py", "migrations/runner.py"},
    "psycopg": {"memstore/db/vector_store.py", "migrations/runner.py"},
    "psycopg_pool": {"memstore/db/vector_store.py"},
    "pgvector": {"memstore/db/vector_store.py"},
}


def imports(path: Path) -> Iterator[str]:
    """Top-level names of everything a file imports, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("folder", DOORS)
def test_doors(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name in imports(path):
            inside = name in DOORS and name != folder
            assert not inside or name in DOORS[folder], f"{path}: {folder} imports {name}"


def test_schema_needs_the_standard_library_and_numpy_only() -> None:
    for path in (ROOT / "schema").rglob("*.py"):
        for name in imports(path):
            assert name in {"schema", "numpy", *sys.stdlib_module_names}, f"{path}: {name}"


def test_one_door_a_driver() -> None:
    for folder in DOORS:
        for path in (ROOT / folder).rglob("*.py"):
            for name in imports(path):
                allowed = DRIVERS.get(name)
                place = path.relative_to(ROOT).as_posix()
                assert allowed is None or place in allowed, f"{place} imports {name}"
