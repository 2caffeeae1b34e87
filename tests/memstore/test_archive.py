import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rollout_factory import make_rollout, make_rollouts
from store_fixtures import MemoryUnderTest

from memstore import import_ as module
from memstore.archive import MANIFEST, TABLES, file_hash, table_path
from memstore.check import check_memory
from memstore.delete import delete_memory
from memstore.export import export_memory
from memstore.history import read_history
from memstore.import_ import import_memory
from memstore.labels import add_labels
from memstore.read_graph import read_graph
from memstore.repair import catch_up_all
from memstore.rewards import list_models, read_propagated, register_model, write_propagated
from memstore.stats import list_memories, memory_stats
from memstore.stores import get_memory
from schema.errors import InputError, UnknownMemoryError
from schema.ids import rollout_id
from schema.reward import Preference, PropagatedReward, VerifiedReward

EVERYTHING = (
    "MATCH (n {memory: $memory}) WHERE NOT n:Memory "
    "RETURN labels(n)[0] AS label, properties(n) AS own, "
    "COLLECT { MATCH (n)-[e]->(m) RETURN type(e) + ' ' + m.id + ' ' + e.seq + ' ' "
    "+ coalesce(toString(e.score), '') + ' ' + coalesce(e.encoder, '') + ' ' "
    "+ coalesce(toString(e.generation), '') + ' ' + coalesce(e.memory, '') + ' ' "
    "+ coalesce(toString(e.step), '') + ' ' + coalesce(e.annotator, '') ORDER BY type(e), m.id } "
    "AS edges ORDER BY label, n.id"
)


def first(memory: MemoryUnderTest, place: int = 0) -> str:
    return rollout_id(memory.name, "run-1", "sum-1", 0, place)


@pytest.fixture
def full(memory: MemoryUnderTest) -> MemoryUnderTest:
    """Several batches of every kind, history included."""
    memory.add(make_rollouts(10))
    memory.link()
    bare: dict[str, Any] = {
        "policy_signals": None,
        "policy_embedding": None,
        "policy_layer": None,
        "policy": None,
    }
    memory.add([make_rollout(20, **bare, truncated=None, completion_tokens=None)], run="run-2")
    stores, name = memory.stores, memory.name
    register_model(stores, name, "m1", {"kind": "test", "nested": {"a": [1, 2]}})
    for value in (0.3, None):
        reward = PropagatedReward(rollout_id=first(memory), value=value, confidence=0.5, model="m1")
        write_propagated(stores, name, [reward])
    for who, said in (("ann", 0.0), ("bob", 0.5), ("ann", 1.0)):
        add_labels(stores, name, [VerifiedReward(rollout_id=first(memory), value=said, source=who)])
    for better, worse in ((0, 1), (1, 0)):
        pair = Preference(better=first(memory, better), worse=first(memory, worse), annotator="ann")
        add_labels(stores, name, [], [pair])
    return memory


def contents(memory: MemoryUnderTest) -> dict[str, object]:
    """All of a memory, in a form that can be compared."""
    graph = read_graph(memory.stores, memory.name)
    nodes = memory.ask(EVERYTHING)
    for node in nodes:  # Neo4j's clock and Postgres' differ by the time of one message.
        node["own"].pop("propagated_at", None)  # pyright: ignore[reportAttributeAccessIssue]
    arrays = {
        name: value.tobytes() if hasattr(value, "tobytes") else value
        for name, value in vars(graph).items()
    }
    return {
        "nodes": nodes,
        "arrays": arrays,
        "propagated": read_propagated(memory.stores, memory.name),
        "models": list_models(memory.stores, memory.name),
        "history": read_history(memory.stores, memory.name, first(memory)),
        "state": replace(get_memory(memory.stores, memory.name), incarnation=""),
        "counts": memory_stats(memory.stores, memory.name)["counts"],
    }


def test_the_round_trip_gives_everything_back(full: MemoryUnderTest, tmp_path: Path) -> None:
    before = contents(full)
    checkpoint = tmp_path / "checkpoints" / full.name / "m1"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights.safetensors").write_bytes(b"weights")
    (checkpoint.parent / ".fresh-1").mkdir()
    manifest = export_memory(
        full.stores, full.name, tmp_path / "out", checkpoints=checkpoint.parent
    )
    assert manifest.checkpoints.keys() == {"m1/weights.safetensors"}
    delete_memory(full.stores, full.name)
    import_memory(full.stores, tmp_path / "out", checkpoints=tmp_path / "back")
    after = contents(full)
    for part in before:
        assert after[part] == before[part], part
    report = check_memory(full.stores, full.name)
    assert report.ok, report.lines()
    kept = tmp_path / "back" / full.name / "m1" / "weights.safetensors"
    assert kept.read_bytes() == b"weights"
    again = export_memory(full.stores, full.name, tmp_path / "again")
    assert again.tables.keys() == manifest.tables.keys()
    for name in TABLES:
        left, right = (pq.read_table(table_path(tmp_path / d, name)) for d in ("out", "again"))
        assert left.equals(right), name


def test_an_imported_memory_lives_on(full: MemoryUnderTest, tmp_path: Path) -> None:
    export_memory(full.stores, full.name, tmp_path / "out")
    delete_memory(full.stores, full.name)
    import_memory(full.stores, tmp_path / "out")
    assert full.add(make_rollouts(10)).new == 0
    assert full.add(make_rollouts(12)).new == 8
    full.link()
    assert check_memory(full.stores, full.name).ok


def test_what_is_not_published_is_published_first(memory: MemoryUnderTest, tmp_path: Path) -> None:
    memory.accept([make_rollout(1)])
    assert export_memory(memory.stores, memory.name, tmp_path / "out").seq == 1


def test_a_name_that_is_taken(full: MemoryUnderTest, tmp_path: Path) -> None:
    export_memory(full.stores, full.name, tmp_path / "out")
    before = contents(full)
    with pytest.raises(InputError, match="there is a memory"):
        import_memory(full.stores, tmp_path / "out")
    assert contents(full) == before


def test_a_folder_that_is_not_empty(full: MemoryUnderTest, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        export_memory(full.stores, full.name, tmp_path)


def test_an_import_that_was_cut_off_is_begun_anew(
    full: MemoryUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(full)
    export_memory(full.stores, full.name, tmp_path / "out")
    delete_memory(full.stores, full.name)

    class Crash(Exception):
        pass

    with monkeypatch.context() as patch:

        def crash(*_: object) -> None:
            raise Crash

        patch.setattr(module.GraphImport, "finish", crash)
        with pytest.raises(Crash):
            import_memory(full.stores, tmp_path / "out")
    assert full.name not in list_memories(full.stores)
    with pytest.raises(UnknownMemoryError, match="being imported"):
        read_graph(full.stores, full.name)
    with pytest.raises(UnknownMemoryError, match="being imported"):
        full.add([make_rollout(1)])
    assert not check_memory(full.stores, full.name).ok
    assert catch_up_all(full.stores) == []
    import_memory(full.stores, tmp_path / "out")
    assert contents(full) == before


DAMAGE = ["flip", "remove", "manifest", "format", "outside", "columns", "text", "place", "rows"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_archive_is_refused(damage: str, full: MemoryUnderTest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_memory(full.stores, full.name, out)
    delete_memory(full.stores, full.name)
    _damage(damage, out)
    with pytest.raises(InputError):
        import_memory(full.stores, out, checkpoints=tmp_path / "back")
    assert full.name not in list_memories(full.stores)
    assert not (tmp_path / "escaped").exists()


def _damage(damage: str, out: Path) -> None:
    """Flipped bytes and lost files; and, with right checksums, what no export writes."""
    manifest = json.loads((out / MANIFEST).read_text())
    path = table_path(out, "queries")
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
    table = "rollouts" if damage == "place" else "queries"
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
    tables = manifest["tables"]
    assert isinstance(tables, dict)
    tables[table]["sha256"] = file_hash(path)
    (out / MANIFEST).write_text(json.dumps(manifest))
