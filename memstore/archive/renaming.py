"""An archive under another name: ids are made of the memory's name, so all are made again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from memstore.archive.tables import ArchiveManifest, Record, table_path
from schema import ids, tables
from schema.errors import InputError
from schema.tables import Table

#: Columns with ids of nodes that other tables bring.
_REFERENCES: Final = (
    *("query_id", "neighbour_id", "rollout_id", "conclusion_id"),
    *("same_as", "better", "worse"),
)


class Renaming:
    """Gives the rows of an archive, table by table in the archive's order, their new ids."""

    def __init__(self, folder: Path, manifest: ArchiveManifest, memory: str) -> None:
        """Read which query each conclusion belongs to.

        Raises:
            InputError: if the name cannot be one, or the rollouts cannot be read.
        """
        self._memory = ids.checked_memory(memory)
        self._new: dict[str, str] = {}
        self._query_of = _queries_of_conclusions(folder)

    def renamed(self, table: Table, record: Record) -> Record:
        """The row as the memory of the new name has it.

        Raises:
            InputError: if it refers to what the archive lacks.
        """
        values = dict(record)
        make = _MAKERS.get(table.name)
        if make is not None:
            self._new[record["id"]] = values["id"] = make(self, record)
        for name in _REFERENCES:
            if values.get(name) is not None:
                values[name] = self._of(values[name])
        if table is tables.MODEL:
            manifest = {**json.loads(record["manifest"]), "memory": self._memory}
            values["manifest"] = json.dumps(manifest)
        return values

    def _of(self, id_: str) -> str:
        if id_ not in self._new:
            raise InputError(f"{id_} is in no table of the archive before it; export it again")
        return self._new[id_]

    def _query(self, record: Record) -> str:
        return ids.query_id(self._memory, record["text"])

    def _conclusion(self, record: Record) -> str:
        query = self._query_of.get(record["id"])
        if query is None:
            raise InputError(f"conclusion {record['id']}: no rollout reaches it; export it again")
        return ids.conclusion_id(self._memory, self._of(query), record["key"])

    def _rollout(self, record: Record) -> str:
        names = ("run", "source_query_id", "step", "place")
        return ids.rollout_id(self._memory, *(record[name] for name in names))


_MAKERS: Final[dict[str, Callable[[Renaming, Record], str]]] = {
    tables.QUERY.name: Renaming._query,
    tables.CONCLUSION.name: Renaming._conclusion,
    tables.ROLLOUT.name: Renaming._rollout,
}


def _queries_of_conclusions(folder: Path) -> dict[str, str]:
    path = table_path(folder, tables.ROLLOUT)
    try:
        read = pq.read_table(path, columns=["conclusion_id", "query_id"])
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}); export the memory again") from error
    conclusions, queries = (read.column(name).to_pylist() for name in read.column_names)
    return dict(zip(conclusions, queries, strict=True))
