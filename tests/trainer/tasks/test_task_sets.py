"""Task sets: reproducible, with distinct queries, split by query and by family."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schema.errors import InputError
from schema.task import Check, VerifierKind
from trainer.tasks.task_sets import SMALL, TaskSet, load_tasks


@pytest.fixture(scope="module")
def small() -> TaskSet:
    return load_tasks("small?size=20&seed=3")


def test_small_tasks_are_the_same_each_time_and_others_for_another_seed(small: TaskSet) -> None:
    assert load_tasks("small?size=20&seed=3") == small
    assert small.families == sorted(f"small_{name}" for name in SMALL)
    texts = {task.query for task in small}
    assert len(texts) == len(small) > 60
    other = {task.query for task in load_tasks("small:letter_counting?size=20&seed=1000")}
    assert not texts & other


def test_a_prompt_shows_a_solved_example_that_is_no_task(small: TaskSet) -> None:
    shown = {task.example[0] for task in small if task.example}
    assert len(shown) == len(SMALL)
    assert not shown & {task.query for task in small}
    user, assistant, last = small.tasks[0].messages
    assert [turn["role"] for turn in (user, assistant, last)] == ["user", "assistant", "user"]
    assert assistant["content"].startswith("#### ")
    assert last["content"].startswith(small.tasks[0].query)


def test_a_check_goes_through_json(small: TaskSet) -> None:
    check = small.tasks[0].check
    assert check is not None
    assert Check.from_row(json.loads(json.dumps(check.to_row()))) == check


def test_the_split_is_by_query_and_of_each_family(small: TaskSet) -> None:
    train, held = small.split(0.25, seed=1)
    assert {task.query for task in train} | {task.query for task in held} == {
        task.query for task in small
    }
    assert len(train) + len(held) == len(small)
    assert train.families == held.families == small.families
    assert small.split(0.25, seed=2)[1] != held
    assert len(small.split(0.0)[1]) == 0


def test_a_family_is_held_out(small: TaskSet) -> None:
    others, held = small.hold_out(["small_gcd"])
    assert held.families == ["small_gcd"]
    assert "small_gcd" not in others.families
    with pytest.raises(InputError, match="no task of family sums"):
        small.hold_out(["sums"])


def test_settings_of_a_family_are_changed() -> None:
    tasks = load_tasks("gym:gcd?size=5&seed=1&gcd.max_value=9")
    assert tasks.families == ["rg_gcd"]
    assert len(tasks) == 5
    assert json.loads((tasks.tasks[0].check or pytest.fail()).settings)["max_value"] == 9


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gym:", "at least one family"),
        ("gym:gcd?size=0", "cannot use size=0"),
        ("gym:gcd?colour=red", "cannot use colour=red"),
        ("gym:gcd?lcm.max_value=3", "lcm is not among"),
        ("small:sudoku", "no small task sudoku"),
        ("nothing.csv", "no task set"),
        ("nothing.jsonl", "no such file"),
    ],
)
def test_what_cannot_be_a_task_set_is_refused(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_tasks(spec)


ROWS = [
    {"query": "What is 2 + 2?", "gold": 4, "query_id": 7, "dataset": "sums"},
    {"query": "Which?\nA. one\nB. two\nC. three\nD. four", "gold": "B"},
    {"query": "Write f.", "tests": ["assert f() == 1", "assert f() > 0"], "domain": "code"},
    {"query": "GCD of 4, 6?", "gold": "2", "dataset": "rg_gcd"},
    {"query": "What is true?"},
    {"query": "What is 2 + 2?", "gold": "5"},
]
KINDS = [VerifierKind.MATH, VerifierKind.OPTIONS, VerifierKind.CODE, VerifierKind.GYM, None]


def test_a_jsonl_file_says_by_its_columns_how_answers_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    tasks = load_tasks(str(path)).tasks
    assert [task.check and task.check.kind for task in tasks] == KINDS
    assert tasks[0].source_query_id == "7"
    assert tasks[0].check and tasks[0].check.gold == "4"
    assert tasks[2].check and tasks[2].check.tests == "assert f() == 1\nassert f() > 0"
    assert tasks[3].check and tasks[3].check.family == "gcd"


def test_a_parquet_file_needs_no_answers(tmp_path: Path) -> None:
    path = tmp_path / "queries.parquet"
    pq.write_table(pa.table({"query": ["1 + 1?", "1 + 1?"], "gold": ["2", "2"]}), path)
    assert [task.query for task in load_tasks(str(path))] == ["1 + 1?"]


@pytest.mark.parametrize(
    "row", [{"gold": "1"}, {"query": 3}, {"query": "q", "gold": {"a": 1}}, {"query": "a\x00b"}]
)
def test_a_row_that_is_no_query_is_refused_with_its_line(
    row: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text(json.dumps({"query": "fine"}) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(InputError, match=r"queries\.jsonl:2"):
        load_tasks(str(path))
