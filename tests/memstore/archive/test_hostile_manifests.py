"""Manifests that no export writes: refused with a message, whatever they hold."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from memstore.archive.restore_checks import check_manifest
from memstore.archive.tables import (
    CHECKPOINTS,
    MANIFEST,
    ArchiveManifest,
    TableEntry,
    check_files,
    file_hash,
    read_manifest,
    table_path,
    write_manifest,
)
from schema.errors import InputError
from schema.tables import ARCHIVED

FIELDS = sorted(ArchiveManifest.__dataclass_fields__)
VALUES: list[Any] = [5, -1, 1.5, "x", "../../x", "a\0b", True, [], ["a"], {}, {"a": 5}, {"a": {}}]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive whose files are empty, with the right hashes."""
    tables: dict[str, TableEntry] = {}
    folder = tmp_path / "archive"
    folder.mkdir()
    for table in ARCHIVED:
        path = table_path(folder, table)
        path.touch()
        assert table.archive is not None
        tables[table.archive] = TableEntry(rows=0, sha256=file_hash(path))
    stamp: dict[str, Any] = {
        **{"memory": "m", "encoder": "e", "dimension": 3, "neighbours": 7, "seq": 1},
        **{"generation": 1, "linked_seq": 1, "created_at": "2026-01-01T00:00:00+00:00"},
    }
    write_manifest(folder, ArchiveManifest(**stamp, encoder_path=None, tables=tables))
    return folder


def refused(folder: Path) -> bool:
    try:
        manifest = read_manifest(folder)
        check_manifest(manifest)
        check_files(folder, manifest)
    except InputError:
        return True
    return False


def test_a_good_one_is_taken(archive: Path) -> None:
    assert not refused(archive)


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_another_kind_is_refused_with_a_message(name: str, archive: Path) -> None:
    good = json.loads((archive / MANIFEST).read_text())
    for value in VALUES:
        (archive / MANIFEST).write_text(json.dumps({**good, name: value}))
        refused(archive)  # Nothing else is raised.
    (archive / MANIFEST).write_text(json.dumps({**good, name: [1]}))
    assert refused(archive)


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "null", "{", "[" * 100_000, '{"format": 1}', "\ud800", '{"a": 1e999}']
)
def test_a_text_that_is_no_manifest_is_refused(text: str, archive: Path) -> None:
    (archive / MANIFEST).write_bytes(text.encode(errors="surrogatepass"))
    assert refused(archive)


@pytest.mark.parametrize("name", ["../../secret", "/etc/hostname", "link", "a/../../../secret", ""])
def test_a_checkpoint_outside_the_archive_is_refused(name: str, archive: Path) -> None:
    secret = archive.parent / "secret"
    secret.write_text("x")
    (archive / CHECKPOINTS).mkdir()
    (archive / CHECKPOINTS / "link").symlink_to(secret)
    good = json.loads((archive / MANIFEST).read_text())
    good["checkpoints"] = {name: file_hash(secret)}
    (archive / MANIFEST).write_text(json.dumps(good))
    assert refused(archive)


def test_a_checkpoint_within_it_is_taken(archive: Path) -> None:
    (archive / CHECKPOINTS / "m1").mkdir(parents=True)
    path = archive / CHECKPOINTS / "m1" / "manifest.json"
    path.write_text("{}")
    manifest = asdict(read_manifest(archive)) | {
        "checkpoints": {"m1/manifest.json": file_hash(path)}
    }
    (archive / MANIFEST).write_text(json.dumps(manifest))
    assert not refused(archive)
