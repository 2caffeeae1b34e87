import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts

from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.reads.full_graph import read_graph
from memstore.reads.stats import list_memories, memory_stats
from memstore.settings import Settings

ROWS = [as_row(rollout) for rollout in make_rollouts(20, 4)]


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "rollouts.jsonl", ROWS)


def test_ingest_reports_and_twice_adds_nothing(
    cli: Cli, rollouts: Path, memory_name: str, stores: Stores
) -> None:
    first = cli("ingest", rollouts, "--memory", memory_name, "--run", "r")
    assert first.exit_code == 0, first.output
    assert "80 new, 0 existing, 0 rejected rollouts; 20 new queries, 80 verified" in first.output
    assert "140 SIMILAR_TO edges" in first.output
    before = memory_stats(stores, memory_name)
    again = cli("ingest", rollouts, "--memory", memory_name, "--run", "r")
    assert "0 new, 80 existing, 0 rejected rollouts; 0 new queries, 0 verified" in again.output
    assert memory_stats(stores, memory_name) == before


def test_labels_of_a_fraction_of_each_dataset(
    cli: Cli, rollouts: Path, memory_name: str, stores: Stores
) -> None:
    cli("ingest", rollouts, "-m", memory_name, "--run", "r", "--labels", 0.5, "--label-seed", 3)
    datasets = {row["dataset"]: row for row in memory_stats(stores, memory_name)["datasets"]}
    assert datasets["sums"]["queries"] == 13
    assert datasets["sums"]["verified"] == 4 * round(0.5 * 13)
    assert datasets["doubles"]["verified"] == 4 * round(0.5 * 7)


def test_parquet_and_gzip_hold_the_same(
    cli: Cli, tmp_path: Path, memory_name: str, stores: Stores
) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rollouts.parquet")
    write_jsonl(tmp_path / "rollouts.jsonl", ROWS)
    subprocess.run(["gzip", "-k", tmp_path / "rollouts.jsonl"], check=True)
    cli("ingest", tmp_path / "rollouts.parquet", "-m", memory_name, "--run", "r")
    result = cli("ingest", tmp_path / "rollouts.jsonl.gz", "-m", memory_name, "--run", "r")
    assert "0 new, 80 existing" in result.output


BAD_ROWS: dict[str, tuple[dict[str, object], str]] = {
    "empty query": ({"query": "  "}, "query"),
    "NaN reward": ({"reward": float("nan")}, "reward"),
    "infinite reward": ({"reward": float("inf")}, "reward"),
    "reward above 1": ({"reward": 1.5}, "reward"),
    "wrong embedding size": ({"query_embedding": [0.5] * 7}, "384"),
    "NUL": ({"answer": "a\x00b"}, "NUL"),
    "20 MB text": ({"thinking": "x" * 20_000_000}, "shorten it"),
}


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_a_bad_row_is_located_and_nothing_is_written(
    fault: str, cli: Cli, tmp_path: Path, memory_name: str, stores: Stores
) -> None:
    change, expected = BAD_ROWS[fault]
    path = write_jsonl(tmp_path / "bad.jsonl", [*ROWS[:3], {**ROWS[3], **change}])
    asked = tmp_path / "rejected.jsonl"
    result = cli("ingest", path, "-m", memory_name, "--run", "r", "--rejects", asked)
    assert result.exit_code == 2
    assert "bad.jsonl:4:" in result.output
    assert expected in result.output
    assert memory_name not in list_memories(stores)
    reject = json.loads(asked.read_text())
    assert reject["line"] == 4


def test_the_good_rows_on_request(
    cli: Cli, tmp_path: Path, memory_name: str, stores: Stores, server_settings: Settings
) -> None:
    path = write_jsonl(tmp_path / "rejected.jsonl", [*ROWS[:8], {**ROWS[8], "reward": 7}])
    content = path.read_bytes()
    command = ("ingest", path, "-m", memory_name, "--run", "r", "--skip-rejected")
    reports = server_settings.home / "reports"
    before = set(reports.iterdir()) if reports.exists() else set[Path]()
    result = cli(*command)
    assert result.exit_code == 0, result.output
    assert "8 new, 0 existing, 1 rejected" in result.output
    (report,) = set(reports.iterdir()) - before
    assert str(report) in result.output.replace("\n", "")
    assert json.loads(report.read_text())["line"] == 9
    refused = cli(*command, "--rejects", "rejected.jsonl")
    assert refused.exit_code == 2
    assert "is an input" in refused.output
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_answer_and_completion_both(
    cli: Cli, tmp_path: Path, memory_name: str, stores: Stores
) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"query": "q", "answer": "gold", "completion": "4"}])
    command = ("ingest", path, "-m", memory_name, "--run", "r")
    refused = cli(*command)
    assert refused.exit_code == 2
    assert "--prefer" in refused.output
    assert cli(*command, "--prefer", "completion").exit_code == 0
    assert read_graph(stores, memory_name).answer_text_R == ["4"]


def test_missing_columns(cli: Cli, tmp_path: Path, memory_name: str, stores: Stores) -> None:
    pq.write_table(pa.table({"query": ["a"], "reply": ["b"]}), tmp_path / "a.parquet")
    result = cli("ingest", tmp_path / "a.parquet", "-m", memory_name, "--run", "r")
    assert result.exit_code == 2
    assert "answer" in result.output
    assert memory_name not in list_memories(stores)


def test_a_truncated_parquet(cli: Cli, tmp_path: Path, memory_name: str, stores: Stores) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data[: len(data) // 2])
    result = cli("ingest", tmp_path / "a.parquet", "-m", memory_name, "--run", "r")
    assert result.exit_code == 2
    assert "a.parquet" in result.output
    assert memory_name not in list_memories(stores)


def test_changed_content_is_refused_before_anything_is_written(
    cli: Cli, rollouts: Path, tmp_path: Path, memory_name: str, stores: Stores
) -> None:
    cli("ingest", rollouts, "-m", memory_name, "--run", "r")
    before = memory_stats(stores, memory_name)
    more = [as_row(rollout) for rollout in make_rollouts(3, 1, first=50)]
    changed = write_jsonl(tmp_path / "b.jsonl", [*more, {**ROWS[0], "answer": "Another."}])
    result = cli("ingest", changed, "-m", memory_name, "--run", "r")
    assert result.exit_code == 2
    assert "--run" in result.output
    assert memory_stats(stores, memory_name) == before


def test_names_that_cannot_be(cli: Cli, rollouts: Path) -> None:
    result = cli("ingest", rollouts, "-m", "no/such name", "--run", "r")
    assert result.exit_code == 2
    assert "memory" in result.output


def test_a_wrong_password(
    cli: Cli, rollouts: Path, servers: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMREWARD_NEO4J_URI", servers.neo4j_uri)
    monkeypatch.setenv("MEMREWARD_NEO4J_PASSWORD", "wrong-password")
    result = cli("ingest", rollouts, "-m", "any", "--run", "r")
    assert result.exit_code == 2
    assert "MEMREWARD_NEO4J_PASSWORD" in result.output


def test_a_server_that_is_down(
    cli: Cli, rollouts: Path, servers: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMREWARD_POSTGRES_DSN", "postgresql://a:b@127.0.0.1:9/c")
    result = cli("ingest", rollouts, "-m", "any", "--run", "r")
    assert result.exit_code == 2
    assert "127.0.0.1:9" in result.output


def test_killed_and_ingested_again_equals_a_clean_run(
    cli: Cli, tmp_path: Path, memory_name: str, stores: Stores, server_settings: Settings
) -> None:
    """1,000 rollouts, killed once some are visible; ids and edges are those of one clean run."""
    rows = [as_row(rollout) for rollout in make_rollouts(250, 4)]
    path = write_jsonl(tmp_path / "many.jsonl", rows)
    environment = {**os.environ, "MEMREWARD_HOME": str(server_settings.home)}
    arguments = ["ingest", path, "--memory", memory_name, "--run", "r"]
    child = subprocess.Popen(
        [sys.executable, "-m", "memreward", *arguments],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    while memory_name not in list_memories(stores) and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert cli(*arguments).exit_code == 0
    assert cli("link", "-m", memory_name).exit_code == 0
    killed = read_graph(stores, memory_name)
    delete_memory(stores, memory_name)
    assert cli(*arguments).exit_code == 0
    clean = read_graph(stores, memory_name)
    assert killed.query_id_Q == clean.query_id_Q
    assert killed.rollout_id_R == clean.rollout_id_R
    assert killed.similar_2E.tolist() == clean.similar_2E.tolist()
    assert killed.similar_score_E.tolist() == clean.similar_score_E.tolist()
