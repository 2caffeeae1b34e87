"""One question from several tools, and from files of our own format, is one query."""

import json
from pathlib import Path
from typing import Any

import pytest

from memstore.formats.files import inspect_files
from memstore.formats.rollout_reader import RolloutReader
from memstore.formats.rollout_row import ReadOptions
from memstore.mapping.options import ShapeOptions
from schema.ids import query_id
from schema.rollout import Rollout

#: Composed (NFC) and decomposed (NFD).
QUESTION = "How many letters has caf\u00e9?"
OTHER_FORM = "How many letters has cafe\u0301?"

TRL = {
    "step": 1,
    "prompt": [{"role": "user", "content": f"{OTHER_FORM}\n"}],
    "completion": [{"role": "assistant", "content": "#### 4"}],
    "accuracy_reward": 1.0,
    "advantage": 0.5,
}
VERL = {
    "input": f"user\n{QUESTION}\nassistant\n",
    "output": "#### 4",
    "gts": "4",
    "score": 1.0,
    "step": 3,
}
OPENRLHF = {
    "input": f"<|im_start|>user\n{OTHER_FORM}<|im_end|>\n<|im_start|>assistant\n",
    "output": "#### 4<|im_end|>",
}
OWN = {"query": QUESTION, "completion": "#### 4"}
UNTIDY = {"query": f" {OTHER_FORM}\n", "completion": "#### 4"}


def read(folder: Path, row: dict[str, Any], **shape: Any) -> tuple[Rollout, RolloutReader]:
    path = folder / f"{len(list(folder.iterdir()))}.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    mapping = ShapeOptions(**shape).mapping() if shape else None
    options = ReadOptions(mapping=mapping)
    reader = RolloutReader(inspect_files([path], options), options)
    (found,) = reader
    assert isinstance(found, Rollout)
    return found, reader


def test_three_tools_and_a_mapped_file_of_our_own_ask_one_query(tmp_path: Path) -> None:
    found = [
        read(tmp_path, TRL, format="trl"),
        read(tmp_path, VERL, format="verl"),
        read(tmp_path, OPENRLHF, format="openrlhf"),
        read(tmp_path, OWN),
        read(tmp_path, UNTIDY, map="query=query"),
    ]
    assert {query_id("m", rollout.query) for rollout, _ in found} == {query_id("m", QUESTION)}
    # Without a `query_id` of one's own the rows are counted together, too.
    assert len({rollout.source_query_id for rollout, _ in found}) == 1
    assert [reader.untidy_queries for _, reader in found] == [0] * 5


@pytest.mark.parametrize("query", [f"{QUESTION} ", OTHER_FORM, f"\n{QUESTION}"])
def test_unmapped_texts_are_kept_as_they_are_and_counted(tmp_path: Path, query: str) -> None:
    """Ids of stored rollouts and queries are made of the exact text."""
    rollout, reader = read(tmp_path, {**OWN, "query": query})
    assert rollout.query == query
    assert query_id("m", rollout.query) != query_id("m", QUESTION)
    assert reader.untidy_queries == 1


def test_a_query_id_of_ones_own_stays_with_the_mapping(tmp_path: Path) -> None:
    rollout, _ = read(tmp_path, {**UNTIDY, "query_id": 7, "rollout": 3}, map="query=query")
    assert (rollout.query, rollout.source_query_id, rollout.place) == (QUESTION, "7", 3)
