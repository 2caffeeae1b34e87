import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from support.cli_fixtures import Cli

import memreward
from memreward.bench.encode import bench_encode

SAMPLE = Path(memreward.__file__).parent / "data" / "rollouts-gym.parquet"


def test_both_encoders_see_the_same_texts_and_find_the_same_neighbours(tmp_path: Path) -> None:
    table = pq.read_table(SAMPLE, columns=["query", "thinking", "answer"])
    brief = pc.utf8_slice_codeunits(table["thinking"], 0, 40)  # pyright: ignore
    pq.write_table(table.set_column(1, "thinking", brief), tmp_path / "brief.parquet")
    found = bench_encode(tmp_path / "brief.parquet", n_rollouts=80, repeats=1, device="cpu")
    assert found.distinct < found.texts == 3 * 80
    assert found.recall >= 0.99
    assert found.mixed_recall >= 0.99
    assert found.ratio == found.theirs_s / found.ours_s > 0


def test_the_command(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    result = cli("bench", "encode", "--count", 8, "--repeats", 1, "--json", file)
    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text())
    assert found["texts"] == 24
    assert found["ratio"] == found["theirs_s"] / found["ours_s"]
