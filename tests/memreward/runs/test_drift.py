"""Quality of propagated rewards by quarter: which steps and rewards count, and how it is shown."""

from dataclasses import replace
from pathlib import Path

from support.made_up_outcome import made_up

from memreward.runs.comparison_table import ArmResult, drift_cells, table
from memreward.runs.drift import Quarter, read_drift
from memreward.runs.grpo_outcome import GrpoOutcome
from memreward.runs.reward_quality import keep_truth
from memreward.runs.summary import ArmRun, summarise
from schema.score import ScoreSource
from trainer.rewards.baseline_scorers import Arm

VERIFIED, PROPAGATED = ScoreSource.VERIFIED, ScoreSource.PROPAGATED


def test_rewards_that_go_bad_show_in_the_last_quarter(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    for step in range(8):
        right = 0.75 if step < 6 else 0.25
        guessed = [("a", 1.0, right, PROPAGATED), ("a", 0.0, 1 - right, PROPAGATED)]
        keep_truth(path, step, [*guessed, ("b", 1.0, 1.0, VERIFIED), ("c", 0.0, None, PROPAGATED)])
    *good, last = read_drift(path)
    assert good == 3 * [Quarter(rewards=4, within_query=1.0, ece=0.25)]
    assert last == Quarter(rewards=4, within_query=0.0, ece=0.75)


def test_a_query_of_another_step_is_another_group(tmp_path: Path) -> None:
    """Rewards of different steps are never ranked against one another."""
    path = tmp_path / "truth.jsonl"
    for step in range(8):
        right, reward = (1.0, 0.25) if step % 2 else (0.0, 0.75)
        keep_truth(path, step, [("a", right, reward, PROPAGATED)])
    assert [quarter.within_query for quarter in read_drift(path)] == 4 * [None]


def test_samples_that_were_drawn_once_do_not_drift(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    assert read_drift(path) == []
    keep_truth(path, 0, [("a", 1.0, 0.5, PROPAGATED)])
    assert read_drift(path) == []


def test_the_table_has_means_over_seeds_and_only_arms_that_propagate(tmp_path: Path) -> None:
    nothing = Quarter(rewards=0, within_query=None, ece=None)

    def moved(ece: float) -> GrpoOutcome:
        quarters = [nothing, *(replace(nothing, rewards=4, ece=ece) for _ in range(3))]
        return replace(made_up(tmp_path, 0.5, 0.5, 0.5), drift=quarters)

    runs = [ArmRun(arm=Arm.MEMREWARD, labels=0.2, seed=seed) for seed in range(2)]
    oracle = ArmRun(arm=Arm.ORACLE, labels=1.0, seed=0)
    given = {oracle: made_up(tmp_path, 0.5, 0.5, 0.5), runs[0]: moved(0.25), runs[1]: moved(0.75)}
    results: list[ArmResult] = summarise(given)
    _, rows = drift_cells(results)
    assert rows == [["memreward", "20%", *5 * ["n/a"], *3 * ["0.500 ±0.354"]]]
    assert "| within-query by quarter: 1st | 2nd |" in table(results)
    assert "by quarter" not in table(results[:1])
