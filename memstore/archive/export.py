"""Export: a memory as a folder of Parquet files, as it is published at one sequence number."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from memstore import new_folder
from memstore.archive.tables import (
    CHECKPOINTS,
    ROWS_A_PAGE,
    ArchiveManifest,
    TableEntry,
    file_hash,
    write_manifest,
    write_table,
)
from memstore.db import SqlSession, Stores, get_memory
from memstore.outbox import MemoryLock, catch_up, hold
from schema.errors import InputError
from schema.tables import ARCHIVED

#: Called with the table and the rows of it that are written or read.
ArchiveProgress = Callable[[str, int], None]


def export_memory(
    stores: Stores,
    memory: str,
    folder: Path,
    *,
    checkpoints: Path | None = None,
    progress: ArchiveProgress = lambda table, rows: None,
) -> ArchiveManifest:
    """Write everything that is published of a memory into a new folder, whole or not at all.

    Publishing is paused during an export; what is accepted during it is not part of it.

    Args:
        stores: both databases.
        memory: what to export.
        folder: must not exist, or be empty.
        checkpoints: folder of the memory's checkpoints, copied if it is there.
        progress: told how far it is.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if the folder cannot be used.
    """
    catch_up(stores, memory)
    get_memory(stores, memory)
    _refuse_full(folder)
    with new_folder(folder) as unfinished:
        return _write(stores, memory, unfinished, checkpoints, progress)


def _write(
    stores: Stores,
    memory: str,
    folder: Path,
    checkpoints: Path | None,
    progress: ArchiveProgress,
) -> ArchiveManifest:
    with stores.vectors.session("archive.sql") as session:
        hold(session, memory, MemoryLock.PUBLISHER)
        seq, generation, _ = stores.graph.read(
            "consistency.cypher", lambda tx: tx.rows("memory", memory=memory)
        )[0]
        bounds = {"memory": memory, "seq": seq, "generation": generation}
        written = _write_tables(session, folder, bounds, progress)
        row = session.row("stamp", memory=memory)
    assert row is not None
    encoder, dimension, neighbours, linked_seq, created_at, encoder_path, *made = row
    keys_version, feature_names = made
    manifest = ArchiveManifest(
        memory=memory,
        encoder=encoder,
        dimension=dimension,
        neighbours=neighbours,
        seq=seq,
        generation=generation,
        linked_seq=min(linked_seq, seq),
        created_at=created_at.isoformat(),
        encoder_path=encoder_path,
        keys_version=keys_version,
        feature_names=feature_names,
        tables=written,
        checkpoints=_copy_checkpoints(checkpoints, folder / CHECKPOINTS),
    )
    write_manifest(folder, manifest)
    return manifest


def _write_tables(
    session: SqlSession, folder: Path, bounds: dict[str, Any], progress: ArchiveProgress
) -> dict[str, TableEntry]:
    """Write a file a table, of the rows within `bounds`."""
    written: dict[str, TableEntry] = {}
    for table in ARCHIVED:
        name = table.archive or table.name
        pages = session.of_table(table, table.archived).stream("up_to", ROWS_A_PAGE, **bounds)
        written[name] = write_table(folder, table, _told(pages, name, progress))
    return written


def _told(
    pages: Iterator[list[tuple[Any, ...]]], table: str, progress: ArchiveProgress
) -> Iterator[list[tuple[Any, ...]]]:
    for page in pages:
        yield page
        progress(table, len(page))


def _refuse_full(folder: Path) -> None:
    """Take an empty folder away, since a whole one gets its name.

    Raises:
        InputError: if it holds something.
    """
    try:
        if folder.is_dir() and not folder.is_symlink():
            folder.rmdir()
    except OSError as error:
        raise InputError(f"{folder}: not empty; name a new folder") from error


def _copy_checkpoints(source: Path | None, target: Path) -> dict[str, str]:
    """Copy finished checkpoints; returns the SHA-256 of each file."""
    if source is None or not source.is_dir():
        return {}
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*"))
    paths = sorted(path for path in target.rglob("*") if path.is_file())
    return {path.relative_to(target).as_posix(): file_hash(path) for path in paths}
