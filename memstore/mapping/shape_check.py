"""What no mapping should read in silence: rows of another format, doubled rows, missing columns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memstore.mapping.presets import preset_named
from memstore.mapping.recognition import fitting_presets
from memstore.mapping.row_mapping import PROMPTS, RowMapping
from memstore.mapping.value_path import MISSING
from schema.errors import InputError


class ShapeCheck:
    """Looks at the rows of one file before a mapping reads them."""

    def __init__(self, mapping: RowMapping, path: Path) -> None:
        """Nothing of `path` is read yet."""
        self._mapping, self._path = mapping, path
        self._is_first = True
        self._value: Any = MISSING
        listed = {source.text for source, _ in mapping.where}
        #: What has one value in all rows, unless it was said which rows count.
        self._single = (
            None if mapping.single is None or mapping.single.text in listed else (mapping.single)
        )

    def look(self, row: Mapping[str, Any]) -> None:
        """Look at the next row.

        Raises:
            InputError: if the first row has the shape of other formats only, or a row is there for
                another value than those before.
        """
        if self._is_first:
            self._is_first = False
            self._check_format(dict(row))
        if self._single is not None:
            self._check_single(self._single.of(row), self._single.text)

    def _check_format(self, row: dict[str, Any]) -> None:
        name = self._mapping.format
        if name is None or preset_named(name).fits(row):
            return
        if others := fitting_presets([row]):
            raise InputError(
                f"{self._path}: looks like {others[0].name}, not like {name}: give --format "
                f"{others[0].name}; if it is of {name}, say with --map where its columns are"
            )

    def _check_single(self, value: Any, name: str) -> None:
        if self._value is MISSING:
            self._value = value
        if value is not MISSING and value != self._value:
            raise InputError(
                f"{self._path}: `{name}` is {self._value!r} in some rows and {value!r} in others, "
                "and each has the same replies: say which ones count with --where "
                f"{name}={self._value}"
            )


class MissingColumns:
    """Which columns that were given with the command no row has had so far."""

    def __init__(self, mapping: RowMapping) -> None:
        """No row was looked at yet."""
        self._lacking = {
            name: source
            for name, source in mapping.given.items()
            if all(path.root != PROMPTS for path in source.paths)
        }

    def look(self, row: Mapping[str, Any]) -> None:
        """Look at the next row."""
        if self._lacking:
            self._lacking = {
                name: source for name, source in self._lacking.items() if source.of(row) is MISSING
            }

    def refuse(self, names: str) -> None:
        """Refuse what all rows of the files `names` lack.

        Raises:
            InputError: naming the columns.
        """
        if self._lacking:
            said = ", ".join(f"{name}={source.text}" for name, source in self._lacking.items())
            raise InputError(
                f"{names}: no row has what --map {said} asks for: correct the path, as in "
                "a.b[0].c, or leave it out"
            )
