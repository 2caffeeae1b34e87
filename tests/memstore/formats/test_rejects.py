"""Rejected rows are written to a new file, whole or not at all, and never over an input."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from memstore.formats.rejects import (
    SHOWN_REJECTS,
    RejectedRow,
    check_rejects_path,
    write_rejects,
)
from schema.errors import InputError


def rejected(count: int) -> list[RejectedRow]:
    return [
        RejectedRow(path=Path("a.jsonl"), line=line, reason="no", excerpt="x")
        for line in range(1, count + 1)
    ]


def test_all_rows_are_written_and_the_first_are_kept(tmp_path: Path) -> None:
    written = write_rejects(tmp_path / "r.jsonl", rejected(SHOWN_REJECTS + 2))
    assert (written.count, len(written.first)) == (SHOWN_REJECTS + 2, SHOWN_REJECTS)
    lines = (tmp_path / "r.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in lines] == list(range(1, SHOWN_REJECTS + 3))
    with pytest.raises(
        InputError, match=r"7 rows are rejected, nothing was written(?s:.*)r\.jsonl"
    ):
        written.refuse()


def test_without_a_file_they_are_counted(tmp_path: Path) -> None:
    written = write_rejects(None, rejected(3))
    assert (written.count, len(written.first)) == (3, 3)
    with pytest.raises(InputError, match="correct them"):
        written.refuse()
    write_rejects(None, []).refuse()


def test_a_reader_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def rows() -> Iterator[RejectedRow]:
        yield from rejected(2)
        raise InputError("damaged")

    with pytest.raises(InputError, match="damaged"):
        write_rejects(tmp_path / "r.jsonl", rows())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_came_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("precious")
    with pytest.raises(InputError, match="cannot be written there"):
        write_rejects(path, rejected(1))
    assert path.read_text() == "precious"


def test_what_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written there"):
        write_rejects(tmp_path / "none" / "rejects.jsonl", rejected(1))


@pytest.mark.parametrize("name", ["a.jsonl", "hard", "soft", "sub/../a.jsonl"])
def test_an_input_is_no_place_for_rejects(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "a.jsonl"
    given.write_text("{}")
    (tmp_path / "sub").mkdir()
    os.link(given, tmp_path / "hard")
    (tmp_path / "soft").symlink_to(given)
    with pytest.raises(InputError, match="is an input"):
        check_rejects_path(tmp_path / name, [given])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is an input"):
        check_rejects_path(Path(name), [given])


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nothing")
    for path in (other, dangling):
        with pytest.raises(InputError, match="exists"):
            check_rejects_path(path, [tmp_path / "a.jsonl"])
    check_rejects_path(tmp_path / "new", [tmp_path / "a.jsonl"])
