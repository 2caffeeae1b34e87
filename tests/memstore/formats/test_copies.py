"""No rollout is stored twice because its file is there twice, under whatever name."""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.other_tools import json_lines

from memstore.formats.files import inspect_files
from memstore.formats.rollout_reader import RejectedRow, read_rollouts
from memstore.formats.rollout_row import ReadOptions
from memstore.mapping.options import ShapeOptions
from schema.errors import InputError

ROWS: list[dict[str, Any]] = [{"query": f"q{n}", "answer": "4", "step": 1} for n in range(4)]


def test_hard_links_and_copies_are_refused(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", ROWS)
    os.link(path, tmp_path / "b.jsonl")
    json_lines(tmp_path / "c.jsonl", ROWS)
    for other in ("b.jsonl", "c.jsonl"):
        with pytest.raises(InputError, match=r"the same as .*a\.jsonl.*name one"):
            inspect_files([path, tmp_path / other])
    json_lines(tmp_path / "d.jsonl", [*ROWS[:3], {**ROWS[3], "answer": "5"}])
    assert len(inspect_files([path, tmp_path / "d.jsonl"])) == 2


def test_the_same_rollouts_in_another_container_or_step_are_refused(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", ROWS)
    later = [{**row, "step": 2} for row in ROWS]
    pq.write_table(pa.Table.from_pylist(later), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"holds the same 4 rollouts as .*a\.jsonl"):
        list(read_rollouts([path, tmp_path / "b.parquet"]))
    few = json_lines(tmp_path / "c.jsonl", later[:3])
    first = json_lines(tmp_path / "d.jsonl", ROWS[:3])
    assert len(list(read_rollouts([few, first]))) == 6  # May be equal by chance.


def test_a_file_that_grew_or_was_shuffled_since_it_was_copied_is_refused(tmp_path: Path) -> None:
    rows = [{"query": f"q{n}", "answer": f"a{n}"} for n in range(40)]
    path = json_lines(tmp_path / "a.jsonl", rows)
    cases = (
        (rows[:20], "holds the first 20 rollouts of"),
        ([*rows, {"query": "new", "answer": "4"}], "begins with all rollouts of"),
        (rows[::-1], "holds, in another order, the same 40 rollouts as"),
    )
    for other, said in cases:
        copy = json_lines(tmp_path / "b.jsonl", other)
        with pytest.raises(InputError, match=rf"b\.jsonl: {said} .*a\.jsonl"):
            list(read_rollouts([path, copy]))
    # Few rows may be equal by chance, and so may some of many.
    for other in (rows[:15], [*rows[:20], {"query": "new", "answer": "4"}]):
        copy = json_lines(tmp_path / "b.jsonl", other)
        assert len(list(read_rollouts([path, copy]))) == 40 + len(other)


def test_an_answer_next_to_a_reply_is_refused(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [{"query": "q", "answer": "4", "response": "5"}])
    with pytest.raises(InputError, match=r"`answer` and `response`.*--map completion=response"):
        inspect_files([path])


def test_a_mapped_answer_next_to_a_reply_is_refused(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [{"prompt": "q", "target": "4", "output": "5"}])
    mapping = ShapeOptions(map="query=prompt,answer=target").mapping()
    with pytest.raises(InputError, match=r"`target` is mapped, and `output` is given"):
        inspect_files([path], ReadOptions(mapping=mapping))
    assert inspect_files([path], ReadOptions(mapping=mapping, prefer="answer"))
    mapping = ShapeOptions(map="query=prompt,completion=output").mapping()
    assert inspect_files([path], ReadOptions(mapping=mapping))


def test_other_metadata_at_the_same_place_is_no_repetition(tmp_path: Path) -> None:
    row = {"query": "q", "answer": "4", "rollout": 0, "dataset": "a", "policy": "p"}
    for change in ({"dataset": "b"}, {"policy": "r"}, {"domain": "d"}):
        path = tmp_path / "a.jsonl"
        path.write_text(json.dumps(row) + "\n" + json.dumps({**row, **change}))
        _, second = read_rollouts([path])
        assert isinstance(second, RejectedRow)
        assert "other content" in second.reason


def test_tails_leave_answers(tmp_path: Path) -> None:
    rows = [
        {"query": "q", "answer": "4<|im_end|>"},
        {"query": "q", "answer": "<answer>5</answer></s>"},
        {"query": "q", "answer": "not <answer>6</answer>"},
    ]
    path = json_lines(tmp_path / "a.jsonl", rows)
    answers = [getattr(row, "answer", row) for row in read_rollouts([path])]
    assert answers == ["4", "5", "not <answer>6</answer>"]
