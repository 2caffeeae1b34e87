"""The build and its pins."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = ("gnn", "memreward", "memstore", "migrations", "schema", "trainer")


@pytest.mark.parametrize("package", PACKAGES)
def test_flat_packages_resolve_inside_the_project(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(ROOT)


def test_the_build_lists_every_package() -> None:
    assert sorted(PROJECT["tool"]["uv"]["build-backend"]["module-name"]) == sorted(PACKAGES)
    assert sorted(path.parent.name for path in ROOT.glob("*/__init__.py")) == sorted(PACKAGES)


def test_everything_asked_for_is_pinned() -> None:
    pins = PROJECT["tool"]["uv"]["constraint-dependencies"]
    pinned = {re.split("[=<>]", pin)[0] for pin in pins}
    asked = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    asked += PROJECT["project"]["optional-dependencies"]["ray"]
    names = {re.split(r"[\[=<>]", name)[0] for name in asked}
    assert names <= pinned, "run `python scripts/pin`"
    build = PROJECT["tool"]["uv"]["build-constraint-dependencies"]
    assert [pin.split("==")[0] for pin in build] == ["setuptools", "uv-build"]
    assert all("==" in pin for pin in pins)
