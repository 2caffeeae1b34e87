"""Files in a divided memory: rows, labels and neighbours of one memory, once, also after kills."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.divided import calls, delete_all, values
from support.other_tools import FILES, json_lines

from memreward.memory import Memory
from memreward.sharded_memory import ShardedMemory
from memstore.changes import ingestion
from memstore.consistency.check import check_memory
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.db.vector_store import connect
from memstore.settings import Settings
from memstore.shards.care import check_edges
from memstore.shards.division import Shards

NAME, COUNT, RUN = "files-in-shards", 4, "r"
Edges = list[tuple[str, str, float]]
QUESTIONS, PLACES = 700, 4


@pytest.fixture(autouse=True)
def gone(stores: Stores) -> Iterator[None]:
    yield
    delete_all(NAME, stores)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion, "ROLLOUTS_A_BATCH", 20)


def rows_of(servers: Addresses, text: str) -> list[tuple[Any, ...]]:
    """Of one memory or of all its shards."""
    with connect(servers.postgres_dsn) as connection:
        return connection.execute(text.encode(), (NAME, f"{NAME}@")).fetchall()


def stored(servers: Addresses) -> list[tuple[Any, ...]]:
    return rows_of(
        servers,
        "SELECT r.id, r.query_id, r.content_hash, v.source, v.value::text "
        "FROM memreward.rollout AS r LEFT JOIN memreward.verified_reward AS v "
        "ON v.memory = r.memory AND v.rollout_id = r.id "
        "WHERE r.memory = %s OR starts_with(r.memory, %s) ORDER BY r.id, v.source",
    )


def edges_of_one(servers: Addresses) -> Edges:
    found = rows_of(
        servers,
        "SELECT s.query_id, s.neighbour_id, s.score FROM memreward.similar_to AS s "
        "JOIN memreward.memory AS m ON m.name = s.memory AND m.generation = s.generation "
        "WHERE m.name = %s OR m.name = %s",
    )
    return sorted((a, b, float(score)) for a, b, score in found)


def edges_across(servers: Addresses) -> Edges:
    found = rows_of(
        servers,
        "SELECT a.query_id, a.neighbour_id, a.score FROM memreward.across AS a "
        "JOIN memreward.shard AS s ON s.generation = a.generation AND s.number = 1 "
        "WHERE s.memory = %s AND starts_with(a.memory, %s)",
    )
    return sorted((a, b, float(score)) for a, b, score in found)


def assert_whole(stores: Stores) -> None:
    shards = Shards.over(NAME, COUNT, [stores])
    reports = [check_memory(stores, part.name) for part in shards.parts] + [check_edges(shards)]
    assert all(report.ok and not report.notes for report in reports), reports


@pytest.mark.usefixtures("small_batches")
def test_the_rows_neighbours_and_scores_of_one_memory(
    cli: Cli, stores: Stores, servers: Addresses, server_settings: Settings, tmp_path: Path
) -> None:
    rows = [as_row(rollout) for rollout in chain.from_iterable(calls()[:5])]
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    command = ("ingest", path, "-m", NAME, "--run", RUN, "--labels", "0.5")
    assert cli(*command).exit_code == 0
    before, edges = stored(servers), edges_of_one(servers)
    asked = [{"query": "How much is 3 + 4?", "completion": f"#### {n}"} for n in (7, 8)]
    with Memory.open(NAME, run=RUN, settings=server_settings) as memory:
        said = memory.score(asked, store=False)
    assert cli("delete", "-m", NAME, "--yes").exit_code == 0
    first = cli(*command, "--shards", COUNT)
    assert first.exit_code == 0, first.output
    assert stored(servers) == before
    assert edges_across(servers) == edges
    assert f"{len(edges)} SIMILAR_TO edges" in first.output
    assert_whole(stores)
    with ShardedMemory.open(NAME, shards=COUNT, run=RUN, settings=server_settings) as memory:
        found = memory.score(asked, store=False)
    np.testing.assert_allclose(values(found), values(said), rtol=0, atol=1e-5)
    again = cli(*command)
    assert "0 new, 90 existing, 0 rejected" in again.output, again.output
    assert "SIMILAR_TO" not in again.output
    assert (stored(servers), edges_across(servers)) == (before, edges)
    for wrong in (3, 5):
        refused = cli(*command, "--shards", wrong)
        assert refused.exit_code == 2
        assert f"divided into 4 shards, not {wrong}" in refused.output


def test_every_reader_and_refusal(cli: Cli, stores: Stores, tmp_path: Path) -> None:
    (tool,) = [file for file in FILES if file.format == "preferences"]
    folder = tmp_path / "files"
    folder.mkdir()
    json_lines(folder / "pairs.jsonl", tool.rows)
    into = ("-m", NAME, "--run", RUN)
    made = cli("ingest", folder, *into, "--shards", COUNT, "--format", "preferences")
    assert "6 new" in made.output
    assert "3 preferences stored" in made.output
    again = cli("ingest", folder, *into, "--format", "preferences")
    assert "preferences stored" not in again.output
    mapped = json_lines(tmp_path / "m.jsonl", [{"q": f"{n}?", "out": "4"} for n in range(8)])
    read = cli("ingest", mapped, *into, "--map", "query=q,completion=out", "--policy", "p")
    assert "8 new" in read.output
    other = {"query": "0?", "answer": "4", "policy": "s"}
    refused = cli("ingest", json_lines(tmp_path / "p.jsonl", [other]), *into)
    assert refused.exit_code == 2
    assert "policy 'p', here with 's'" in refused.output
    place = {"query_id": "one", "rollout": 0, "answer": "4"}
    texts = [{**place, "query": f"Other {n}?"} for n in range(6)]
    assert cli("ingest", json_lines(tmp_path / "a.jsonl", texts[:1]), *into).exit_code == 0
    for text in texts[1:]:  # Some of these would be in another shard.
        refused = cli("ingest", json_lines(tmp_path / "b.jsonl", [text]), *into)
        assert refused.exit_code == 2
        assert "with another text" in refused.output
    followed = json_lines(tmp_path / "f.jsonl", [{"query": "Last?", "answer": "1"}])
    grown = cli("ingest", followed, *into, "--follow", "--idle", "0.1")
    assert "1 new" in grown.output
    assert "new rollouts" not in cli("ingest", mapped, *into, "--shards", COUNT).output
    assert_whole(stores)


def test_shards_of_a_name_that_is_one_memory_are_refused(cli: Cli, tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [{"query": "q", "answer": "4"}])
    assert cli("ingest", path, "-m", NAME, "--run", RUN).exit_code == 0
    refused = cli("ingest", path, "-m", NAME, "--run", RUN, "--shards", 2)
    assert refused.exit_code == 2
    assert "cannot be divided" in refused.output
    assert cli("ingest", path, "-m", f"{NAME}@1-of-2", "--run", RUN).exit_code == 2


def killed_after(words: list[object], settings: Settings, is_time: Callable[[], bool]) -> int:
    """Exit code of a command that is killed once `is_time`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "memreward", *map(str, words)],
        stdout=subprocess.DEVNULL,
        env=os.environ | {"MEMREWARD_HOME": str(settings.home), "OMP_NUM_THREADS": "1"},
    )
    while process.poll() is None:
        if is_time():
            process.send_signal(signal.SIGKILL)
        time.sleep(0.02)
    return process.wait()


@pytest.mark.slow
@pytest.mark.faults
def test_killed_commands_store_every_rollout_once(
    stores: Stores, servers: Addresses, server_settings: Settings, tmp_path: Path
) -> None:
    """Killed once rollouts are accepted, once queries have edges, and while it links."""
    rows = [
        {"query": f"What is {n} + {n % 7}?", "completion": f"#### {n + place}"}
        | ({"reward": float(place == n % 7)} if n % 3 == 0 else {})
        for n in range(QUESTIONS)
        for place in range(PLACES)
    ]
    path = json_lines(tmp_path / "rows.jsonl", rows)
    words = ["ingest", path, "-m", NAME, "--run", RUN]
    assert killed_after(words, server_settings, lambda: False) == 0
    before, edges = stored(servers), edges_of_one(servers)
    delete_all(NAME, stores)
    words += ["--shards", COUNT]

    def linking() -> bool:
        found = rows_of(
            servers,
            "SELECT max(a.generation), min(s.generation) FROM memreward.shard AS s "
            "JOIN memreward.across AS a ON starts_with(a.memory, s.memory || '@') "
            "WHERE s.memory = %s OR s.memory = %s",
        )
        return found[0][0] is not None and found[0][0] > found[0][1]

    for is_time in (
        lambda: len(stored(servers)) > 0,
        lambda: len(stored(servers)) > 1_100,
        linking,
    ):
        assert killed_after(words, server_settings, is_time) == -signal.SIGKILL
    assert killed_after(words, server_settings, lambda: False) == 0
    assert stored(servers) == before
    assert edges_across(servers) == edges
    assert_whole(stores)
    text = "MATCH (a:Answer) WHERE a.memory STARTS WITH $start RETURN a.id AS id"
    visible = [row["id"] for row in stores.graph.query(text, {"start": f"{NAME}@"}, 60.0).rows]
    assert len(visible) == len(set(visible)) == len(rows)
