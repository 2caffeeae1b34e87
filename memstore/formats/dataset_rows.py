"""Rows of a data set in memory: a `datasets.Dataset`, or a list of rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from memstore.formats.columns import RawRow
from memstore.formats.files import expected_of
from memstore.formats.rollout_row import ReadOptions
from schema.errors import InputError

#: What messages call a data set, which has no path.
_NAME: Final = Path("the data set")


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetRows:
    """A data set that was found fit to be read."""

    dataset: Any
    path: Path
    ignored_columns: tuple[str, ...]
    n_rows: int | None

    @classmethod
    def checked(cls, dataset: Any, options: ReadOptions) -> "DatasetRows":
        """Check the columns of a data set.

        Args:
            dataset: a `datasets.Dataset`, or a sequence of mappings; it can be read twice.
            options: how it will be read.

        Raises:
            ShapeError: if it has other columns than the input format.
            InputError: if it is something else, or has no rows.
        """
        columns = getattr(dataset, "column_names", None)
        if isinstance(columns, dict):
            splits = ", ".join(map(str, columns))
            raise InputError(f"a data set of several splits: give one of {splits}")
        if columns is not None:
            names = set(columns)
            dataset = dataset.with_format(None)
        elif isinstance(dataset, Sequence) and all(isinstance(row, Mapping) for row in dataset):
            names = {name for row in dataset for name in row}
        else:
            raise InputError(f"a {type(dataset).__name__}: give a Dataset, or a list of rows")
        if not len(dataset):
            raise InputError("the data set has no rows: give one that has")
        ignored = expected_of(options).ignored(names, _NAME)
        return cls(dataset=dataset, path=_NAME, ignored_columns=ignored, n_rows=len(dataset))

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows in order; `line` counts from 1."""
        for line, row in enumerate(self.dataset, 1):
            yield RawRow(line=line, values=dict(row))
