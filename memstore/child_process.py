"""Where a child process finds what this one imports."""

import os
import sys
from pathlib import Path


def python_path() -> str:
    """PYTHONPATH of a child that runs a module of this project."""
    return os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
