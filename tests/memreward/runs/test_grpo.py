"""Runs and comparisons on a policy of a few thousand weights that is never right."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from support.fake_scorer import FakePlanner, FakeScorer
from support.made_up_outcome import made_up
from support.tiny_policy import write_tiny_policy

from memreward.base.progress import Bars, bars
from memreward.runs.comparison import CompareRequest, compare, planned
from memreward.runs.comparison_table import table
from memreward.runs.grpo import run_grpo
from memreward.runs.grpo_outcome import draw_run
from memreward.runs.run_request import GrpoRequest, ScorerSource
from memreward.runs.summary import ArmRun, summarise
from schema.errors import InputError, TrainingError
from trainer.json_lines import read_lines
from trainer.rewards.baseline_scorers import Arm
from trainer.runs.accuracy import AccuracyCurve
from trainer.runs.grpo import GrpoOptions

TEXTS = [f"What is {number} + {number}?" for number in range(10)]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_policy(tmp_path_factory.mktemp("policy"))


@pytest.fixture
def request_(policy: Path, tmp_path: Path) -> GrpoRequest:
    file = tmp_path / "tasks.jsonl"
    rows = [
        {"query": text, "gold": str(2 * number), "dataset": f"d{number % 2}"}
        for number, text in enumerate(TEXTS)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return GrpoRequest(
        policy=str(policy),
        tasks=str(file),
        arm=Arm.MEMREWARD,
        labels=0.5,
        held_out=0.2,
        held_families=("d1",),
        held_rollouts=1,
        evaluate_every=10,
        refresh_every=1,
        options=GrpoOptions(steps=2, group=2, queries=2, completion_tokens=4),
    )


@pytest.fixture
def progress() -> Iterator[Bars]:
    with bars() as shown:
        yield shown


def test_one_process_at_a_time(request_: GrpoRequest, tmp_path: Path, progress: Bars) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with FileLock(folder / "lock"), pytest.raises(InputError, match="is working on this run"):
        run_grpo(request_, folder, ScorerSource(scorer=FakeScorer(lambda rollout: 0.5)), progress)
    assert not (folder / "run.json").exists()


def test_a_run_with_a_memory(request_: GrpoRequest, tmp_path: Path, progress: Bars) -> None:
    scorer = FakeScorer(lambda rollout: 0.5)
    asked: list[list[str]] = []
    learnt: list[int] = []

    def paid(texts: list[str]) -> frozenset[str]:
        asked.append(texts)
        return frozenset(texts[:1])

    def refresh() -> None:
        learnt.append(len(scorer.stored))
        raise TrainingError("too few labels")

    source = ScorerSource(scorer=scorer, paid=paid, refresh=refresh)
    folder = tmp_path / "run"
    outcome = run_grpo(request_, folder, source, progress)
    labels = json.loads((folder / "labels.json").read_text())
    # Of the five queries of d0 one is held out; half of four may be verified, one is paid for.
    assert len(asked[0]) == 4
    assert len(labels["labelled"]) == 2
    assert labels["paid"] == asked[0][:1]
    met = {r.query for r in scorer.stored.values() if r.reward is not None}
    assert met <= set(labels["labelled"])
    assert outcome.labels == len(met - set(labels["paid"]))
    assert (outcome.before.step, outcome.after.step) == (0, 2)
    assert set(outcome.after.families) == {"d0", "d1"}
    assert outcome.after.completions == 6
    assert 0 < outcome.reward_seconds <= outcome.seconds
    assert len(learnt) == 1  # after the first step; after the last nobody needs it
    assert len(read_lines(folder / "refreshes.jsonl")) == 1
    assert scorer.flushed
    draw_run(folder)
    assert (folder / "run.png").stat().st_size > 0
    # The same command says the same, without its policy, and pays for nothing.
    calls = len(scorer.calls)
    assert run_grpo(request_, folder, source, progress) == outcome
    assert len(asked) == 1
    assert len(scorer.calls) == calls
    with pytest.raises(InputError, match=r"other settings \(labels\)"):
        run_grpo(replace(request_, labels=0.7), folder, source, progress)


def test_signals_where_they_are_asked_for(
    request_: GrpoRequest, tmp_path: Path, progress: Bars
) -> None:
    for asked in (False, True):
        scorer = FakeScorer(lambda rollout: 0.5)
        request = replace(request_, signals=asked)
        run_grpo(request, tmp_path / str(asked), ScorerSource(scorer=scorer), progress)
        assert {r.policy_signals is not None for r in scorer.stored.values()} == {asked}


def test_what_is_suggested_is_verified_first(
    request_: GrpoRequest, tmp_path: Path, progress: Bars
) -> None:
    file = tmp_path / "suggested.jsonl"
    file.write_text(json.dumps({"query": "nobody asks this"}) + "\n")
    request = replace(request_, arm=Arm.PARTIAL, suggestions=file)
    with pytest.raises(InputError, match="no row has"):
        run_grpo(request, tmp_path / "run", None, progress)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"held_families": ("d0", "d1")}, "0 tasks to train on"),
        ({"held_families": (), "held_out": 0.0}, "0 held out"),
        ({"held_families": ("d7",)}, "no task of family d7"),
    ],
)
def test_task_sets_that_cannot_be_used(
    request_: GrpoRequest, tmp_path: Path, progress: Bars, change: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run_grpo(replace(request_, **change), tmp_path / "run", None, progress)


@pytest.mark.slow
def test_a_comparison_goes_on_and_shows_a_table(
    request_: GrpoRequest, policy: Path, tmp_path: Path, progress: Bars
) -> None:
    here = shutil.copytree(policy, tmp_path / "policy")
    opened: list[tuple[str, bool]] = []

    @contextmanager
    def open_memory(name: str, reuse: bool) -> Iterator[ScorerSource]:
        opened.append((name, reuse))
        yield ScorerSource(scorer=FakePlanner(lambda rollout: 0.5))

    request = CompareRequest(
        name="c",
        arms=[Arm.ORACLE, Arm.MEMREWARD],
        seeds=1,
        labels=[0.5],
        calls=[0.25],
        run=replace(request_, policy=str(here), options=replace(request_.options, steps=1)),
    )
    folder = tmp_path / "comparison"
    results = compare(request, folder, open_memory, progress)
    assert opened == [("memreward-50-seed0", False), ("memreward-calls-25-seed0", True)]
    assert [(r.arm, r.labels, r.calls) for r in results] == [
        (Arm.ORACLE, 1.0, None),
        (Arm.MEMREWARD, 0.5, None),
        (Arm.MEMREWARD, 0.0, 0.25),
    ]
    assert [results[row].measures["calls"][0] for row in (0, 2)] == [4.0, 1.0]
    assert "| memreward | 25% of calls |" in table(results)
    curves = [AccuracyCurve(path) for path in sorted(folder.glob("*/curve.jsonl"))]
    assert len(curves) == 3
    assert curves[0].points[0] == curves[1].points[0] == curves[2].points[0]
    assert (folder / "curves.png").stat().st_size > 0
    shutil.rmtree(here)  # finished runs need no policy
    again = compare(request, folder, open_memory, progress)
    assert table(again) == table(results)


def test_the_share_of_the_oracles_gain_is_taken_seed_by_seed(tmp_path: Path) -> None:
    outcomes = {
        ArmRun(arm=Arm.ORACLE, labels=1.0, seed=0): made_up(tmp_path, 0.2, 0.6, 0.1),
        ArmRun(arm=Arm.ORACLE, labels=1.0, seed=1): made_up(tmp_path, 0.2, 0.4, 0.1),
        ArmRun(arm=Arm.MEMREWARD, labels=0.2, seed=0): made_up(tmp_path, 0.2, 0.5, 0.3),
        ArmRun(arm=Arm.MEMREWARD, labels=0.2, seed=1): made_up(tmp_path, 0.2, 0.4, 0.3),
    }
    oracle, ours = summarise(outcomes, ["unseen"])
    assert oracle.measures["share"] == (1.0, 0.0)
    assert ours.measures["share"][0] == pytest.approx((0.75 + 1.0) / 2)
    assert ours.measures["share"][1] == pytest.approx(0.25 / 2**0.5)
    assert ours.measures["unseen_after"][0] == pytest.approx(0.3)
    assert "| memreward | 20% | 0.200 ±0.000 | 0.450 ±0.071 | 0.875 ±0.177 |" in table([ours])
    alone = summarise(
        {ArmRun(arm=Arm.RANDOM, labels=0.2, seed=0): made_up(tmp_path, 0.2, 0.5, 0.3)}
    )
    assert "| n/a |" in table(alone)


def test_the_oracle_runs_once_a_seed() -> None:
    request = CompareRequest(
        name="c",
        arms=list(Arm),
        seeds=2,
        labels=[0.2, 0.7],
        run=None,  # pyright: ignore
    )
    runs = planned(request)
    assert len(runs) == 2 * (1 + 4 * 2)
    assert len({run.folder for run in runs}) == len(runs)
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)
