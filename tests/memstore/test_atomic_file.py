"""A file is replaced as a whole or stays as it was."""

from pathlib import Path

import pytest

from memstore.atomic_file import new_folder, replacing, write_atomically
from schema.errors import InputError, ServerError


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


def test_a_folder_is_there_when_it_is_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "a") as unfinished:
        (unfinished / "part").write_text("x")
        assert not (tmp_path / "deep" / "a").exists()
    assert (tmp_path / "deep" / "a" / "part").read_text() == "x"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a"]


def test_a_folder_that_fails_half_way_is_not_there(tmp_path: Path) -> None:
    for error, shown in ((RuntimeError(), RuntimeError), (ServerError("gone"), ServerError)):
        with pytest.raises(shown), new_folder(tmp_path / "a") as unfinished:
            (unfinished / "part").write_text("x")
            raise error
    with pytest.raises(InputError, match="disk full"), new_folder(tmp_path / "a"):
        raise OSError("disk full")
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_way_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="there already"), new_folder(tmp_path / "a"):
        pass
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"), new_folder(tmp_path / "file" / "a"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"a", "file"}
