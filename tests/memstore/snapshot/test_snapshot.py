"""Snapshots as files and arrays, without databases."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph
from support.snapshot_factory import (
    add_graph,
    assert_same,
    new_snapshot,
    snapshot_of,
    with_real_ids,
)

from memstore.snapshot import columns
from memstore.snapshot.files import Files, load_files, machine_start
from memstore.snapshot.snapshot import Snapshot
from memstore.snapshot.subgraph import cut, whole
from schema.errors import StoreError
from schema.memory_graph import MemoryGraph
from schema.score import Reach


def graph_of(seed: int = 0, **changes: object) -> MemoryGraph:
    graph, truth_R = make_graph(seed=seed, **changes)  # pyright: ignore[reportArgumentType]
    return with_real_ids(labelled(graph, truth_R))


@pytest.mark.parametrize("shape", [{}, {"signals": True, "policy_dimension": 3}])
def test_the_whole_snapshot_is_the_graph(tmp_path: Path, shape: dict[str, Any]) -> None:
    graph = graph_of(0, **shape)
    assert_same(graph, whole(snapshot_of(graph, tmp_path)).graph)


def test_in_batches_it_is_the_same_graph(tmp_path: Path) -> None:
    graph = graph_of(n_queries=30)
    reordered = neighbours_first(graph)
    snapshot = new_snapshot(tmp_path, graph.query_embedding_QD.shape[1])
    for seq, queries in enumerate(np.array_split(np.arange(30), 7), start=1):
        add_graph(snapshot, reordered, queries, seq)
    assert_same(reordered, whole(snapshot).graph)
    assert_same(reordered, whole(snapshot.write_csr("csr-7")).graph)


def neighbours_first(graph: MemoryGraph) -> MemoryGraph:
    """Only edges from later to earlier queries, as they arrive in batches."""
    back = graph.similar_2E[0] > graph.similar_2E[1]
    return replace(
        graph,
        similar_2E=graph.similar_2E[:, back],
        similar_score_E=graph.similar_score_E[back],
    )


def test_another_process_sees_what_was_saved(tmp_path: Path) -> None:
    graph = neighbours_first(graph_of(n_queries=20))
    first, second = np.arange(12), np.arange(12, 20)
    writer = new_snapshot(tmp_path, graph.query_embedding_QD.shape[1])
    add_graph(writer, graph, first, 1)
    writer.files.save()
    files = load_files(tmp_path)
    assert files is not None
    reader = Snapshot(files)
    before = whole(reader).graph
    add_graph(writer, graph, second, 2)
    assert_same(before, whole(reader).graph)
    writer.files.save()
    files = load_files(tmp_path)
    assert files is not None
    reader.files.adopt(files)
    reader.take_up()
    assert reader.seq == 2
    assert_same(graph, whole(reader).graph)
    files.check()


def test_a_write_that_was_cut_off_leaves_no_trace(tmp_path: Path) -> None:
    graph = neighbours_first(graph_of(n_queries=20))
    writer = new_snapshot(tmp_path, graph.query_embedding_QD.shape[1])
    add_graph(writer, graph, np.arange(12), 1)
    writer.files.save()
    add_graph(writer, graph_of(1, n_queries=9), np.arange(9), 2)  # Never saved.
    files = load_files(tmp_path)
    assert files is not None
    files.check()
    again = Snapshot(files)
    add_graph(again, graph, np.arange(12, 20), 2)
    assert_same(graph, whole(again).graph)
    again.files.check()


def test_damage_to_any_file_is_found(tmp_path: Path) -> None:
    snapshot = snapshot_of(graph_of(), tmp_path)
    snapshot.files.save()
    for path in sorted((tmp_path / "base-0").iterdir()):
        data = path.read_bytes()
        if not data or "csr-0" in path.name:
            continue
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        files = load_files(tmp_path)
        assert files is not None
        with pytest.raises(StoreError, match="damaged"):
            files.check(every_page=True)
        path.write_bytes(data)
    (tmp_path / "current.json").write_text('{"format": 1', encoding="utf-8")
    with pytest.raises(StoreError, match="damaged"):
        load_files(tmp_path)


def saved(home: Path) -> Files:
    snapshot_of(graph_of(), home).files.save()
    files = load_files(home)
    assert files is not None
    return files


def test_what_has_not_changed_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = saved(tmp_path)
    assert files.check()  # Nobody has noted in which start of the machine they were written.
    files.save()
    files = load_files(tmp_path)
    assert files is not None
    monkeypatch.setattr(columns.zlib, "crc32", lambda *_: pytest.fail("a file was read"))
    assert not files.check()


def test_what_has_changed_is_read_again(tmp_path: Path) -> None:
    files = saved(tmp_path)
    files.manifest.start = machine_start()
    files.check()
    path = files.folder / "query.embedding"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        files.check()
    column = files.numbers["query.embedding"]
    width = files.manifest.dimension
    column.append(np.ones((1, width), np.float32))  # What is appended does not hide it.
    files.check()
    with pytest.raises(StoreError, match="damaged"):
        column.take(np.zeros(1, np.int64))


def test_after_another_start_of_the_machine_what_is_read_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = saved(tmp_path)
    path = files.folder / "query.embedding"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    column = files.numbers["query.embedding"]
    status = path.stat()
    mark = (status.st_ino, status.st_size, status.st_ctime_ns)
    extents = column.extents  # As a power cut might leave it.
    column.adopt(extents | {path.name: replace(extents[path.name], mark=mark)})
    files.manifest.start = machine_start()
    files.check()
    monkeypatch.setattr("memstore.snapshot.files.machine_start", lambda: "another")
    files.check()
    with pytest.raises(StoreError, match="damaged"):
        column.take(np.zeros(1, np.int64))


def test_a_cut_holds_what_is_near(tmp_path: Path) -> None:
    graph = graph_of(n_queries=40, k=2)
    snapshot = snapshot_of(graph, tmp_path)
    seeds = np.array([7, 3])
    near = np.unique(graph.similar_2E[1, np.isin(graph.similar_2E[0], seeds)])
    part = cut(snapshot, seeds, Reach(hops=1))
    ids = [graph.query_id_Q[q] for q in np.union1d(seeds, near)]
    assert part.graph.query_id_Q == ids
    assert len(part.graph.rollout_id_R) == 4 * len(ids)
    assert part.graph.similar_2E.shape[1] == 4
    assert [part.graph.query_id_Q[q] for q in part.rows_of(seeds)] == [
        graph.query_id_Q[q] for q in seeds
    ]
    shown = {q for q in near.tolist() if q < 20 or q in seeds}
    part = cut(snapshot, seeds, Reach(hops=1, labelled_only=True))
    assert set(part.query_rows.tolist()) == shown | set(seeds.tolist())


def test_verified_rewards_follow_what_was_said_last(tmp_path: Path) -> None:
    graph = graph_of()
    snapshot = snapshot_of(graph, tmp_path)
    id_ = graph.rollout_id_R[-1]
    assert np.isnan(snapshot.verified(snapshot.find("answer", [id_])))
    snapshot.add_verified([id_], [0.25], ["file"], [4])
    snapshot.add_verified([id_], [0.75], ["file"], [5])
    snapshot.take_up()
    assert snapshot.verified(snapshot.find("answer", [id_])) == [0.75]
    with pytest.raises(StoreError, match="Postgres does not hold"):
        snapshot.add_verified(["0" * 32], [1.0], ["file"], [6])
