"""Folders as inputs: all their files in order, or one data set that has a folder."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from schema.errors import InputError

_ENDINGS: Final = (".jsonl", ".json", ".parquet", ".csv", ".arrow", ".eval", ".gz", ".zst")
_KEY: Final = re.compile(r"[^=/]+=[^=/]*")


def is_dataset_folder(path: Path) -> bool:
    """Whether `datasets` saved one data set there (`save_to_disk`)."""
    return (path / "state.json").is_file() and (path / "dataset_info.json").is_file()


def is_partitioned(path: Path) -> bool:
    """Whether it has folders named `key=value` with Parquet files in them."""
    return path.is_dir() and any(
        _KEY.fullmatch(child.name) and next(child.rglob("*.parquet"), None) is not None
        for child in path.iterdir()
        if child.is_dir()
    )


def expanded(paths: Sequence[Path]) -> list[Path]:
    """The inputs, with the files of a folder in its place, `10.jsonl` after `9.jsonl`.

    Hidden files, and files whose names say that they hold something else, are left out.

    Raises:
        InputError: if a folder holds no file that could be read, or several splits of a data set.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir() or is_dataset_folder(path) or is_partitioned(path):
            found.append(path)
            continue
        if (path / "dataset_dict.json").is_file():
            splits = ", ".join(sorted(str(child) for child in path.iterdir() if child.is_dir()))
            raise InputError(f"{path}: a data set of several splits; name one: {splits}")
        files = [file for file in path.rglob("*") if _is_input(file, path)]
        if not files:
            raise InputError(f"{path}: no file in this folder has one of {', '.join(_ENDINGS)}")
        found += sorted(files, key=lambda file: _in_order(file.relative_to(path)))
    return found


def _is_input(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    is_hidden = any(part.startswith((".", "_")) for part in parts)
    return file.is_file() and not is_hidden and file.name.lower().endswith(_ENDINGS)


def _in_order(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
