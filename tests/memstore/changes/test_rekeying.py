"""A re-keyed memory is the memory that the new keys would have made."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.full_memory import contents
from support.old_keys import OLD, old_keys
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.archive.export import export_memory
from memstore.archive.graph_rebuild import rebuild_graph
from memstore.archive.restore import import_memory
from memstore.changes.rekeying import RekeyReport, rekey
from memstore.changes.run_deletion import delete_run
from memstore.consistency.check import check_memory
from memstore.db.graph_store import GraphTransaction
from memstore.db.stores import get_memory
from memstore.outbox.deletion import delete_memory
from memstore.outbox.locks import lock_existing
from memstore.outbox.recovery import repair
from memstore.reads.full_graph import read_graph
from memstore.snapshot.cache import SnapshotCache
from schema.answers import KEYS_VERSION
from schema.errors import KeysVersionError, StoreError, UnknownMemoryError
from schema.graph import CONCLUSION

ROLLOUTS = 41
#: All but those of queries 0, 4, 8 and 20, and the last ones of queries 3 and 7: see `old_key`.
CHANGED = 26


class Crash(Exception):
    """The process dies here."""


def live(memory: MemoryUnderTest) -> None:
    """Two ingests, in which the rollouts of one query come in both, and a link."""
    memory.add([r for r in make_rollouts(10) if r.place < 3])
    memory.add([r for r in make_rollouts(10) if r.place == 3])
    memory.link()
    memory.add([make_rollout(20)], run="run-2")


@pytest.fixture
def old(memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch) -> MemoryUnderTest:
    """A memory with old keys; pages are small."""
    monkeypatch.setattr("memstore.changes.rekeying.ROLLOUTS_A_PAGE", 7)
    monkeypatch.setattr("memstore.outbox.new_keys.ROWS_A_TRANSACTION", 5)
    with old_keys():
        live(memory)
    return memory


def run(memory: MemoryUnderTest, **options: Any) -> RekeyReport:
    return rekey(memory.stores, memory.name, **options)


def everything(memory: MemoryUnderTest, home: Path) -> dict[str, Any]:
    """Contents of both databases and of a snapshot, without times and the one more batch."""
    found: dict[str, Any] = contents(memory)
    found["state"] = replace(found["state"], seq=0, published_seq=0)
    for node in found["nodes"]:
        node["own"].pop("verified_at", None)
    del found["arrays"]["seq"], found["counts"]["seq"], found["counts"]["accepted_seq"]
    del found["history"]
    snapshot = SnapshotCache(memory.stores, memory.name, home)
    files = snapshot.snapshot.files
    found["snapshot"] = {name: column.array.tobytes() for name, column in files.numbers.items()}
    rows = np.arange(snapshot.snapshot.count(CONCLUSION))
    found["keys"] = snapshot.snapshot.texts("conclusion.key", rows)
    return found


def test_it_equals_a_memory_that_was_ingested_with_the_new_keys(
    old: MemoryUnderTest, tmp_path: Path
) -> None:
    kept = SnapshotCache(old.stores, old.name, tmp_path / "kept")
    before = read_graph(old.stores, old.name)
    said: list[tuple[str, int, int]] = []
    report = run(old, progress=lambda *now: said.append(now))
    assert report == RekeyReport(version=KEYS_VERSION, read=ROLLOUTS, changed=CHANGED)
    assert said[0] == ("read answers", 7, ROLLOUTS) and said[-1][1:] == (ROLLOUTS, ROLLOUTS)
    assert get_memory(old.stores, old.name).keys_version == KEYS_VERSION
    assert check_memory(old.stores, old.name).lines()[1:] == []
    kept.catch_up()
    assert kept.made_because == "rows were deleted or replaced"
    rekeyed = everything(old, tmp_path / "kept")
    assert before.conclusion_id_C != read_graph(old.stores, old.name).conclusion_id_C
    rebuild_graph(old.stores, old.name)
    assert everything(old, tmp_path / "rebuilt") == rekeyed
    delete_memory(old.stores, old.name)
    live(old)
    fresh = everything(old, tmp_path / "fresh")
    for part in fresh:
        assert rekeyed[part] == fresh[part], part


def test_again_it_does_nothing(old: MemoryUnderTest) -> None:
    run(old)
    state = get_memory(old.stores, old.name)
    assert run(old) == RekeyReport(version=KEYS_VERSION)
    assert get_memory(old.stores, old.name) == state


def test_until_then_new_rollouts_are_refused_and_afterwards_they_meet(
    old: MemoryUnderTest,
) -> None:
    with pytest.raises(KeysVersionError, match=f"`memreward rekey --memory {old.name}`"):
        old.add([make_rollout(1, 5)])
    assert check_memory(old.stores, old.name).ok
    assert f"`memreward rekey --memory {old.name}`" in check_memory(old.stores, old.name).lines()[1]
    run(old)
    n_conclusions = len(read_graph(old.stores, old.name).conclusion_id_C)
    assert old.add([make_rollout(1, 5), make_rollout(20)]).new == 2
    assert len(read_graph(old.stores, old.name).conclusion_id_C) == n_conclusions
    assert check_memory(old.stores, old.name).ok


def test_keys_of_a_newer_version_stay(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.add([make_rollout(1)])
    for module in ("changes.rekeying", "outbox.locks", "consistency.check"):
        monkeypatch.setattr(f"memstore.{module}.KEYS_VERSION", OLD)
    with pytest.raises(KeysVersionError, match="Update memreward"):
        run(memory)
    assert "update memreward" in check_memory(memory.stores, memory.name).lines()[1]


def test_no_such_memory(memory: MemoryUnderTest) -> None:
    with pytest.raises(UnknownMemoryError):
        run(memory)


def dying_after(pages: int) -> Callable[[str, int, int], None]:
    """A progress that ends the process after some pages."""
    left = iter(range(pages))

    def progress(what: str, done: int, total: int) -> None:
        if next(left, None) is None:
            raise Crash

    return progress


def test_a_stopped_one_goes_on_where_it_was(old: MemoryUnderTest) -> None:
    before = contents(old)
    with pytest.raises(Crash):
        run(old, progress=dying_after(2))
    assert contents(old) == before
    delete_run(old.stores, old.name, "run-2")
    report = run(old)
    assert report.changed == CHANGED and report.read <= ROLLOUTS - 3 * 7
    assert check_memory(old.stores, old.name).ok


def test_keys_that_another_version_began_are_not_used(
    old: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("memstore.changes.rekeying.KEYS_VERSION", KEYS_VERSION + 1)
        patch.setattr("memstore.changes.rekeying.conclusion_key", lambda *_: "text:wrong")
        with pytest.raises(Crash):
            run(old, progress=dying_after(2))
    assert run(old).read == ROLLOUTS
    assert "text:wrong" not in read_graph(old.stores, old.name).conclusion_key_C


@contextmanager
def dying_in(monkeypatch: pytest.MonkeyPatch, statement: str, times: int) -> Iterator[None]:
    """The process dies when it tells Neo4j this for the last of some times."""
    plain, left = GraphTransaction.rows, iter(range(times - 1))

    def rows(self: GraphTransaction, name: str, /, **parameters: object) -> list[list[Any]]:
        if name == statement and next(left, None) is None:
            raise Crash
        return plain(self, name, **parameters)

    with monkeypatch.context() as patch:
        patch.setattr(GraphTransaction, "rows", rows)
        with pytest.raises(Crash):
            yield


@pytest.mark.parametrize(
    ("statement", "times"),
    [("new_conclusions", 1), ("reach_conclusions", 3), ("delete_conclusions", 2), ("advance", 1)],
)
def test_once_it_is_accepted_nothing_else_is_and_repair_ends_it(
    old: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch, statement: str, times: int
) -> None:
    with dying_in(monkeypatch, statement, times):
        run(old)
    with pytest.raises(KeysVersionError):
        old.accept([make_rollout(30)])
    state = get_memory(old.stores, old.name)
    with (
        old.stores.vectors.transaction("outbox.sql") as session,
        pytest.raises(StoreError, match="a re-keying of memory"),
    ):
        lock_existing(session, state)
    assert repair(old.stores, old.name).published == 1
    report = check_memory(old.stores, old.name)
    assert report.ok and not report.notes, report.lines()
    assert run(old) == RekeyReport(version=KEYS_VERSION)


def test_a_rebuild_before_it_took_effect(
    old: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with dying_in(monkeypatch, "reach_conclusions", 3):
        run(old)
    rebuild_graph(old.stores, old.name)
    assert check_memory(old.stores, old.name).ok
    found = everything(old, tmp_path / "a")
    delete_memory(old.stores, old.name)
    live(old)
    assert found == everything(old, tmp_path / "b")


def test_an_archive_of_old_keys_is_read_and_re_keyed(old: MemoryUnderTest, tmp_path: Path) -> None:
    assert export_memory(old.stores, old.name, tmp_path / "out").keys_version == OLD
    run(old)
    expected = contents(old)
    delete_memory(old.stores, old.name)
    import_memory(old.stores, tmp_path / "out")
    assert get_memory(old.stores, old.name).keys_version == OLD
    assert run(old).changed == CHANGED
    found = contents(old)
    for part in expected:
        assert found[part] == expected[part], part


def test_an_edge_drawn_by_hand_stays(old: MemoryUnderTest) -> None:
    old.change(
        "MATCH (a:Answer {memory: $memory, source_query_id: 'sum-1', place: 0}) "
        "MATCH (:Answer {memory: $memory, source_query_id: 'sum-0', place: 0})-[:CONCLUDES]->(c) "
        "CREATE (a)-[:CONCLUDES {by: 'hand'}]->(c)"
    )
    run(old)
    asked = "MATCH (:Answer {memory: $memory})-[e:CONCLUDES {by: 'hand'}]->() RETURN count(e) AS n"
    assert old.ask(asked) == [{"n": 1}]


def test_two_at_once_make_one_batch(old: MemoryUnderTest) -> None:
    seq = get_memory(old.stores, old.name).seq
    reports: list[RekeyReport] = []
    threads = [threading.Thread(target=lambda: reports.append(run(old))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(report.changed for report in reports) == [0, 0, CHANGED]
    assert get_memory(old.stores, old.name).seq == seq + 1
    assert check_memory(old.stores, old.name).ok


def test_a_failed_one_is_counted_and_stops_publication(old: MemoryUnderTest) -> None:
    old.change("MATCH (a:Answer {memory: $memory, source_query_id: 'sum-1'}) DETACH DELETE a")
    with pytest.raises(StoreError, match="`reach_conclusions`"):
        run(old)
    rebuild_graph(old.stores, old.name)
    assert check_memory(old.stores, old.name).ok
    assert get_memory(old.stores, old.name).keys_version == KEYS_VERSION
