"""The command line on the session's real servers, and files to give it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from memreward.cli.main import app
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.settings import Settings
from schema.rollout import POLICY_SIGNALS, Rollout

Cli = Callable[..., Result]
_numbers = count()


@pytest.fixture
def cli(
    servers: Addresses,
    server_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    """Runs `memreward ARGUMENTS` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMREWARD_HOME", str(server_settings.home))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default model learns in a tenth of its time: fewer members, few epochs."""
    # Here, not above: the tests that do not train need not import torch.
    from gnn.models.members.member import TrainConfig
    from gnn.models.memreward.model import MemrewardConfig

    short = partial(MemrewardConfig, parts=2, train=TrainConfig(max_epochs=3))
    monkeypatch.setattr("gnn.models.memreward.model.MemrewardConfig", short)


@pytest.fixture
def memory_name(stores: Stores) -> Iterator[str]:
    """Name of a memory that is gone after the test."""
    name = f"cli-{next(_numbers)}"
    yield name
    delete_memory(stores, name)


def as_row(rollout: Rollout) -> dict[str, object]:
    """A rollout as a row of an input file."""
    fields = asdict(rollout)
    row = {"query_id": fields.pop("source_query_id"), "rollout": fields.pop("place")}
    row |= dict(zip(POLICY_SIGNALS, fields.pop("policy_signals") or (), strict=False))
    row |= {
        name: value.astype(float).tolist() if isinstance(value, np.ndarray) else value
        for name, value in fields.items()
        if value is not None
    }
    return row


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    """One row a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
