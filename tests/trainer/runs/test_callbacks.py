"""A memory that learns while a trainer trains."""

import logging
from types import SimpleNamespace

import pytest

from schema.errors import StoreError, TrainingError
from trainer.runs.callbacks import learn_every


def steps_learnt(steps: int, every: int, fails: type[Exception] | None = None) -> list[int]:
    learnt: list[int] = []
    state = SimpleNamespace(global_step=0, max_steps=steps)

    def learn() -> None:
        learnt.append(state.global_step)
        if fails is not None:
            raise fails("no")

    callback = learn_every(every, learn)
    callback.on_train_begin(None, state, None)
    for step in range(1, steps + 1):
        state.global_step = step
        callback.on_step_end(None, state, None)
    return learnt


def test_it_learns_every_so_many_steps_and_after_the_last() -> None:
    assert steps_learnt(5, 2) == [2, 4, 5]


def test_too_few_labels_are_told_and_nothing_else_is_hidden(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert steps_learnt(2, 1, TrainingError) == [1, 2]
    assert "step 1: the memory cannot learn yet" in caplog.text
    with pytest.raises(StoreError):
        steps_learnt(2, 1, StoreError)
