"""Learning from samples that were drawn once, on a policy of a few thousand weights."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fake_scorer import FakePlanner, FakeScorer
from support.tiny_policy import write_tiny_policy

from memreward.base.progress import Bars, bars
from memreward.runs.comparison import CompareRequest, compare
from memreward.runs.comparison_table import table
from memreward.runs.offline import run_offline
from memreward.runs.offline_rewards import reward_samples
from memreward.runs.run_request import GrpoRequest, ScorerSource
from schema.errors import InputError
from schema.rollout import Rollout
from schema.score import ScoreSource
from schema.task import Task
from trainer.json_lines import read_lines
from trainer.rewards.baseline_scorers import Arm
from trainer.runs.grpo import GrpoOptions
from trainer.runs.offline import Method
from trainer.runs.samples import Sample

TEXTS = [f"What is {number} + {number}?" for number in range(10)]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_policy(tmp_path_factory.mktemp("policy"))


@pytest.fixture
def progress() -> Iterator[Bars]:
    with bars() as shown:
        yield shown


def request_for(folder: Path, policy: Path, **change: Any) -> GrpoRequest:
    file = folder / "tasks.jsonl"
    rows = [
        {"query": text, "query_id": f"id{number}", "gold": "7", "dataset": "d"}
        for number, text in enumerate(TEXTS)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = GrpoRequest(
        policy=str(policy),
        tasks=str(file),
        arm=Arm.ORACLE,
        labels=0.5,
        held_out=0.2,
        held_rollouts=2,
        refresh_every=1,
        options=GrpoOptions(steps=2, group=4, queries=2, completion_tokens=4, learning_rate=1e-3),
    )
    return replace(given, **change)


def write_samples(path: Path, right: int = 2) -> None:
    """Of four samples of each query so many conclude 7."""
    for number, text in enumerate(TEXTS):
        ways = ["#### 7"] * right + [f"{text} {n}\n#### {n}" for n in range(4 - right)]
        rows = [[way, 3, False, float(way == "#### 7")] for way in ways]
        line = {"query_id": f"id{number}", "policy": "tiny", "completions": rows}
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.jsonl"
    write_samples(path)
    return path


@pytest.mark.parametrize("method", [Method.SFT, Method.DPO])
def test_a_run_learns_and_is_not_run_again(
    method: Method, tmp_path: Path, policy: Path, samples: Path, progress: Bars
) -> None:
    here = shutil.copytree(policy, tmp_path / "policy")
    request, folder = request_for(tmp_path, here), tmp_path / "run"
    outcome = run_offline(request, folder, None, progress, method=method, samples=samples)
    history = json.loads((folder / "history.json").read_text())
    # A right answer of each of the 8 queries, or both of its pairs.
    assert history["rows"] == {Method.SFT: 8, Method.DPO: 16}[method]
    assert len(history["log"]) == 2
    assert (outcome.before.step, outcome.after.step) == (0, 2)
    assert outcome.after.completions == 4 and len(outcome.after.queries["d"]) == 2
    assert outcome.greedy and outcome.greedy[1].completions == 2
    assert (outcome.calls, outcome.completions, outcome.labels) == (32, 32, 8)
    assert outcome.quality and outcome.quality.auc == 1.0 and outcome.quality.propagated == 0.0
    shutil.rmtree(here)
    again = run_offline(request, folder, None, progress, method=method, samples=samples)
    assert again == outcome
    other = Method.DPO if method is Method.SFT else Method.SFT
    with pytest.raises(InputError, match=r"other settings \(method\)"):
        run_offline(request, folder, None, progress, method=other, samples=samples)


def test_samples_are_drawn_once_for_all_arms(tmp_path: Path, policy: Path, progress: Bars) -> None:
    """An untrained policy is never right: there is nothing to learn from; what it said is kept."""
    path = tmp_path / "samples.jsonl"
    request = request_for(tmp_path, policy)
    with pytest.raises(InputError, match="choose nothing to learn from"):
        run_offline(request, tmp_path / "a", None, progress, method=Method.SFT, samples=path)
    first = path.read_bytes()
    assert [len(line["completions"]) for line in read_lines(path)] == [4] * 8
    path.write_bytes(first[:-40])  # The last line was cut off.
    with pytest.raises(InputError, match="choose nothing to learn from"):
        run_offline(request, tmp_path / "b", None, progress, method=Method.SFT, samples=path)
    assert path.read_bytes() == first


def test_propagated_rewards_choose_too(
    tmp_path: Path, policy: Path, samples: Path, progress: Bars
) -> None:
    learned: list[int] = []
    scorer = FakeScorer(lambda rollout: 0.9 if rollout.answer == "7" and learned else 0.1)
    source = ScorerSource(scorer=scorer, refresh=lambda: learned.append(len(scorer.stored)))
    request = request_for(tmp_path, policy, arm=Arm.MEMREWARD)
    outcome = run_offline(
        request, tmp_path / "run", source, progress, method=Method.SFT, samples=samples
    )
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    # It learned after the only batch of 8 queries, and was asked of all of them again.
    assert learned == [32]
    assert history["rows"] == 8 and outcome.labels == 4
    assert outcome.quality and outcome.quality.propagated == 0.5
    assert outcome.quality.propagated_within_query == 1.0


def test_what_counts_as_right_can_be_lowered(
    tmp_path: Path, policy: Path, samples: Path, progress: Bars
) -> None:
    request = request_for(tmp_path, policy, arm=Arm.MEMREWARD)
    rows = []
    for right_from in (0.8, 0.6):
        source = ScorerSource(scorer=FakeScorer(lambda one: 0.7 if one.answer == "7" else 0.1))
        folder = tmp_path / f"run-{right_from}"
        run_offline(
            request,
            folder,
            source,
            progress,
            method=Method.SFT,
            samples=samples,
            right_from=right_from,
        )
        rows.append(json.loads((folder / "history.json").read_text())["rows"])
    assert rows == [4, 8]  # The verified queries, and all.
    with pytest.raises(InputError, match=r"other settings \(right_from\)"):
        run_offline(request, folder, None, progress, method=Method.SFT, samples=samples)


def group(number: int, answers: str) -> list[Sample]:
    task = Task(query=f"q{number}", source_query_id=f"id{number}", dataset="d", domain="general")
    return [
        Sample(
            task=task,
            text=f"#### {answer}",
            rollout=Rollout(
                query=task.query,
                answer=answer,
                source_query_id=task.source_query_id,
                place=place,
            ),
            truth=float(answer == "7"),
        )
        for place, answer in enumerate(answers)
    ]


def test_calls_are_planned_and_noted(tmp_path: Path, policy: Path) -> None:
    """A quarter of the samples of each batch; a killed run verifies the same ones again."""
    request = request_for(tmp_path, policy, arm=Arm.MEMREWARD, calls=0.25)
    groups = [group(number, "7712") for number in range(16)]
    planner = FakePlanner(lambda rollout: 0.5)
    given = reward_samples(request, tmp_path, ScorerSource(scorer=planner), frozenset(), groups)
    assert planner.budgets == [8, 8]
    sources = [one.source for rewards in given for one in rewards]
    assert sources.count(ScoreSource.VERIFIED) == 16
    assert all(rollout.reward is None for rollout in planner.seen)
    assert [len(line["rows"]) for line in read_lines(tmp_path / "verified.jsonl")] == [8, 8]
    again = FakePlanner(lambda rollout: 0.5)
    source = ScorerSource(scorer=again)
    assert reward_samples(request, tmp_path, source, frozenset(), groups) == given
    assert again.budgets == []
    with pytest.raises(InputError, match="planned by a memory"):
        scorer = FakeScorer(lambda rollout: 0.5)
        (tmp_path / "verified.jsonl").unlink()
        reward_samples(request, tmp_path, ScorerSource(scorer=scorer), frozenset(), groups)


def test_a_comparison_by_fine_tuning(tmp_path: Path, policy: Path, progress: Bars) -> None:
    request = request_for(tmp_path, policy)
    folder = tmp_path / "comparison"
    folder.mkdir()
    write_samples(folder / "samples.jsonl")

    @contextmanager
    def open_memory(name: str, reuse: bool) -> Iterator[ScorerSource]:
        yield ScorerSource(scorer=FakePlanner(lambda one: 0.9 if one.answer == "7" else 0.1))

    asked = CompareRequest(
        name="c",
        arms=[Arm.ORACLE, Arm.MEMREWARD, Arm.MAJORITY],
        seeds=1,
        labels=[0.5],
        calls=[0.25],
        method=Method.SFT,
        run=request,
    )
    results = compare(asked, folder, open_memory, progress)
    shown = table(results)
    assert "likeliest answer: before" in shown
    assert "| not verified, of these |" in shown and "| least visible difference" in shown
    oracle = results[0].intervals
    assert oracle and oracle.after == (0.0, 0.0) and oracle.share is None
    assert "| majority | 50% | 1.000 | 1.000 | 1.000 | 0.000 |" in shown
    assert [result.measures["labels"][0] for result in results] == [8.0, 4.0, 4.0, 2.0]
