import json
from pathlib import Path

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts

from memreward.jobs.label_noise import parse_spoiling
from memstore.db.stores import Stores
from memstore.reads.stats import list_memories
from schema.errors import InputError


def test_a_table_of_losses(cli: Cli, tmp_path: Path, stores: Stores, short_training: None) -> None:
    train = write_jsonl(tmp_path / "t.jsonl", [as_row(r) for r in make_rollouts(60, 3)])
    options = ["--flip", "random:0.2", "--labels", 0.4, "--seeds", 1, "--json", "r.json"]
    result = cli("robustness", train, *options)
    assert result.exit_code == 0, result.output
    assert "20%" in result.output
    rows = json.loads((tmp_path / "r.json").read_text())
    assert [(row["model"], row["kind"]) for row in rows] == [
        ("memreward", "none"),
        ("logistic", "none"),
        ("memreward", "random"),
        ("logistic", "random"),
    ]
    assert "found_precision" in rows[2]
    assert not any(name.startswith("scratch") for name in list_memories(stores))


@pytest.mark.parametrize("text", ["random", "random:2", "moon:0.1", "random:x", ":0.1"])
def test_what_cannot_go_wrong(text: str) -> None:
    with pytest.raises(InputError, match="KIND:SHARE"):
        parse_spoiling(text)
