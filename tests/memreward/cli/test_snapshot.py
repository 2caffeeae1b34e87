from pathlib import Path

from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts


def test_a_snapshot_is_made_found_and_removed(cli: Cli, memory_name: str, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(4, 2)])
    assert cli("ingest", file, "--memory", memory_name, "--run", "r").exit_code == 0
    made = cli("snapshot", "--memory", memory_name)
    assert made.exit_code == 0
    assert "rebuilt (there is none" in made.stdout
    assert "4 queries, 8 rollouts, 12 SIMILAR_TO edges" in made.stdout
    assert " found: " in cli("snapshot", "--memory", memory_name).stdout
    again = cli("snapshot", "--memory", memory_name, "--rebuild")
    assert "rebuilt (it was asked for)" in again.stdout
    assert cli("delete", "--memory", memory_name, "--yes").exit_code == 0
    assert cli("snapshot", "--memory", memory_name).exit_code == 2
