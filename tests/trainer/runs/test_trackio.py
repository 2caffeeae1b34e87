"""A run that reports to trackio: real, in a process of its own, without a network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import trackio_driver

pytest.importorskip("trackio", reason="the extra `trackio` is not installed")


def test_trackio_keeps_where_each_reward_comes_from(tmp_path: Path) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(Path(trackio_driver.__file__).parents[1]),
        "TRACKIO_DIR": str(tmp_path / "trackio"),
    }
    command = [sys.executable, trackio_driver.__file__, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    kept = json.loads(done.stdout)  # What trackio prints is no part of the results.
    assert {"train/memreward/coverage", "train/memreward/verified"} <= set(kept["names"])
    rows = kept["rows"]
    assert len(rows) == 8
    for row in rows:
        verified = row["prompt"] == "0 + 0?"
        assert (row["memreward/source"] == "verified") == verified
        # NaN: TRL's table cannot tell a masked completion from a fault; our column can.
        assert row["memreward/masked"] == (row["memreward"] == "NaN")
    assert {row["completion"] for row in rows}
