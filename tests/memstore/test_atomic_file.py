"""A file is replaced as a whole or stays as it was."""

from pathlib import Path

import pytest

from memstore.atomic_file import replacing, write_atomically


def test_the_new_text_takes_the_place_of_the_old(tmp_path: Path) -> None:
    for text in ("first", "größer"):
        write_atomically(tmp_path / "a.json", text)
        assert (tmp_path / "a.json").read_text(encoding="utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_fails_half_way_changes_nothing(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.json", "whole")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a.json") as unfinished:
        unfinished.write_text("hal", encoding="utf-8")
        assert (tmp_path / "a.json").read_text(encoding="utf-8") == "whole"
        raise RuntimeError
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
