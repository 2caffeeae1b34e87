from pathlib import Path

import pytest

from memreward.base.json_output import STDOUT, console_beside, with_json_file
from memreward.base.terminal import console, err_console


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["a.jsonl", "--json"], ["a.jsonl", "--json", "-"]),
        (["--json", "--seeds", "1"], ["--json", "-", "--seeds", "1"]),
        (["--json", "r.json", "a"], ["--json", "r.json", "a"]),
        (["--json", "-"], ["--json", "-"]),
        (["--json=r.json"], ["--json=r.json"]),
        ([], []),
    ],
)
def test_json_without_a_file_means_standard_output(given: list[str], meant: list[str]) -> None:
    assert with_json_file(given) == meant


def test_json_has_standard_output_to_itself() -> None:
    assert console_beside(STDOUT) is err_console
    assert console_beside(Path("r.json")) is console_beside(None) is console
