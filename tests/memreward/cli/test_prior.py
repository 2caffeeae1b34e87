"""`memreward prior`: from files, without a server."""

from pathlib import Path

import pytest
from support.cli_fixtures import as_row, write_jsonl
from support.rollout_factory import make_rollouts
from typer.testing import CliRunner

from gnn.prior import Priors
from memreward.cli.main import app


def test_priors_are_learned_from_files(tmp_path: Path) -> None:
    paths = [
        write_jsonl(
            tmp_path / f"{name}.jsonl",
            [{**as_row(r), "query": f"{name} {r.query}"} for r in make_rollouts(12, 4)],
        )
        for name in ("a", "b", "c")
    ]
    out = tmp_path / "p.safetensors"
    sets = [f"{name}={path}" for name, path in zip(("x", "y", "y"), paths, strict=True)]
    done = CliRunner().invoke(app, ["prior", *sets, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert {name: len(q) for name, q in Priors.load(out).queries.items()} == {"x": 12, "y": 24}


@pytest.mark.parametrize("given", ["a.jsonl", "x=", "x+y=a.jsonl"])
def test_a_set_has_a_name_and_a_file(tmp_path: Path, given: str) -> None:
    done = CliRunner().invoke(app, ["prior", given, "--out", str(tmp_path / "p")])
    assert done.exit_code == 2 and not (tmp_path / "p").exists()
