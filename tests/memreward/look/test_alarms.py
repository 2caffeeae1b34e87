"""Alarms on series of a few steps."""

from memreward.look.alarms import alarms
from memstore.browse.run_progress import MeanAt, RunCalls, RunSteps


def series(*means: float) -> tuple[MeanAt, ...]:
    return tuple(MeanAt(step=step, n=8, mean=mean) for step, mean in enumerate(means))


def steps(tokens: tuple[MeanAt, ...] = (), share: tuple[MeanAt, ...] = ()) -> RunSteps:
    return RunSteps(tokens=tokens, share=share, verified=(), propagated=())


def test_a_quiet_run_has_none() -> None:
    quiet = steps(series(100, 90, 120, 140), series(0.5, 0.6, 0.8, 0.85))
    assert alarms(quiet, RunCalls(made=9, saved=9, audited=100, agreed=96)) == []
    assert alarms(steps(), RunCalls()) == []


def test_completions_that_grow() -> None:
    assert "from 100 to 151 tokens" in alarms(steps(series(100, 99, 99, 151)), RunCalls())[0]
    assert alarms(steps(series(100, 100, 151)), RunCalls()) == []  # Too few steps.


def test_one_conclusion_that_takes_over() -> None:
    assert "from 50% to 95%" in alarms(steps(share=series(0.5, 0.5, 0.9, 0.95)), RunCalls())[0]
    assert alarms(steps(share=series(0.8, 0.9, 0.9, 0.95)), RunCalls()) == []


def test_an_audit_that_disagrees() -> None:
    assert "Only 94 of 100" in alarms(steps(), RunCalls(audited=100, agreed=94))[0]
    assert alarms(steps(), RunCalls(audited=19, agreed=0)) == []
