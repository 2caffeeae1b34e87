"""Which room may import which, and through which door: read from the code.

A room is a top-level folder, a wall stands around each package in it. What crosses a wall is named
in the package's `__init__.pyi`; `schema` and `migrations` hold nouns and files, so their modules
are their doors.
"""

import ast
import graphlib
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: Room to the rooms that it may import.
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
    "psycopg": {
        "memstore/db/connections.py",
        "memstore/db/vector_store.py",
        "migrations/runner.py",
    },
    "psycopg_pool": {"memstore/db/connections.py"},
    "pgvector": {"memstore/db/connections.py"},
}
#: Packages whose modules are imported by name.
OPEN = {"schema", "migrations"}
LARGEST = 15
#: Packages that may have more modules, and why.
LARGER = {"memreward/cli": "a module a group of commands"}
FILES = sorted(path for room in DOORS for path in (ROOT / room).rglob("*.py"))
PACKAGES = sorted(path.parent for path in FILES if path.name == "__init__.py")


def imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Every module that a file imports, at any depth of its code, with the name taken from it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def package_of(module: str) -> str:
    """The package that a module of ours belongs to; a package is its own."""
    if (ROOT / module.replace(".", "/") / "__init__.py").exists():
        return module
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").exists(), module
    return module.rpartition(".")[0]


def home_of(path: Path) -> str:
    """The package that a file stands in."""
    return ".".join(path.relative_to(ROOT).parent.parts)


def facade(package: str) -> dict[str, str | None]:
    """Names that a package's `__init__.pyi` lists, and the module of each; None: it is a module."""
    path = ROOT / package.replace(".", "/") / "__init__.pyi"
    if not path.exists():
        return {}
    found: dict[str, str | None] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert isinstance(node, ast.ImportFrom) and node.level == 1, path
        for alias in node.names:
            assert alias.asname == alias.name, f"{path}: write `{alias.name} as {alias.name}`"
            found[alias.name] = node.module
    return found


@pytest.mark.parametrize("room", DOORS)
def test_doors(room: str) -> None:
    for path in sorted((ROOT / room).rglob("*.py")):
        for module, _ in imports(path):
            name = module.partition(".")[0]
            inside = name in DOORS and name != room
            assert not inside or name in DOORS[room], f"{path}: {room} imports {name}"


def test_schema_needs_the_standard_library_and_numpy_only() -> None:
    for path in (ROOT / "schema").rglob("*.py"):
        for module, _ in imports(path):
            name = module.partition(".")[0]
            allowed = {"schema", "numpy", "lazy_loader", *sys.stdlib_module_names}
            assert name in allowed, f"{path}: {name}"


def test_one_door_a_driver() -> None:
    for path in FILES:
        for module, _ in imports(path):
            allowed = DRIVERS.get(module.partition(".")[0])
            place = path.relative_to(ROOT).as_posix()
            assert allowed is None or place in allowed, f"{place} imports {module}"


def test_what_crosses_a_wall_is_in_the_facade() -> None:
    for path in FILES:
        for module, name in imports(path):
            if module.partition(".")[0] not in DOORS or package_of(module) == home_of(path):
                continue
            package = package_of(module)
            if package in OPEN or path.name == "__main__.py":
                continue
            assert module == package, f"{path}: import from {package}, not from {module}"
            assert name in facade(package), f"{path}: {package}/__init__.pyi lacks {name}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_facade(package: Path) -> None:
    """No name of a facade is also a module's: importing the module would hide the name."""
    names = {
        name: module
        for name, module in facade(home_of(package / "__init__.py")).items()
        if module is not None
    }
    modules = {path.stem for path in package.glob("*.py")} | {
        path.name for path in package.iterdir() if (path / "__init__.py").exists()
    }
    assert not names.keys() & modules
    for name, module in names.items():
        source = package / (module.replace(".", "/") + ".py")
        assert name in source.read_text(encoding="utf-8"), f"{source} has no {name}"


def test_no_circle_between_packages() -> None:
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for path in FILES:
        if path.name == "__main__.py":
            continue  # `python -m memreward` only starts the command line.
        for module, _ in imports(path):
            if module.partition(".")[0] in DOORS and package_of(module) != home_of(path):
                graph[home_of(path)].add(package_of(module))
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_no_package_is_too_large() -> None:
    for package in PACKAGES:
        count = sum(path.name != "__init__.py" for path in package.glob("*.py"))
        name = package.relative_to(ROOT).as_posix()
        assert count <= LARGEST or name in LARGER, f"{name} has {count} modules"
