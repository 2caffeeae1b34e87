"""Checkpoints: what is written is read, and anything else is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph

from gnn.checkpoints.loading import load_checkpoint
from gnn.checkpoints.manifest import MANIFEST, TENSORS, Manifest, read_manifest
from gnn.checkpoints.saving import save_checkpoint
from gnn.models.baselines.logistic import LogisticModel
from gnn.models.published.model import PublishedConfig, PublishedModel
from gnn.models.registry import REWARD_MODELS, reward_model
from schema.errors import CheckpointError


def saved(folder: Path, name: str = "logistic") -> Manifest:
    """A checkpoint of a model fitted on the small graph."""
    graph, truth_R = make_graph(signals=True, policy_dimension=2)
    known = labelled(graph, truth_R)
    model = reward_model(name)()
    report = model.fit(known, seed=7)
    return save_checkpoint(folder, model, known, report, seed=7)


@pytest.mark.parametrize("name", [n for n in REWARD_MODELS if n != "memreward"])
def test_a_model_survives_the_round_trip(name: str, tmp_path: Path) -> None:
    graph, truth_R = make_graph(signals=True, policy_dimension=2)
    known = labelled(graph, truth_R)
    quick = PublishedModel(PublishedConfig(hidden=32, scored=16, max_epochs=2))
    model = quick if name == "published" else reward_model(name)()
    report = model.fit(known, seed=7)
    manifest = save_checkpoint(tmp_path / "new" / "m", model, known, report, seed=7)
    again, read = load_checkpoint(tmp_path / "new" / "m", encoder="hash")
    assert read == manifest
    assert again.features == model.features
    np.testing.assert_array_equal(again.predict(graph), model.predict(graph))


def test_manifest_says_where_it_comes_from(tmp_path: Path) -> None:
    manifest = saved(tmp_path / "m")
    fields = json.loads((tmp_path / "m" / MANIFEST).read_text())
    assert fields["memory"] == "test"
    assert (fields["seq"], fields["seed"], fields["encoder"]) == (3, 7, "hash")
    assert (fields["n_labelled_queries"], fields["n_labelled_rollouts"]) == (6, 24)
    assert len(fields["features"]) == 25
    assert fields["created"].endswith("+00:00")
    assert manifest.version == f"logistic-{fields['sha256'][:12]}"
    assert {p.name for p in (tmp_path / "m").iterdir()} == {MANIFEST, TENSORS}
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="memreward train"):
        load_checkpoint(tmp_path / "none", encoder="hash")
    saved(tmp_path / "m")
    (tmp_path / "m" / TENSORS).unlink()
    with pytest.raises(CheckpointError, match="train again"):
        load_checkpoint(tmp_path / "m", encoder="hash")


@pytest.mark.parametrize("file", [MANIFEST, TENSORS])
def test_cut_short(file: str, tmp_path: Path) -> None:
    saved(tmp_path / "m")
    path = tmp_path / "m" / file
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(tmp_path / "m", encoder="hash")


def test_one_flipped_bit_and_a_changed_intercept(tmp_path: Path) -> None:
    saved(tmp_path / "m")
    tensors, manifest = tmp_path / "m" / TENSORS, tmp_path / "m" / MANIFEST
    data, text = bytearray(tensors.read_bytes()), manifest.read_text()
    data[-1] ^= 1
    tensors.write_bytes(data)
    with pytest.raises(CheckpointError, match="checksum"):
        load_checkpoint(tmp_path / "m", encoder="hash")
    data[-1] ^= 1
    tensors.write_bytes(data)
    fields = json.loads(text)
    fields["config"]["intercept"] += 1
    manifest.write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match="checksum"):
        load_checkpoint(tmp_path / "m", encoder="hash")


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"format": 1}', "\x00", "[" * 99_999])
def test_a_manifest_that_is_none(text: str, tmp_path: Path) -> None:
    saved(tmp_path / "m")
    (tmp_path / "m" / MANIFEST).write_text(text)
    with pytest.raises(CheckpointError, match="damaged"):
        read_manifest(tmp_path / "m")


def test_made_for_something_else(tmp_path: Path) -> None:
    saved(tmp_path / "m")
    with pytest.raises(CheckpointError, match="'other'"):
        load_checkpoint(tmp_path / "m", encoder="other")
    with pytest.raises(CheckpointError, match="25 features"):
        load_checkpoint(tmp_path / "m", encoder="hash", features=("answer_share",))
    path = tmp_path / "m" / MANIFEST
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "model": "oracle"}))
    with pytest.raises(CheckpointError, match="'oracle'"):
        load_checkpoint(tmp_path / "m", encoder="hash")
    path.write_text(json.dumps({**fields, "format": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        load_checkpoint(tmp_path / "m", encoder="hash")


def test_an_existing_folder_is_not_overwritten(tmp_path: Path) -> None:
    first = saved(tmp_path / "m")
    with pytest.raises(CheckpointError, match="exists already"):
        saved(tmp_path / "m", "constant")
    assert read_manifest(tmp_path / "m") == first


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gnn.checkpoints.saving.os.fsync", no_space)
    with pytest.raises(CheckpointError, match="No space left"):
        saved(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_every_model_of_the_registry_has_its_own_name() -> None:
    assert all(model.name == name for name, model in REWARD_MODELS.items())
    assert issubclass(REWARD_MODELS["logistic"], LogisticModel)
