import json
import re
import shutil
from pathlib import Path

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.old_keys import old_keys
from support.rollout_factory import make_rollouts

from memstore.db.stores import Stores
from memstore.servers.folders import run_folder
from memstore.settings import Settings
from schema.ids import rollout_id


@pytest.fixture
def filled(cli: Cli, tmp_path: Path, memory_name: str) -> str:
    for run, start in (("a", 0), ("b", 2)):
        rows = [as_row(r) for r in make_rollouts(4, 2, first=start)]
        path = write_jsonl(tmp_path / f"{run}.jsonl", rows)
        assert cli("ingest", path, "-m", memory_name, "--run", run).exit_code == 0
    return memory_name


def test_check_exits_with_1_and_a_list(cli: Cli, filled: str, stores: Stores) -> None:
    assert cli("check", "-m", filled).exit_code == 0
    driver = stores.graph._driver
    driver.execute_query(
        "MATCH (a:Answer {memory: $memory}) WITH a LIMIT 2 SET a.verified_reward = 0.3",
        {"memory": filled},
    )
    result = cli("check", "-m", filled)
    assert result.exit_code == 1
    assert "verified rewards: 2" in result.output
    assert cli("check", "-m", "nowhere").exit_code == 2


def test_delete_counts_asks_and_deletes(cli: Cli, filled: str) -> None:
    dry = cli("delete", "-m", filled, "--run", "a", "--dry-run")
    assert dry.exit_code == 0
    assert re.search(r"8 rollouts\n +2 queries", dry.output)
    assert "nothing was deleted" in dry.output
    assert cli("delete", "-m", filled, "--run", "a").exit_code == 1  # nobody says yes
    assert rollouts(cli, filled) == 16
    assert cli("delete", "-m", filled, "--run", "a", "--yes").exit_code == 0
    assert rollouts(cli, filled) == 8
    assert cli("delete", "-m", filled, "--run", "a", "--yes").exit_code == 2
    assert cli("delete", "-m", filled, "--yes").exit_code == 0
    assert cli("delete", "-m", filled, "--yes").exit_code == 2


def test_delete_names_what_it_leaves(
    cli: Cli, filled: str, server_settings: Settings, tmp_path: Path
) -> None:
    bad = write_jsonl(
        tmp_path / "bad.jsonl", [{"query": "What?", "answer": "a secret", "step": "x"}]
    )
    assert cli("ingest", bad, "-m", filled, "--run", "c").exit_code == 2
    for run in ("a", "b"):
        folder = run_folder(server_settings, filled, run)
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_text("a secret")
    of_run = cli("delete", "-m", filled, "--run", "a", "--yes").output
    of_all = cli("delete", "-m", filled, "--yes").output
    home = server_settings.home
    left = {path.relative_to(home).parts[0] for path in holding(home, b"a secret")}
    assert left == {"runs", "reports"}
    for path in holding(home, b"a secret"):
        named = [line for line in of_all.splitlines() if line.startswith("not deleted: ")]
        assert any(f" {parent} " in line for line in named for parent in (path, *path.parents))
    assert f"{run_folder(server_settings, filled, 'a')} may" in of_run
    assert f"{run_folder(server_settings, filled, 'b')} may" not in of_run
    shutil.rmtree(run_folder(server_settings, filled, "a").parent)
    for path in (home / "reports").glob("rejected-*"):
        path.unlink()


def holding(home: Path, text: bytes) -> list[Path]:
    """Files of the home, but for the databases', with this text."""
    folders = [path for path in home.iterdir() if path.name not in ("postgres", "neo4j")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text in path.read_bytes()]


def rollouts(cli: Cli, memory: str) -> int:
    return json.loads(cli("stats", "-m", memory, "--json").output)[memory]["counts"]["rollouts"]


def test_labels_and_their_history(cli: Cli, filled: str, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"query_id": "sum-2", "rollout": 0, "reward": 0.25},
        {"query_id": "sum-2", "better": 0, "worse": 1},
    ]
    path = write_jsonl(tmp_path / "labels.jsonl", rows)
    command = ("label", path, "-m", filled, "--annotator", "ann", "--run", "a")
    assert "1 rewards and 1 preferences are new, 0 were said before" in cli(*command).output
    assert "0 rewards and 0 preferences are new, 2 were said before" in cli(*command).output
    rollout = rollout_id(filled, "a", "sum-2", 0, 0)
    shown = cli("history", rollout, "-m", filled).output
    assert "ann" in shown
    assert "verified: 0.625" in shown  # the file said 1
    told = json.loads(cli("history", rollout[:8], "-m", filled, "--json").output)
    assert (told["rollout_id"], told["verified"]) == (rollout, 0.625)
    begun = {"rollout_id": rollout[:20], "reward": 1, "annotator": "bob"}
    short = write_jsonl(tmp_path / "short.jsonl", [begun])
    assert "1 rewards" in cli("label", short, "-m", filled).output
    unknown = write_jsonl(tmp_path / "no.jsonl", [{**begun, "rollout_id": "0" * 8}])
    refused = cli("label", unknown, "-m", filled)
    assert refused.exit_code == 2 and "has no rollout '00000000'" in refused.output
    before = cli("history", rollout, "-m", filled, "--as-of", "1").output
    assert "ann" not in before
    assert "verified: 1 " in before
    assert cli("history", rollout, "-m", filled, "--as-of", "soon").exit_code == 2


def test_a_label_file_with_bad_rows_changes_nothing(cli: Cli, filled: str, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"query_id": "sum-2", "rollout": 0, "reward": 0.25},
        {"query_id": "sum-2", "rollout": 0, "reward": 25, "annotator": "bob"},
    ]
    path = write_jsonl(tmp_path / "labels.jsonl", rows)
    command = ("label", path, "-m", filled, "--annotator", "ann", "--run", "a")
    asked = tmp_path / "rejected.jsonl"
    result = cli(*command, "--rejects", asked)
    assert result.exit_code == 2
    assert "labels.jsonl:2" in result.output
    (rejected,) = asked.read_text().splitlines()
    assert json.loads(rejected)["line"] == 2
    assert "is an input" in cli(*command, "--rejects", path).output
    assert "exists" in cli(*command, "--rejects", asked).output
    assert "1 rewards" in cli(*command, "--skip-rejected").output
    assert list(tmp_path.glob("*rejected*")) == [asked]


def test_export_delete_import(cli: Cli, filled: str, tmp_path: Path) -> None:
    before = json.loads(cli("stats", "-m", filled, "--json").output)
    out = tmp_path / "out"
    assert cli("export", out, "-m", filled).exit_code == 0
    assert cli("import", out).exit_code == 2
    assert cli("delete", "-m", filled, "--yes").exit_code == 0
    assert cli("import", out).exit_code == 0
    assert json.loads(cli("stats", "-m", filled, "--json").output) == before
    assert cli("check", "-m", filled).exit_code == 0


def test_reembed_needs_an_encoder(cli: Cli, filled: str) -> None:
    assert cli("reembed", "-m", filled, "--encoder", "nothing-here").exit_code == 2
    again = cli("reembed", "-m", filled, "--encoder", "all-MiniLM-L6-v2")
    assert "0 texts embedded" in again.output


def test_old_keys_are_refused_noted_and_made_again(
    cli: Cli, memory_name: str, tmp_path: Path
) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(4, 2)])
    more = write_jsonl(tmp_path / "b.jsonl", [as_row(r) for r in make_rollouts(5, 2)])
    with old_keys():
        assert cli("ingest", path, "-m", memory_name, "--run", "a").exit_code == 0
    command = f"`memreward rekey --memory {memory_name}`"
    refused = cli("ingest", more, "-m", memory_name, "--run", "a")
    assert (refused.exit_code, command in refused.output) == (2, True)
    checked = cli("check", "-m", memory_name)
    assert (checked.exit_code, command in checked.output) == (0, True)
    shown = cli("rekey", "-m", memory_name).output
    assert "8 answers read, 6 of the memory's answers come to another conclusion" in shown
    assert "0 answers read" in cli("rekey", "-m", memory_name).output
    assert cli("ingest", more, "-m", memory_name, "--run", "a").exit_code == 0
    assert "rekey" not in cli("check", "-m", memory_name).output


def test_query_says_that_it_spans_memories(cli: Cli) -> None:
    assert "sees every memory" in cli("query", "--help").output
