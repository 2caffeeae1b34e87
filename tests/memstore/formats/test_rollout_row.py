"""A rollout as a row and back: nothing is lost, whichever way it travels."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memreward.serving.schemas import RolloutForm
from memstore.formats.rollout_file import RolloutFile
from memstore.formats.rollout_reader import read_rollouts
from memstore.formats.rollout_row import ReadOptions, rollout_of, to_row
from schema.input_columns import INPUT_COLUMNS, InputKind, columns_of
from schema.rollout import POLICY_SIGNALS, Rollout
from schema.validation import MAX_INTEGER

OPTIONS = ReadOptions(encoder="tiny", dimension=3)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
NAMES = TEXTS.filter(str.strip)
INTEGERS = st.integers(0, MAX_INTEGER)
NUMBERS = st.floats(-100, 100)


def vectors(size: int) -> st.SearchStrategy[Any]:
    one = st.lists(st.floats(0.5, 4, width=32), min_size=size, max_size=size)
    return one.map(lambda values: np.asarray(values, np.float32))


@st.composite
def rollouts(draw: st.DrawFn) -> Rollout:
    """Any rollout; what need not be given is often not given."""
    given_fields: dict[str, Any] = {
        "query": draw(NAMES),
        "answer": draw(NAMES),
        "source_query_id": draw(NAMES),
        "place": draw(INTEGERS),
    }
    optional: dict[str, Any] = {
        "thinking": TEXTS,
        "step": INTEGERS,
        "dataset": NAMES,
        "domain": NAMES,
        "policy": NAMES,
        "checkpoint": NAMES,
        "reward": st.floats(0, 1),
        "completion_tokens": INTEGERS,
        "answer_given": st.booleans(),
        "truncated": st.booleans(),
        "finish_reason": NAMES,
        "policy_signals": st.tuples(*[NUMBERS] * len(POLICY_SIGNALS)),
        "policy_embedding": vectors(2),
        "policy_layer": NAMES,
    }
    names = {field.name for field in fields(Rollout)}
    embeddings = [f"{part}_embedding" for part in ("query", "thinking", "answer")]
    assert names == {*given_fields, *optional, "encoder", *embeddings}, "a field without a test"
    for name, strategy in optional.items():
        if draw(st.booleans()):
            given_fields[name] = draw(strategy)
    if draw(st.booleans()):
        given_fields |= {"encoder": "tiny", **{name: draw(vectors(3)) for name in embeddings}}
    return Rollout(**given_fields)


def assert_equal(found: Rollout, expected: Rollout) -> None:
    for field in fields(Rollout):
        have, want = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(want, np.ndarray):
            assert have.dtype == np.float32
            assert np.array_equal(have, want), field.name
        else:
            assert have == want, field.name


def no_place(source_query_id: str, step: int) -> int:
    raise AssertionError("the row names its place")


@given(rollouts())
def test_a_rollout_comes_back_from_its_row(rollout: Rollout) -> None:
    row = json.loads(json.dumps(to_row(rollout)))
    assert_equal(rollout_of(row, OPTIONS, no_place), rollout)


@given(rollouts())
def test_the_service_takes_every_row(rollout: Rollout) -> None:
    row = to_row(rollout)
    form = RolloutForm.model_validate_json(json.dumps(row))
    assert form.model_dump(exclude_none=True) == row


def test_a_column_of_the_input_is_a_column_of_the_service() -> None:
    assert list(RolloutForm.model_fields) == [column.name for column in INPUT_COLUMNS]


def test_every_column_is_in_the_description_of_the_format() -> None:
    text = (Path(__file__).parents[3] / "docs" / "format.md").read_text(encoding="utf-8")
    table = "\n".join(line for line in text.splitlines() if line.startswith("| `"))
    for column in INPUT_COLUMNS:
        assert f"`{column.name}`" in table, column.name


def test_every_field_of_a_rollout_is_filled_by_a_column() -> None:
    filled = {column.field for column in INPUT_COLUMNS} - {None}
    assert filled | {"policy_signals"} == {field.name for field in fields(Rollout)}
    assert set(columns_of(InputKind.NUMBER)) == set(POLICY_SIGNALS)


def test_a_collected_file_keeps_names(tmp_path: Path) -> None:
    rollout = Rollout(
        query="?", answer="2", source_query_id="q", place=0, checkpoint="c", finish_reason="stop"
    )
    RolloutFile(tmp_path / "a.jsonl").append([rollout])
    assert list(read_rollouts([tmp_path / "a.jsonl"])) == [rollout]
