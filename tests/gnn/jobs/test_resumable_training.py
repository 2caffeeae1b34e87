"""Training that resumes, by the command line and on the real databases."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollout, make_rollouts

from gnn.checkpoints.loading import load_checkpoint
from gnn.checkpoints.manifest import TRAINING, read_manifest
from gnn.models.memreward.training_state import Course, MemberState
from memstore.changes.labels import add_labels
from memstore.changes.propagated_rewards import list_models
from memstore.db.stores import Stores
from memstore.reads.full_graph import read_graph
from memstore.servers.folders import checkpoint_folder, training_folder
from memstore.settings import Settings
from schema.ids import rollout_id
from schema.reward import VerifiedReward


@pytest.fixture
def filled(cli: Cli, tmp_path: Path, memory_name: str, short_training: None) -> str:
    """160 rollouts of 40 queries, half of these labelled; trainings are short."""
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(40, 4)])
    result = cli("ingest", path, "-m", memory_name, "--run", "r", "--labels", 0.5)
    assert result.exit_code == 0, result.output
    return memory_name


def versions(stores: Stores, memory: str) -> list[str]:
    return [version for version, _ in list_models(stores, memory)]


def _label(stores: Stores, memory: str) -> None:
    known = rollout_id(memory, "r", make_rollout(1).source_query_id, 0, 0)
    add_labels(stores, memory, [VerifiedReward(rollout_id=known, value=0.5, source="me")])


def interrupted_after(stands: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = Course.keep, [stands]

    def keep(self: Course, member: int, state: MemberState) -> None:
        real(self, member, state)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(Course, "keep", keep)


def test_it_learns_on_from_the_last_checkpoint(
    cli: Cli, filled: str, stores: Stores, server_settings: Settings, tmp_path: Path
) -> None:
    assert cli("train", "-m", filled).exit_code == 0
    (first,) = versions(stores, filled)
    graph = read_graph(stores, filled)
    query_R = graph.query_of_rollout_R
    *told_Q, left = np.unique(query_R[~graph.labelled_R])[-5:]
    open_ids = [graph.rollout_id_R[row] for row in np.flatnonzero(np.isin(query_R, told_Q))]
    rewards = [VerifiedReward(rollout_id=id_, value=1.0, source="me") for id_ in open_ids]
    add_labels(stores, filled, rewards)
    result = cli("train", "-m", filled, "--resume")
    assert result.exit_code == 0, result.output
    assert f"on from {first}" in result.output
    assert "learnt from 96 rollouts" in result.output
    second, _ = versions(stores, filled)
    manifest = read_manifest(checkpoint_folder(server_settings, filled) / second)
    assert manifest.resumed == first
    assert manifest.n_labelled_rollouts == 96
    text = graph.query_text_Q[left]
    more = [as_row(rollout) for rollout in make_rollouts(40, 2) if rollout.query == text]
    path = write_jsonl(tmp_path / "b.jsonl", [{**row, "reward": None} for row in more])
    assert cli("ingest", path, "-m", filled, "--run", "later").exit_code == 0
    assert f"{second} stays" in cli("train", "-m", filled, "--resume").output
    assert versions(stores, filled) == [second, first]
    assert cli("propagate", "-m", filled).exit_code == 0


def test_an_interrupted_training_ends_as_if_nothing_had_happened(
    cli: Cli,
    filled: str,
    stores: Stores,
    server_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        interrupted_after(7, patch)
        result = cli("train", "-m", filled, "--seed", 2)
    assert result.exit_code == 130
    assert f"memreward train --memory {filled} --resume" in result.output
    assert versions(stores, filled) == []
    assert cli("train", "-m", filled, "--resume").exit_code == 0
    (resumed,) = versions(stores, filled)
    assert cli("train", "-m", filled, "--seed", 2).exit_code == 0
    assert versions(stores, filled) == [resumed]
    assert [path.name for path in training_folder(server_settings, filled).iterdir()] in (
        [],
        ["lock"],
    )


def test_several_processes_make_the_checkpoint_of_one(
    cli: Cli, filled: str, stores: Stores
) -> None:
    assert cli("train", "-m", filled, "--processes", 2).exit_code == 0
    (shared,) = versions(stores, filled)
    assert cli("train", "-m", filled).exit_code == 0
    assert versions(stores, filled) == [shared]
    _label(stores, filled)
    assert cli("train", "-m", filled, "--resume", "--processes", 2).exit_code == 0
    assert versions(stores, filled)[1:] == [shared]
    result = cli("train", "-m", filled, "--model", "majority", "--processes", 2)
    assert result.exit_code == 2
    assert "leave --processes out" in result.output


def test_an_interrupted_training_of_other_labels_is_not_gone_on_with(
    cli: Cli, filled: str, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupted_after(7, patch)
        assert cli("train", "-m", filled).exit_code == 130
    _label(stores, filled)
    result = cli("train", "-m", filled, "--resume")
    assert result.exit_code == 0, result.output
    (resumed,) = versions(stores, filled)
    assert cli("train", "-m", filled).exit_code == 0
    assert versions(stores, filled) == [resumed]


def test_what_cannot_be_resumed(
    cli: Cli, filled: str, stores: Stores, server_settings: Settings
) -> None:
    assert cli("train", "-m", filled, "--resume", "--model", "logistic").exit_code == 2
    result = cli("train", "-m", filled, "--resume")
    assert result.exit_code == 0, "there is nothing to resume: it trains from nothing"
    (version,) = versions(stores, filled)
    assert read_manifest(checkpoint_folder(server_settings, filled) / version).resumed is None
    path = checkpoint_folder(server_settings, filled) / version / TRAINING
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    _label(stores, filled)
    result = cli("train", "-m", filled, "--resume")
    assert result.exit_code == 2
    assert "damaged" in result.output


ANOTHER_PROCESS = """
import hashlib, sys
from pathlib import Path
from gnn.checkpoints.loading import load_checkpoint
from memreward.base.databases import connected
from memstore.reads.full_graph import read_graph

with connected() as stores:
    graph = read_graph(stores, sys.argv[1])
model, _ = load_checkpoint(Path(sys.argv[2]), encoder=graph.encoder)
print(hashlib.sha256(model.predict(graph).tobytes()).hexdigest())
"""


def test_another_process_says_the_same_to_the_bit(
    cli: Cli, filled: str, stores: Stores, server_settings: Settings
) -> None:
    assert cli("train", "-m", filled).exit_code == 0
    folder = checkpoint_folder(server_settings, filled) / versions(stores, filled)[0]
    graph = read_graph(stores, filled)
    model, _ = load_checkpoint(folder, encoder=graph.encoder)
    done = subprocess.run(
        [sys.executable, "-c", ANOTHER_PROCESS, filled, str(folder)],
        env={
            **os.environ,
            "MEMREWARD_HOME": str(server_settings.home),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == hashlib.sha256(model.predict(graph).tobytes()).hexdigest()
