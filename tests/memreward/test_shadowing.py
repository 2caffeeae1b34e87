"""A script next to files that are called as our packages: it is said which one is in the way."""

import subprocess
import sys
from pathlib import Path

import pytest

from memreward.shadowing import PACKAGES

SCRIPT = "from memreward import Memory, learn_every, memory_reward\nprint('imported')\n"


def run(folder: Path, text: str = SCRIPT) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(text)
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", PACKAGES)
def test_the_file_in_the_way_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text("mine = 1\n")
    done = run(tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: memreward needs its own package")
    assert str(tmp_path / f"{name}.py") in done.stderr and "rename" in done.stderr


def test_a_package_that_was_imported_before_is_named(tmp_path: Path) -> None:
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "__init__.py").touch()
    done = run(tmp_path, f"import trainer\n{SCRIPT}")
    assert done.returncode == 1
    assert str(tmp_path / "trainer" / "__init__.py") in done.stderr


def test_other_files_and_folders_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "memstore").mkdir()  # Without `__init__.py` it is no package.
    (tmp_path / "memstore.py.txt").touch()
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr
