"""Refuses to run with somebody else's `trainer.py`, `schema.py`, ... in place of our packages.

Python looks for modules next to the script first. So a file there with the name of one of our
packages would be imported in its place, here and within them.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Final

#: Our packages next to this one.
PACKAGES: Final = ("gnn", "memstore", "migrations", "schema", "trainer")
_HOME: Final = Path(__file__).resolve().parents[1]


def refuse_shadowed() -> None:
    """Check that each of our packages is found where this one is.

    Raises:
        ImportError: naming the file that is found instead, and what to do.
    """
    for name in PACKAGES:
        path = _found(name)
        if path is None or path.resolve().parents[1] != _HOME:
            instead = "nothing" if path is None else str(path)
            raise ImportError(
                f"memreward needs its own package `{name}` in {_HOME}, and Python finds {instead} "
                f"under that name: rename that file (or folder), or start the script from a folder "
                "without it"
            )


def _found(name: str) -> Path | None:
    """What `import name` would run, or has run."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        origin = getattr(loaded, "__file__", None)
    else:
        spec = importlib.util.find_spec(name)
        origin = None if spec is None else spec.origin
    return None if origin is None else Path(origin)
