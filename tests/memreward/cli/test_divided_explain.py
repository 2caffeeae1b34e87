"""`explain` of a divided memory says what it says of one memory that holds the same."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.cli_fixtures import Cli, write_jsonl
from support.divided import delete_all

from gnn.checkpoints.manifest import MANIFEST, read_manifest
from memstore.changes.propagated_rewards import register_model
from memstore.db.stores import Stores
from memstore.servers.folders import checkpoint_folder
from memstore.settings import Settings
from schema.ids import rollout_id

NAME, COUNT, RUN = "explained", 3, "r"


@pytest.fixture(autouse=True)
def gone(stores: Stores) -> Iterator[None]:
    yield
    delete_all(NAME, stores)


def files(folder: Path) -> tuple[Path, Path]:
    """Rollouts of 40 queries, each third of which is verified; and what was said later."""
    rows: list[dict[str, object]] = [
        {
            "query": f"What is {n} + {n % 7}?",
            "query_id": f"sum-{n}",
            "rollout": place,
            "completion": f"I add. #### {n + place}",
            "policy": ("small", "tiny")[place % 2],
            **({"reward": float(place == n % 7)} if n % 3 == 0 else {}),
        }
        for n in range(40)
        for place in range(4)
    ]
    later = [{"query_id": f"sum-{n}", "rollout": 2, "reward": n % 2} for n in range(20)]
    return write_jsonl(folder / "rows.jsonl", rows), write_jsonl(folder / "later.jsonl", later)


def moved_model(stores: Stores, settings: Settings, memory: str, aside: Path) -> str:
    """Put the memory's only model aside; or the one that is aside in the place of the memory's."""
    folder = checkpoint_folder(settings, memory)
    (own,) = folder.glob("memreward-*")
    if not aside.exists():
        shutil.copytree(own, aside)
        return own.name
    learned = json.loads((own / MANIFEST).read_text())
    fields = json.loads((aside / MANIFEST).read_text())
    fields |= {name: learned[name] for name in ("memory", "seq", "shard_seqs")}
    (aside / MANIFEST).write_text(json.dumps(fields))
    version = read_manifest(aside).version
    aside.rename(folder / version)
    register_model(stores, memory, version, fields)
    return version


def explained(cli: Cli, rollout: str, model: str) -> dict[str, Any]:
    """What `explain` says by a model: each value after the way to it."""
    words = ("explain", rollout, "-m", NAME, "--model", model, "--influences", 100)
    found = cli(*words, "--json")
    assert found.exit_code == 0, found.output
    return dict(values_in(json.loads(found.stdout)))


def values_in(why: Any, where: str = "") -> Iterator[tuple[str, object]]:
    """Items of lists are known by what they are of: the order of what weighs the same is free."""
    if isinstance(why, dict):
        for name, item in why.items():
            yield from values_in(item, f"{where}/{name}")
    elif isinstance(why, list):
        for item in why:
            of = item.get("rollout_id") or (item["kind"], item["query_id"])
            yield from values_in(item, f"{where}/{of}")
    else:
        yield where, why


@pytest.mark.usefixtures("short_training")
def test_it_says_what_it_says_of_one_memory(
    cli: Cli, stores: Stores, server_settings: Settings, tmp_path: Path
) -> None:
    """By the same model; more was said since that was trained."""
    rows, later = files(tmp_path)
    asked = [rollout_id(NAME, RUN, query, 0, 1) for query in ("sum-1", "sum-3")]
    said = list[list[dict[str, Any]]]()
    for memory, shards in ((NAME, ()), (f"{NAME}@1-of-{COUNT}", ("--shards", COUNT))):
        assert cli("ingest", rows, "-m", NAME, "--run", RUN, *shards).exit_code == 0
        assert cli("link", "-m", NAME).exit_code == 0
        assert cli("train", "-m", NAME).exit_code == 0
        model = moved_model(stores, server_settings, memory, tmp_path / "model")
        labelled = cli("label", later, "-m", NAME, "--annotator", "ann", "--run", RUN)
        assert labelled.exit_code == 0, labelled.output
        said.append([explained(cli, rollout, model) for rollout in (asked[0][:12], asked[1])])
        assert "check its id" in cli("explain", "0" * 12, "-m", NAME).output
        assert f"memory '{NAME}' has no" in cli("explain", "0" * 32, "-m", NAME).output
        assert cli("delete", "-m", NAME, "--yes").exit_code == 0
    for one, divided in zip(*said, strict=True):
        assert sum("/influences/" in where for where in one) > 100
        assert any("/said/" in where and where.endswith("/ann") for where in one)
        assert divided.keys() == one.keys()
        drawn = [where for where in one if re.fullmatch("/influences/.*/logit", where)]
        # What a member had in sight is drawn by rows, and their order is another in shards.
        found = [[values.pop(where) for where in drawn] for values in (one, divided)]
        assert np.corrcoef(found)[0, 1] > 0.5
        wrong = {
            where: (value, divided[where])
            for where, value in one.items()
            if divided[where]
            != (pytest.approx(value, abs=1e-4) if isinstance(value, float) else value)
        }
        assert not wrong


@pytest.mark.usefixtures("short_training")
def test_a_model_that_does_not_say_what_it_learned_from_is_refused(
    cli: Cli, server_settings: Settings, tmp_path: Path
) -> None:
    rows, _ = files(tmp_path)
    assert cli("ingest", rows, "-m", NAME, "--run", RUN, "--shards", COUNT).exit_code == 0
    assert cli("train", "-m", NAME).exit_code == 0
    (own,) = checkpoint_folder(server_settings, f"{NAME}@1-of-{COUNT}").glob("memreward-*")
    fields = json.loads((own / MANIFEST).read_text())
    assert len(fields.pop("shard_seqs")) == COUNT
    (own / MANIFEST).write_text(json.dumps(fields))
    refused = cli("explain", rollout_id(NAME, RUN, "sum-1", 0, 1), "-m", NAME)
    assert refused.exit_code == 2
    assert f"`memreward train --memory {NAME}`" in " ".join(refused.output.split())
