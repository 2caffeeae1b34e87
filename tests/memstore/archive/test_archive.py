import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.full_memory import contents
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.archive import restore as module
from memstore.archive.export import export_memory
from memstore.archive.restore import import_memory
from memstore.archive.tables import MANIFEST, file_hash, table_path
from memstore.consistency.check import check_memory
from memstore.outbox.deletion import delete_memory
from memstore.outbox.recovery import catch_up_all
from memstore.reads.full_graph import read_graph
from memstore.reads.stats import list_memories
from schema import tables
from schema.answers import KEYS_VERSION
from schema.errors import InputError, KeysVersionError, UnknownMemoryError


def test_the_round_trip_gives_everything_back(lived: MemoryUnderTest, tmp_path: Path) -> None:
    before = contents(lived)
    checkpoint = tmp_path / "checkpoints" / lived.name / "m1"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights.safetensors").write_bytes(b"weights")
    (checkpoint.parent / ".fresh-1").mkdir()
    manifest = export_memory(
        lived.stores, lived.name, tmp_path / "out", checkpoints=checkpoint.parent
    )
    assert manifest.checkpoints.keys() == {"m1/weights.safetensors"}
    delete_memory(lived.stores, lived.name)
    import_memory(lived.stores, tmp_path / "out", checkpoints=tmp_path / "back")
    after = contents(lived)
    for part in before:
        assert after[part] == before[part], part
    report = check_memory(lived.stores, lived.name)
    assert report.ok, report.lines()
    kept = tmp_path / "back" / lived.name / "m1" / "weights.safetensors"
    assert kept.read_bytes() == b"weights"
    again = export_memory(lived.stores, lived.name, tmp_path / "again")
    assert again.tables.keys() == manifest.tables.keys()
    for table in tables.ARCHIVED:
        left, right = (pq.read_table(table_path(tmp_path / d, table)) for d in ("out", "again"))
        assert left.equals(right), table.name


def test_an_imported_memory_lives_on(lived: MemoryUnderTest, tmp_path: Path) -> None:
    export_memory(lived.stores, lived.name, tmp_path / "out")
    delete_memory(lived.stores, lived.name)
    import_memory(lived.stores, tmp_path / "out")
    assert lived.add(make_rollouts(10)).new == 0
    assert lived.add(make_rollouts(12)).new == 8
    lived.link()
    assert check_memory(lived.stores, lived.name).ok


def test_under_another_name_it_is_the_memory_that_an_ingest_makes(
    lived: MemoryUnderTest, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoints" / lived.name / "m1"
    checkpoint.mkdir(parents=True)
    (checkpoint / MANIFEST).write_text(json.dumps({"memory": lived.name, "seed": 1}))
    export_memory(lived.stores, lived.name, tmp_path / "out", checkpoints=checkpoint.parent)
    renamed = MemoryUnderTest(lived.stores, f"{lived.name}-renamed")
    try:
        manifest = import_memory(
            lived.stores, tmp_path / "out", name=renamed.name, checkpoints=tmp_path / "back"
        )
        assert manifest.memory == renamed.name
        report = check_memory(lived.stores, renamed.name)
        assert report.ok, report.lines()
        assert renamed.add(make_rollouts(10)).new == 0, "the ids are those of the new name"
        before, after = (contents(memory) for memory in (lived, renamed))
        assert after["counts"] == before["counts"]
        for part in ("nodes", "propagated", "models"):
            assert len(after[part]) == len(before[part]) > 0, part  # pyright: ignore
        kept = tmp_path / "back" / renamed.name / "m1" / MANIFEST
        assert json.loads(kept.read_text()) == {"memory": renamed.name, "seed": 1}
        with pytest.raises(InputError, match="cannot name a memory"):
            import_memory(lived.stores, tmp_path / "out", name="a name")
    finally:
        delete_memory(lived.stores, renamed.name)


def test_keys_of_an_archive_keep_their_version(lived: MemoryUnderTest, tmp_path: Path) -> None:
    """Archives from before there were versions hold the first."""
    export_memory(lived.stores, lived.name, tmp_path / "out")
    delete_memory(lived.stores, lived.name)
    path = tmp_path / "out" / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    assert manifest.pop("keys_version") == KEYS_VERSION
    path.write_text(json.dumps(manifest), encoding="utf-8")
    import_memory(lived.stores, tmp_path / "out")
    with pytest.raises(KeysVersionError, match="version 1"):
        lived.add(make_rollouts(12))


def test_what_is_not_published_is_published_first(memory: MemoryUnderTest, tmp_path: Path) -> None:
    memory.accept([make_rollout(1)])
    assert export_memory(memory.stores, memory.name, tmp_path / "out").seq == 1


def test_a_name_that_is_taken(lived: MemoryUnderTest, tmp_path: Path) -> None:
    export_memory(lived.stores, lived.name, tmp_path / "out")
    before = contents(lived)
    with pytest.raises(InputError, match="already exists"):
        import_memory(lived.stores, tmp_path / "out")
    assert contents(lived) == before


def test_a_folder_that_is_not_empty(lived: MemoryUnderTest, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        export_memory(lived.stores, lived.name, tmp_path)


def test_an_import_that_was_cut_off_is_begun_anew(
    lived: MemoryUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(lived)
    export_memory(lived.stores, lived.name, tmp_path / "out")
    delete_memory(lived.stores, lived.name)

    class Crash(Exception):
        pass

    with monkeypatch.context() as patch:

        def crash(*_: object) -> None:
            raise Crash

        patch.setattr(module.GraphCopy, "finish", crash)
        with pytest.raises(Crash):
            import_memory(lived.stores, tmp_path / "out")
    assert lived.name not in list_memories(lived.stores)
    with pytest.raises(UnknownMemoryError, match="being imported"):
        read_graph(lived.stores, lived.name)
    with pytest.raises(UnknownMemoryError, match="being imported"):
        lived.add([make_rollout(1)])
    assert not check_memory(lived.stores, lived.name).ok
    assert catch_up_all(lived.stores) == []
    import_memory(lived.stores, tmp_path / "out")
    assert contents(lived) == before


@pytest.mark.parametrize("column", ["truncated", "finish_reason", "answer_given"])
def test_an_archive_from_before_a_column_is_read_without_it(
    column: str, lived: MemoryUnderTest, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export_memory(lived.stores, lived.name, out)
    delete_memory(lived.stores, lived.name)
    _rewrite(out, tables.ROLLOUT, lambda data: data.drop_columns([column]))
    import_memory(lived.stores, out)
    rows = lived.ask(
        "MATCH (a:Answer {memory: $memory}) "
        "RETURN count(a) AS n, count(a[$column]) AS given, count(a.step) AS steps",
        column=column,
    )
    assert rows == [{"n": 42, "given": 0, "steps": 42}]
    assert check_memory(lived.stores, lived.name).ok


@pytest.mark.parametrize("table", [t for t in tables.ARCHIVED if t.made_of], ids=lambda t: t.name)
def test_an_archive_from_before_a_table_is_read_without_it(
    table: tables.Table, lived: MemoryUnderTest, tmp_path: Path
) -> None:
    before, out = contents(lived), tmp_path / "out"
    export_memory(lived.stores, lived.name, out)
    delete_memory(lived.stores, lived.name)
    manifest = json.loads((out / MANIFEST).read_text())
    del manifest["tables"][table.archive]
    (out / MANIFEST).write_text(json.dumps(manifest))
    table_path(out, table).unlink()
    import_memory(lived.stores, out)
    assert contents(lived) == before


def test_the_order_of_an_archives_columns_is_free(lived: MemoryUnderTest, tmp_path: Path) -> None:
    before, out = contents(lived), tmp_path / "out"
    export_memory(lived.stores, lived.name, out)
    delete_memory(lived.stores, lived.name)
    for table in tables.ARCHIVED:
        _rewrite(out, table, lambda data: data.select(data.column_names[::-1]))
    import_memory(lived.stores, out)
    assert contents(lived) == before


def test_an_archive_of_a_newer_version_is_refused(lived: MemoryUnderTest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_memory(lived.stores, lived.name, out)
    delete_memory(lived.stores, lived.name)
    _rewrite(out, tables.RUN, lambda data: data.append_column("later", data.column("name")))
    with pytest.raises(InputError, match="does not know the columns later"):
        import_memory(lived.stores, out)


def _rewrite(out: Path, table: tables.Table, change: Callable[[pa.Table], pa.Table]) -> None:
    """Another table of an archive, with a right checksum."""
    path = table_path(out, table)
    pq.write_table(change(pq.read_table(path)), path)
    manifest = json.loads((out / MANIFEST).read_text())
    manifest["tables"][table.archive]["sha256"] = file_hash(path)
    (out / MANIFEST).write_text(json.dumps(manifest))


DAMAGE = ["flip", "remove", "manifest", "format", "outside", "columns", "text", "place", "rows"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_archive_is_refused(damage: str, lived: MemoryUnderTest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_memory(lived.stores, lived.name, out)
    delete_memory(lived.stores, lived.name)
    _damage(damage, out)
    with pytest.raises(InputError):
        import_memory(lived.stores, out, checkpoints=tmp_path / "back")
    assert lived.name not in list_memories(lived.stores)
    assert not (tmp_path / "escaped").exists()


def _damage(damage: str, out: Path) -> None:
    """Flipped bytes and lost files; and, with right checksums, what no export writes."""
    manifest = json.loads((out / MANIFEST).read_text())
    path = table_path(out, tables.QUERY)
    if damage == "flip":
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(bytes(raw))
    elif damage == "remove":
        path.unlink()
    elif damage == "manifest":
        (out / MANIFEST).unlink()
    else:
        _forge(damage, out, manifest)


def _forge(damage: str, out: Path, manifest: dict[str, object]) -> None:
    table = tables.ROLLOUT if damage == "place" else tables.QUERY
    path = table_path(out, table)
    data = pq.read_table(path)
    if damage == "format":
        manifest["format"] = 2
    elif damage == "outside":
        (out.parent / "escaped.txt").write_text("x")
        manifest["checkpoints"] = {"../../escaped.txt": file_hash(out.parent / "escaped.txt")}
    elif damage == "columns":
        data = data.drop_columns(["text"])
    elif damage == "rows":
        data = data.slice(0, 0)
    else:
        column = "text" if damage == "text" else "thinking"
        values = data.column(column).to_pylist()
        values[0] = "something else"
        data = data.set_column(data.column_names.index(column), column, [values])
    pq.write_table(data, path)
    entries = manifest["tables"]
    assert isinstance(entries, dict)
    entries[table.archive]["sha256"] = file_hash(path)
    (out / MANIFEST).write_text(json.dumps(manifest))
