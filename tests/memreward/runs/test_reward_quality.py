"""The quality of a run's rewards: what is counted, and that watching changes nothing."""

from pathlib import Path
from typing import Any

import pytest
from support.fake_scorer import FakeScorer

from memreward.runs.reward_quality import keep_truth, read_quality, truth_watch
from schema.score import ScoreSource
from trainer.json_lines import read_lines
from trainer.rewards.from_memory import memory_reward

VERIFIED, PROPAGATED = ScoreSource.VERIFIED, ScoreSource.PROPAGATED


def test_the_last_rows_of_a_step_count_and_masked_ones_are_no_rewards(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    assert read_quality(path) is None
    keep_truth(path, 0, [("a", 1.0, 0.0, VERIFIED)])  # Of a step that was killed.
    keep_truth(
        path,
        0,
        [
            ("a", 1.0, 1.0, VERIFIED),
            ("a", 0.0, 0.0, VERIFIED),
            ("b", 1.0, 0.75, PROPAGATED),
            ("b", 0.0, 0.25, PROPAGATED),
            ("b", 1.0, None, PROPAGATED),
        ],
    )
    keep_truth(path, 1, [("a", 1.0, 0.25, PROPAGATED), ("a", 0.0, 0.75, PROPAGATED), *[NONE] * 3])
    found = read_quality(path)
    assert found
    assert found.coverage == pytest.approx(0.6)
    assert found.propagated == pytest.approx(4 / 6)
    # One pair of a query and step is ranked wrong, of three and of two.
    assert found.within_query == pytest.approx(2 / 3)
    assert found.propagated_within_query == pytest.approx(1 / 2)
    assert found.propagated_ece == pytest.approx(0.25)
    assert found.auc is not None and found.auc > 0.7 > (found.propagated_auc or 0.0)


NONE = ("c", 0.0, None, ScoreSource.NONE)


def test_only_masked_completions_have_no_quality(tmp_path: Path) -> None:
    keep_truth(tmp_path / "truth.jsonl", 0, [NONE])
    assert read_quality(tmp_path / "truth.jsonl") is None


def ends_in_one(completions: Any) -> list[float]:
    return [float(text.endswith("1")) for text in completions]


def test_everything_is_verified_for_the_report_and_nothing_sees_it(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def verify(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
        asked.append(list(completions))
        return ends_in_one(completions)

    given = {}
    for name, watch in (("plain", None), ("watched", truth_watch(verify, tmp_path / "truth"))):
        scorer = FakeScorer(lambda rollout: len(rollout.answer) / 10)
        reward = memory_reward(
            scorer, verify=verify, labelled={"p"}, training=lambda: True, watch=watch
        )
        said = ["a1", "b", "ccc1", "d"]
        prompts, ids = ["p", "p", "q", "q"], [[1]] * 4
        given[name] = (reward(prompts, said, ids), [r.reward for r in scorer.stored.values()])
    assert given["plain"] == given["watched"]
    assert asked == [["a1", "b"], ["a1", "b"], ["a1", "b", "ccc1", "d"]]
    (line,) = read_lines(tmp_path / "truth")
    assert [row[1:] for row in line["rows"]] == [
        [1.0, 1.0, "verified"],
        [0.0, 0.0, "verified"],
        [1.0, 0.4, "propagated"],
        [0.0, 0.1, "propagated"],
    ]
