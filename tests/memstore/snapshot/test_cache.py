"""Snapshots of memories in the real databases."""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from support.rollout_factory import make_rollout, make_rollouts, unit_vector
from support.snapshot_factory import assert_same
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.changes.reembedding import reembed
from memstore.changes.run_deletion import delete_run
from memstore.outbox.publication import publish
from memstore.reads.full_graph import read_graph
from memstore.snapshot import cache
from memstore.snapshot.cache import SnapshotCache
from memstore.snapshot.edge_drift import AGAIN_SECONDS, EdgeComparison
from memstore.snapshot.files import EDGES
from memstore.snapshot.fill import FEW_BATCHES, published_edges
from memstore.snapshot.snapshot import EdgeRows
from memstore.snapshot.subgraph import whole
from schema.errors import StoreError, UnknownMemoryError, UnreachableError
from schema.reward import VerifiedReward


def kept(memory: MemoryUnderTest, home: Path, **options: bool) -> SnapshotCache:
    return SnapshotCache(memory.stores, memory.name, home, **options)


def start_the_machine_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("files", "cache"):
        monkeypatch.setattr(f"memstore.snapshot.{module}.machine_start", lambda: "another")


def assert_is_the_graph(snapshot: SnapshotCache, memory: MemoryUnderTest) -> None:
    """The snapshot holds what a reading of both databases gives."""
    assert_same(whole(snapshot.snapshot).graph, read_graph(memory.stores, memory.name))


def test_it_is_the_graph_made_at_once_or_batch_by_batch(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    rollouts = make_rollouts(12, 3)
    memory.add(rollouts[:9], labelled=frozenset({rollouts[0].query}))
    snapshot = kept(memory, tmp_path / "a")
    assert_is_the_graph(snapshot, memory)
    for start in (9, 18, 27):
        memory.add(rollouts[start : start + 9], labelled=frozenset({rollouts[start].query}))
        snapshot.catch_up()
    more = [replace(make_rollout(0, place), step=1) for place in range(2)]
    memory.add(more, run="run-2")
    snapshot.catch_up()
    assert snapshot.made_because == "there is none of this version"
    assert_is_the_graph(snapshot, memory)
    again = kept(memory, tmp_path / "b")
    one, other = snapshot.snapshot.files, again.snapshot.files
    for name, column in one.numbers.items():
        if ".out." not in name and ".in." not in name:
            np.testing.assert_array_equal(column.array, other.numbers[name].array, err_msg=name)
    found = kept(memory, tmp_path / "a")
    assert found.made_because is None
    assert_is_the_graph(found, memory)


def test_what_is_accepted_and_not_published_is_in_it(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    memory.add(make_rollouts(6, 2))
    snapshot = kept(memory, tmp_path)
    memory.accept(make_rollouts(4, 2, first=6))
    memory.accept([make_rollout(2, 7)])
    snapshot.catch_up()
    seen = whole(snapshot.snapshot).graph
    assert seen.seq == 3 and len(seen.query_id_Q) == 10
    publish(memory.stores, memory.name)
    assert_same(seen, read_graph(memory.stores, memory.name))


def test_labels_links_and_deletes_reach_it(memory: MemoryUnderTest, tmp_path: Path) -> None:
    memory.add(make_rollouts(9, 2), labelled=frozenset())
    memory.add(make_rollouts(3, 2, first=7), run="run-2", labelled=frozenset())
    snapshot = kept(memory, tmp_path)
    graph = read_graph(memory.stores, memory.name)
    said = [(graph.rollout_id_R[3], 1.0, "a"), (graph.rollout_id_R[3], 0.0, "b")]
    rewards = [VerifiedReward(rollout_id=r, value=v, source=s) for r, v, s in said]
    add_labels(memory.stores, memory.name, rewards[:1])
    snapshot.catch_up()
    assert_is_the_graph(snapshot, memory)
    assert not read_graph(memory.stores, memory.name).said_2W.shape[1]  # One spoke alone.
    add_labels(memory.stores, memory.name, rewards[1:])
    said = read_graph(memory.stores, memory.name)
    assert said.said_2W[1].tolist() == [3, 3]
    assert [said.source_name_S[row] for row in said.said_2W[0]] == ["a", "b"]
    assert said.said_reward_W.tolist() == [1.0, 0.0]
    snapshot.catch_up()
    assert_is_the_graph(snapshot, memory)
    add_labels(memory.stores, memory.name, [replace(rewards[0], value=0.5)])
    memory.link()
    memory.add(make_rollouts(2, 2, first=20))
    snapshot.catch_up()
    assert snapshot.made_because == "there is none of this version"
    assert_is_the_graph(snapshot, memory)
    delete_run(memory.stores, memory.name, "run-2")
    snapshot.catch_up()
    assert snapshot.made_because == "rows were deleted or replaced"
    assert_is_the_graph(snapshot, memory)
    assert len(list(tmp_path.rglob("base-*"))) == 1


def test_labels_of_many_batches_are_those_looked_up_one_by_one(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    memory.add(make_rollouts(4, 2))
    ids = read_graph(memory.stores, memory.name).rollout_id_R
    snapshot = kept(memory, tmp_path)

    def say(value: float, source: str, *rollouts: int) -> None:
        rewards = [
            VerifiedReward(rollout_id=ids[row], value=value, source=source) for row in rollouts
        ]
        add_labels(memory.stores, memory.name, rewards)

    for batch in range(FEW_BATCHES + 1):
        say(batch / 10, "a", batch, batch + 1)
    say(1.0, "b", 2, 3)
    snapshot.catch_up()
    assert snapshot.made_because == "there is none of this version"
    assert_is_the_graph(snapshot, memory)
    span = {"memory": memory.name, "upto": snapshot.snapshot.seq}
    with memory.stores.vectors.reading("snapshot.sql") as session:
        for after in range(snapshot.snapshot.seq):
            for all_of_them in ("verified", "several_said"):
                found = session.rows(all_of_them, after=after, **span)
                assert found == session.rows(f"{all_of_them}_since", after=after, **span)
                assert found


class _OtherEncoder:
    name = "other"
    dimension = 8

    def encode(self, texts: list[str], progress: object = None) -> np.ndarray:
        return np.stack([unit_vector(len(text), 8) for text in texts])


def test_other_embeddings_are_another_snapshot(memory: MemoryUnderTest, tmp_path: Path) -> None:
    memory.add(make_rollouts(4, 2))
    snapshot = kept(memory, tmp_path)
    reembed(memory.stores, memory.name, _OtherEncoder())  # pyright: ignore[reportArgumentType]
    snapshot.catch_up()
    assert_is_the_graph(snapshot, memory)
    assert snapshot.snapshot.take("query.embedding", np.array([0])).shape == (1, 8)


def test_the_commonest_policy_embeddings_are_held(memory: MemoryUnderTest, tmp_path: Path) -> None:
    memory.add(make_rollouts(2, 2))
    snapshot = kept(memory, tmp_path)
    others = [
        replace(rollout, policy_layer="9", policy_embedding=unit_vector(place, 5))
        for place, rollout in enumerate(make_rollouts(3, 2, first=5))
    ]
    memory.add(others[:2])
    snapshot.catch_up()
    assert snapshot.made_because == "there is none of this version"
    assert_is_the_graph(snapshot, memory)
    memory.add(others[2:])
    snapshot.catch_up()
    assert snapshot.made_because == "other policy embeddings have become the most"
    assert_is_the_graph(snapshot, memory)


def test_the_commonest_policy_embeddings_may_have_been_accepted_only(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    memory.add(make_rollouts(1, 2))
    snapshot = kept(memory, tmp_path)
    memory.accept([replace(rollout, policy_layer="9") for rollout in make_rollouts(3, 2, first=5)])
    snapshot.catch_up()
    assert_is_the_graph(snapshot, memory)


CHANGES = {
    "removed": "MATCH (:Thinking {memory: $memory})-[e:LEADS_TO]->() WITH e LIMIT 1 DELETE e",
    "drawn": "MATCH (q:Query {memory: $memory}), (n:Query {memory: $memory}) "
    "WHERE q.id < n.id AND NOT (q)-[:SIMILAR_TO]->(n) "
    "WITH q, n LIMIT 1 CREATE (q)-[:SIMILAR_TO]->(n)",
    "score": "MATCH (q:Query {memory: $memory})-[s:SIMILAR_TO]->() "
    "WITH s LIMIT 1 SET s.score = 0.99",
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_edge_changed_by_hand_is_noticed(
    memory: MemoryUnderTest, tmp_path: Path, change: str
) -> None:
    memory.add(make_rollouts(12, 1))
    memory.link()
    snapshot = kept(memory, tmp_path)
    snapshot.check()
    assert snapshot.made_because == "there is none of this version"
    memory.change(CHANGES[change])
    assert "by hand" in str(kept(memory, tmp_path).made_because)
    snapshot.check()
    assert_is_the_graph(snapshot, memory)


@pytest.mark.parametrize("change", CHANGES)
def test_a_comparison_beside_is_heard_at_a_later_call(
    memory: MemoryUnderTest, tmp_path: Path, change: str
) -> None:
    memory.add(make_rollouts(12, 1))
    memory.link()
    before = whole(kept(memory, tmp_path).snapshot).graph
    memory.change(CHANGES[change])
    snapshot = kept(memory, tmp_path, beside=True)
    assert snapshot.made_because is None
    assert_same(whole(snapshot.snapshot).graph, before)
    memory.add(make_rollouts(3, 1, first=20))  # What arrives meanwhile is no change by hand.
    deadline = time.monotonic() + 60
    while snapshot.made_because is None and time.monotonic() < deadline:
        snapshot.catch_up()
    assert "by hand" in str(snapshot.made_because)
    assert_is_the_graph(snapshot, memory)


def test_a_comparison_beside_that_failed_is_made_again_after_a_while(
    memory: MemoryUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.add(make_rollouts(12, 1))
    memory.link()
    kept(memory, tmp_path)
    memory.change(next(iter(CHANGES.values())))
    changed, tries, is_open = EdgeComparison.changed, list[EdgeComparison](), Event()

    def fail_once(comparison: EdgeComparison) -> list[str]:
        tries.append(comparison)
        if len(tries) == 1:
            is_open.wait(60)
            raise UnreachableError("Neo4j is away")
        return changed(comparison)

    monkeypatch.setattr(EdgeComparison, "changed", fail_once)
    snapshot, deadline = kept(memory, tmp_path, beside=True), time.monotonic() + 60
    is_open.set()
    with pytest.raises(UnreachableError, match="away"):
        while time.monotonic() < deadline:
            snapshot.catch_up()
    snapshot.catch_up()  # It is raised once, and not tried again at once.
    assert len(tries) == 1
    late = time.monotonic() + AGAIN_SECONDS
    monkeypatch.setattr("memstore.snapshot.edge_drift.monotonic", lambda: late)
    for _ in range(600):
        snapshot.catch_up()
        if snapshot.made_because is not None:
            break
        time.sleep(0.1)
    assert "by hand" in str(snapshot.made_because)
    assert_is_the_graph(snapshot, memory)


def test_edges_are_compared_only_after_neo4j_was_written_to(
    memory: MemoryUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.add(make_rollouts(6, 2))
    kept(memory, tmp_path)
    done: list[EdgeComparison] = []
    changed = EdgeComparison.changed

    def count(comparison: EdgeComparison) -> list[str]:
        done.append(comparison)
        return changed(comparison)

    monkeypatch.setattr(EdgeComparison, "changed", count)
    kept(memory, tmp_path)
    kept(memory, tmp_path, beside=True)
    assert not done
    memory.change("MATCH (m:Memory {memory: $memory}) SET m.seen = true")
    kept(memory, tmp_path)
    assert len(done) == 1
    kept(memory, tmp_path)
    assert len(done) == 1
    memory.add(make_rollouts(2, 2, first=6))
    snapshot = kept(memory, tmp_path, beside=True)
    deadline = time.monotonic() + 60
    agreed = snapshot.snapshot.files.manifest.agreed
    while snapshot.snapshot.files.manifest.agreed == agreed and time.monotonic() < deadline:
        snapshot.catch_up()
    assert len(done) == 2
    kept(memory, tmp_path)
    assert len(done) == 2


def edge_files(snapshot: SnapshotCache) -> dict[str, bytes]:
    """Bytes of what a snapshot holds of edges, by file."""
    numbers = snapshot.snapshot.files.numbers
    return {
        column.path.name: column.array.tobytes()
        for name, column in numbers.items()
        if name.split(".")[0] in EDGES
    }


def test_edges_of_postgres_and_of_neo4j_are_the_same_bytes(
    memory: MemoryUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollouts = make_rollouts(12, 3)
    memory.add(rollouts[:21], labelled=frozenset({rollouts[0].query}))
    memory.link()
    memory.add(rollouts[21:])
    memory.add([replace(make_rollout(0, place), step=1) for place in range(2)], run="run-2")
    monkeypatch.setattr("memstore.snapshot.fill.EDGES_A_PAGE", 5)  # Pages cut batches.
    monkeypatch.setattr("memstore.snapshot.fill.FEW_BATCHES", 0)
    read: list[str] = []

    def from_neo4j(*arguments: Any) -> EdgeRows:
        read.append(arguments[2])
        return published_edges(*arguments)

    monkeypatch.setattr("memstore.snapshot.cache.published_edges", from_neo4j)
    ours = edge_files(kept(memory, tmp_path / "a"))
    assert not read
    theirs = edge_files(kept(memory, tmp_path / "b", rebuild=True))
    assert read == list(EDGES)
    assert ours == theirs


def test_a_new_snapshot_has_the_edges_drawn_by_hand(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    memory.add(make_rollouts(12, 1))
    for change in CHANGES.values():
        memory.change(change)
    snapshot = kept(memory, tmp_path)
    assert_is_the_graph(snapshot, memory)
    memory.link()
    snapshot.catch_up()
    assert snapshot.made_because == "there is none of this version"
    assert_is_the_graph(snapshot, memory)


def test_a_damaged_file_is_not_believed(memory: MemoryUnderTest, tmp_path: Path) -> None:
    memory.add(make_rollouts(4, 2))
    first = kept(memory, tmp_path)
    path = first.snapshot.files.folder / "query.embedding"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    again = kept(memory, tmp_path)
    assert "query.embedding is damaged" in str(again.made_because)
    assert_is_the_graph(again, memory)
    (path.parent.parent / "current.json").write_text("{", encoding="utf-8")
    assert "current.json is damaged" in str(kept(memory, tmp_path).made_because)
    shutil.rmtree(tmp_path / memory.name)
    assert kept(memory, tmp_path).made_because == "there is none of this version"


def test_after_a_start_of_the_machine_damage_is_found_before_a_row_is_used(
    memory: MemoryUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.add(make_rollouts(4, 2))
    first = kept(memory, tmp_path)
    path = first.snapshot.files.folder / "query.embedding"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    start_the_machine_anew(monkeypatch)
    kept(memory, tmp_path)
    again = kept(memory, tmp_path)
    assert again.made_because is None
    with pytest.raises(StoreError, match=r"query.embedding is damaged.*memreward snapshot"):
        whole(again.snapshot)
    again.check_every_page()
    assert "query.embedding is damaged" in str(again.made_because)
    assert_is_the_graph(again, memory)


def test_once_every_page_is_whole_nothing_is_looked_at_again(
    memory: MemoryUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.add(make_rollouts(4, 2))
    kept(memory, tmp_path)
    start_the_machine_anew(monkeypatch)
    snapshot = kept(memory, tmp_path)
    marks = {name: one.mark for name, one in snapshot.snapshot.files.extents.items()}
    assert marks["query.id"] is not None and marks["query.embedding"] is None
    snapshot.check_every_page()
    assert snapshot.made_because is None
    marks = {name: one.mark for name, one in snapshot.snapshot.files.extents.items()}
    assert marks["query.embedding"] is not None and marks["query.text.text"] is not None
    assert not kept(memory, tmp_path).snapshot.files.check()


def test_two_processes_share_one(memory: MemoryUnderTest, tmp_path: Path) -> None:
    memory.add(make_rollouts(4, 2))
    one, other = kept(memory, tmp_path), kept(memory, tmp_path)
    for step in range(3):
        memory.add(make_rollouts(2, 2, first=10 + 2 * step))
        (one, other)[step % 2].catch_up()
    one.catch_up()
    other.catch_up()
    for snapshot in (one, other):
        assert_is_the_graph(snapshot, memory)
        snapshot.snapshot.files.check()
    kept(memory, tmp_path, rebuild=True)
    memory.add(make_rollouts(2, 2, first=30))
    one.catch_up()
    assert_is_the_graph(one, memory)


def test_a_memory_that_is_not_there(memory: MemoryUnderTest, tmp_path: Path) -> None:
    with pytest.raises(UnknownMemoryError):
        kept(memory, tmp_path)


def test_it_opens_again_where_no_rollout_names_a_policy(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    """Neo4j has no edge of one type then, and its sums must say so."""
    memory.add([replace(rollout, policy=None) for rollout in make_rollouts(3, 2)])
    kept(memory, tmp_path)
    assert_is_the_graph(kept(memory, tmp_path), memory)


@pytest.mark.parametrize("error", [UnreachableError("lost"), StoreError("refused")])
def test_what_was_read_before_an_error_is_read_once(
    memory: MemoryUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A lost connection is made again by itself; nodes and edges had been read by then."""
    rollouts = make_rollouts(12, 3)
    memory.add(rollouts[:9])
    snapshot = kept(memory, tmp_path)
    memory.add(rollouts[9:])
    whole_reading, failed = cache.add_verified, list[Exception]()

    def fail_once(*arguments: Any) -> None:
        if not failed:
            failed.append(error)
            raise error
        whole_reading(*arguments)

    monkeypatch.setattr(cache, "add_verified", fail_once)
    if isinstance(error, StoreError):
        with pytest.raises(StoreError, match="refused"):
            snapshot.catch_up()
    snapshot.catch_up()
    assert failed
    assert_is_the_graph(snapshot, memory)
