"""Import: an exported memory, with the same ids, edges, rewards and history.

Ids are made of the memory's name, so the name is part of the archive; under another one, all ids
are made again. The memory cannot be seen until it is whole; an interrupted import starts over.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from memstore.archive import restore_checks
from memstore.archive.export import ArchiveProgress
from memstore.archive.graph_loader import GraphCopy
from memstore.archive.renaming import Renaming
from memstore.archive.tables import (
    CHECKPOINTS,
    MANIFEST,
    ArchiveManifest,
    Record,
    check_files,
    made_table,
    read_manifest,
    read_table,
)
from memstore.db import SqlSession, Stores
from memstore.outbox import Fence, MemoryLock, delete_memory, hold
from schema import tables
from schema.errors import InputError
from schema.ids import whole_name
from schema.tables import ColumnType, Table


@dataclass(frozen=True, kw_only=True)
class _Archive:
    """Where the rows come from, and what becomes of their ids."""

    folder: Path
    manifest: ArchiveManifest
    #: None: the memory keeps its name.
    renaming: Renaming | None = None

    def checked(self, table: Table, page: list[Record]) -> list[Record]:
        """Rows as the memory has them.

        Raises:
            InputError: if one of them cannot have been exported.
        """
        for record in page:
            restore_checks.check_row(self.manifest, table, record)
        if self.renaming is None:
            return page
        return [self.renaming.renamed(table, record) for record in page]


def import_memory(
    stores: Stores,
    folder: Path,
    *,
    name: str | None = None,
    checkpoints: Path | None = None,
    progress: ArchiveProgress = lambda table, rows: None,
    settled: Callable[[str], None] = lambda incarnation: None,
) -> ArchiveManifest:
    """Read an exported memory back.

    Args:
        stores: both databases.
        folder: what `export_memory` wrote.
        name: what the memory is called from now on; None: as it was.
        checkpoints: folder that holds a folder of checkpoints for each memory; None: they are
            left out.
        progress: told how far it is.
        settled: called with the memory's incarnation when all is there, before it can be seen.

    Returns:
        The archive's manifest, with the memory's name.

    Raises:
        InputError: if the archive is damaged or holds what no memory can, or a memory of that name
            exists.
        StoreError: if a database refuses.
    """
    manifest = read_manifest(folder)
    restore_checks.check_manifest(manifest)
    check_files(folder, manifest)
    archive = _Archive(folder=folder, manifest=manifest)
    if name is not None and name != manifest.memory:
        _refuse_shard(name)
        archive = replace(archive, renaming=Renaming(folder, manifest, name))
        manifest = replace(manifest, memory=name)
    _make_room(stores, manifest.memory)
    with stores.vectors.session("archive.sql") as session:
        hold(session, manifest.memory, MemoryLock.LINKER, MemoryLock.PUBLISHER)
        fence = _begin(stores, session, manifest)
        graph = GraphCopy(
            fence=fence, seq=manifest.seq, generation=manifest.generation, encoder=manifest.encoder
        )
        for table in tables.ARCHIVED:
            _import_table(session, archive, manifest.memory, table, graph, progress)
        graph.finish()
        if checkpoints is not None:
            _copy_checkpoints(folder, manifest, checkpoints / manifest.memory)
        settled(fence.incarnation)
        session.run("finish_import", memory=manifest.memory, incarnation=fence.incarnation)
    return manifest


def _refuse_shard(name: str) -> None:
    """Ids are made of the name, and a query's shard of its id.

    Raises:
        InputError: if a memory is to become a shard, or a shard another memory's.
    """
    if whole_name(name) != name:
        raise InputError(
            f"{name!r} is the name of a shard, and only an archive of that shard has its queries: "
            "leave --memory out"
        )


def _make_room(stores: Stores, memory: str) -> None:
    """Check that the name is free; remove what an earlier import of it left.

    Raises:
        InputError: if there is such a memory.
    """
    with stores.vectors.transaction("archive.sql") as session:
        row = session.row("standing", memory=memory)
    if row is None:
        return
    if not row[0]:
        raise InputError(
            f"memory {memory!r} already exists: import under another name with --memory, or remove "
            f"that memory with `memreward delete --memory {memory}` first"
        )
    delete_memory(stores, memory)


def _begin(stores: Stores, session: SqlSession, manifest: ArchiveManifest) -> Fence:
    row = session.row(
        "begin_import",
        memory=manifest.memory,
        encoder=manifest.encoder,
        dimension=manifest.dimension,
        neighbours=manifest.neighbours,
        seq=manifest.seq,
        linked_seq=manifest.linked_seq,
        generation=manifest.generation,
        created_at=manifest.created_at,
        encoder_path=manifest.encoder_path,
        keys_version=manifest.keys_version,
        feature_names=manifest.feature_names,
    )
    if row is None:
        raise InputError(
            f"another process has just made a memory {manifest.memory!r}: remove it first"
        )
    return Fence(
        graph=stores.graph,
        session=session.of("archive.sql"),
        memory=manifest.memory,
        incarnation=row[0],
        permission="may_import",
    )


def _import_table(
    session: SqlSession,
    archive: _Archive,
    memory: str,
    table: Table,
    graph: GraphCopy,
    progress: ArchiveProgress,
) -> None:
    name = table.archive or table.name
    folder, manifest = archive.folder, archive.manifest
    same: dict[str, object] = {"memory": memory}
    if table is tables.SIMILAR_TO:
        same["generation"] = manifest.generation
    rows = 0
    is_older = name not in manifest.tables
    for page in [made_table(folder, table)] if is_older else read_table(folder, table):
        stored = [_as_stored(table, record) for record in archive.checked(table, page)]
        if table is tables.ROLLOUT:
            _check_contents(session, memory, stored)
        session.copy(table, stored, **same)
        graph.add(table, stored)
        rows += len(page)
        progress(name, len(page))
    if not is_older and rows != manifest.tables[name].rows:
        raise InputError(f"{folder}: {name} has {rows} rows, the manifest says otherwise")


def _check_contents(session: SqlSession, memory: str, page: list[Record]) -> None:
    """Check the texts of rollouts before either store sees them.

    Raises:
        InputError: if they are not those of their hashes.
    """
    ids = sorted({record["query_id"] for record in page})
    text_of = dict(session.rows("query_texts", memory=memory, ids=ids))
    for record in page:
        restore_checks.check_content(record, text_of.get(record["query_id"]))


def _as_stored(table: Table, record: Record) -> Record:
    """The row with what Postgres wants in another form."""
    values = dict(record)
    for column in table.archived:
        value = values[column.name]
        if column.type is ColumnType.JSON:
            values[column.name] = json.loads(value)
        elif column.type is ColumnType.FLOATS and value is not None:
            values[column.name] = value.tolist()
    return values


def _copy_checkpoints(folder: Path, manifest: ArchiveManifest, target: Path) -> None:
    for name in manifest.checkpoints:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / CHECKPOINTS / name, path)
        if path.name == MANIFEST:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values.get("memory") != manifest.memory:
                path.write_text(json.dumps({**values, "memory": manifest.memory}), encoding="utf-8")
