"""Collected rollouts in a file: read by ingest as they were, and a cut line is dropped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memstore.formats.rollout_file import RolloutFile
from memstore.formats.rollout_reader import read_rollouts
from schema.errors import InputError
from schema.rollout import Rollout

PLAIN = Rollout(
    query="1 + 1?",
    answer="2\u2028\u0085",
    thinking="é",
    source_query_id="sum",
    place=0,
    dataset="sums",
    domain="math",
    policy="tiny",
    reward=0.0,
    completion_tokens=3,
    truncated=False,
    policy_signals=(-1.5, -2.0, 0.25, 0.5, -1.5, 0.0),
    policy_layer="20",
)
EMBEDDING = np.array([1.0, -0.5, 0.25], np.float32)


def rollouts() -> list[Rollout]:
    return [replace(PLAIN, place=place, policy_embedding=EMBEDDING) for place in range(3)]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    RolloutFile(path).append(rollouts()[:2])
    RolloutFile(path).append(rollouts()[2:])
    found = list(read_rollouts([path]))
    assert len(found) == 3
    for place, rollout in enumerate(found):
        assert isinstance(rollout, Rollout)
        assert rollout.policy_embedding is not None
        assert np.array_equal(rollout.policy_embedding, EMBEDDING)
        assert replace(rollout, policy_embedding=None) == replace(PLAIN, place=place)


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    RolloutFile(path).append(rollouts())
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    again = RolloutFile(path)
    assert again.stored == {("sum", 0), ("sum", 1)}
    again.append(rollouts()[2:])
    assert path.read_bytes() == whole
    assert again.stored == {("sum", 0), ("sum", 1), ("sum", 2)}


@pytest.mark.parametrize("content", ['{"query": "q"}\n', "no json\n", "[]\n"])
def test_a_file_of_something_else_is_left_alone(content: str, tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match="something else"):
        RolloutFile(path)
    assert path.read_text() == content


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.jsonl"):
        RolloutFile(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="cannot be written"):
        RolloutFile(tmp_path / "missing" / "b.jsonl").append(rollouts())
