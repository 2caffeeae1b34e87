"""Benchmarks at tiny sizes: what they measure, what they leave behind."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.cli_fixtures import Cli

from memreward.base.terminal import console
from memreward.bench import ingest as bench_ingest
from memreward.bench.data import Mixer
from memreward.bench.knn import nearest_rows
from memreward.bench.report import print_table
from memreward.bench.scratch import scratch_memory
from memstore.db.stores import Stores, find_memory
from memstore.outbox.recovery import every_memory
from memstore.settings import Settings


def measured(cli: Cli, tmp_path: Path, *arguments: object) -> dict[str, Any]:
    """The JSON of a benchmark that went well and drew something."""
    file, plot = tmp_path / "figures.json", tmp_path / "plot.png"
    result = cli("bench", *arguments, "--json", file, "--plot", plot)
    assert result.exit_code == 0, result.output
    assert plot.stat().st_size > 1_000
    return json.loads(file.read_text())


def nothing_is_left(stores: Stores) -> bool:
    return not any(name.startswith("bench-") for name in every_memory(stores))


def test_reward(cli: Cli, tmp_path: Path, stores: Stores) -> None:
    sizes = ("--memory", "100,140", "--queries", 4, "--repeats", 1)
    found = measured(cli, tmp_path, "reward", *sizes)
    rows = found["rows"]
    assert [row["memory_queries"] for row in rows] == [100, 140]
    assert found["flatness"] == pytest.approx(rows[1]["p50_s"] / rows[0]["p50_s"])
    assert found["rollouts_a_step"] == 32
    for row in rows:
        assert 0 < row["p50_s"] <= row["p95_s"]
        assert row["embed_s"] > 0
        assert row["published_s"] > 0
        # A step's own queries, and the labelled ones among the 7 nearest of each.
        assert 4 <= row["subgraph_queries"] <= 4 + 4 * 7
        assert row["subgraph_rollouts"] == 8 * row["subgraph_queries"]
    assert nothing_is_left(stores)


def test_ingest(cli: Cli, tmp_path: Path, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_ingest, "BATCHES_A_TURN", 1)
    found = measured(cli, tmp_path, "ingest", "--queries", 384)
    ours, bare = (row["rollouts_per_s"] for row in found["rows"])
    assert found["ratio"] == pytest.approx(ours / bare)
    assert found["rollouts"] == 1024  # Of three turns, the first and the last do not count.
    assert set(found["stages"]) == {"accept", "publish"}
    assert nothing_is_left(stores)


def test_sample_finds_what_cypher_finds(cli: Cli, tmp_path: Path, stores: Stores) -> None:
    """With these few nodes no fan-out cuts anything off."""
    arguments = ("--queries", 12, "--repeats", 1, "--seeds", 32)
    rows = measured(cli, tmp_path, "sample", *arguments)["rows"]
    assert [row["way"] for row in rows][::2] == ["memreward", "Cypher"]
    assert len({(row["nodes"], row["edges"]) for row in rows}) == 1
    assert nothing_is_left(stores)


def test_knn(cli: Cli, tmp_path: Path, stores: Stores) -> None:
    (row,) = measured(cli, tmp_path, "knn", "--queries", "200", "--repeats", 1)["rows"]
    assert row["recall"] >= 0.99
    assert min(row[f"{way}_s"] for way in ("held", "hnsw", "exact", "flat", "build")) > 0
    assert nothing_is_left(stores)


def test_many_measures_are_legible_in_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    few, many = ({f"measure {place}": 1000 * place for place in range(n)} for n in (3, 16))
    for row in (few, many):
        print_table(console, [row, row], {key: key for key in row})
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert all(f"measure {place}" in shown for place in range(16))
    assert shown.count("15,000") == 2


def test_refusals(cli: Cli) -> None:
    for arguments in (
        ("reward", "--memory", "many"),
        ("reward", "--memory", "200,100"),
        ("ingest", "--queries", "3"),
        ("knn", "--queries", "3"),
        ("train", "--queries", "3"),
        ("sample", "--json", "nowhere/figures.json"),
    ):
        assert cli("bench", *arguments).exit_code == 2


def test_a_scratch_memory_is_gone_when_it_is_interrupted(
    stores: Stores, server_settings: Settings
) -> None:
    names: list[str] = []

    def work() -> None:
        with scratch_memory(stores, server_settings) as name:
            names.append(name)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    with stores.vectors.transaction("outbox.sql") as session:
        assert find_memory(session, names[0]) is None


def test_mixtures_are_repeatable_and_no_copies() -> None:
    mixer = Mixer.of()
    part, whole = mixer.rollouts(3, 2), mixer.rollouts(0, 10)
    assert [r.query for r in part] == [r.query for r in whole[24:40]]
    np.testing.assert_array_equal(part[5].answer_embedding, whole[29].answer_embedding)  # pyright: ignore
    query_QD = np.stack([r.query_embedding for r in whole[::8]])  # pyright: ignore
    np.testing.assert_allclose(np.linalg.norm(query_QD, axis=1), 1, atol=1e-6)
    near, cosine = nearest_rows(query_QD, np.arange(10), 3)
    assert (cosine < 0.999).all()
    exact = query_QD @ query_QD.T - 2 * np.eye(10)
    np.testing.assert_array_equal(near, np.argsort(-exact, axis=1)[:, :3])
