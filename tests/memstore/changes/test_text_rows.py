"""Labels of rollouts that are named by what they say."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

from memstore.changes.label_file import LabelOptions, LabelReader
from schema.ids import digest, rollout_id
from schema.reward import Preference, VerifiedReward

QUERY = "What is 1 + 1?"
SOURCE = digest("source", QUERY)


@pytest.fixture
def answers(memory: MemoryUnderTest) -> MemoryUnderTest:
    """Three rollouts of one question in two runs, two of which give the same answer."""
    said = [("#### 2", "Easy."), ("#### 2", "Sure."), ("#### 3", "")]
    rollouts = [
        make_rollout(1, place, answer=answer, thinking=thinking, source_query_id=SOURCE)
        for place, (answer, thinking) in enumerate(said)
    ]
    memory.add(rollouts)
    memory.add(rollouts[:1], run="run-2")
    return memory


def read(memory: MemoryUnderTest, path: Path) -> tuple[dict[str, float], list[str]]:
    """Rewards by rollout id, and why rows are rejected."""
    options = LabelOptions(memory=memory.name, annotator="ann", run="run-1")
    (found,) = LabelReader(memory.stores.vectors, path, options).batches()
    labels, rejected = found
    rewards = {one.rollout_id: one.value for one in labels if isinstance(one, VerifiedReward)}
    return rewards, [row.reason for row in rejected]


def id_of(memory: MemoryUnderTest, place: int, run: str = "run-1") -> str:
    return rollout_id(memory.name, run, SOURCE, 0, place)


def rows(path: Path, *given: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    return path


def test_an_answer_means_all_rollouts_that_say_it(answers: MemoryUnderTest, tmp_path: Path) -> None:
    same = [id_of(answers, 0), id_of(answers, 1), id_of(answers, 0, "run-2")]
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"query": QUERY, "answer": "#### 2"}, same),
        # Cleaned as files are, and trimmed as files of other tools are.
        ({"query": f" {QUERY}\n", "answer": "#### 2<|im_end|>"}, same),
        ({"query": [{"role": "user", "content": QUERY}], "answer": "#### 2"}, same),
        ({"query": QUERY, "answer": "#### 2", "run": "run-2"}, same[2:]),
        ({"query": QUERY, "answer": "#### 2", "thinking": "Sure."}, same[1:2]),
        # By place: without a `query_id` the question's text names it.
        ({"query": QUERY, "rollout": 2}, [id_of(answers, 2)]),
    ]
    for row, ids in cases:
        found = read(answers, rows(tmp_path / "a.jsonl", {**row, "reward": 1}))
        assert found == (dict.fromkeys(ids, 1), []), row


def test_a_completion_means_its_thinking_and_its_answer(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    memory.add([make_rollout(1, 0, answer="2", thinking="Easy.", source_query_id=SOURCE)])
    row = {"query": QUERY, "completion": "<think>Easy.</think>2", "reward": 0.5}
    assert read(memory, rows(tmp_path / "a.jsonl", row)) == ({id_of(memory, 0): 0.5}, [])


def test_texts_that_nobody_said_are_rejected(answers: MemoryUnderTest, tmp_path: Path) -> None:
    bad = [
        {"query": QUERY, "answer": "#### 4"},
        {"query": "What else?", "answer": "#### 2"},
        {"query": QUERY, "answer": "#### 2", "run": "other"},
        {"query": QUERY, "answer": 2},
        {"query": QUERY},
    ]
    path = rows(tmp_path / "a.jsonl", *({**row, "reward": 1} for row in bad))
    labels, reasons = read(answers, path)
    assert (labels, len(reasons)) == ({}, 5)
    expected = ("check both texts", "check both", "`run` and `step`", "`answer`", "`answer`: say")
    for reason, part in zip(reasons, expected, strict=True):
        assert part in reason


def test_a_csv_file_of_texts_and_verdicts(answers: MemoryUnderTest, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["query", "answer", "rollout", "reward"])
        writer.writerow([QUERY, "#### 2", "", "TRUE"])
        writer.writerow([QUERY, "#### 3", "", "wrong"])
        writer.writerow([QUERY, "", "2", "0.0"])
        writer.writerow([QUERY, "#### 3", "", "perhaps"])
    rewards, reasons = read(answers, path)
    assert rewards[id_of(answers, 1)] == 1.0 and rewards[id_of(answers, 2)] == 0.0
    assert len(rewards) == 4 and len(reasons) == 1


def test_preferences_by_the_questions_text_and_places(
    answers: MemoryUnderTest, tmp_path: Path
) -> None:
    options = LabelOptions(memory=answers.name, annotator="ann", run="run-1")
    path = tmp_path / "a.csv"
    path.write_text(f"query,better,worse\n{QUERY},1,2\n", encoding="utf-8")
    ((labels, rejected),) = LabelReader(answers.stores.vectors, path, options).batches()
    assert rejected == []
    better, worse = id_of(answers, 1), id_of(answers, 2)
    assert labels == [Preference(better=better, worse=worse, annotator="ann")]
