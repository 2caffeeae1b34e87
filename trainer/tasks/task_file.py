"""Files of queries: JSONL or Parquet with `query`, and `gold` or `tests` to check answers by."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from memstore.formats import read_jsonl, source_query_id
from schema.answers import options_of
from schema.errors import InputError
from schema.task import Check, Task, VerifierKind
from schema.validation import check_text

#: What is read of a file.
COLUMNS: Final = ("query", "query_id", "dataset", "domain", "gold", "tests", "entry_point")
#: How data sets of reasoning-gym are named in files.
GYM_PREFIXES: Final = ("rg_", "small_")


def tasks_of_file(path: Path) -> Iterator[Task]:
    """One task for each distinct query of a file, in its order.

    Raises:
        InputError: if the file or a row of it cannot be used.
    """
    seen: set[str] = set()
    for line, values in rows_of_file(path, COLUMNS):
        try:
            task = _task({name: value for name, value in values.items() if value is not None})
        except InputError as error:
            raise InputError(f"{path}:{line}: {error}") from error
        if task.query not in seen:
            seen.add(task.query)
            yield task


def rows_of_file(path: Path, columns: Collection[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line, counted from 1, and values of each row; of Parquet files, those of `columns`.

    Raises:
        InputError: if the file or a line of it cannot be read.
    """
    name = path.name.lower()
    if not name.endswith((".parquet", ".jsonl", ".jsonl.gz")):
        raise InputError(
            f"{path}: no task set; give small, gym:FAMILY,... or a .jsonl, .jsonl.gz or .parquet "
            "file of queries"
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path")
    if name.endswith(".parquet"):
        try:
            with pq.ParquetFile(path) as file:
                names = [name for name in file.schema_arrow.names if name in columns]
                rows = file.read(columns=names).to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path}: not a whole Parquet file ({error})") from error
        yield from enumerate(rows, 1)
        return
    for row in read_jsonl(path):
        if row.fault is not None:
            raise InputError(f"{path}:{row.line}: {row.fault}")
        yield row.line, row.values


def _task(values: dict[str, Any]) -> Task:
    if "query" not in values:
        raise InputError("`query` is missing: give the text that the policy is to be asked")
    check_text(values["query"], "query")
    source = source_query_id(values)
    dataset, domain = values.get("dataset", "default"), values.get("domain", "general")
    for text, name in ((source, "query_id"), (dataset, "dataset"), (domain, "domain")):
        check_text(text, name)
    return Task(
        query=values["query"],
        source_query_id=source,
        dataset=dataset,
        domain=domain,
        check=check_of(values["query"], dataset, values),
    )


def check_of(query: str, dataset: str, values: dict[str, Any]) -> Check | None:
    """How an answer can be checked by a row's `gold` or `tests`; None: not at all.

    Tests make it code; a data set of reasoning-gym is checked by its scorer; a query that lists
    options by the letter; everything else as mathematics.

    Raises:
        InputError: if `gold` or `tests` is no text.
    """
    if tests := _text(values, "tests"):
        entry_point = _text(values, "entry_point")
        return Check(kind=VerifierKind.CODE, tests=tests, entry_point=entry_point)
    gold = _text(values, "gold")
    if not gold:
        return None
    for prefix in GYM_PREFIXES:
        if dataset.startswith(prefix):
            return Check(kind=VerifierKind.GYM, gold=gold, family=dataset.removeprefix(prefix))
    kind = VerifierKind.OPTIONS if options_of(query) else VerifierKind.MATH
    return Check(kind=kind, gold=gold)


def _text(values: dict[str, Any], name: str) -> str:
    """A text of a row, also where it is written as a number or as a list of lines."""
    value: Any = values.get(name, "")
    if isinstance(value, list):
        value = "\n".join(str(line) for line in value)
    text = str(value) if type(value) in (int, float) else value
    check_text(text, name)
    return text
