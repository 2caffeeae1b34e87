"""Import: an exported memory, with the same ids, edges, rewards and history, under its own name.

Ids are made of the memory's name, so the name is part of the archive. The memory cannot be seen
until it is whole; an import that was cut off is begun anew.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from memstore.archive import restore_checks as import_checks
from memstore.archive.export import ArchiveProgress
from memstore.archive.graph_loader import GraphCopy
from memstore.archive.tables import (
    CHECKPOINTS,
    ArchiveManifest,
    Row,
    check_files,
    read_manifest,
    read_table,
)
from memstore.db import SqlSession, Stores, as_json
from memstore.outbox import Fence, delete_memory
from schema.errors import InputError

#: Types of the columns that Postgres gets of each table; memory comes first.
_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "batches": ("int8", "text", "timestamptz", "timestamptz"),
    "runs": ("text", "text", "text", "int8"),
    "queries": ("text", "text", "text", "vector", "int8", "text"),
    "conclusions": ("text", "text", "int8"),
    "rollouts": (
        *("text", "text", "text", "text", "int4", "int4", "text", "text", "text", "text"),
        *("int4", "bool", "float4[]", "vector", "vector", "int8", "text", "text"),
    ),
    "policy_embeddings": ("text", "text", "text", "vector", "int8"),
    "verified": ("text", "int8", "text", "float8", "text", "timestamptz"),
    "preferences": ("text", "text", "text", "int8", "timestamptz"),
    "models": ("text", "json", "int8", "timestamptz"),
    "propagated": ("text", "int8", "float8", "float8", "text", "timestamptz"),
    "similar": ("text", "text", "int4", "float8", "int8"),
}


def import_memory(
    stores: Stores,
    folder: Path,
    *,
    checkpoints: Path | None = None,
    progress: ArchiveProgress = lambda table, rows: None,
) -> ArchiveManifest:
    """Read an exported memory back.

    Args:
        stores: both databases.
        folder: what `export_memory` wrote.
        checkpoints: folder that holds a folder of checkpoints for each memory; None: they are
            left out.
        progress: told how far it is.

    Raises:
        InputError: if the archive is damaged or holds what no memory can, or a memory of its name
            exists.
        StoreError: if a database refuses.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    import_checks.check_manifest(manifest)
    _make_room(stores, manifest.memory)
    with stores.vectors.session("import.sql") as session:
        for lock in ("lock_linker", "lock_publisher"):
            session.of("delete.sql").run(lock, memory=manifest.memory)
        fence = _begin(stores, session, manifest)
        graph = GraphCopy(
            fence=fence, seq=manifest.seq, generation=manifest.generation, encoder=manifest.encoder
        )
        for table in ("batches", "runs", "queries", "conclusions", "rollouts", *_AFTER):
            _import_table(session, folder, manifest, table, graph, progress)
        graph.finish()
        if checkpoints is not None:
            _copy_checkpoints(folder, manifest, checkpoints / manifest.memory)
        session.run("finish", memory=manifest.memory, incarnation=fence.incarnation)
    return manifest


_AFTER: Final = (
    *("policy_embeddings", "verified", "preferences", "models", "propagated", "similar"),
)


def _make_room(stores: Stores, memory: str) -> None:
    """Check that the name is free; remove what an earlier import of it left.

    Raises:
        InputError: if there is such a memory.
    """
    with stores.vectors.transaction("import.sql") as session:
        row = session.row("standing", memory=memory)
    if row is None:
        return
    if not row[0]:
        raise InputError(
            f"there is a memory {memory!r}: an import needs its own name free, since ids are made "
            f"of it; `memreward delete --memory {memory}` removes it"
        )
    delete_memory(stores, memory)


def _begin(stores: Stores, session: SqlSession, manifest: ArchiveManifest) -> Fence:
    row = session.row(
        "begin",
        memory=manifest.memory,
        encoder=manifest.encoder,
        dimension=manifest.dimension,
        neighbours=manifest.neighbours,
        seq=manifest.seq,
        linked_seq=manifest.linked_seq,
        generation=manifest.generation,
        created_at=manifest.created_at,
        encoder_path=manifest.encoder_path,
    )
    if row is None:
        raise InputError(f"somebody else has just made a memory {manifest.memory!r}")
    return Fence(
        graph=stores.graph,
        session=session.of("import.sql"),
        memory=manifest.memory,
        incarnation=row[0],
        permission="may_import",
    )


def _import_table(
    session: SqlSession,
    folder: Path,
    manifest: ArchiveManifest,
    table: str,
    graph: GraphCopy,
    progress: ArchiveProgress,
) -> None:
    rows = 0
    for page in read_table(folder, table):
        _check(session, manifest, table, page)
        if table in _TYPES:
            _copy(session, manifest, table, page)
        graph.add(table, page)
        rows += len(page)
        progress(table, len(page))
    if rows != manifest.tables[table].rows:
        raise InputError(f"{folder}: {table} has {rows} rows, the manifest says otherwise")


def _check(session: SqlSession, manifest: ArchiveManifest, table: str, page: list[Row]) -> None:
    """Check rows before either store sees them.

    Raises:
        InputError: if one of them cannot have been exported.
    """
    for row in page:
        import_checks.check_row(manifest, table, row)
    if table == "rollouts":
        ids = sorted({row[1] for row in page})
        text_of = dict(session.rows("query_texts", memory=manifest.memory, ids=ids))
        for row in page:
            import_checks.check_content(row, text_of.get(row[1]))


def _copy(session: SqlSession, manifest: ArchiveManifest, table: str, page: list[Row]) -> None:
    types = _TYPES[table]
    first: tuple[Any, ...] = (manifest.memory,)
    first_types = ["text"]
    if table == "similar":
        first, first_types = (manifest.memory, manifest.generation), ["text", "int4"]
    session.copy(
        table,
        [*first_types, *types],
        ((*first, *_as_stored(table, row[: len(types)])) for row in page),
    )


def _as_stored(table: str, row: Row) -> Row:
    """The row with what Postgres wants in another form."""
    if table == "models":
        return (row[0], as_json(json.loads(row[1])), *row[2:])
    if table == "rollouts" and row[12] is not None:
        return (*row[:12], row[12].tolist(), *row[13:])
    return row


def _copy_checkpoints(folder: Path, manifest: ArchiveManifest, target: Path) -> None:
    for name in manifest.checkpoints:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / CHECKPOINTS / name, path)
