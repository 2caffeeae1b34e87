"""How files are read by what is said of them: the mapping, their prompts, their rewards."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memstore.formats.files import head_rows, inspect_files, object_rows
from memstore.formats.rollout_row import ReadOptions
from memstore.mapping import Preset, ShapeOptions, Source, fitting_presets, is_task_file
from schema.errors import InputError


def read_options(shape: ShapeOptions, prompts: Path | None, **said: Any) -> ReadOptions:
    """Options for reading.

    Args:
        shape: what was said of the files.
        prompts: the file of prompts, where the format has none.
        said: the other fields of `ReadOptions`.

    Raises:
        InputError: if an option cannot be read, or the prompts cannot.
    """
    preset = shape.preset
    known = None
    if prompts is not None:
        known = _prompts(prompts, preset.prompts_key if preset else None)
    return ReadOptions(mapping=shape.mapping(known), reward=shape.reward(), **said)


def check_shapes(files: Sequence[Path], shape: ShapeOptions) -> None:
    """Check that files which are not mapped have the columns of the input format.

    Raises:
        ShapeError: if one has others.
        InputError: if one cannot be read.
    """
    if shape == ShapeOptions():
        # What made the embeddings is not known before the memory is.
        inspect_files(files, ReadOptions(prefer="completion", file_encoder=""))


def proposed_presets(path: Path) -> list[Preset]:
    """Presets whose shape a file has.

    Raises:
        InputError: if it is a file of tasks, or cannot be read.
    """
    rows = head_rows(path)
    found = fitting_presets(rows)
    if not found and is_task_file(rows):
        raise InputError(
            f"{path}: questions with expected answers, and nothing that a policy wrote: `memreward "
            "collect` and `memreward verify` take such files (docs/collecting.md); if a column "
            "does hold replies, name it with --map completion=COLUMN"
        )
    return found


def _prompts(path: Path, key: Source | None) -> dict[str, Any]:
    """Rows of the file of prompts, by their key.

    Raises:
        InputError: if the file cannot be read, or a key is there twice with other content.
    """
    rows: dict[str, Any] = {}
    if key is None:
        return rows
    for row in object_rows(path):
        name = str(key.of(row))
        if rows.setdefault(name, row) != row:
            raise InputError(f"{path}: `{key.text}` {name!r} is there twice; keep one of the rows")
    return rows
