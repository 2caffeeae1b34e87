"""Labels in files or lists: rows become rewards and preferences, or are rejected with a reason.

`docs/labels.md` describes the format.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from memstore.changes.conclusion_rows import (
    UNIT,
    UNITS,
    is_for_conclusion,
    is_unjudged,
    with_representatives,
)
from memstore.changes.labels import check_labels, query_of_rollouts
from memstore.changes.text_rows import REPLY_COLUMNS, rows_by_id
from memstore.db import SqlSession, VectorStore
from memstore.formats import (
    CHANGED,
    FileState,
    RawRow,
    RejectedRow,
    read_jsonl,
    source_query_id,
    whole,
)
from memstore.mapping import AS_GIVEN
from memstore.reads import with_whole_ids
from schema.errors import InputError
from schema.ids import digest, rollout_id
from schema.messages import query_text
from schema.reward import Preference, VerifiedReward
from schema.validation import check_integer, check_text

ROWS_A_BATCH: Final = 1_024
_IN_MEMORY: Final = Path("the labels")
COLUMNS: Final = (
    *("rollout_id", "query_id", "run", "step", "rollout", "reward", "better", "worse", "annotator"),
    *("unit", "conclusion", "query", *REPLY_COLUMNS),
)
ID_COLUMNS: Final = ("rollout_id", "better", "worse")

Label = VerifiedReward | Preference


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelOptions:
    """What rows need not say themselves."""

    memory: str
    annotator: str | None
    run: str | None = None


class LabelReader:
    """Reads labels, as often as it is asked to; every pass gives the same."""

    def __init__(
        self,
        vectors: VectorStore,
        labels: Path | Sequence[Mapping[str, Any]],
        options: LabelOptions,
    ) -> None:
        """Read a file, or rows in memory, against the rollouts of `options.memory`."""
        self._vectors, self._options = vectors, options
        self._path, self._rows = (
            (labels, None)
            if isinstance(labels, Path)
            else (_IN_MEMORY, [RawRow(line=n, values=dict(r)) for n, r in enumerate(labels, 1)])
        )
        self._state: FileState | None = None

    def batches(self) -> Iterator[tuple[list[Label], list[RejectedRow]]]:
        """Labels and rejected rows of the next `ROWS_A_BATCH` rows each; see `batches_by_line`."""
        return (([label for _, label in good], bad) for good, bad in self.batches_by_line())

    def batches_by_line(self) -> Iterator[tuple[list[tuple[int, Label]], list[RejectedRow]]]:
        """The same, each label with its line.

        Raises:
            InputError: if the file as a whole cannot be read, or has changed since the last pass.
        """
        self._refuse_changed()
        said: dict[bytes, bytes] = {}
        rows: list[RawRow] = []
        for row in _rows(self._path) if self._rows is None else self._rows:
            rows.append(row)
            if len(rows) == ROWS_A_BATCH:
                yield self._batch(rows, said)
                rows = []
        if rows:
            yield self._batch(rows, said)
        self._refuse_changed()

    def _refuse_changed(self) -> None:
        """Every pass reads the file that the first one read."""
        if not self._path.is_file():
            return  # Whoever reads it says so.
        now = FileState.of(self._path)
        if self._state not in (None, now):
            raise InputError(f"{self._path}: {CHANGED}")
        self._state = now

    def _batch(
        self, rows: list[RawRow], said: dict[bytes, bytes]
    ) -> tuple[list[tuple[int, Label]], list[RejectedRow]]:
        labels: list[tuple[RawRow, Label]] = []
        rejected: list[RejectedRow] = []
        with self._vectors.transaction("changes.sql") as session:
            judged = [row for row in rows if not is_unjudged(row)]
            rows = rows_by_id(session, self._options.memory, judged)
        with self._vectors.transaction("same_conclusion.sql") as session:
            rows = with_representatives(session, self._options.memory, rows)
            rows = _with_whole_ids(session, self._options.memory, rows)
        for row in rows:
            try:
                labels.append((row, _label(row, self._options)))
            except InputError as error:
                rejected.append(self._rejected(row, str(error)))
        ids = sorted({id_ for _, label in labels for id_ in _ids(label)})
        with self._vectors.transaction("changes.sql") as session:
            query_of = query_of_rollouts(session, self._options.memory, ids)
        good: list[tuple[int, Label]] = []
        for row, label in labels:
            fault = _fault(label, query_of, self._options.memory) or _contradiction(label, said)
            if fault is None:
                good.append((row.line, label))
            else:
                rejected.append(self._rejected(row, fault))
        return good, sorted(rejected, key=lambda reject: reject.line)

    def _rejected(self, row: RawRow, reason: str) -> RejectedRow:
        return RejectedRow(path=self._path, line=row.line, reason=reason, excerpt=row.excerpt)


def _ids(label: Label) -> tuple[str, ...]:
    if isinstance(label, VerifiedReward):
        return (label.rollout_id,)
    return label.better, label.worse


def _with_whole_ids(session: SqlSession, memory: str, rows: list[RawRow]) -> list[RawRow]:
    """The rows with ids in place of their beginnings; a fault where one is not unique."""
    values = with_whole_ids(session, memory, [row.values for row in rows], ID_COLUMNS)
    return [
        replace(row, fault=row.fault or str(found))
        if isinstance(found, InputError)
        else replace(row, values=found)
        for row, found in zip(rows, values, strict=True)
    ]


def _fault(label: Label, query_of: dict[str, str], memory: str) -> str | None:
    """Why a label does not fit what the memory holds."""
    if missing := [id_ for id_ in _ids(label) if id_ not in query_of]:
        return f"no rollout {missing[0]} is in memory {memory!r}: check id, run, step and rollout"
    if len({query_of[id_] for id_ in _ids(label)}) > 1:
        return "the two rollouts answer different queries: prefer answers to one query"
    return None


def _contradiction(label: Label, said: dict[bytes, bytes]) -> str | None:
    """Why a label does not fit an earlier row of the same source."""
    if isinstance(label, VerifiedReward):
        key, value = digest("reward", label.rollout_id, label.source), repr(float(label.value))
    else:
        key, value = digest("pair", *sorted(_ids(label)), label.annotator), label.better
    content = bytes.fromhex(digest(value))
    if said.setdefault(bytes.fromhex(key), content) != content:
        return "an earlier row of the same annotator says otherwise: leave one of them out"
    return None


def _label(row: RawRow, options: LabelOptions) -> Label:
    """What a row says.

    Raises:
        InputError: if it says nothing, too much, or something impossible.
    """
    if row.fault is not None:
        raise InputError(row.fault)
    values = {name: row.values.get(name) for name in COLUMNS}
    if values["unit"] not in (None, *UNITS):
        raise InputError(
            f"`unit` is {values['unit']!r}: leave it out, or write {' or '.join(UNITS)}"
        )
    annotator = values["annotator"] if values["annotator"] is not None else options.annotator
    if annotator is None:
        raise InputError("the annotator is missing: fill `annotator`, or give --annotator")
    pair = values["better"], values["worse"]
    if values["reward"] is not None and pair == (None, None):
        value = values["reward"]
        value = AS_GIVEN.of(value) if isinstance(value, str | bool) else value
        label: Label = VerifiedReward(
            rollout_id=_rollout_id(values, "rollout", options),
            value=value,
            source=annotator,
            for_conclusion=is_for_conclusion(row),
        )
        check_labels([label], [])
    elif values["reward"] is None and None not in pair:
        label = Preference(
            better=_rollout_id(values, "better", options),
            worse=_rollout_id(values, "worse", options),
            annotator=annotator,
        )
        check_labels([], [label])
    else:
        raise InputError("a row needs either `reward`, or `better` and `worse`")
    return label


def _rollout_id(values: dict[str, Any], column: str, options: LabelOptions) -> str:
    """Id of the rollout that a row means: given, or derived from query, step and sample number."""
    is_place = values["query_id"] is not None or (
        values["query"] is not None and isinstance(values[column], int | float)
    )
    suggested = values["unit"] is not None and values["rollout_id"] is not None
    if not is_place or suggested or values["unit"] == UNIT:
        given = values["rollout_id" if column == "rollout" else column]
        if given is None:
            raise InputError(
                "`rollout_id` is missing, and so are `query_id` with `rollout`, and `query` with "
                "`answer`: say which rollout"
            )
        check_text(given, "rollout_id", 64)
        return given
    run = values["run"] if values["run"] is not None else options.run
    if run is None:
        raise InputError("a rollout's place needs a `run`: fill that column, or give --run")
    named = {name: values[name] for name in ("query_id", "query") if values[name] is not None}
    if isinstance(named.get("query"), list):
        named["query"] = query_text(named["query"])
    source: Any = source_query_id(named)
    for name, text in (("query_id", source), ("run", run)):
        check_text(text, name)
    step = whole(values["step"] if values["step"] is not None else 0)
    place = whole(values[column])
    check_integer(step, "step")
    check_integer(place, column)
    return rollout_id(options.memory, run, source, step, place)


def _rows(path: Path) -> Iterator[RawRow]:
    name = path.name.lower()
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path")
    if name.endswith((".jsonl", ".jsonl.gz")):
        return read_jsonl(path)
    if name.endswith(".csv"):
        return _csv_rows(path)
    if name.endswith(".parquet"):
        return _parquet_rows(path)
    raise InputError(f"{path}: unknown extension; write .jsonl, .jsonl.gz, .csv or .parquet")


def _csv_rows(path: Path) -> Iterator[RawRow]:
    """An empty cell is not given; numbers become numbers where a column is one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            for row in reader:
                given = {n: v for n, v in row.items() if isinstance(n, str) and v not in ("", None)}
                numbers = {"step", "rollout", "reward"}
                if {"query_id", "query"} & given.keys():
                    numbers |= {"better", "worse"}
                values = {n: _number(v) if n in numbers else v for n, v in given.items()}
                fault = "more cells than the header has" if None in row else None
                yield RawRow(line=reader.line_num, values=values, fault=fault)
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error}); write it again") from error


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parquet_rows(path: Path) -> Iterator[RawRow]:
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            columns = [name for name in file.schema_arrow.names if name in COLUMNS]
            line = 0
            for batch in file.iter_batches(ROWS_A_BATCH, columns=columns, use_threads=False):
                for values in batch.to_pylist():
                    line += 1
                    yield RawRow(line=line, values=values)
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}); write it again") from error
