"""Files in a divided memory: rows, labels and neighbours of one memory, once, also after kills."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.divided import calls, delete_all, values
from support.other_tools import FILES, json_lines
from support.stored_rows import (
    assert_whole,
    edges_across,
    edges_of_one,
    rows_of,
    stored,
    visible,
)

from memreward.memory import Memory
from memreward.sharded_memory import ShardedMemory
from memstore.changes import ingestion
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.settings import Settings

NAME, COUNT, RUN = "files-in-shards", 4, "r"
QUESTIONS, PLACES = 700, 4


@pytest.fixture(autouse=True)
def gone(stores: Stores) -> Iterator[None]:
    yield
    delete_all(NAME, stores)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion, "ROLLOUTS_A_BATCH", 20)


@pytest.mark.usefixtures("small_batches")
def test_the_rows_neighbours_and_scores_of_one_memory(
    cli: Cli, stores: Stores, servers: Addresses, server_settings: Settings, tmp_path: Path
) -> None:
    rows = [as_row(rollout) for rollout in chain.from_iterable(calls()[:5])]
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    command = ("ingest", path, "-m", NAME, "--run", RUN, "--labels", "0.5")
    assert cli(*command).exit_code == 0
    before, edges = stored(servers, NAME), edges_of_one(servers, NAME)
    asked = [{"query": "How much is 3 + 4?", "completion": f"#### {n}"} for n in (7, 8)]
    with Memory.open(NAME, run=RUN, settings=server_settings) as memory:
        said = memory.score(asked, store=False)
    assert cli("delete", "-m", NAME, "--yes").exit_code == 0
    first = cli(*command, "--shards", COUNT)
    assert first.exit_code == 0, first.output
    assert stored(servers, NAME) == before
    assert edges_across(servers, NAME) == edges
    assert f"{len(edges)} SIMILAR_TO edges" in first.output
    assert_whole(stores, NAME, COUNT)
    with ShardedMemory.open(NAME, shards=COUNT, run=RUN, settings=server_settings) as memory:
        found = memory.score(asked, store=False)
    np.testing.assert_allclose(values(found), values(said), rtol=0, atol=1e-5)
    again = cli(*command)
    assert "0 new, 80 existing, 0 rejected" in again.output, again.output
    assert "SIMILAR_TO" not in again.output
    assert (stored(servers, NAME), edges_across(servers, NAME)) == (before, edges)
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
    assert_whole(stores, NAME, COUNT)


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
    before, edges = stored(servers, NAME), edges_of_one(servers, NAME)
    delete_all(NAME, stores)
    words += ["--shards", COUNT]

    def linking() -> bool:
        found = rows_of(
            servers,
            NAME,
            "SELECT max(a.generation), min(s.generation) FROM memreward.shard AS s "
            "JOIN memreward.across AS a ON starts_with(a.memory, s.memory || '@') "
            "WHERE s.memory = %s OR s.memory = %s",
        )
        return found[0][0] is not None and found[0][0] > found[0][1]

    for is_time in (
        lambda: len(stored(servers, NAME)) > 0,
        lambda: len(stored(servers, NAME)) > 1_100,
        linking,
    ):
        assert killed_after(words, server_settings, is_time) == -signal.SIGKILL
    assert killed_after(words, server_settings, lambda: False) == 0
    assert stored(servers, NAME) == before
    assert edges_across(servers, NAME) == edges
    assert_whole(stores, NAME, COUNT)
    ids = visible(stores, NAME)
    assert len(ids) == len(set(ids)) == len(rows)
