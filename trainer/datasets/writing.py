"""A data set's files: Parquet, one a split, written as the queries come."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from memstore.reads import QueryGroup
from schema.ids import text_fraction
from schema.messages import prompt_messages
from trainer.datasets.records import COLUMNS, Record, records
from trainer.datasets.selection import Selection, judgement
from trainer.datasets.tally import Tally

TRAIN: Final = "train"
VALIDATION: Final = "validation"
_ROWS_A_PAGE: Final = 1_024


def split_of(text: str, validation: float) -> str:
    """The split of a query, by its text alone: the same in every run, memory and kind."""
    return VALIDATION if text_fraction(text, "dataset-validation") < validation else TRAIN


def write_rows(
    groups: Iterable[QueryGroup], selection: Selection, validation: float, folder: Path
) -> Iterator[Tally]:
    """Write `SPLIT.parquet` for each split that has rows.

    Args:
        groups: queries with all their rollouts.
        selection: what becomes of them.
        validation: share of the queries that are in the validation split.
        folder: where to.

    Yields:
        The counts so far, after each query; always the same object.
    """
    tally = Tally()
    with ExitStack() as stack:
        files: dict[str, _SplitFile] = {}
        for group in groups:
            found = judgement(group, verified_only=selection.verified_only)
            tally.add_group(found, selection)
            prompt = prompt_messages(group.text)
            if prompt is None:
                tally.unreadable += 1
            elif rows := list(records(group, prompt, found, selection)):
                split = split_of(group.text, validation)
                if split not in files:
                    path = folder / f"{split}.parquet"
                    file = _SplitFile(path, COLUMNS[selection.kind])
                    files[split] = stack.enter_context(file)
                files[split].add(rows)
                tally.add_rows(split, rows)
            yield tally


class _SplitFile(AbstractContextManager["_SplitFile"]):
    """A Parquet file that rows are added to; a page of them is held."""

    def __init__(self, path: Path, columns: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, columns, compression="zstd")
        self._columns = columns
        self._held: list[Record] = []

    def add(self, rows: list[Record]) -> None:
        """Write the rows, or hold them until there are more."""
        self._held += rows
        if len(self._held) >= _ROWS_A_PAGE:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.Table.from_pylist(self._held, schema=self._columns))
            self._held = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is held, unless the block failed, and close the file."""
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()
